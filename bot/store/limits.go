package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"revoke-sessions/bot"
)

// longestLimit is for how long a use is kept. No limit of the policy looks
// back further.
const longestLimit = 31 * 24 * time.Hour

// spend counts and stores uses one by one, so that several of one kind in one
// change count each other. The transaction holds the lock counting.
func spend(ctx context.Context, tx *tx, uses []bot.Use) error {
	for _, u := range uses {
		if u.Limit.N == 0 {
			continue // no limit
		}
		// The Nth newest use that still counts: when it has left the window
		// there is room again.
		var last int64
		err := tx.QueryRowContext(ctx, `SELECT at FROM uses WHERE kind = $1 AND who = $2 AND at > $3 ORDER BY at DESC LIMIT 1 OFFSET $4`,
			u.Kind, u.Who, micros(tx.now.Add(-u.Limit.Within)), u.Limit.N-1).Scan(&last)
		if err == nil && !u.PassedOver {
			return &bot.LimitError{Use: u, Free: time.UnixMicro(last).UTC().Add(u.Limit.Within)}
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("count against the limit %s: %w", u.Kind, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO uses (kind, who, at) VALUES ($1, $2, $3)`, u.Kind, u.Who, micros(tx.now)); err != nil {
			return fmt.Errorf("store a use of the limit %s: %w", u.Kind, err)
		}
	}
	return nil
}
