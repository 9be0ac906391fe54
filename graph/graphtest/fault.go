package graphtest

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"time"
)

// Fault is something that goes wrong with the requests it matches. What it
// does happens in this order: Apply, Delay, then one of Hang, Reset, Challenge
// or an answer; a Fault with none of these only delays.
type Fault struct {
	// Entra makes it a fault of the sign-in endpoints; otherwise of Graph.
	Entra bool
	// Method and PathSuffix narrow it down; empty matches all.
	Method     string
	PathSuffix string
	// Match narrows it down further. It must not call the server.
	Match func(*http.Request) bool
	// Times is how many requests it hits; 0 means all until it is cleared.
	Times int

	// Apply carries the operation out before failing: the stamp moves, and the
	// client does not learn of it.
	Apply bool
	// Delay is waited before anything is answered; a client that gives up
	// meanwhile is not waited for.
	Delay time.Duration
	// Hang answers nothing until the client goes away.
	Hang bool
	// Reset cuts the connection without an answer. With a Body, the answer
	// begins and the connection is cut in the middle of the body.
	Reset bool

	// Challenge answers 401 and this as the WWW-Authenticate header. For a
	// well-formed one see Claims.
	Challenge string

	// Status is the HTTP status of the answer; 200 when only Body is set.
	Status int
	// Code and Message are put into Graph's, or Entra's, JSON error when Body
	// is nil and Status is 400 or above. Code is the one that usually comes
	// with the status when empty.
	Code, Message string
	// RetryAfter is the Retry-After header: seconds or an HTTP date.
	RetryAfter string
	// Header is added to the answer, Location for example.
	Header http.Header
	// Body is sent as it is. Nil means the error described above, or nothing
	// below 400; empty but not nil means an empty body.
	Body []byte
	// ContentType describes Body; application/json when empty.
	ContentType string
}

// Claims is a Challenge by which Graph demands a new token, as continuous
// access evaluation does. The value is base64 of
// {"access_token":{"nbf":{"essential":true,"value":"1800000000"}}}.
const Claims = `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", ` +
	`error="insufficient_claims", ` +
	`claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxODAwMDAwMDAwIn19fQ=="`

type injected struct {
	Fault
	left int // hits left; negative for ever
}

// Inject adds a fault. The one added first that matches a request hits it,
// and only that one. The function returned takes it away again.
func (s *Server) Inject(f Fault) (clear func()) {
	added := &injected{Fault: f, left: f.Times}
	if f.Times == 0 {
		added.left = -1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, added)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		added.left = 0
	}
}

// ClearFaults takes every fault away. Requests that a fault holds already are
// not let go.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// nextFault takes one hit from the fault that r meets.
func (s *Server) nextFault(r *http.Request, entra bool) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.left == 0 || f.Entra != entra || !f.matches(r) {
			continue
		}
		if f.left > 0 {
			f.left--
		}
		return f.Fault, true
	}
	return Fault{}, false
}

func (f Fault) matches(r *http.Request) bool {
	return (f.Method == "" || f.Method == r.Method) &&
		strings.HasSuffix(r.URL.EscapedPath(), f.PathSuffix) &&
		(f.Match == nil || f.Match(r))
}

// fail lets a fault happen.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, v *visit, f Fault) {
	var done answer
	if f.Apply {
		done = s.carryOut(r, v)
	}
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		case <-s.done:
			panic(http.ErrAbortHandler)
		}
	}
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case f.Reset && f.Body == nil:
		cut(w)
	case f.Reset:
		a := s.answerOf(v, f)
		v.begin(w, a, len(a.body)+1)
		// What was announced is never completed; the client is told so by the
		// end of the connection.
		_, _ = w.Write(a.body)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case f.Challenge != "" || f.Status != 0 || f.Body != nil:
		v.answer(w, s.answerOf(v, f))
	case f.Apply:
		v.answer(w, done)
	default:
		v.answer(w, s.carryOut(r, v))
	}
}

// answerOf is the answer that a fault describes.
func (s *Server) answerOf(v *visit, f Fault) answer {
	status := f.Status
	switch {
	case f.Challenge != "":
		status = http.StatusUnauthorized
	case status == 0:
		status = http.StatusOK
	}
	a := answer{status: status, header: http.Header{}}
	switch {
	case f.Body != nil:
		a.body = f.Body
		contentType := f.ContentType
		if contentType == "" {
			contentType = "application/json"
		}
		a.header.Set("Content-Type", contentType)
	case status < 400:
	case v.entra:
		a = s.entraError(status, entraKind(status), orElse(f.Code, "AADSTS90033"),
			orElse(f.Message, "A transient error has occurred. Please try again."))
	default:
		a = s.graphError(v, status, orElse(f.Code, usualCode(status)), orElse(f.Message, http.StatusText(status)))
	}
	if f.Challenge != "" {
		a.header.Set("WWW-Authenticate", f.Challenge)
	}
	if f.RetryAfter != "" {
		a.header.Set("Retry-After", f.RetryAfter)
	}
	for name, values := range f.Header {
		a.header[http.CanonicalHeaderKey(name)] = values
	}
	return a
}

// usualCode is the code that Graph's error most often has with a status.
func usualCode(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "Request_BadRequest"
	case http.StatusUnauthorized:
		return "InvalidAuthenticationToken"
	case http.StatusForbidden:
		return "Authorization_RequestDenied"
	case http.StatusNotFound:
		return "Request_ResourceNotFound"
	case http.StatusTooManyRequests:
		return "TooManyRequests"
	case http.StatusInternalServerError:
		return "InternalServerError"
	case http.StatusServiceUnavailable:
		return "serviceNotAvailable"
	default:
		return "UnknownError"
	}
}

func entraKind(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "invalid_client"
	case status >= 500 || status == http.StatusTooManyRequests:
		return "temporarily_unavailable"
	default:
		return "invalid_grant"
	}
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

// cut ends the TCP connection with a reset, or over HTTP/2 the stream.
func cut(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// HTTP/2 cannot be hijacked.
		panic(http.ErrAbortHandler)
	}
	raw := connection
	if secure, ok := connection.(*tls.Conn); ok {
		raw = secure.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		// Without lingering, closing sends a reset in place of an orderly end.
		_ = tcp.SetLinger(0)
	}
	_ = raw.Close()
}
