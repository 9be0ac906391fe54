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

// tallyFor is how long after a refusal the next ones of the same person and kind are
// only counted.
const tallyFor = time.Minute

// closeAtOnce limits how many tallies one call closes.
const closeAtOnce = 64

// repeatable reports a row that changes nothing and that somebody can cause as often as
// they like. Such rows must not flood the chain. People at the command line are trusted,
// and no clock closes a minute there.
func repeatable(e bot.Entry) bool {
	return slices.Contains(repeated, e.Action) && !strings.HasPrefix(e.Actor, "os:")
}

var repeated = []string{"refused", "cancel_asked_again", "deny_pressed"}

// kindOf hashes what a row and its repetitions have in common.
func kindOf(e bot.Entry) string {
	return sum(e.Action, e.Actor, e.ActorEntraID, e.Wanted, e.Reason, e.Request, e.TargetID, fmt.Sprint(e.Drill))
}

// tallied returns the rows to write now for entries. The first repeatable row within a
// minute is written at once. The others are counted in the same transaction, so that
// none is lost, and the count of a finished minute becomes one row.
func tallied(ctx context.Context, tx *tx, entries []bot.Entry) (rows []bot.Entry, err error) {
	for _, e := range entries {
		if !repeatable(e) {
			rows = append(rows, e)
			continue
		}
		kind := kindOf(e)
		// A minute that ends much later than that began before the clock was set back. A
		// little later, another replica or a transaction that waited read the clock first.
		over, err := collectTallies(tx.QueryContext(ctx, `DELETE FROM tallies WHERE kind = $1 AND (until_at <= $2 OR until_at > $3)
			RETURNING entry, times, last_at`, kind, micros(tx.now), micros(tx.now.Add(tallyFor+clockSlack))))
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

// closeTallies closes the tallies whose minute is over and returns their rows.
func closeTallies(ctx context.Context, tx *tx) ([]bot.Entry, error) {
	rows, err := collectTallies(tx.QueryContext(ctx, `DELETE FROM tallies WHERE kind IN
		(SELECT kind FROM tallies WHERE until_at <= $1 ORDER BY until_at LIMIT $2`+tx.skipLocked()+`)
		RETURNING entry, times, last_at`, micros(tx.now), closeAtOnce))
	if err != nil {
		return nil, fmt.Errorf("close the tallies of refusals: %w", err)
	}
	return rows, nil
}

// collectTallies returns a row for each tally that counted something, ordered by the
// last act.
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
			t.entry = bot.Entry{Action: bot.ActRefused, Actor: bot.BotActor} // unreadable, but the count stays
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
