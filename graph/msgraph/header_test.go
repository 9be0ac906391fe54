package msgraph_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

func TestTheCallersHeadersAreSent(t *testing.T) {
	tenant := newTenant(t)
	headers := http.Header{
		"x-ms-throttle-priority": {"high"},
		"Prefer":                 {"b", "a", "b", ""},
		"X-Ticket":               {"INC 42; a=\"b\"\tc"},
		"USER-AGENT":             {"script/1"},
	}
	before := headers.Clone()
	headers["X-Twice"], headers["x-twice"] = []string{"1"}, []string{"2", "3"}
	given := headers.Clone()
	before["X-Twice"] = []string{"1", "2", "3"}
	tenant.Inject(graphtest.Fault{Challenge: graphtest.Claims, Times: 1})
	if _, err := tenant.client.RevokeWith(t.Context(), tenant.carol.ID, headers); err != nil {
		t.Fatal(err)
	}
	requests := tenant.Requests()
	if len(requests) != 2 {
		t.Fatalf("%d requests", len(requests))
	}
	for _, r := range requests { // also the one after the challenge
		for name, want := range before {
			if diff := cmp.Diff(want, r.Header.Values(name)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		if n := len(r.Header.Values("client-request-id")); n != 1 {
			t.Errorf("%d client-request-ids", n)
		}
	}
	if diff := cmp.Diff(given, headers); diff != "" {
		t.Errorf("the caller's map changed: %s", diff)
	}
	// They belong to one call.
	if _, err := tenant.client.Revoke(t.Context(), tenant.carol.ID); err != nil {
		t.Fatal(err)
	}
	if got := tenant.Requests()[2].Header.Get("Prefer"); got != "" {
		t.Errorf("the next call sent Prefer: %s", got)
	}
}

func TestAFallbackSendsTheCallersHeadersToo(t *testing.T) {
	tenant := newTenant(t)
	tenant.Retire(string(invalidate))
	client := tenant.with(t, func(c *msgraph.Config) { c.Fallback = revoke })
	if _, err := client.RevokeWith(t.Context(), tenant.carol.ID, map[string][]string{"x-why": {"drill"}}); err != nil {
		t.Fatal(err)
	}
	for _, r := range tenant.Requests() {
		if posted := r.Method == http.MethodPost; (r.Header.Get("X-Why") == "drill") != posted {
			t.Errorf("%s %s with %q", r.Method, r.Path, r.Header.Get("X-Why"))
		}
	}
}

func TestReservedHeadersNeverLeave(t *testing.T) {
	tenant := newTenant(t)
	for _, name := range []string{
		"Authorization", "authorization", "AUTHORIZATION", "Host", "Content-Length", "content-type", "Content-Encoding",
		"client-request-id", "Client-Request-Id", "SdkVersion", "sdkversion", "Transfer-Encoding", "TE", "Trailer", "Expect",
		"Connection", "Keep-Alive", "Upgrade", "Accept", "Accept-Encoding", "Cookie", "Forwarded", "Via", "If-None-Match", "Range",
		"Proxy-Authorization", "proxy-connection", "X-Forwarded-For", "X-Forwarded-Host", "X-HTTP-Method-Override", "x-http-method",
		"X-Method-Override", "X-Original-URL", "X-Rewrite-URL",
		// With one of these Go's transport repeats a POST by itself.
		"Idempotency-Key", "X-Idempotency-Key",
	} {
		_, err := tenant.client.RevokeWith(t.Context(), tenant.carol.ID, map[string][]string{"X-Fine": {"v"}, name: {"v"}})
		e := wantError(t, err)
		if e.Code != graph.CodeInvalidHeader || e.Outcome != graph.NotDone || e.Retryable || e.Operation != invalidate ||
			!strings.Contains(e.Remedy, http.CanonicalHeaderKey(name)) {
			t.Errorf("%s: %+v", name, e)
		}
		if msgraph.CheckHeaders(map[string][]string{name: {"v"}}) == nil {
			t.Errorf("CheckHeaders lets %s pass", name)
		}
	}
	for name, values := range map[string][]string{
		"": {"v"}, ":authority": {"v"}, "a b": {"v"}, "a\r\nAuthorization": {"v"}, "Authorization ": {"v"}, "Ünsafe": {"v"}, "a:": {"v"},
		"X-A": {"v\r\nAuthorization: x"}, "X-B": {"v\n"}, "X-C": {"a\x00b"}, "X-D": {"ok", "\x7f"}, "X-E": {"é"}, "X-F": {}, "X-G": nil,
	} {
		_, err := tenant.client.RevokeWith(t.Context(), tenant.carol.ID, map[string][]string{name: values})
		if e := wantError(t, err); e.Code != graph.CodeInvalidHeader {
			t.Errorf("%q: %+v", name, e)
		}
	}
	if n := len(tenant.Requests()) + len(tenant.SignIns()); n != 0 {
		t.Errorf("%d requests", n)
	}
	if err := msgraph.CheckHeaders(nil); err != nil {
		t.Error(err)
	}
	if err := msgraph.CheckHeaders(map[string][]string{"Prefer": {""}, "X-Ticket": {"1"}}); err != nil {
		t.Error(err)
	}
}

// TestAnyHeaderIsSentOrRefused: whatever CheckHeaders lets through arrives as
// it is, and leaves the bot's own headers alone.
func TestAnyHeaderIsSentOrRefused(t *testing.T) {
	tenant := newTenant(t)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.StringMatching(`[Xx]-[A-Za-z0-9-]{1,12}`), rapid.StringN(0, 12, 24)).Draw(t, "name")
		value := rapid.OneOf(rapid.StringMatching(`[!-~]([ -~]{0,12}[!-~])?`), rapid.StringN(0, 12, 24)).Draw(t, "value")
		before := len(tenant.Requests())
		_, err := tenant.client.RevokeWith(t.Context(), tenant.carol.ID, map[string][]string{name: {value}})
		sent := tenant.Requests()[before:]
		if graph.AsError(err) != nil && graph.AsError(err).Code == graph.CodeInvalidHeader {
			if len(sent) != 0 {
				t.Fatalf("%q: %q was refused and sent", name, value)
			}
			return
		}
		if err != nil || len(sent) != 1 {
			t.Fatalf("%q: %q: %v, %d requests", name, value, err, len(sent))
		}
		if got := sent[0].Header.Values(name); len(got) != 1 || got[0] != strings.Trim(value, " \t") {
			t.Fatalf("%q: %q arrived as %q", name, value, got)
		}
		if sent[0].ClientRequestID == "" || sent[0].ClientRequestID == value {
			t.Fatalf("client-request-id %q", sent[0].ClientRequestID)
		}
	})
}

func TestTheAnswersHeadersAreShown(t *testing.T) {
	for name, fault := range map[string]graphtest.Fault{
		"yes": {Status: 204},
		"no":  {Status: 403},
		"200": {Body: []byte(`{"value":false}`)},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			const token = "opaque-token-of-the-bot"
			client := tenant.with(t, func(c *msgraph.Config) { c.Credential = staticToken(token) })
			secrets := map[string]string{
				"Set-Cookie": "s=SECRET", "Set-Cookie2": "s=SECRET", "WWW-Authenticate": `Bearer claims="SECRET"`,
				"Proxy-Authenticate": "SECRET", "Authentication-Info": "SECRET", "X-Access-Token": "SECRET", "X-Ms-Session": "SECRET",
				"X-Debug": "Authorization: Bearer SECRET12345", "X-Jwt": "is eyJhbGciOiJub25lIn0.SECRET.", "X-Echo": "<" + token + ">",
				"Location": "https://login.example/?code=SECRET", "X-Url": "https://x.example/?a=b&access_token=SECRET", "X-Api-Key": "SECRET",
				"X-Sas": "https://x.example/?sv=1&sig=SECRET",
			}
			fault.Header = http.Header{
				"X-Ms-Ags-Diagnostic": {`{"ServerInfo":{"DataCenter":"West Europe","Slice":"E"}}`}, "X-Ms-Resource-Unit": {"1"},
			}
			for name, value := range secrets {
				fault.Header[name] = []string{value}
			}
			fault.Header["X-Two"] = []string{"plain", "Bearer SECRET12345"}
			tenant.Inject(fault)
			done, err := client.Revoke(t.Context(), tenant.carol.ID)
			header, requestID := done.Header, done.RequestID
			if err != nil {
				e := wantError(t, err)
				header, requestID = e.Header, e.RequestID
			}
			for name := range secrets {
				if diff := cmp.Diff([]string{msgraph.Redacted}, header.Values(name)); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
			if diff := cmp.Diff([]string{"plain", msgraph.Redacted}, header.Values("X-Two")); diff != "" {
				t.Error(diff)
			}
			for name, want := range map[string]string{
				"request-id": requestID, "x-ms-ags-diagnostic": fault.Header.Get("X-Ms-Ags-Diagnostic"), "x-ms-resource-unit": "1",
				"Cache-Control": "no-cache",
			} {
				if header.Get(name) != want || want == "" {
					t.Errorf("%s: %q, want %q", name, header.Get(name), want)
				}
			}
			if said := fmt.Sprintf("%v %+v %v", header, done, err); strings.Contains(said, "SECRET") || strings.Contains(said, token) {
				t.Errorf("a secret in %s", said)
			}
		})
	}
}

// TestRedactingLeavesTheAnswerItself: what the client goes by is not what it
// shows.
func TestRedactingLeavesTheAnswerItself(t *testing.T) {
	tenant := newTenant(t)
	tenant.Inject(graphtest.Fault{Challenge: graphtest.Claims, Times: 1})
	if _, err := tenant.client.Revoke(t.Context(), tenant.carol.ID); err != nil {
		t.Errorf("the challenge was not met: %v", err)
	}
}

func TestNoAnswerHasNoHeaders(t *testing.T) {
	tenant := newTenant(t)
	tenant.Inject(graphtest.Fault{Challenge: graphtest.Claims, Times: 1})
	tenant.Inject(graphtest.Fault{Reset: true})
	_, err := tenant.client.Revoke(t.Context(), tenant.carol.ID)
	if e := wantError(t, err); e.Header != nil {
		t.Errorf("the headers of the first answer: %v", e.Header)
	}
}
