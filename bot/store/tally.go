package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"revoke-sessions/bot"
)

// tallyFor is for how long, after a refusal, others of the same person and kind
// are counted and get no rows of their own.
const tallyFor = time.Minute

// closeAtOnce bounds the tallies that one call closes.
const closeAtOnce = 64

// repeatable reports rows that somebody can bring about as often as they like, and
// that change nothing. They must not make the chain grow as they like. Whoever
// sits at the command line has rights, and no clock closes a minute there.
func repeatable(e bot.Entry) bool {
	return slices.Contains(repeated, e.Action) && !strings.HasPrefix(e.Actor, "os:")
}

var repeated = []string{"refused", "cancel_asked_again", "deny_pressed"}

// kindOf is what a row and its repetitions have in common.
func kindOf(e bot.Entry) string {
	return sum(e.Action, e.Actor, e.ActorEntraID, e.Wanted, e.Reason, e.Request, e.TargetID, fmt.Sprint(e.Drill))
}

// tallied answers the rows that entries become now. Of what is repeatable, the
// first within a minute is a row at once; the others are counted in the same
// transaction, so that none is lost, and whatever was counted in a minute that
// is over becomes one row.
func tallied(ctx context.Context, tx *tx, entries []bot.Entry) (rows []bot.Entry, err error) {
	for _, e := range entries {
		if !repeatable(e) {
			rows = append(rows, e)
			continue
		}
		kind := kindOf(e)
		// A minute that ends later than in a minute began before the clock was set back.
		over, err := collectTallies(tx.QueryContext(ctx, `DELETE FROM tallies WHERE kind = $1 AND (until_at <= $2 OR until_at > $3)
			RETURNING entry, times, last_at`, kind, micros(tx.now), micros(tx.now.Add(tallyFor))))
		if err != nil {
			return nil, fmt.Errorf("close the tally of a refusal: %w", err)
		}
		rows = append(rows, over...)
		text, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("encode the audit row: %w", err)
		}
		var times int
		err = tx.QueryRowContext(ctx, `INSERT INTO tallies (kind, until_at, times, last_at, entry) VALUES ($1, $2, 0, $3, $4)
			ON CONFLICT (kind) DO UPDATE SET times = tallies.times + 1, last_at = excluded.last_at, entry = excluded.entry
			RETURNING times`, kind, micros(tx.now.Add(tallyFor)), micros(tx.now), string(text)).Scan(&times)
		if err != nil {
			return nil, fmt.Errorf("count a refusal: %w", err)
		}
		if times == 0 {
			rows = append(rows, e)
		}
	}
	return rows, nil
}

// closeTallies ends the tallies whose minute is over and answers their rows.
func closeTallies(ctx context.Context, tx *tx) ([]bot.Entry, error) {
	rows, err := collectTallies(tx.QueryContext(ctx, `DELETE FROM tallies WHERE kind IN
		(SELECT kind FROM tallies WHERE until_at <= $1 ORDER BY until_at LIMIT $2`+tx.skipLocked()+`)
		RETURNING entry, times, last_at`, micros(tx.now), closeAtOnce))
	if err != nil {
		return nil, fmt.Errorf("close the tallies of refusals: %w", err)
	}
	return rows, nil
}

// collectTallies makes a row of each tally that has counted something, in the
// order of their last acts.
func collectTallies(found *sql.Rows, err error) ([]bot.Entry, error) {
	type tally struct {
		entry  bot.Entry
		lastAt int64
	}
	all, err := collect(found, err, func(row scanner) (t tally, err error) {
		var text []byte
		var times int
		if err := row.Scan(&text, &times, &t.lastAt); err != nil {
			return t, err
		}
		if json.Unmarshal(text, &t.entry) != nil {
			t.entry = bot.Entry{Action: "refused", Actor: "bot"} // what was counted cannot be read; that it was, stays
		}
		t.entry.Count, t.entry.LastAt = times, time.UnixMicro(t.lastAt).UTC().Format(time.RFC3339)
		return t, nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b tally) int { return cmp.Compare(a.lastAt, b.lastAt) })
	var rows []bot.Entry
	for _, t := range all {
		if t.entry.Count > 0 {
			rows = append(rows, t.entry)
		}
	}
	return rows, nil
}
