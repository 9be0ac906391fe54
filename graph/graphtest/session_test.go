package graphtest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"revoke-sessions/graph/graphtest"
)

// patience bounds every wait of these tests; none is expected to take long.
const patience = 20 * time.Second

// clock is a clock that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// session is a server and a client that has signed in.
type session struct {
	*graphtest.Server
	t     *testing.T
	clock *clock
	token string
}

func start(t *testing.T, change ...func(*graphtest.Config)) *session {
	t.Helper()
	c := newClock()
	config := graphtest.Config{Now: c.Now}
	for _, f := range change {
		f(&config)
	}
	server, err := graphtest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := &session{Server: server, t: t, clock: c}
	s.token = s.signIn()
	return s
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal([]byte(r.body), &value); err != nil {
		t.Fatalf("%v in %q", err, r.body)
	}
	return value
}

// code is the error code of Graph's JSON.
func (r reply) code(t *testing.T) string {
	t.Helper()
	e, _ := r.json(t)["error"].(map[string]any)
	code, _ := e["code"].(string)
	return code
}

func (s *session) tokenForm() url.Values {
	return url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {s.Config().ClientID},
		"client_secret": {s.Config().ClientSecret},
		"scope":         {s.URL() + "/.default openid offline_access profile"},
	}
}

func (s *session) postForm(tenant string, form url.Values) reply {
	s.t.Helper()
	response, err := s.Client().PostForm(s.URL()+"/"+tenant+"/oauth2/v2.0/token", form)
	if err != nil {
		s.t.Fatal(err)
	}
	return read(s.t, response)
}

func (s *session) signIn() string {
	s.t.Helper()
	r := s.postForm(s.Config().TenantID, s.tokenForm())
	token, _ := r.json(s.t)["access_token"].(string)
	if r.status != http.StatusOK || token == "" {
		s.t.Fatalf("no token: %d %s", r.status, r.body)
	}
	return token
}

// try sends a request to Graph; target is the path and query as they are to
// stand on the wire.
func (s *session) try(ctx context.Context, method, target string) (*http.Response, error) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, s.URL(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	path, query, _ := strings.Cut(target, "?")
	r.URL.Opaque = "//" + r.URL.Host + path
	r.URL.RawQuery = query
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	r.Header.Set("client-request-id", "c11e47")
	return s.Client().Do(r)
}

func (s *session) do(method, target string) reply {
	s.t.Helper()
	response, err := s.try(context.Background(), method, target)
	if err != nil {
		s.t.Fatal(err)
	}
	return read(s.t, response)
}

func (s *session) get(path string, query url.Values) reply {
	s.t.Helper()
	return s.do(http.MethodGet, path+"?"+query.Encode())
}

func read(t *testing.T, response *http.Response) reply {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{status: response.StatusCode, header: response.Header, body: string(body)}
}
