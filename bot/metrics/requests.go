package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// requests counts what happened to requests, from the stored audit rows: if the audit
// chain is right, so are the numbers.
type requests struct {
	events   *prometheus.CounterVec
	refusals *prometheus.CounterVec
	approved *prometheus.HistogramVec
	revoked  *prometheus.HistogramVec
	verified *prometheus.HistogramVec
	attempts *prometheus.CounterVec
}

// waiting is the event of a request whose call must be made again: Microsoft asked to
// wait, or could not be reached, and nothing was done.
const waiting = "waiting"

// offRecord is the event of a request that was stopped because the audit chain
// does not show what its row says.
const offRecord = "off_record"

// fromReport are the buckets, in seconds, of times that depend on people: from seconds, if
// the reporter's own word is enough, to a day.
var fromReport = []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400}

// actions are what people can be refused, and the kinds of arrivals that the bot can
// give up.
var actions = set(
	string(authz.Ask), string(authz.Confirm), string(authz.Deny), string(authz.Cancel), string(authz.Retry),
	string(authz.See), string(authz.Freeze), string(authz.Unfreeze),
	string(bot.CommandArrival), string(bot.ClickArrival), string(bot.FormArrival))

// reasons are why people can be refused something.
var reasons = set(bot.Reasons...)

func (q *requests) register(registry *prometheus.Registry) {
	histogram := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + name, Help: help + " Drills and the command line are not in it.", Buckets: fromReport,
		}, []string{"lane"})
	}
	q.events = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: prefix + "request_events_total",
		Help: "What happened to requests, by the action of the audit row; waiting where an approved one has to wait for Microsoft, " +
			"off_record where one is stopped that the audit chain does not show.",
	}, []string{"event", "lane", "drill"})
	q.refusals = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: prefix + "refusals_total", Help: "What people wanted and were not allowed, and why.",
	}, []string{"wanted", "reason"})
	q.approved = histogram("report_to_approval_seconds", "From a report to the decision to revoke.")
	q.revoked = histogram("report_to_revoke_seconds", "From a report to Microsoft's yes.")
	q.verified = histogram("report_to_verified_seconds", "From a report to a read that shows the revoke.")
	q.attempts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: prefix + "revoke_attempts_total", Help: "Calls that were begun to carry a decision out: its first, and those after it.",
	}, []string{"attempt"})
	registry.MustRegister(q.events, q.refusals, q.approved, q.revoked, q.verified, q.attempts)

	lanes := []authz.Lane{authz.Self, authz.ThirdParty}
	for _, lane := range lanes {
		for _, h := range []*prometheus.HistogramVec{q.approved, q.revoked, q.verified} {
			h.WithLabelValues(string(lane))
		}
		q.events.WithLabelValues(bot.ActRequested, string(lane), "false")
		q.events.WithLabelValues(bot.ActReopened, string(lane), "false")
		q.events.WithLabelValues(offRecord, string(lane), "false")
		for _, state := range bot.States {
			if state != bot.Pending && state != bot.Drilled {
				q.events.WithLabelValues(string(state), string(lane), "false")
			}
		}
	}
	q.refusals.WithLabelValues(string(authz.Retry), string(bot.NotOnRecord))
	for _, attempt := range []string{"first", "further"} {
		q.attempts.WithLabelValues(attempt)
	}
}

// Meter returns the meter that the bot tells about its requests.
func (m *Metrics) Meter() bot.Meter {
	if m == nil {
		return nil
	}
	return &m.requests
}

// Changed implements bot.Meter.
func (q *requests) Changed(r *bot.Request, rows []bot.Entry, at time.Time) {
	for _, row := range rows {
		event := row.Action
		if row.Request == r.ID {
			event = q.own(r, row, at)
		}
		q.events.WithLabelValues(event, string(r.Lane), yesNo(row.Drill)).Inc()
	}
}

// own counts an audit row of r itself and returns its event.
func (q *requests) own(r *bot.Request, row bot.Entry, at time.Time) (event string) {
	lane, calls := string(r.Lane), 0
	for _, a := range r.Attempts {
		if a.Decision == len(r.Decisions) {
			calls++
		}
	}
	since := func(h *prometheus.HistogramVec, then time.Time) {
		if !r.Drill && !r.AtConsole() {
			h.WithLabelValues(lane).Observe(max(0, then.Sub(r.CreatedAt).Seconds()))
		}
	}
	if row.Action == bot.ActWithheld && row.Reason == string(bot.NotOnRecord) {
		return offRecord
	}
	switch bot.State(row.Action) {
	case bot.Approved:
		if row.Outcome != "" { // the outcome of a call
			return waiting
		}
		// A decision after "Try again" comes hours later and is not measured.
		if len(r.Decisions) == 1 {
			since(q.approved, r.Decisions[0].At)
		}
	case bot.Void, bot.Denied:
		if row.Reason == string(bot.NotOnRecord) {
			return offRecord
		}
	case bot.Executing:
		attempt := "first"
		if calls > 1 {
			attempt = "further"
		}
		q.attempts.WithLabelValues(attempt).Inc()
	case bot.Revoked:
		since(q.revoked, r.AcceptedAt)
	case bot.Verified:
		since(q.verified, at)
	}
	return row.Action
}

// Refused implements bot.Meter.
func (q *requests) Refused(row *bot.Entry) {
	q.refusals.WithLabelValues(among(actions, row.Wanted), among(reasons, row.Reason)).Inc()
}

func yesNo(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
