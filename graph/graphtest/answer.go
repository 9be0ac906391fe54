package graphtest

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// SetClockSkew has Microsoft's clock, as the Date headers tell it, go ahead of
// Config.Now; with a negative value it is behind.
func (s *Server) SetClockSkew(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead = d
}

// SetLimitUsed has each answer of Graph's tell that a share of a limit is used
// up, from 0.8 on, as Graph does for an app that asks much. Nothing is turned
// away for it: that takes a Fault with Status 429.
func (s *Server) SetLimitUsed(share float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limitUsed = share
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

// withoutMetadata removes OData's control information, except the link to the next page
// and the count. Source: OData JSON Format
// 4.01, 3.1.3.
func (a answer) withoutMetadata() answer {
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return a // no body
	}
	plain := jsonAnswer(a.status, bare(value))
	for name, values := range a.header {
		plain.header[name] = values
	}
	plain.header.Set("Content-Type", "application/json; odata.metadata=none; charset=utf-8")
	return plain
}

func bare(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			if strings.HasPrefix(name, "@odata.") && name != "@odata.nextLink" && name != "@odata.count" {
				delete(value, name)
				continue
			}
			value[name] = bare(inner)
		}
	case []any:
		for i, inner := range value {
			value[i] = bare(inner)
		}
	}
	return value
}

// metadataAsked is how much control information a request accepts: minimal unless
// it says otherwise.
func metadataAsked(r *http.Request) string {
	for accepted := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		_, parameters, err := mime.ParseMediaType(accepted)
		if asked := parameters["odata.metadata"]; err == nil && asked != "" {
			return strings.ToLower(asked)
		}
	}
	return "minimal"
}

// plainAnswer is JSON as Entra answers it, which is no OData.
func plainAnswer(status int, value any) answer {
	a := jsonAnswer(status, value)
	a.header.Set("Content-Type", "application/json; charset=utf-8")
	return a
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
	date, used := s.config.Now().Add(s.ahead), s.limitUsed
	s.mu.Unlock()
	header := w.Header()
	if !v.entra && used >= 0.8 {
		header.Set("x-ms-throttle-limit-percentage", strconv.FormatFloat(used, 'f', -1, 64))
	}
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
