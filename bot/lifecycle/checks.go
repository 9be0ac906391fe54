package lifecycle

import (
	"maps"
	"sync"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
)

// recentChecks remembers which decisions this process has just checked. It uses the
// process's own clock, because the shared one can be set back.
type recentChecks struct {
	mu sync.Mutex
	at map[string]time.Time
}

// note remembers a request, and drops the old ones.
func (c *recentChecks) note(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at == nil {
		c.at = map[string]time.Time{}
	}
	maps.DeleteFunc(c.at, func(_ string, at time.Time) bool { return time.Since(at) > lookup.Fresh })
	c.at[id] = time.Now()
}

// forget drops all checks.
func (c *recentChecks) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.at)
}

// has reports whether the request was checked within lookup.Fresh.
func (c *recentChecks) has(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.at[id]
	return ok && time.Since(at) <= lookup.Fresh
}

// ForgetChecks makes Runner check every decision again before it calls Microsoft.
func (j *judge) ForgetChecks() { j.checks.forget() }

// NoteChecked notes that everything the decision depends on was looked up then.
func (j *judge) NoteChecked(r *bot.Request, at time.Time) {
	r.CheckedAt, r.CheckedBy, r.Unasked = at, j.cfg.Policy.Digest, ""
	j.checks.note(r.ID)
}

// justChecked reports whether the decision needs no recheck: it was just checked, by
// the policy in force, and for the same operation.
func (j *judge) justChecked(r *bot.Request) bool {
	old, known := bot.Age(r.CheckedAt, j.now())
	return known && old <= lookup.Fresh && j.checks.has(r.ID) && r.CheckedBy == j.cfg.Policy.Digest && j.cfg.SameOperation(r)
}
