package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"revoke-sessions/bot"
)

// Announce implements bot.Announcements.
func (s *Store) Announce(ctx context.Context, n bot.Notice, audit ...bot.Entry) (fresh bool, err error) {
	err = s.transaction(ctx, func(tx *tx) (err error) {
		if fresh, err = announce(ctx, tx, n); err != nil || !fresh {
			return err
		}
		return appendAudit(ctx, tx, audit)
	})
	return fresh && err == nil, err
}

// announce stores a notice, due at once, unless its Key was announced before.
func announce(ctx context.Context, tx *tx, n bot.Notice) (fresh bool, err error) {
	message, err := json.Marshal(n.Message)
	if err != nil {
		return false, fmt.Errorf("encode the notice %s: %w", n.Key, err)
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO notices (key, to_id, message, due_at, claimed_until, tries)
		VALUES ($1, $2, $3, $4, 0, 0) ON CONFLICT DO NOTHING RETURNING id`, n.Key, n.To, string(message), micros(tx.now)).Scan(&n.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store the notice %s: %w", n.Key, err)
	}
	return true, nil
}

// Announced implements bot.Announcements. A notice that stands stays so,
// whatever a slower teller may report.
func (s *Store) Announced(ctx context.Context, n bot.Notice, retry bot.Retry) error {
	query, args := `UPDATE notices SET posted_at = $1, message = '', due_at = NULL, claimed_until = 0 WHERE id = $2`, []any{micros(s.now()), n.ID}
	if !retry.At.IsZero() {
		query = `UPDATE notices SET due_at = $1, claimed_until = 0, tries = tries - $3 WHERE id = $2 AND claimed_until = $4 AND posted_at IS NULL`
		args = []any{micros(retry.At), n.ID, flag(retry.PutOff), micros(n.Until)}
	}
	if err := s.alone(ctx, query, args...); err != nil {
		return fmt.Errorf("note what became of notice %d: %w", n.ID, err)
	}
	return nil
}

const noticeColumns = `id, key, to_id, message, claimed_until, tries`

func scanNotice(row scanner) (n bot.Notice, err error) {
	var message []byte
	var until int64
	if err := row.Scan(&n.ID, &n.Key, &n.To, &message, &until, &n.Tries); err != nil {
		return n, err
	}
	n.Until = time.UnixMicro(until)
	if err := json.Unmarshal(message, &n.Message); err != nil {
		return n, fmt.Errorf("%w: notice %d: %w", errBroken, n.ID, err)
	}
	return n, nil
}
