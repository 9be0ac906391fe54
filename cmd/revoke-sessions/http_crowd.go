package main

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// maxHTTPConns is how many connections to the health and numbers stay open: many
// times what probes and scrapers hold, and at most a few megabytes.
const maxHTTPConns = 64

// crowd keeps the connections to a server few. Each new client is let in, and if
// that is one too many, another one goes: first the one that was silent longest,
// so that a probe, which asks at once, gets its answer however many others only
// hold the line.
type crowd struct {
	most int
	mu   sync.Mutex
	open map[net.Conn]presence
}

// presence is what a connection is doing, and since when.
type presence struct {
	state http.ConnState
	since time.Time
}

// changed is http.Server's ConnState.
func (c *crowd) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
		return
	case http.StateNew:
		if len(c.open) >= c.most {
			c.sendAway()
		}
	default:
		if _, here := c.open[conn]; !here {
			return // it was sent away
		}
	}
	c.open[conn] = presence{state, time.Now()}
}

// sendAway closes the connection that has asked nothing for longest, or, where
// each has begun to ask, the one that takes longest over it.
func (c *crowd) sendAway() {
	var out net.Conn
	var longest presence
	for conn, p := range c.open {
		busy, longestBusy := p.state == http.StateActive, longest.state == http.StateActive
		if out == nil || longestBusy && !busy || busy == longestBusy && p.since.Before(longest.since) {
			out, longest = conn, p
		}
	}
	delete(c.open, out)
	_ = out.Close() // nobody waits for what it says
}
