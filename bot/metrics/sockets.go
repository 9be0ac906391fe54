package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"revoke-sessions/bot"
	"revoke-sessions/bot/listen"
)

// registerSockets registers the listener's counts.
func (m *Metrics) registerSockets() {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: prefix + "sockets_open", Help: "Sockets that Slack has said hello on. With none, nothing that people do arrives.",
	}, func() float64 { return float64(m.connected()) }))
	for _, c := range []struct {
		result string
		of     func(listen.Counts) uint64
	}{
		{"stored", func(c listen.Counts) uint64 { return c.Stored }},
		{"refused", func(c listen.Counts) uint64 { return c.Refused }},
		{"ignored", func(c listen.Counts) uint64 { return c.Ignored }},
		{"unknown", func(c listen.Counts) uint64 { return c.Unknown }},
		{"undecodable", func(c listen.Counts) uint64 { return c.Undecodable }},
		{"duplicate", func(c listen.Counts) uint64 { return c.Duplicates }},
		{"panic", func(c listen.Counts) uint64 { return c.Panics }},
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: prefix + "envelopes_total", Help: "Envelopes that came through the sockets, by what became of them.",
			ConstLabels: prometheus.Labels{"result": c.result},
		}, func() float64 { return float64(c.of(m.counts())) }))
	}
	m.registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: prefix + "envelopes_received_total", Help: "Envelopes that came through the sockets.",
		}, func() float64 { return float64(m.counts().Received) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: prefix + "acks_lost_total", Help: "Acks that no socket would take. Slack then shows an error for what may be stored.",
		}, func() float64 { return float64(m.counts().Unacked) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: prefix + "reconnects_total", Help: "Sockets that were opened in place of an earlier one. Slack asks for that every few hours.",
		}, func() float64 { return float64(m.counts().Reconnects) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: prefix + "envelope_age_seconds",
			Help: "How long ago the last envelope came on any socket, and before the first, how long the bot has listened. It grows when nobody does anything, and when Slack has lost the sockets.",
		}, func() float64 { return m.sinceHeard().Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: prefix + "strangers", Help: "Open sockets of the app that are none of ours: somebody else holds the app-level token.",
		}, func() float64 { return float64(m.strangers()) }),
	)
	m.ack = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: prefix + "envelope_to_ack_seconds", Help: "From an envelope to its ack being handed to the socket, stored on disk in between. Slack waits 3 s.",
		Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3},
	})
	m.registry.MustRegister(m.ack)
}

func (m *Metrics) connected() int {
	if l := m.listener.Load(); l != nil {
		return (*l).Connected()
	}
	return 0
}

func (m *Metrics) sinceHeard() time.Duration {
	if l := m.listener.Load(); l != nil {
		return (*l).SinceHeard()
	}
	return 0
}

func (m *Metrics) strangers() int {
	if l := m.listener.Load(); l != nil {
		return (*l).Strangers()
	}
	return 0
}

func (m *Metrics) counts() listen.Counts {
	if l := m.listener.Load(); l != nil {
		return (*l).Counts()
	}
	return listen.Counts{}
}

// Inbox wraps next to measure the time from an envelope to its ack.
func (m *Metrics) Inbox(next listen.Inbox) listen.Inbox {
	if m == nil {
		return next
	}
	return &inbox{next: next, ack: m.ack}
}

// inbox measures the arrivals that it passes on. The listener calls the function that
// Receive returns after it has handed the ack to the socket.
type inbox struct {
	next listen.Inbox
	ack  prometheus.Histogram
}

func (i *inbox) Receive(ctx context.Context, a bot.Arrival) (reply any, acked func(), err error) {
	reply, next, err := i.next.Receive(ctx, a)
	if next == nil || err != nil {
		return reply, next, err
	}
	return reply, func() {
		i.ack.Observe(time.Since(a.ReceivedAt).Seconds())
		next()
	}, nil
}
