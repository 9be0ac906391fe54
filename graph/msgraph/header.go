package msgraph

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"revoke-sessions/graph"
)

// reserved are the headers that a caller may not set: they say who asks, for
// what, of whom and how the bytes travel, or the answer could not be read with
// another value. With an idempotency key Go's transport would send a POST again
// by itself. reservedBeginnings are whole families of such.
var (
	reserved = []string{
		"Authorization", "Cookie", "Host", "Client-Request-Id", "Sdkversion",
		"Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Te", "Trailer", "Expect",
		"Connection", "Keep-Alive", "Upgrade", "Accept", "Accept-Encoding", "Forwarded", "Via",
		"Idempotency-Key", "X-Idempotency-Key",
		"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range",
	}
	reservedBeginnings = []string{
		"Proxy-", "X-Forwarded-", "X-Http-Method", "X-Method-Override", "X-Original-", "X-Rewrite-",
	}
)

var (
	headerName  = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	headerValue = regexp.MustCompile("^[\t\x20-\x7e]*$")
)

// CheckHeaders says whether RevokeWith would send the headers. The error is a
// *graph.Error that names the first header, by the alphabet, that it would not
// send.
func CheckHeaders(headers map[string][]string) error {
	if _, e := checked(headers); e != nil {
		return e
	}
	return nil
}

// checked are the headers under their canonical names.
func checked(headers map[string][]string) (http.Header, *graph.Error) {
	clean := http.Header{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		key := http.CanonicalHeaderKey(name)
		isReserved := slices.Contains(reserved, key) || slices.ContainsFunc(reservedBeginnings, func(beginning string) bool {
			return strings.HasPrefix(key, beginning)
		})
		switch {
		case !headerName.MatchString(name):
			return nil, badHeader("A header's name is made of letters, digits and hyphens.")
		case isReserved:
			return nil, badHeader(fmt.Sprintf("The header %s belongs to the bot and cannot be set. Leave it out.", key))
		case len(headers[name]) == 0 || slices.ContainsFunc(headers[name], unsendable):
			return nil, badHeader(fmt.Sprintf("The header %s has no value that can be sent: it takes one line of ASCII text.", key))
		}
		clean[key] = append(clean[key], headers[name]...)
	}
	return clean, nil
}

func unsendable(value string) bool { return !headerValue.MatchString(value) }

func badHeader(remedy string) *graph.Error {
	e := refused(opRevoke, graph.CodeInvalidHeader)
	e.Remedy = remedy
	return e
}

// Redacted stands in place of a value that could sign somebody in.
const Redacted = "REDACTED"

var (
	// secretName finds headers whose purpose is to sign somebody in.
	secretName = regexp.MustCompile(`(?i)cookie|auth|token|secret|credential|passw|session|ticket|assertion|api-?key|signature`)
	// secretValue finds a JSON Web Token, an HTTP credential, and a parameter
	// of an address that signs in.
	secretValue = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}` +
		`|(?i:\b(?:bearer|basic|negotiate|ntlm|digest|pop)\s+\S{8,})` +
		`|(?i:\b(?:[a-z_]*token|code|sig|assertion|client_secret|password)=)`)
)

// redacted is a copy of an answer's headers to show and to store. A value that
// could carry a token, or that repeats the one that was sent, is not in it.
func redacted(header http.Header, token string) http.Header {
	shown := header.Clone()
	for name, values := range shown {
		for i, value := range values {
			if secretName.MatchString(name) || secretValue.MatchString(value) || token != "" && strings.Contains(value, token) {
				values[i] = Redacted
			}
		}
	}
	return shown
}

// Redact is a copy of the headers of a request or an answer for people to read:
// a value that could carry a token, or that repeats the one given, is replaced.
func Redact(header http.Header, token string) http.Header { return redacted(header, token) }
