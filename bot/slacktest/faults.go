package slacktest

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Fault makes calls go wrong. The first fault that matches a call applies.
// A Fault with nothing but Delay slows the call down; every other field makes
// it fail.
type Fault struct {
	// Method is a Web API method, "response_url", or "socket" for the
	// WebSocket handshake; "" matches every one.
	Method string
	// Times is how many calls it hits; 0 means all until ClearFaults.
	Times int
	// Match, when set, picks the calls by their parameters (without token).
	// It must not call the Server.
	Match func(params map[string]string) bool

	Status     int           // HTTP status; default 200, or 429 with RetryAfter
	Location   string        // sent as the Location header, for a Status that redirects
	Error      string        // Slack's error code, in a body with "ok": false
	RetryAfter time.Duration // sent as the Retry-After header, in whole seconds
	Body       string        // sent as it is, in place of Error
	Delay      time.Duration // wait before the answer
	Hang       bool          // never answer
	Reset      bool          // cut the connection in place of an answer
	After      bool          // carry the call out first, then fail
}

type injected struct {
	Fault
	used int
}

// Inject adds a fault behind those that are there already.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &injected{Fault: f})
}

// ClearFaults ends the faults of these methods, or all faults if none is named; calls
// that hang go on hanging.
func (s *Server) ClearFaults(methods ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(s.faults, func(f *injected) bool { return len(methods) == 0 || slices.Contains(methods, f.Method) })
}

// faultFor counts the call and returns the fault that hits it, or nil.
func (s *Server) faultFor(name string, p params) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Method != "" && f.Method != name || f.Times > 0 && f.used >= f.Times {
			continue
		}
		if f.Match != nil && !f.Match(maps.Clone(p)) {
			continue
		}
		f.used++
		return &f.Fault
	}
	return nil
}

func (f *Fault) fails() bool {
	return f.Status != 0 || f.Error != "" || f.RetryAfter != 0 || f.Body != "" || f.Hang || f.Reset
}

// pause waits as the fault says, until the client or the server goes away.
func (s *Server) pause(r *http.Request, f *Fault) {
	var over <-chan time.Time // nil: never
	if !f.Hang {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
	case <-r.Context().Done():
	case <-s.done:
	}
}

func (f *Fault) result() result {
	out := result{status: f.Status, code: f.Error, location: f.Location}
	if f.RetryAfter > 0 {
		out.retryAfter = strconv.Itoa(int(f.RetryAfter.Round(time.Second) / time.Second))
		if out.status == 0 {
			out.status = http.StatusTooManyRequests
		}
	}
	if out.status == 0 {
		out.status = http.StatusOK
	}
	switch {
	case f.Body != "":
		out.body = []byte(f.Body)
	case out.code != "":
		out.body, _ = json.Marshal(map[string]any{"ok": false, "error": f.Error})
	case out.status == http.StatusTooManyRequests:
		out.code = "ratelimited"
		out.body = []byte(`{"ok":false,"error":"ratelimited"}`)
	case out.status >= 400:
		out.body = []byte("<html><body>" + http.StatusText(out.status) + "</body></html>") // Slack sends HTML with 5xx
	}
	return out
}

// hangUp cuts the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // a reset, not an orderly end
	}
	conn.Close()
}
