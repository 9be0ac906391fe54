package msgraph_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

const anybody = "11111111-2222-3333-4444-555555555555"

// TestARequestThatNeverLeft tells "not done" from "unknown" where there is no
// answer at all.
func TestARequestThatNeverLeft(t *testing.T) {
	dialFails := func(err error) http.RoundTripper {
		return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, err }}
	}
	server, err := graphtest.Start(graphtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	modelled(t, server)
	// A port on which nobody listens any more.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "https://" + listener.Addr().String()
	listener.Close()

	for name, row := range map[string]struct {
		url       string
		transport http.RoundTripper
		token     staticToken
		outcome   graph.Outcome
		retryable bool
		code      string
	}{
		"refused":     {closed, &http.Transport{}, "t", graph.NotDone, true, graph.CodeRefused},
		"no name":     {server.URL(), dialFails(&net.DNSError{IsNotFound: true}), "t", graph.NotDone, true, graph.CodeDNS},
		"unreachable": {server.URL(), dialFails(syscall.EHOSTUNREACH), "t", graph.NotDone, true, graph.CodeNoConnection},
		"not trusted": {server.URL(), &http.Transport{}, "t", graph.NotDone, true, graph.CodeTLS},
		"no token":    {server.URL(), server.Client().Transport, "", graph.NotDone, false, graph.CodeSignInFailed},
		// A transport that tells nothing: it may have sent it.
		"mute transport": {server.URL(), roundTrip(func(*http.Request) (*http.Response, error) { return nil, io.EOF }), "t",
			graph.OutcomeUnknown, false, graph.CodeConnectionLost},
		"panicking transport": {server.URL(), roundTrip(func(*http.Request) (*http.Response, error) { panic("SECRET-IN-BODY") }), "t",
			graph.OutcomeUnknown, false, graph.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := msgraph.New(msgraph.Config{Credential: row.token, GraphURL: row.url, Transport: row.transport})
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Revoke(t.Context(), anybody)
			e := wantError(t, err)
			if e.Outcome != row.outcome || e.Retryable != row.retryable || e.Code != row.code || e.Status != 0 {
				t.Errorf("%+v", e)
			}
		})
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
	t.Run("the cause can be asked for", func(t *testing.T) {
		client, err := msgraph.New(msgraph.Config{Credential: staticToken("t"), GraphURL: closed, Transport: &http.Transport{}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Revoke(t.Context(), anybody); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%v", errors.Unwrap(err))
		}
	})
}

func TestEveryCallHasAnEnd(t *testing.T) {
	var sent context.Context
	client, err := msgraph.New(msgraph.Config{
		Credential: staticToken("t"),
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			sent = r.Context()
			return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Revoke(context.Background(), anybody); err != nil {
		t.Fatal(err)
	}
	if until, ok := sent.Deadline(); !ok || time.Until(until) > time.Minute {
		t.Errorf("the deadline is %v, %v", until, ok)
	}
	if sent.Err() == nil {
		t.Error("the context outlives the call")
	}
}

func TestFailuresLeaveNothingBehind(t *testing.T) {
	for name, fault := range map[string]graphtest.Fault{
		"429":            {Status: 429, RetryAfter: "1"},
		"502 html":       {Status: 502, Body: []byte("<p>"), ContentType: "text/html"},
		"panic":          {Challenge: `Bearer claims=x`},
		"not a success":  {Status: 302, Header: http.Header{"Location": {"/"}}, Body: []byte("moved")},
		"unusable claim": {Challenge: `Bearer claims="x"`},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			var dials atomic.Int32
			transport := tenant.Client().Transport.(*http.Transport).Clone()
			transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				dials.Add(1)
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			client, err := msgraph.New(msgraph.Config{
				Credential: credentialFor(t, tenant.Server, tenant.Config().ClientSecret),
				GraphURL:   tenant.GraphURL(), Transport: transport,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := client.User(t.Context(), tenant.carol.ID); err != nil {
				t.Fatal(err)
			}
			before := runtime.NumGoroutine()
			tenant.Inject(fault)
			for range 50 {
				if _, err := client.Revoke(t.Context(), tenant.carol.ID); err == nil {
					t.Fatal("no error")
				}
			}
			if n := dials.Load(); n != 1 {
				t.Errorf("%d connections for one call after the other", n)
			}
			// Some goroutines of the last call may still be ending.
			deadline := time.Now().Add(patience)
			for runtime.NumGoroutine() > before+5 && time.Now().Before(deadline) {
				runtime.Gosched()
			}
			if after := runtime.NumGoroutine(); after > before+5 {
				t.Errorf("%d goroutines before, %d after", before, after)
			}
		})
	}
}
