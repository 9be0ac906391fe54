package msgraph

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/microsoftgraph/msgraph-beta-sdk-go/users"

	"revoke-sessions/graph"
)

// The SDK's traps that this package relies on having avoided, each with the
// test that an upgrade which changes it would fail:
//
//   - it retries 429, 503 and 504 by itself, and believes any Retry-After:
//     TestHowARevokeFails, TestNothingIsRetried
//   - it follows redirects, with the token: TestWhatIsAYes, TestNoRedirectIsFollowed
//   - it takes an empty 200, 302 and 304 for a success: TestWhatIsAYes,
//     TestTheOtherOperationWantsAYesToo
//   - ODataError.Error panics: TestHowARevokeFails, "empty object" and after
//   - "", ".." and me-token-to-replace name something else in a path:
//     TestWhatIsNoObjectIDNeverLeaves, TestNoNameIsRewritten
//   - builders must not be shared by goroutines: TestOneClientForMany,
//     TestEveryCallHasItsOwnBuilder
//   - what a failed call leaves behind: TestFailuresLeaveNothingBehind,
//     TestThousandsOfFailuresLeaveNothingBehind, TestEveryCallHasAnEnd
//   - middleware in random order, and bodies compressed: TestABodyArrivesAsItIs
//   - no token for a host that is not named: TestNothingGoesToAnotherHost,
//     TestWhatIsHeldBack
//   - a slice of scopes that goroutines share: TestEveryTokenIsForGraphAlone
//   - a challenge that makes it panic: TestAChallengeForANewToken
//   - header values in random order, each once: TestTheCallersHeadersAreSent
//   - Go's transport repeats a POST that has an idempotency key:
//     TestReservedHeadersNeverLeave

const somebody = "11111111-2222-3333-4444-555555555555"

// service is Graph as a handler: a client that speaks to it over TLS.
func service(t *testing.T, handle http.HandlerFunc) (*Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewUnstartedServer(handle)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that end with the test
	server.StartTLS()
	t.Cleanup(server.Close)
	return clientOf(t, server), server
}

func clientOf(t *testing.T, server *httptest.Server) *Client {
	t.Helper()
	client, err := New(Config{Credential: new(tokens), GraphURL: server.URL, Transport: server.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// tokens is a credential that notes what it was asked for.
type tokens struct {
	mu     sync.Mutex
	scopes [][]string
	cae    int
}

func (c *tokens) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scopes = append(c.scopes, options.Scopes)
	if options.EnableCAE {
		c.cae++
	}
	return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// everyCall is each method of the client that asks Graph something.
var everyCall = map[string]func(context.Context, *Client) error{
	"Revoke": func(ctx context.Context, c *Client) error { _, err := c.Revoke(ctx, somebody); return err },
	"User":   func(ctx context.Context, c *Client) error { _, err := c.User(ctx, somebody); return err },
	"Find": func(ctx context.Context, c *Client) error {
		_, err := c.Find(ctx, graph.ByUPN, "a@b.example")
		return err
	},
	"LastSignIn": func(ctx context.Context, c *Client) error { _, err := c.LastSignIn(ctx, somebody); return err },
	"MemberOf": func(ctx context.Context, c *Client) error {
		_, err := c.MemberOf(ctx, somebody, []string{somebody})
		return err
	},
	"Members":         func(ctx context.Context, c *Client) error { _, err := c.Members(ctx, somebody); return err },
	"PrivilegedRoles": func(ctx context.Context, c *Client) error { _, err := c.PrivilegedRoles(ctx); return err },
}

func TestNothingIsRetried(t *testing.T) {
	for _, status := range []int{408, 425, 429, 500, 502, 503, 504} {
		for name, call := range everyCall {
			var arrived atomic.Int32
			paths := make(chan string, 16)
			client, _ := service(t, func(w http.ResponseWriter, r *http.Request) {
				arrived.Add(1)
				paths <- r.Method + " " + r.URL.Path
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(status)
			})
			if call(t.Context(), client) == nil {
				t.Errorf("%s, %d: no error", name, status)
			}
			close(paths)
			seen := map[string]bool{}
			for path := range paths {
				if seen[path] {
					t.Errorf("%s, %d: %s came again", name, status, path)
				}
				seen[path] = true
			}
			if len(seen) == 0 {
				t.Errorf("%s, %d: nothing came", name, status)
			}
		}
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, call := range everyCall {
			// The last leads to itself, which is no other request than the first.
			for _, to := range []string{other.URL + "/beta/users", "/beta/me", ""} {
				var came sync.Map
				client, _ := service(t, func(w http.ResponseWriter, r *http.Request) {
					if _, again := came.LoadOrStore(r.URL.Path, true); again || r.URL.Path == "/beta/me" {
						elsewhere.Add(1)
					}
					if to == "" {
						to = r.URL.RequestURI()
					}
					w.Header().Set("Location", to)
					w.WriteHeader(status)
				})
				if call(t.Context(), client) == nil {
					t.Errorf("%s took %d for an answer", name, status)
				}
			}
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// TestNoNameIsRewritten goes past the check of object IDs: the SDK's own
// middleware would make /me of it.
func TestNoNameIsRewritten(t *testing.T) {
	var path atomic.Value
	client, _ := service(t, func(w http.ResponseWriter, r *http.Request) {
		path.Store(r.URL.EscapedPath())
		w.WriteHeader(http.StatusNoContent)
	})
	const trap = "me-token-to-replace"
	announced := "/users/" + trap + "/invalidateAllRefreshTokens"
	x, err := client.call(t.Context(), http.MethodPost, announced, func(ctx context.Context) error {
		_, err := users.NewItemInvalidateAllRefreshTokensRequestBuilderInternal(client.parameters(trap), client.adapter).
			PostAsInvalidateAllRefreshTokensPostResponse(ctx, nil)
		return err
	})
	if err != nil || x.status != http.StatusNoContent || path.Load() != "/beta"+announced {
		t.Errorf("%v arrived: %d, %v", path.Load(), x.status, err)
	}
}

// TestEveryCallHasItsOwnBuilder: two goroutines that share one end the process
// in the SDK's map of parameters.
func TestEveryCallHasItsOwnBuilder(t *testing.T) {
	client, _ := service(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	var wg sync.WaitGroup
	for range 8 {
		for name, call := range everyCall {
			wg.Go(func() {
				for range 20 {
					if call(t.Context(), client) == nil {
						t.Errorf("%s: no error", name)
					}
				}
			})
		}
	}
	wg.Wait()
}

// TestABodyArrivesAsItIs makes many clients, for the order of kiota's own
// middleware differs from one to the next.
func TestABodyArrivesAsItIs(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			GroupIDs []string `json:"groupIds"`
		}
		content, err := io.ReadAll(r.Body)
		switch {
		case err != nil || json.Unmarshal(content, &body) != nil || !slices.Equal(body.GroupIDs, []string{somebody}):
			t.Errorf("the body %q, %v", content, err)
		case r.Header.Get("Content-Encoding") != "" || r.Header.Get("Retry-Attempt") != "":
			t.Errorf("headers %v", r.Header)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"value":["`+somebody+`"]}`)
	}))
	t.Cleanup(server.Close)
	for range 60 {
		if _, err := clientOf(t, server).MemberOf(t.Context(), somebody, []string{somebody}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNothingGoesToAnotherHost: kiota sends a request to a host that is not
// among its own without a token, rather than not at all.
func TestNothingGoesToAnotherHost(t *testing.T) {
	var arrived atomic.Int32
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(other.Close)
	for _, base := range []string{other.URL, strings.Replace(other.URL, "127.0.0.1", "localhost", 1)} {
		for name, call := range everyCall {
			client, _ := service(t, func(http.ResponseWriter, *http.Request) { arrived.Add(1) })
			client.transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
			client.adapter.SetBaseUrl(base + "/beta")
			e := graph.AsError(call(t.Context(), client))
			if e == nil || e.Outcome != graph.NotDone || e.Code != graph.CodeInternal || e.Status != 0 {
				t.Errorf("%s: %+v", name, e)
			}
		}
	}
	if n := arrived.Load(); n != 0 {
		t.Errorf("%d requests went out", n)
	}
}

// TestEveryTokenIsForGraphAlone: asked for none, the SDK adds to one slice of
// scopes that all its goroutines share.
func TestEveryTokenIsForGraphAlone(t *testing.T) {
	client, server := service(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	credential := new(tokens)
	client, err := New(Config{Credential: credential, GraphURL: server.URL, Transport: client.transport})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		for _, call := range everyCall {
			wg.Go(func() { _ = call(t.Context(), client) }) // 403, of which other tests tell
		}
	}
	wg.Wait()
	if len(credential.scopes) < 8*len(everyCall) || credential.cae != len(credential.scopes) {
		t.Errorf("%d tokens, %d of them for continuous access evaluation", len(credential.scopes), credential.cae)
	}
	for _, scopes := range credential.scopes {
		if !slices.Equal(scopes, []string{server.URL + "/.default"}) {
			t.Fatalf("asked for %q", scopes)
		}
	}
}

// TestThousandsOfFailuresLeaveNothingBehind: the SDK's retry handler leaves an
// answer unread, and with it a connection and two goroutines, with each retry.
func TestThousandsOfFailuresLeaveNothingBehind(t *testing.T) {
	const calls = 3000
	var served atomic.Int32
	w := watching(t, func(w http.ResponseWriter, _ *http.Request) {
		switch served.Add(1) % 6 {
		case 0:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, strings.Repeat("x", 64<<10))
		case 2:
			w.Header().Set("WWW-Authenticate", "Bearer claims=x") // kiota panics
			w.WriteHeader(http.StatusUnauthorized)
		case 3:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"error":{}}`)
		case 4:
			w.WriteHeader(http.StatusFound)
		default:
			panic(http.ErrAbortHandler)
		}
	})
	for range calls {
		// Without a deadline of the caller's.
		if _, err := w.client.Revoke(context.Background(), somebody); err == nil {
			t.Fatal("no error")
		}
	}
	w.flat(t)
	if n := served.Load(); n != calls+1 {
		t.Errorf("%d requests for %d calls", n, calls+1)
	}
}

// TestTenThousandRetriesLeaveNothingBehind: the same for the good case, in which
// each call is let through at the second try.
func TestTenThousandRetriesLeaveNothingBehind(t *testing.T) {
	const calls = 10_000
	var served atomic.Int32
	w := watching(t, func(w http.ResponseWriter, _ *http.Request) {
		if served.Add(1)%2 == 0 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	for range calls {
		if _, err := w.client.Revoke(t.Context(), somebody); graph.AsError(err) == nil || !graph.AsError(err).Retryable {
			t.Fatalf("the first try: %v", err)
		}
		if _, err := w.client.Revoke(t.Context(), somebody); err != nil {
			t.Fatalf("the second try: %v", err)
		}
	}
	w.flat(t)
	// net/http puts a connection back after the answer was read, and makes another
	// where the next call comes first: on a busy machine, now and then.
	if made := w.made.Load(); made > calls/1000 {
		t.Errorf("%d connections were made for %d calls", made, 2*calls)
	}
}

// watched is a client of a server whose connections are counted.
type watched struct {
	client           *Client
	open, most, made atomic.Int32
	goroutines       int
}

// watching makes one call, which makes what is made once, and counts from there.
func watching(t *testing.T, answer http.HandlerFunc) *watched {
	t.Helper()
	w := &watched{}
	server := httptest.NewUnstartedServer(answer)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the connections that are cut
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			w.made.Add(1)
			now := w.open.Add(1)
			for before := w.most.Load(); now > before && !w.most.CompareAndSwap(before, now); before = w.most.Load() {
			}
		case http.StateClosed, http.StateHijacked:
			w.open.Add(-1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	w.client = clientOf(t, server)
	_, _ = w.client.Revoke(t.Context(), somebody)
	w.goroutines = runtime.NumGoroutine()
	return w
}

// flat demands that nothing was left behind.
func (w *watched) flat(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for (runtime.NumGoroutine() > w.goroutines+5 || w.open.Load() > 1) && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if after := runtime.NumGoroutine(); after > w.goroutines+5 || w.open.Load() > 1 || w.most.Load() > 3 {
		t.Errorf("%d goroutines before, %d after; %d connections open, %d at most", w.goroutines, after, w.open.Load(), w.most.Load())
	}
}
