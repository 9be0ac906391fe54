package graphtest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"revoke-sessions/graph/graphtest"
)

func TestFaultsThatAnswer(t *testing.T) {
	for name, row := range map[string]struct {
		fault  graphtest.Fault
		status int
		code   string // of Graph's JSON
		body   string // exact, when code is empty
		header [2]string
	}{
		"429":            {graphtest.Fault{Status: 429, RetryAfter: "7"}, 429, "TooManyRequests", "", [2]string{"Retry-After", "7"}},
		"503":            {graphtest.Fault{Status: 503}, 503, "serviceNotAvailable", "", [2]string{"Retry-After", ""}},
		"own code":       {graphtest.Fault{Status: 403, Code: "Denied", Message: "m"}, 403, "Denied", "", [2]string{}},
		"html":           {graphtest.Fault{Status: 502, Body: []byte("<p>"), ContentType: "text/html"}, 502, "", "<p>", [2]string{"Content-Type", "text/html"}},
		"empty 200":      {graphtest.Fault{Body: []byte{}}, 200, "", "", [2]string{"Content-Length", "0"}},
		"value false":    {graphtest.Fault{Body: []byte(`{"value":false}`)}, 200, "", `{"value":false}`, [2]string{"Content-Type", "application/json"}},
		"bare 302":       {graphtest.Fault{Status: 302}, 302, "", "", [2]string{"Location", ""}},
		"304":            {graphtest.Fault{Status: 304}, 304, "", "", [2]string{}},
		"challenge":      {graphtest.Fault{Challenge: graphtest.Claims}, 401, "InvalidAuthenticationToken", "", [2]string{"WWW-Authenticate", graphtest.Claims}},
		"extra header":   {graphtest.Fault{Status: 500, Header: http.Header{"x-fault": {"1"}}}, 500, "InternalServerError", "", [2]string{"X-Fault", "1"}},
		"delay alone":    {graphtest.Fault{Delay: time.Millisecond}, 204, "", "", [2]string{}},
		"apply and late": {graphtest.Fault{Apply: true, Delay: time.Millisecond}, 204, "", "", [2]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			u := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
			s.Inject(row.fault)
			r := s.do(http.MethodPost, "/beta/users/"+u.ID+"/invalidateAllRefreshTokens")
			if r.status != row.status {
				t.Fatalf("%d %s, want %d", r.status, r.body, row.status)
			}
			if row.code != "" && r.code(t) != row.code || row.code == "" && r.body != row.body {
				t.Errorf("body %q", r.body)
			}
			if row.header[0] != "" && r.header.Get(row.header[0]) != row.header[1] {
				t.Errorf("%s: %q, want %q", row.header[0], r.header.Get(row.header[0]), row.header[1])
			}
			if p := s.Posts()[0]; p.Status != row.status || p.Applied != (row.status == 204) {
				t.Errorf("recorded %+v", p)
			}
		})
	}
}

func TestFaultsThatCut(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		for _, apply := range []bool{false, true} {
			s := start(t, func(c *graphtest.Config) { c.HTTP2 = http2 })
			u := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
			target := "/beta/users/" + u.ID + "/invalidateAllRefreshTokens"

			s.Inject(graphtest.Fault{Reset: true, Apply: apply, Times: 1})
			response, err := s.try(t.Context(), http.MethodPost, target)
			if err == nil {
				t.Fatalf("answered %d", response.StatusCode)
			}
			if !http2 && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
				t.Errorf("not a cut connection: %v", err)
			}

			s.Inject(graphtest.Fault{Reset: true, Body: []byte(`{"value":true`), Apply: apply, Times: 1})
			response, err = s.try(t.Context(), http.MethodPost, target)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(response.Body); err == nil {
				t.Error("the body came to an orderly end")
			}
			response.Body.Close()

			posts := s.Posts()
			if len(posts) != 2 || posts[0].Status != 0 || posts[1].Status != 200 ||
				posts[0].Applied != apply || posts[1].Applied != apply {
				t.Errorf("http2 %v, apply %v: %+v", http2, apply, posts)
			}
		}
	}
}

func TestAHangingRequestEndsWithItsClient(t *testing.T) {
	s := start(t)
	u := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
	s.Inject(graphtest.Fault{Hang: true, Apply: true})
	ended := make(chan graphtest.Request, 1)
	s.OnRequest(func(r graphtest.Request) { ended <- r })

	ctx, hangUp := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := s.try(ctx, http.MethodPost, "/beta/users/"+u.ID+"/invalidateAllRefreshTokens")
		failed <- err
	}()
	waiting, done := context.WithTimeout(t.Context(), patience)
	defer done()
	if _, err := s.AwaitPosts(waiting, 1); err != nil {
		t.Fatal(err)
	}
	hangUp()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	select {
	case r := <-ended:
		if r.Status != 0 {
			t.Errorf("recorded as answered with %d", r.Status)
		}
	case <-waiting.Done():
		t.Fatal("the server still waits")
	}
	if p := s.Posts()[0]; !p.Applied {
		t.Error("not carried out first")
	}
}

func TestCloseEndsHangingRequests(t *testing.T) {
	for name, fault := range map[string]graphtest.Fault{
		"hang":  {Hang: true},
		"delay": {Delay: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.Inject(fault)
			failed := make(chan error, 1)
			go func() {
				_, err := s.try(t.Context(), http.MethodPost, "/beta/users/x/invalidateAllRefreshTokens")
				failed <- err
			}()
			waiting, done := context.WithTimeout(t.Context(), patience)
			defer done()
			if _, err := s.AwaitPosts(waiting, 1); err != nil {
				t.Fatal(err)
			}
			s.Close()
			if err := <-failed; err == nil {
				t.Error("answered after Close")
			}
		})
	}
}

func TestAwaitPostsGivesUp(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.AwaitPosts(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestAFaultHitsWhatItMatches(t *testing.T) {
	s := start(t)
	u := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
	status := func(method, suffix string) int { return s.do(method, "/beta/users/"+u.ID+suffix).status }
	const action = "/invalidateAllRefreshTokens"

	s.Inject(graphtest.Fault{Method: http.MethodPost, PathSuffix: action, Status: 500, Times: 2})
	if got := status(http.MethodGet, ""); got != 200 {
		t.Errorf("the read: %d", got)
	}
	for i, want := range []int{500, 500, 204} {
		if got := status(http.MethodPost, action); got != want {
			t.Errorf("post %d: %d, want %d", i+1, got, want)
		}
	}

	clear := s.Inject(graphtest.Fault{Match: func(r *http.Request) bool { return strings.Contains(r.URL.Path, u.ID) }, Status: 502})
	s.Inject(graphtest.Fault{Status: 504})
	if got := status(http.MethodGet, ""); got != 502 {
		t.Errorf("with two faults: %d, want that of the first", got)
	}
	clear()
	if got := status(http.MethodGet, ""); got != 504 {
		t.Errorf("with the first cleared: %d", got)
	}
	s.ClearFaults()
	if got := status(http.MethodGet, ""); got != 200 {
		t.Errorf("with all cleared: %d", got)
	}
}

func TestEntraFaults(t *testing.T) {
	s := start(t)
	s.Inject(graphtest.Fault{Status: 500}) // of Graph: no matter here
	s.Inject(graphtest.Fault{Entra: true, PathSuffix: "/token", Status: 400, Code: "AADSTS53003", Message: "Blocked.", Times: 1})
	r := s.postForm(s.Config().TenantID, s.tokenForm())
	description, _ := r.json(t)["error_description"].(string)
	if r.status != 400 || !strings.HasPrefix(description, "AADSTS53003: Blocked.") {
		t.Errorf("%d %q", r.status, description)
	}
	if r := s.postForm(s.Config().TenantID, url.Values(s.tokenForm())); r.status != 200 {
		t.Errorf("after the fault: %d", r.status)
	}
}
