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

// limited leaves out the uses that no limit counts: without limits, which is the
// default, nobody waits for somebody else's counting.
func limited(uses []bot.Use) []bot.Use {
	return slices.DeleteFunc(slices.Clone(uses), func(u bot.Use) bool { return u.Limit.N == 0 })
}

// spend counts and stores uses one by one, so that several of one kind in one
// change count each other. The transaction holds the lock counting.
func spend(ctx context.Context, tx *tx, uses []bot.Use) error {
	for _, u := range uses {
		after, last := micros(tx.now.Add(-u.Limit.Within)), u.Limit.N-1
		if u.PassedOver {
			last = math.MaxInt32 // so many there are never
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO uses (kind, who, at) SELECT $1, $2, CAST($3 AS BIGINT) WHERE NOT EXISTS (
			SELECT 1 FROM uses WHERE kind = $1 AND who = $2 AND at > $4 ORDER BY at DESC LIMIT 1 OFFSET $5)`, u.Kind, u.Who, micros(tx.now), after, last)
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
