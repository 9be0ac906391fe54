package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"revoke-sessions/bot"
)

// A clock that is set back must not delay what waits. Two rules hold afterwards: no
// stored event lies in the future, and nothing waits longer from now on than it had to
// when its wait began.

// clockSlack is how far time may go back without counting as set back: the clock may be
// corrected a little, and two replicas may read it differently.
const clockSlack = 2 * time.Second

// errSetBack means that the clock was set back and nothing was stored.
var errSetBack = errors.New("the database's clock was set back")

// hands record the latest database time that this process has seen.
type hands struct {
	mu     sync.Mutex
	latest time.Time
	// by is how far the clock was set back, until that is repaired; told, until Due
	// reports it.
	by, told time.Duration
}

// read returns the latest time that was seen.
func (h *hands) read() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.latest
}

// saw records a time that was requested after known was seen. It reports whether the
// clock was set back and stored times are not repaired yet. If others have seen a later
// time since, the new one proves nothing: it may just have arrived late.
func (h *hands) saw(known, now time.Time) (setBack bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if back := known.Sub(now); back > clockSlack && !h.latest.Before(known) {
		h.latest, h.by = now, max(h.by, back)
	} else if now.After(h.latest) {
		h.latest = now
	}
	return h.by > 0
}

// mended records that stored times are repaired.
func (h *hands) mended() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told, h.by = max(h.told, h.by), 0
}

// tell returns, once, how far the clock was set back; 0 if it was not.
func (h *hands) tell() (by time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	by, h.told = h.told, 0
	return by
}

// compareClock loads the time at which something was last stored, maybe by an earlier
// process, so that the first look at the clock can tell whether it went back.
func (c *core) compareClock(ctx context.Context) error {
	var at int64
	if err := c.row(ctx, `SELECT max(at) FROM (SELECT at FROM audit_head UNION ALL
		SELECT coalesce((SELECT received_at FROM arrivals WHERE body <> '' ORDER BY received_at DESC LIMIT 1), 0) UNION ALL
		SELECT coalesce((SELECT opened_at FROM homes ORDER BY opened_at DESC LIMIT 1), 0)) last`).Scan(&at); err != nil {
		return fmt.Errorf("read when something was last stored: %w", err)
	}
	c.hands.mu.Lock()
	defer c.hands.mu.Unlock()
	c.hands.latest = time.UnixMicro(at).UTC()
	return nil
}

// goesOn repairs stored times if the clock was set back. If the database has its own
// clock, transactions read it, every few seconds at least.
func (c *core) goesOn(ctx context.Context) error {
	known := c.hands.read()
	now := known
	if c.time == nil {
		now = c.now()
	}
	if !c.hands.saw(known, now) {
		return nil
	}
	return c.mendClock(ctx)
}

// mendClock adapts everything stored to a clock that was set back. Running it again,
// even on another replica, changes nothing more.
func (c *core) mendClock(ctx context.Context) error {
	err := tried(ctx, writeWithin, c.again, func() error { return c.attempt(ctx, setBack, nil, false, true) })
	if err != nil {
		return fmt.Errorf("have what waits go by a clock that was set back: %w", err)
	}
	c.hands.mended()
	return nil
}

func setBack(ctx context.Context, tx *tx) error {
	for _, chore := range setBackChores(tx.now) {
		if chore.what == "replicas" && tx.core.name == "" {
			continue // SQLite has no such table
		}
		if _, err := tx.ExecContext(ctx, chore.query, chore.args...); err != nil {
			return fmt.Errorf("%s: %w", chore.what, err)
		}
	}
	if err := setFreezeBack(ctx, tx); err != nil {
		return err
	}
	// It is unknown how long Microsoft still wants no calls. If it does, the next call
	// finds out.
	if err := tx.alone(ctx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE turnstile SET until = $1 WHERE id = 1 AND until > $1`, micros(tx.now)); err != nil {
		return fmt.Errorf("the turnstile: %w", err)
	}
	return nil
}

// setBackChore is one statement of setBack.
type setBackChore struct {
	what, query string
	args        []any
}

func setBackChores(at time.Time) []setBackChore {
	now := micros(at)
	// claim is the latest time that a claim may last until.
	future, claim := micros(at.Add(clockSlack)), micros(at.Add(bot.ClaimFor))
	return []setBackChore{
		// A wait starts over, and a deadline moves with the time at which it was set. The
		// new version makes a concurrent change or telling read the request again.
		{"requests", `UPDATE requests SET
			version = version + CASE WHEN state IN ('pending', 'approved') AND changed_at > $2 THEN 1 ELSE 0 END,
			due_at = CASE WHEN due_at IS NULL OR changed_at <= $2 THEN due_at
				WHEN due_at > changed_at THEN CAST($1 AS BIGINT) + (due_at - changed_at) ELSE CAST($1 AS BIGINT) END,
			tell_due_at = CASE WHEN tell_due_at > $1 OR state IN ('pending', 'approved') AND changed_at > $2
				THEN CAST($1 AS BIGINT) ELSE tell_due_at END,
			paused = paused - CASE WHEN state = 'pending' AND created_at > $1 THEN created_at - CAST($1 AS BIGINT) ELSE 0 END,
			created_at = CASE WHEN created_at > $1 THEN CAST($1 AS BIGINT) ELSE created_at END,
			claimed_until = CASE WHEN claimed_until > $3 THEN CAST($3 AS BIGINT) ELSE claimed_until END,
			tell_claimed_until = CASE WHEN tell_claimed_until > $3 THEN CAST($3 AS BIGINT) ELSE tell_claimed_until END,
			changed_at = CASE WHEN changed_at > $2 THEN CAST($1 AS BIGINT) ELSE changed_at END
			WHERE id IN (SELECT id FROM requests WHERE due_at IS NOT NULL UNION SELECT id FROM requests WHERE tell_due_at IS NOT NULL)`,
			[]any{now, future, claim}},
		{"ended requests", `UPDATE requests SET changed_at = $1 WHERE due_at IS NULL AND erased = 0 AND changed_at > $2`, []any{now, future}},
		{"arrivals", `UPDATE arrivals SET
			due_at = CASE WHEN due_at > $1 THEN CAST($1 AS BIGINT) ELSE due_at END,
			claimed_until = CASE WHEN claimed_until > $3 THEN CAST($3 AS BIGINT) ELSE claimed_until END,
			received_at = CASE WHEN received_at > $1 THEN CAST($1 AS BIGINT) ELSE received_at END
			WHERE received_at > $2 OR due_at > $1 OR claimed_until > $3`, []any{now, future, claim}},
		{"notices", `UPDATE notices SET
			due_at = CASE WHEN due_at > $1 THEN CAST($1 AS BIGINT) ELSE due_at END,
			claimed_until = CASE WHEN claimed_until > $2 THEN CAST($2 AS BIGINT) ELSE claimed_until END,
			posted_at = CASE WHEN posted_at > $1 THEN CAST($1 AS BIGINT) ELSE posted_at END
			WHERE due_at > $1 OR posted_at > $1`, []any{now, claim}},
		{"Home tabs", `UPDATE homes SET
			opened_at = CASE WHEN opened_at > $1 THEN CAST($1 AS BIGINT) ELSE opened_at END,
			due_at = CASE WHEN due_at > $1 THEN CAST($1 AS BIGINT) ELSE due_at END,
			claimed_until = CASE WHEN claimed_until > $2 THEN CAST($2 AS BIGINT) ELSE claimed_until END,
			published_at = CASE WHEN published_at > $1 THEN CAST($1 AS BIGINT) ELSE published_at END
			WHERE opened_at > $1 OR due_at > $1 OR claimed_until > $2 OR published_at > $1`, []any{now, claim}},
		{"the refusal of Home tabs", `UPDATE home_tab SET at = $1 WHERE id = 1 AND at > $2`, []any{now, future}},
		// From now on, a use counts for as long as its limit says.
		{"uses", `UPDATE uses SET at = $1 WHERE at > $2`, []any{now, future}},
		{"ended freezes", `UPDATE freezes SET ended_at = $1 WHERE ended_at > $2`, []any{now, future}},
		{"replicas", `UPDATE replicas SET seen_at = $1 WHERE seen_at > $2`, []any{now, future}},
	}
}

// setFreezeBack restarts the current freeze, so that it lasts no longer than intended.
func setFreezeBack(ctx context.Context, tx *tx) error {
	var id int64
	var body []byte
	err := tx.QueryRowContext(ctx, `SELECT id, body FROM freezes WHERE ended_at IS NULL AND began_at > $1`,
		micros(tx.now.Add(clockSlack))).Scan(&id, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	var f bot.Freeze
	if err == nil {
		err = json.Unmarshal(body, &f)
	}
	if err != nil {
		return fmt.Errorf("read the freeze: %w", err)
	}
	f.Until, f.BeganAt = tx.now.Add(f.Until.Sub(f.BeganAt)), tx.now
	if body, err = json.Marshal(f); err != nil {
		return fmt.Errorf("encode the freeze: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE freezes SET version = version + 1, began_at = $1, body = $2 WHERE id = $3`,
		micros(f.BeganAt), string(body), id); err != nil {
		return fmt.Errorf("the freeze: %w", err)
	}
	return nil
}
