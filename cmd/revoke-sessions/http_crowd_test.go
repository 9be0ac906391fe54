package main

import (
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowded opens n connections to the bot's health and numbers, each of which says
// no more than that, and holds them until the test ends.
func (th *theatre) crowded(n int, says string) (all []net.Conn) {
	th.t.Helper()
	for range n {
		conn, err := net.DialTimeout("tcp", th.httpAddress(), patience)
		if err != nil {
			th.t.Fatal(err)
		}
		th.t.Cleanup(func() { conn.Close() })
		_, _ = conn.Write([]byte(says)) // it may be closed already
		all = append(all, conn)
	}
	return all
}

// stillOpen counts those that the bot has not closed, once it has said what it
// has to say on each.
func stillOpen(all []net.Conn) int {
	var open atomic.Int64
	var reading sync.WaitGroup
	for _, conn := range all {
		reading.Go(func() {
			_ = conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
			_, err := io.Copy(io.Discard, conn)
			if e, ok := err.(net.Error); ok && e.Timeout() {
				open.Add(1)
			}
		})
	}
	reading.Wait()
	return int(open.Load())
}

// TestHealthInACrowd: of those who hold a connection and ask nothing, never finish
// their question, or have had their answer, only a few keep it; a probe is answered
// at once.
func TestHealthInACrowd(t *testing.T) {
	const crowd = 300
	for name, says := range map[string]string{
		"nothing is asked": "", "half a question": "GET /healthz HTTP/1.1\r\nHost: ", "one question": "GET /healthz HTTP/1.1\r\nHost: bot\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			th := newTheatre(t)
			th.served()
			th.begin()
			all := th.crowded(crowd, says)
			for range 3 {
				began := time.Now()
				if status, _ := th.request(http.MethodGet, "/healthz"); status != http.StatusOK {
					t.Errorf("/healthz: %d", status)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("a probe waits %s", took)
				}
			}
			if n := stillOpen(all); n > maxHTTPConns {
				t.Errorf("%d of %d are open", n, crowd)
			}
		})
	}
}

// TestSilentConnectionsEnd: also where nobody else comes.
func TestSilentConnectionsEnd(t *testing.T) {
	th := newTheatre(t)
	th.served()
	th.begin()
	all := th.crowded(3, "GET /healthz HTTP/1.1\r\nHost: bot\r\n\r\n")
	th.pollWithin(httpIdle+patience, "they end", func() bool { return stillOpen(all) == 0 })
}
