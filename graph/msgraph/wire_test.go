package msgraph

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestWhatIsHeldBack guards the last line of defence, which nothing else in
// this package should ever reach.
func TestWhatIsHeldBack(t *testing.T) {
	const path = "/beta/users/11111111-2222-3333-4444-555555555555/invalidateAllRefreshTokens"
	announced := &exchange{method: http.MethodPost, path: path}
	with := func(x *exchange) context.Context { return context.WithValue(t.Context(), exchangeKey{}, x) }
	for name, row := range map[string]struct {
		ctx         context.Context
		method, url string
		token       string
		out         bool
	}{
		"as announced":    {with(announced), http.MethodPost, "https://graph.example" + path, "Bearer t", true},
		"no token":        {with(announced), http.MethodPost, "https://graph.example" + path, "", false},
		"other method":    {with(announced), http.MethodGet, "https://graph.example" + path, "Bearer t", false},
		"me":              {with(announced), http.MethodPost, "https://graph.example/beta/me/invalidateAllRefreshTokens", "Bearer t", false},
		"other user":      {with(announced), http.MethodPost, "https://graph.example" + strings.ReplaceAll(path, "1", "2"), "Bearer t", false},
		"other host":      {with(announced), http.MethodPost, "https://evil.example" + path, "Bearer t", false},
		"other port":      {with(announced), http.MethodPost, "https://graph.example:8443" + path, "Bearer t", false},
		"no TLS":          {with(announced), http.MethodPost, "http://graph.example" + path, "Bearer t", false},
		"outside a call":  {t.Context(), http.MethodPost, "https://graph.example" + path, "Bearer t", false},
		"encoded instead": {with(announced), http.MethodPost, "https://graph.example" + strings.Replace(path, "users/1", "users/%31", 1), "Bearer t", false},
	} {
		t.Run(name, func(t *testing.T) {
			sent := false
			w := &wire{host: "graph.example", next: roundTripper(func(*http.Request) (*http.Response, error) {
				sent = true
				return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
			})}
			request, err := http.NewRequestWithContext(row.ctx, row.method, row.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if row.token != "" {
				request.Header.Set("Authorization", row.token)
			}
			_, err = w.RoundTrip(request)
			if sent != row.out || errors.Is(err, errHeldBack) == row.out {
				t.Errorf("sent %v, %v", sent, err)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheSDKVersionIsTheOneInUse(t *testing.T) {
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "msgraph-beta-sdk-go v" + sdkVersion; !strings.Contains(string(module), want) {
		t.Errorf("go.mod does not name %s", want)
	}
}
