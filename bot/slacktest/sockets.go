package slacktest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Reasons with which Slack ends a socket.
const (
	// Warning comes about 10 s before the socket is closed.
	Warning = "warning"
	// RefreshRequested may come without a warning.
	RefreshRequested = "refresh_requested"
	// LinkDisabled says that Socket Mode was switched off.
	LinkDisabled = "link_disabled"
	// TooManyWebsockets greets the socket beyond MaxSockets.
	TooManyWebsockets = "too_many_websockets"
)

// closeGrace is how long a socket stays open after a disconnect that is no
// warning, so that acks under way still arrive.
const closeGrace = 500 * time.Millisecond

// socket is one Socket Mode connection. Its fields are guarded by Server.mu.
type socket struct {
	id      int
	conn    *websocket.Conn
	queue   [][]byte
	leaving bool          // gets no new envelopes
	lost    bool          // Slack takes it for one that stands, and what it sends there goes nowhere
	wake    chan struct{} // 1 when the queue has something
	gone    chan struct{} // closed when the connection has ended
	hangUp  sync.Once
}

// appsConnectionsOpen gives out a ticket for one socket. Slack does not
// document what it answers while Socket Mode is off; the code here is made up.
func (s *Server) appsConnectionsOpen(params) (answer, error) {
	if !slices.Contains(s.cfg.AppScopes, connectionsWrite) {
		return nil, &refusal{code: "missing_scope", needed: connectionsWrite, provided: strings.Join(s.cfg.AppScopes, ",")}
	}
	if s.socketModeOff {
		return nil, refuse("socket_mode_not_enabled")
	}
	ticket := random(16)
	s.tickets[ticket] = true
	return answer{"url": "ws" + s.base[len("http"):] + "/link/?ticket=" + ticket + "&app_id=" + s.cfg.AppID}, nil
}

func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	if fault := s.faultFor("socket", params{"ticket": r.FormValue("ticket")}); fault != nil {
		s.pause(r, fault)
		switch {
		case fault.Hang || fault.Reset:
			hangUp(w)
			return
		case fault.fails():
			done := fault.result()
			if done.status == http.StatusOK {
				done.status = http.StatusServiceUnavailable
			}
			w.WriteHeader(done.status)
			w.Write(done.body)
			return
		}
	}
	s.mu.Lock()
	ticket := r.FormValue("ticket")
	valid := s.tickets[ticket] && !s.socketModeOff
	delete(s.tickets, ticket)
	s.mu.Unlock()
	if !valid {
		http.Error(w, "invalid or used ticket", http.StatusForbidden)
		return
	}
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	k := &socket{conn: conn, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	if !s.admit(k, r.FormValue("debug_reconnects") == "true") {
		conn.Close()
		return
	}
	s.read(k)
}

// admit greets a new socket and starts its goroutines; false when the server
// is closing.
func (s *Server) admit(k *socket, short bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.lastSocket++
	k.id = s.lastSocket
	if len(s.sockets)+s.strangers >= MaxSockets {
		k.leaving = true
		s.disconnect(k, TooManyWebsockets)
	} else {
		lifetime := int(s.cfg.Lifetime / time.Second)
		if short {
			lifetime = 360
		}
		k.send(mustJSON(map[string]any{
			"type": "hello", "num_connections": len(s.sockets) + s.strangers + 1,
			"debug_info": map[string]any{"host": "applink-" + strconv.Itoa(k.id), "started": "2026-11-22 08:00:00.000",
				"build_number": 54, "approximate_connection_time": lifetime},
			"connection_info": map[string]any{"app_id": s.cfg.AppID},
		}))
	}
	s.sockets = append(s.sockets, k)
	s.work.Go(func() { s.write(k) })
	s.touch()
	return true
}

// send queues a frame. Server.mu is held.
func (k *socket) send(frame []byte) {
	k.queue = append(k.queue, frame)
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// write sends what is queued, and a PING at every interval.
func (s *Server) write(k *socket) {
	ping := time.NewTicker(s.cfg.PingInterval)
	defer ping.Stop()
	for {
		select {
		case <-k.gone:
			return
		case <-ping.C:
			s.mu.Lock()
			off := s.pingsOff
			s.mu.Unlock()
			if !off {
				// An error shows in the reader as well, which ends the socket.
				_ = k.conn.WriteControl(websocket.PingMessage, []byte("Ping from applink-"+strconv.Itoa(k.id)), time.Now().Add(time.Second))
			}
		case <-k.wake:
			s.mu.Lock()
			frames := k.queue
			k.queue = nil
			s.mu.Unlock()
			for _, frame := range frames {
				if err := k.conn.WriteMessage(websocket.TextMessage, frame); err != nil {
					k.cut()
					return
				}
			}
		}
	}
}

// read takes acks until the connection ends.
func (s *Server) read(k *socket) {
	defer func() {
		k.conn.Close()
		close(k.gone)
		s.mu.Lock()
		s.sockets = slices.DeleteFunc(s.sockets, func(other *socket) bool { return other == k })
		s.touch()
		s.mu.Unlock()
	}()
	for {
		kind, frame, err := k.conn.ReadMessage()
		if err != nil {
			return
		}
		if kind == websocket.TextMessage {
			s.acknowledge(k, frame)
		}
	}
}

// cut breaks the connection as a network failure does.
func (k *socket) cut() {
	k.hangUp.Do(func() {
		if tcp, ok := k.conn.NetConn().(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		k.conn.Close()
	})
}

// Sockets returns how many Socket Mode connections are open.
func (s *Server) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets)
}

// SocketNumbers returns the numbers of the open Socket Mode connections, oldest
// first, for Route.
func (s *Server) SocketNumbers() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	numbers := make([]int, len(s.sockets))
	for i, k := range s.sockets {
		numbers[i] = k.id
	}
	return numbers
}

// SetStrangers says how many sockets somebody else holds with the same app-level
// token. A hello counts them; they are given no envelopes here.
func (s *Server) SetStrangers(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strangers = n
}

// Disconnect asks every open socket to go, for one of the reasons above.
// LinkDisabled also switches Socket Mode off until EnableSocketMode.
func (s *Server) Disconnect(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if reason == LinkDisabled {
		s.socketModeOff = true
	}
	for _, k := range s.sockets {
		s.disconnect(k, reason)
	}
	s.touch()
}

// DisconnectSocket is Disconnect for one socket, by its number (1 is the first
// ever opened), and for no reason but Warning or RefreshRequested. It reports
// whether that socket was open.
func (s *Server) DisconnectSocket(number int, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.numbered(number)
	if k == nil || s.closed {
		return false
	}
	s.disconnect(k, reason)
	s.touch()
	return true
}

// OldestSocket is the number of the oldest open socket, 0 if there is none.
func (s *Server) OldestSocket() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sockets) == 0 {
		return 0
	}
	return s.sockets[0].id
}

// DropSocket cuts one socket without a word, and reports whether it was open.
func (s *Server) DropSocket(number int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.numbered(number)
	if k == nil {
		return false
	}
	k.cut()
	return true
}

// numbered finds an open socket, or nil. s.mu is held.
func (s *Server) numbered(number int) *socket {
	for _, k := range s.sockets {
		if k.id == number {
			return k
		}
	}
	return nil
}

// EnableSocketMode switches Socket Mode on again.
func (s *Server) EnableSocketMode() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.socketModeOff = false
	s.touch()
}

// disconnect sends the frame and closes the socket after its grace. After a
// warning the socket goes on getting envelopes. s.mu is held.
func (s *Server) disconnect(k *socket, reason string) {
	grace := closeGrace
	if reason == Warning {
		grace = s.cfg.WarningGrace
	} else {
		k.leaving = true
	}
	k.send(mustJSON(map[string]any{"type": "disconnect", "reason": reason,
		"debug_info": map[string]any{"host": "applink-" + strconv.Itoa(k.id)}}))
	s.work.Go(func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			// Polite if it works; the connection ends either way.
			_ = k.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, reason), time.Now().Add(time.Second))
			k.conn.Close()
		case <-k.gone:
		case <-s.done:
		}
	})
}

// DropSockets cuts every open socket without a word.
func (s *Server) DropSockets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.sockets {
		k.cut()
	}
}

// StopPings ends the PINGs on all sockets, new ones included, as on a
// connection that is dead without anybody having noticed.
func (s *Server) StopPings() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pingsOff = true
}

// LoseSockets has Slack lose the sockets that are open now: they stay open and are
// pinged, and each envelope that goes to one of them reaches nobody. Users of other
// apps report that; a new socket is as good as any.
func (s *Server) LoseSockets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.sockets {
		k.lost = true
	}
}

// ResumePings undoes StopPings.
func (s *Server) ResumePings() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pingsOff = false
}

// RefuseConnections makes the next n calls of apps.connections.open fail (0:
// all of them, until ClearFaults): with an error code of Slack, or with an
// HTTP status when the reason is a number.
func (s *Server) RefuseConnections(reason string, n int) {
	fault := Fault{Method: "apps.connections.open", Times: n, Error: reason}
	if status, err := strconv.Atoi(reason); err == nil {
		fault.Error, fault.Status = "", status
	}
	s.Inject(fault)
}

// Route decides which socket gets the next envelopes: choose is given the
// numbers of the open sockets (1 is the first ever opened), oldest first, and
// returns one of them. nil restores the default. It must not call the Server.
func (s *Server) Route(choose func(sockets []int) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.route = choose
}

// SendRaw puts any frame on one socket.
func (s *Server) SendRaw(frame []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.pick()
	if k == nil {
		return fmt.Errorf("sending a raw frame: %w", ErrNoSocket)
	}
	k.send(frame)
	return nil
}

// pick chooses the socket for a payload, or nil without any. s.mu is held.
func (s *Server) pick() *socket {
	var ready []*socket
	var ids []int
	for _, k := range s.sockets {
		if !k.leaving {
			ready = append(ready, k)
			ids = append(ids, k.id)
		}
	}
	switch {
	case len(ready) == 0:
		return nil
	case s.route != nil:
		want := s.route(ids)
		i := slices.Index(ids, want)
		if i < 0 {
			panic(fmt.Sprintf("slacktest: Route chose socket %d, which is not open", want))
		}
		return ready[i]
	case s.random != nil:
		return ready[s.random.IntN(len(ready))]
	}
	s.lastRoute++
	return ready[s.lastRoute%len(ready)]
}

// LoseAcks has every ack that arrives get lost from now on, or not any more:
// the people wait in vain, although the app has done its part.
func (s *Server) LoseAcks(lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acksLost = lost
}

// BadFrames returns what arrived on sockets and was no ack.
func (s *Server) BadFrames() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.badFrames)
}

// acknowledge takes one frame from the client.
func (s *Server) acknowledge(k *socket, frame []byte) {
	at := time.Now()
	var ack struct {
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload"`
	}
	bad := json.Unmarshal(frame, &ack) != nil || ack.EnvelopeID == ""
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touch()
	if s.acksLost {
		return
	}
	if bad {
		s.badFrames = append(s.badFrames, frame)
		return
	}
	s.settle(k, Ack{EnvelopeID: ack.EnvelopeID, Payload: ack.Payload, At: at, Socket: k.id, Dropped: len(frame) >= MaxAckBytes})
}
