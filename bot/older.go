package bot

import (
	"time"

	"revoke-sessions/authz"
)

// A decision is for the moment in which it is made. What waited longer than the
// bounds here is not carried out: people are asked again. So a bot that was down
// for a month, or a database that comes from an old backup, begins with no revoke.

// lateTimeout is how long after its deadline a report that nobody decided may
// still be carried out by on_timeout: execute.
const lateTimeout = time.Hour

// TooOld: it waited longer than a decision, or a deadline, counts.
const TooOld authz.Reason = "too_old"

// late reports whether a report that nobody decided has waited too long after
// its deadline to be carried out by itself.
func late(r *Request, now time.Time) bool { return now.After(r.deadline().Add(lateTimeout)) }

// outlived reports whether the decision in force is too old for a first call. It
// goes by the request and by the row that recorded the decision.
func (b *Bot) outlived(r *Request, recorded time.Time) bool {
	at := r.verdict().At
	if !recorded.IsZero() && recorded.Before(at) {
		at = recorded
	}
	return b.now().After(at.Add(b.cfg.Timing.Patience))
}

// shelf is until when the decision in force may lead to a first call.
func (b *Bot) shelf(r *Request) time.Time { return r.verdict().At.Add(b.cfg.Timing.Patience) }

// executesAt is from when a report is carried out that nobody decides, for the
// row that records it; empty where none is.
func (r *Request) executesAt() string {
	if !r.Executes {
		return ""
	}
	return stampText(r.ExpiresAt)
}
