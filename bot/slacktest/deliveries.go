package slacktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNoSocket says that the app holds no socket; the person sees
// DispatchFailed.
var ErrNoSocket = errors.New("the app has no open socket")

var errClosed = errors.New("the Slack double was closed")

// What a person sees when the app fails them.
const (
	// DispatchFailed: Slack could not reach the app.
	DispatchFailed = "dispatch_failed"
	// OperationTimeout: the app did not ack in time.
	OperationTimeout = "operation_timeout"
	// UnknownError: the app's ack had a payload that Slack cannot show.
	UnknownError = "dispatch_unknown_error"
)

// Ack is one acknowledgement that arrived.
type Ack struct {
	EnvelopeID string
	Payload    json.RawMessage // nil: none
	At         time.Time       // by the real clock
	Latency    time.Duration   // since the envelope was queued for its socket
	Late       bool            // after AckDeadline: too late for the person
	Socket     int             // the number of the socket it arrived on
	// OtherSocket: it arrived on another socket than its envelope went to.
	OtherSocket bool
	// Dropped: it was MaxAckBytes or larger, so Slack ignores it.
	Dropped bool
	// Repeated: the envelope had been acked before; nothing came of it.
	Repeated bool
	// Unknown: no such envelope was ever sent.
	Unknown bool
	// Rejected says why Slack could not use the payload; empty when it could.
	Rejected string
}

// Acks returns every ack that arrived, oldest first, whatever became of it.
func (s *Server) Acks() []Ack {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acks)
}

// Delivery is one envelope on its way to the app, and what came of it.
type Delivery struct {
	// EnvelopeID is empty when nothing was sent.
	EnvelopeID string
	// Payload is what the envelope carries.
	Payload json.RawMessage

	server  *Server
	kind    string                      // the envelope's type
	apply   func(json.RawMessage) error // uses the ack's payload; server.mu is held
	attempt int                         // of an event: how often it was sent before
	socket  int
	sentAt  time.Time
	settled chan struct{} // closed when acked, or when nothing was sent

	// Guarded by server.mu.
	err  error
	ack  *Ack
	saw  string
	late bool // AckDeadline has passed
}

// failed is a Delivery of something that the person could not do.
func (s *Server) failed(err error) *Delivery {
	d := &Delivery{server: s, err: err, settled: make(chan struct{})}
	close(d.settled)
	return d
}

// silent is a Delivery of something that Slack does not tell the app.
func (s *Server) silent() *Delivery {
	d := &Delivery{server: s, ack: &Ack{}, settled: make(chan struct{})}
	close(d.settled)
	return d
}

// send makes an envelope and puts it on one socket. s.mu is held.
func (s *Server) send(kind string, payload json.RawMessage, apply func(json.RawMessage) error) *Delivery {
	return s.sendAs(newEnvelopeID(), kind, payload, apply, 0)
}

// eventsAPI is the type of the envelopes that carry events. Nobody waits for one: the
// person sees no error if the app does not ack it, and its ack carries nothing.
const eventsAPI = "events_api"

func (s *Server) sendAs(id, kind string, payload json.RawMessage, apply func(json.RawMessage) error, attempt int) *Delivery {
	defer s.touch()
	k := s.pick()
	if k == nil || s.closed {
		d := s.failed(ErrNoSocket)
		d.kind, d.apply = kind, apply
		d.see(DispatchFailed)
		d.Payload, d.attempt = payload, attempt
		return d
	}
	d := &Delivery{EnvelopeID: id, Payload: payload, server: s, kind: kind, apply: apply, attempt: attempt,
		socket: k.id, sentAt: time.Now(), settled: make(chan struct{})}
	s.deliveries[id] = append(s.deliveries[id], d)
	if !k.lost {
		k.send(d.envelope())
	}
	s.work.Go(func() { d.expire() })
	return d
}

// envelope is the frame. Only those of events say how often they were sent before.
// https://docs.slack.dev/apis/events-api/using-socket-mode
// https://docs.slack.dev/apis/events-api/#retries
func (d *Delivery) envelope() json.RawMessage {
	frame := map[string]any{"envelope_id": d.EnvelopeID, "type": d.kind, "payload": d.Payload, "accepts_response_payload": d.kind != eventsAPI}
	if d.kind == eventsAPI {
		frame["retry_attempt"], frame["retry_reason"] = d.attempt, ""
		if d.attempt > 0 {
			frame["retry_reason"] = "timeout"
		}
	}
	return mustJSON(frame)
}

// see shows the person an error. Server.mu is held.
func (d *Delivery) see(what string) {
	if d.kind != eventsAPI {
		d.saw = what
	}
}

func newEnvelopeID() string {
	h := random(16)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// expire shows the person an error when the deadline passes without an ack.
func (d *Delivery) expire() {
	s := d.server
	timer := time.NewTimer(s.cfg.AckDeadline)
	defer timer.Stop()
	select {
	case <-d.settled:
		return
	case <-s.done:
		return
	case <-timer.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.late = true
	if d.ack == nil {
		d.see(OperationTimeout)
	}
	s.touch()
}

// settle records an ack and lets it count for the delivery it belongs to.
// s.mu is held.
func (s *Server) settle(k *socket, ack Ack) {
	var d *Delivery
	sent := s.deliveries[ack.EnvelopeID]
	ack.Unknown = len(sent) == 0
	for _, other := range sent { // the first one open on this socket, else the first one open
		if other.ack == nil && (d == nil || d.socket != k.id && other.socket == k.id) {
			d = other
		}
	}
	if d == nil {
		ack.Repeated = !ack.Unknown
		s.acks = append(s.acks, ack)
		return
	}
	ack.Latency = ack.At.Sub(d.sentAt)
	ack.Late = d.late || ack.Latency > s.cfg.AckDeadline
	ack.OtherSocket = d.socket != k.id
	if ack.Dropped || ack.OtherSocket && !s.cfg.AckOnAnySocket {
		s.acks = append(s.acks, ack)
		return
	}
	if !ack.Late {
		if err := d.apply(ack.Payload); err != nil {
			ack.Rejected = err.Error()
			d.saw = UnknownError
		}
	} else {
		d.see(OperationTimeout)
	}
	d.ack = &ack
	s.acks = append(s.acks, ack)
	close(d.settled)
}

// Err says why the person could not do it, or ErrNoSocket; nil when an
// envelope was sent.
func (d *Delivery) Err() error {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	return d.err
}

// Wait waits for the ack that counts, however late it comes. An ack that is
// there already is returned even when ctx has ended. Acks that Slack ignores
// are in Server.Acks only.
func (d *Delivery) Wait(ctx context.Context) (Ack, error) {
	var gaveUp error
	select {
	case <-d.settled:
	case <-ctx.Done():
		gaveUp = ctx.Err()
	case <-d.server.done:
		gaveUp = errClosed
	}
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	switch {
	case d.err != nil:
		return Ack{}, d.err
	case d.ack != nil:
		return *d.ack, nil
	}
	return Ack{}, fmt.Errorf("waiting for the ack of envelope %s: %w", d.EnvelopeID, gaveUp)
}

// Saw is the error that the person has been shown so far: "", DispatchFailed,
// OperationTimeout or UnknownError.
func (d *Delivery) Saw() string {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	return d.saw
}

// Outcome waits until the app has acked or its time is over, and returns what
// Saw returns from then on.
func (d *Delivery) Outcome(ctx context.Context) (string, error) {
	over := func() bool {
		d.server.mu.Lock()
		defer d.server.mu.Unlock()
		return d.err != nil || d.ack != nil || d.late
	}
	if err := d.server.Until(ctx, over); err != nil {
		return "", err
	}
	return d.Saw(), nil
}

// Redeliver sends the same act in a new envelope. That of an event counts the attempts,
// as Slack's does when an event was not acked.
func (d *Delivery) Redeliver() *Delivery { return d.again(newEnvelopeID(), d.attempt+1) }

// Replay sends the same envelope, with the same ID, again.
func (d *Delivery) Replay() *Delivery { return d.again(d.EnvelopeID, d.attempt) }

func (d *Delivery) again(id string, attempt int) *Delivery {
	s := d.server
	if d.kind == "" {
		return s.failed(errors.New("there is no envelope to send again"))
	}
	if id == "" {
		id = newEnvelopeID()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sendAs(id, d.kind, d.Payload, d.apply, attempt)
}
