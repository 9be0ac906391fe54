package graphtest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// SetClockSkew has Microsoft's clock, as the Date headers tell it, go ahead of
// Config.Now; with a negative value it is behind.
func (s *Server) SetClockSkew(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead = d
}

// answer is an HTTP response before it is sent.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func jsonAnswer(status int, value any) answer {
	body, err := json.Marshal(value)
	if err != nil {
		// Every value is built from strings, numbers and maps of this package.
		panic(err)
	}
	header := http.Header{}
	header.Set("Content-Type", "application/json; odata.metadata=minimal; charset=utf-8")
	return answer{status: status, header: header, body: body}
}

// answer sends a, with the headers that each answer of Graph carries. The Date
// header follows the server's clock, not the machine's.
func (v *visit) answer(w http.ResponseWriter, a answer) {
	v.begin(w, a, len(a.body))
	// A client that is gone has its own error to deal with.
	_, _ = w.Write(a.body)
}

// begin sends everything but the body, which it announces as length bytes.
func (v *visit) begin(w http.ResponseWriter, a answer, length int) {
	v.decided(a.status)
	s := v.server
	s.mu.Lock()
	date := s.config.Now().Add(s.ahead)
	s.mu.Unlock()
	header := w.Header()
	for name, values := range a.header {
		header[name] = values
	}
	header.Set("Date", date.UTC().Format(http.TimeFormat))
	header.Set("request-id", v.record.RequestID)
	header.Set("client-request-id", v.record.ClientRequestID)
	header.Set("Cache-Control", "no-cache")
	if a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		header.Set("Content-Length", strconv.Itoa(length))
	}
	w.WriteHeader(a.status)
}
