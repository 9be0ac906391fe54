package graphtest

import (
	"net/url"
	"strings"
	"testing"
)

// Whatever a key is, the ways in which a client may write it lead to it, and no path
// is too odd to be read.
func FuzzAddress(f *testing.F) {
	for _, key := range []string{"", "carol@contoso.example", "o'brien@contoso.example", "''", "a/b", "$ven", "%27", "(x)", "a\nb", "delta", "\xff"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		parseAddress(key)
		revokeTarget(key)
		quoted := strings.ReplaceAll(key, "'", "''")
		for before, form := range map[string]int{"users('": quotedKey, "Users(userprincipalname='": upnKey} {
			path := before + url.PathEscape(quoted) + "')/revokesigninsessions"
			if a := parseAddress(path); a.set != "users" || a.form != form || a.key != key || a.rest != opRevokeSessions {
				t.Errorf("%s: %+v", path, a)
			}
			if found, operation, ok := revokeTarget(path); !ok || found != key || operation != opRevokeSessions {
				t.Errorf("%s: %q, %q", path, found, operation)
			}
		}
		if isFunction(key) {
			return
		}
		path := "users/" + url.PathEscape(key) + "/microsoft.graph.invalidateAllRefreshTokens"
		if a := parseAddress(path); a.form != slashKey || a.key != key || a.rest != opInvalidateTokens {
			t.Errorf("%s: %+v", path, a)
		}
		if found, operation, ok := revokeTarget(path); !ok || found != key || operation != opInvalidateTokens {
			t.Errorf("%s: %q, %q", path, found, operation)
		}
	})
}
