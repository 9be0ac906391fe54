package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"revoke-sessions/bot"
)

const (
	// firstGap is the pause between two calls after Microsoft asked to wait. longestGap
	// is how far it may grow while Microsoft keeps asking. A pause below shortestGap is
	// dropped.
	firstGap, longestGap, shortestGap = time.Second, 30 * time.Second, 100 * time.Millisecond
	// longestLook is when somebody far back in the line learns their new place.
	longestLook = 5 * time.Minute
	// lineStuck is when a request that may go and does not is left out of the line, so
	// that nobody waits for an unreadable row.
	lineStuck = 30 * time.Second
)

// mayGo returns bot.ErrOtherRules if the change was decided under rules that are not in
// force, and bot.ErrFrozen if the change is fenced and a freeze is on; the transaction
// holds the lock, so that no freeze begins meanwhile. It returns a *bot.TurnError if the
// change starts a call to Graph and it is not its turn. With no brake on, it costs one
// read.
func mayGo(ctx context.Context, tx *tx, c bot.Change, r *bot.Request) error {
	var frozen bool
	var rules string
	var until, gap int64
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM freezes WHERE ended_at IS NULL),
		coalesce((SELECT digest FROM rules_in_force WHERE id = 1), ''), until, gap FROM turnstile WHERE id = 1`).
		Scan(&frozen, &rules, &until, &gap); err != nil {
		return fmt.Errorf("look for a freeze, for the rules in force, and for whose turn it is: %w", err)
	}
	switch {
	case c.Under != "" && rules != "" && rules != c.Under:
		return bot.ErrOtherRules
	case c.Fenced && frozen:
		return bot.ErrFrozen
	case c.InTurn && (gap > 0 || micros(tx.now) < until):
		return takeTurn(ctx, tx, r)
	}
	return nil
}

// takeTurn lets the request go, if it is its turn.
func takeTurn(ctx context.Context, tx *tx, r *bot.Request) error {
	if err := tx.alone(ctx); err != nil {
		return err
	}
	until, gap, err := turnstile(ctx, tx, tx.forUpdate())
	if err != nil {
		return err
	}
	place := lineAt(r)
	var ahead, ready int64
	if place.Valid {
		if err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(CASE WHEN due_at <= $1 AND due_at > $2 THEN 1 ELSE 0 END), 0)
			FROM requests WHERE line_at < $3 AND id <> $4`,
			micros(tx.now), micros(tx.now.Add(-lineStuck)), place, r.ID).Scan(&ahead, &ready); err != nil {
			return fmt.Errorf("count who is before it: %w", err)
		}
	}
	if !tx.now.Before(until) && ready == 0 {
		return setTurnstile(ctx, tx, tx.now.Add(gap), gap)
	}
	if until.Before(tx.now) {
		until = tx.now
	}
	// Roughly when those ahead will have gone.
	return &bot.TurnError{Until: until.Add(min(time.Duration(ahead)*gap, longestLook)), Ahead: int(ahead)}
}

// lineAt is the request's place in the line: the time of its confirmation.
func lineAt(r *bot.Request) (at sql.NullInt64) {
	if r.State != bot.Approved && r.State != bot.Executing || len(r.Decisions) == 0 {
		return at
	}
	return maybe(r.Decisions[len(r.Decisions)-1].At)
}

// heed stores what an answer of Microsoft's means for the next calls.
func heed(ctx context.Context, tx *tx, c bot.Change) error {
	if c.Pushback <= 0 && !c.Answered {
		return nil
	}
	_, gap, err := turnstile(ctx, tx, "")
	if err != nil || c.Pushback <= 0 && gap == 0 {
		return err
	}
	if err := tx.alone(ctx); err != nil {
		return err
	}
	until, gap, err := turnstile(ctx, tx, tx.forUpdate())
	if err != nil {
		return err
	}
	switch {
	case c.Pushback > 0:
		gap = min(max(2*gap, firstGap), longestGap)
		if end := tx.now.Add(c.Pushback); end.After(until) {
			until = end
		}
	case until.After(tx.now.Add(gap)):
		return nil // the call was made before Microsoft asked to wait
	case gap/2 >= shortestGap:
		gap /= 2
	default:
		until, gap = tx.now, 0
		// A replica working on one of these right now sees it by itself.
		if _, err := tx.ExecContext(ctx, `UPDATE requests SET due_at = $1 WHERE id IN
			(SELECT id FROM requests WHERE line_at IS NOT NULL AND due_at > $1 ORDER BY line_at`+tx.skipLocked()+`)`, micros(tx.now)); err != nil {
			return fmt.Errorf("let the line go: %w", err)
		}
	}
	return setTurnstile(ctx, tx, until, gap)
}

// turnstile returns until when no call may start, and the pause between two calls after
// that; 0 if there is none.
func turnstile(ctx context.Context, tx *tx, forUpdate string) (until time.Time, gap time.Duration, err error) {
	var at, micros int64
	if err := tx.QueryRowContext(ctx, `SELECT until, gap FROM turnstile WHERE id = 1`+forUpdate).Scan(&at, &micros); err != nil {
		return until, 0, fmt.Errorf("read whose turn it is: %w", err)
	}
	return time.UnixMicro(at).UTC(), time.Duration(micros) * time.Microsecond, nil
}

func setTurnstile(ctx context.Context, tx *tx, until time.Time, gap time.Duration) error {
	if _, err := tx.ExecContext(ctx, `UPDATE turnstile SET until = $1, gap = $2 WHERE id = 1`, micros(until), gap.Microseconds()); err != nil {
		return fmt.Errorf("store whose turn it is: %w", err)
	}
	return nil
}
