package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"revoke-sessions/bot"
)

// longestLimit is how long a use is kept. No limit in a policy looks back further.
const longestLimit = 31 * 24 * time.Hour

// limited drops the uses that have no limit, so that a change without limits, such as a
// click by default, does not wait while others count.
func limited(uses []bot.Use) []bot.Use {
	return slices.DeleteFunc(slices.Clone(uses), func(u bot.Use) bool { return u.Limit.N == 0 })
}

// spend counts and stores uses one by one, so that several of one kind in one
// change count each other. The transaction holds the lock counting.
func spend(ctx context.Context, tx *tx, request string, uses []bot.Use) error {
	for _, u := range uses {
		after, last := micros(tx.now.Add(-u.Limit.Within)), u.Limit.N-1
		if u.PassedOver {
			last = math.MaxInt32 // more than there can ever be
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
		// There is room again when the Nth newest use leaves the window.
		var full int64
		if err := tx.QueryRowContext(ctx, `SELECT at FROM uses WHERE kind = $1 AND who = $2 AND at > $3 ORDER BY at DESC LIMIT 1 OFFSET $4`,
			u.Kind, u.Who, after, last).Scan(&full); err != nil {
			return fmt.Errorf("read when the limit %s has room: %w", u.Kind, err)
		}
		return &bot.LimitError{Use: u, Free: time.UnixMicro(full).UTC().Add(u.Limit.Within)}
	}
	return nil
}

// giveBack deletes the uses of a request's decisions. It keeps the use of the request
// itself and the approvals of those in kept. The transaction holds the lock counting, so
// that nobody counts meanwhile. Uses from a replica of an earlier version name no
// request and stay until they expire.
func giveBack(ctx context.Context, tx *tx, request string, kept []string) error {
	// The condition request <> '' is redundant, but it lets the query use the index.
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
