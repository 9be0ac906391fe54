package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"revoke-sessions/bot"
)

// longestLimit is for how long a use is kept. No limit of the policy looks
// back further.
const longestLimit = 31 * 24 * time.Hour

// limited leaves out the uses that no limit counts: where there is none, as there is
// for a click unless the policy sets one, nobody waits for somebody else's counting.
func limited(uses []bot.Use) []bot.Use {
	return slices.DeleteFunc(slices.Clone(uses), func(u bot.Use) bool { return u.Limit.N == 0 })
}

// spend counts and stores uses one by one, so that several of one kind in one
// change count each other. The transaction holds the lock counting.
func spend(ctx context.Context, tx *tx, request string, uses []bot.Use) error {
	for _, u := range uses {
		after, last := micros(tx.now.Add(-u.Limit.Within)), u.Limit.N-1
		if u.PassedOver {
			last = math.MaxInt32 // so many there are never
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO uses (kind, who, at, request)
			SELECT $1, $2, CAST($3 AS BIGINT), CAST($6 AS TEXT) WHERE NOT EXISTS (
			SELECT 1 FROM uses WHERE kind = $1 AND who = $2 AND at > $4 ORDER BY at DESC LIMIT 1 OFFSET $5)`,
			u.Kind, u.Who, micros(tx.now), after, last, request)
		if err != nil {
			return fmt.Errorf("count against the limit %s: %w", u.Kind, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			if err != nil {
				return err
			}
			continue
		}
		// The Nth newest use that still counts: when it has left the window
		// there is room again.
		var full int64
		if err := tx.QueryRowContext(ctx, `SELECT at FROM uses WHERE kind = $1 AND who = $2 AND at > $3 ORDER BY at DESC LIMIT 1 OFFSET $4`,
			u.Kind, u.Who, after, last).Scan(&full); err != nil {
			return fmt.Errorf("read when the limit %s has room: %w", u.Kind, err)
		}
		return &bot.LimitError{Use: u, Free: time.UnixMicro(full).UTC().Add(u.Limit.Within)}
	}
	return nil
}

// giveBack forgets what the decisions of a request have used up, but not that it was
// asked for, nor the approvals of those who are kept. The transaction holds the lock
// counting, so that nobody counts meanwhile. What a replica of an earlier version
// counted names no request, and stays until its time is over.
func giveBack(ctx context.Context, tx *tx, request string, kept []string) error {
	// Said twice, the second time for the index, which holds no others.
	query, args := `DELETE FROM uses WHERE request = $1 AND request <> '' AND kind <> $2`, []any{request, bot.PerRequester}
	if len(kept) > 0 {
		args = append(args, bot.PerApprover)
		query += fmt.Sprintf(" AND NOT (kind = $%d AND who IN (", len(args))
		for i, who := range kept {
			args = append(args, who)
			if i > 0 {
				query += ", "
			}
			query += fmt.Sprintf("$%d", len(args))
		}
		query += "))"
	}
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("give back what a decision has used up: %w", err)
	}
	return nil
}
