package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"revoke-sessions/bot"
)

// billboard records which messages are in Slack and who updates them.
type billboard struct{ *core }

// ClaimTelling implements bot.Billboard.
func (b *billboard) ClaimTelling(ctx context.Context, id string) (t bot.Telling, mine bool, err error) {
	now := b.now()
	t = bot.Telling{Request: id, Until: now.Add(bot.ClaimFor)}
	err = b.statement(ctx, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, `UPDATE requests SET tell_claimed_until = $1, tell_tries = tell_tries + 1, tell_again = 0
			WHERE id = $2 AND tell_due_at IS NOT NULL AND tell_claimed_until <= $3 RETURNING tell_tries`,
			micros(t.Until), id, micros(now)).Scan(&t.Tries)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return t, false, nil
	}
	return t, err == nil, err
}

// Told implements bot.Billboard. It matches the claim, so that a repeated call changes
// nothing: a newer teller keeps its own claim.
func (b *billboard) Told(ctx context.Context, t bot.Telling, version int64, retry bot.Retry) (next bot.Telling, more bool, err error) {
	if !retry.At.IsZero() {
		// A version committed meanwhile is due at once, not at the retry. Version 0 means an
		// unreadable row, which must not always come first.
		return next, false, b.alone(ctx, `UPDATE requests SET tell_claimed_until = 0,
			tell_due_at = CASE WHEN version = $1 AND tell_again = 0 OR $1 = 0 THEN $2 ELSE tell_due_at END,
			tell_owed_at = CASE WHEN tell_owed_at < changed_at THEN tell_due_at ELSE tell_owed_at END,
			tell_tries = CASE WHEN tell_tries > 0 THEN tell_tries - $3 ELSE 0 END
			WHERE id = $4 AND tell_claimed_until = $5`, version, micros(retry.At), flag(retry.PutOff), t.Request, micros(t.Until))
	}
	next = bot.Telling{Request: t.Request, Until: b.now().Add(bot.ClaimFor)}
	err = b.statement(ctx, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, `UPDATE requests SET told = $1,
			tell_due_at = CASE WHEN version = $1 AND tell_again = 0 THEN NULL ELSE tell_due_at END,
			tell_owed_at = 0,
			tell_claimed_until = CASE WHEN version = $1 THEN 0 ELSE CAST($2 AS BIGINT) END,
			tell_tries = CASE WHEN version = $1 THEN tell_tries ELSE tell_tries + 1 END
			WHERE id = $3 AND tell_claimed_until = $4 RETURNING version > $1, tell_tries`,
			version, micros(next.Until), t.Request, micros(t.Until)).Scan(&more, &next.Tries)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return next, false, nil
	}
	return next, more, err
}

// Places implements bot.Billboard.
func (b *billboard) Places(ctx context.Context, id string) (map[string]bot.Place, error) {
	all, err := rows(ctx, b.core, func(row scanner) (p bot.Place, err error) {
		var since int64
		err = row.Scan(&p.Key, &p.Channel, &p.TS, &p.Shown, &p.Tells, &since)
		p.TellsAt = instant(sql.NullInt64{Int64: since, Valid: since != 0})
		return p, err
	}, `SELECT key, channel, ts, shown, tells, tells_at FROM places WHERE request_id = $1`, id)
	places := make(map[string]bot.Place, len(all))
	for _, p := range all {
		places[p.Key] = p
	}
	return places, err
}

// Stands implements bot.Billboard.
func (b *billboard) Stands(ctx context.Context, channel, ts string) (stands bool, err error) {
	err = b.row(ctx, `SELECT EXISTS (SELECT 1 FROM places WHERE channel = $1 AND ts = $2)`, channel, ts).Scan(&stands)
	return stands, err
}

// Doubt implements bot.Billboard.
func (b *billboard) Doubt(ctx context.Context, id, key string) error {
	return b.alone(ctx, `UPDATE places SET shown = '' WHERE request_id = $1 AND key = $2`, id, key)
}

// MoveCard implements bot.Billboard.
func (b *billboard) MoveCard(ctx context.Context, id string, from, to bot.Place) error {
	err := b.transaction(ctx, func(tx *tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE places SET key = $1, shown = '' WHERE request_id = $2 AND key = $3 AND channel = $4 AND ts = $5`,
			from.MovedKey(from.Key), id, from.Key, from.Channel, from.TS)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return cmp.Or(err, bot.ErrConflict)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE places SET key = $1 || key, shown = ''
			WHERE request_id = $2 AND channel = $3 AND key NOT LIKE 'moved:%'`,
			from.MovedKey(""), id, from.Channel); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO places (request_id, key, channel, ts, shown, tells, tells_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			id, to.Key, to.Channel, to.TS, to.Shown, to.Tells, orZero(to.TellsAt))
		return err
	})
	if err != nil {
		return fmt.Errorf("note where a card has moved to: %w", err)
	}
	return nil
}

// Retell implements bot.Billboard. A telling under way is repeated afterwards: it may
// have begun too early. Retell reads first, so that an idle start takes no write lock.
func (b *billboard) Retell(ctx context.Context) error {
	var any bool
	err := b.row(ctx, `SELECT (SELECT due_at FROM requests WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1) IS NOT NULL
		OR (SELECT id FROM freezes WHERE ended_at IS NULL) IS NOT NULL`).Scan(&any)
	if err == nil && any {
		err = b.transaction(ctx, func(tx *tx) error {
			if _, err := tx.ExecContext(ctx, `UPDATE requests SET tell_again = 1, tell_due_at = coalesce(tell_due_at, $1),
				tell_tries = CASE WHEN tell_due_at IS NULL THEN 0 ELSE tell_tries END WHERE due_at IS NOT NULL`, micros(tx.now)); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `UPDATE notices SET version = version + 1,
				message = CASE WHEN posted_at IS NULL THEN message ELSE '{}' END,
				due_at = $1, posted_at = NULL, tries = 0 WHERE freeze_id = (SELECT id FROM freezes WHERE ended_at IS NULL)`, micros(tx.now))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("owe open requests again: %w", err)
	}
	return nil
}

// SetPlace implements bot.Billboard.
func (b *billboard) SetPlace(ctx context.Context, id string, p bot.Place) error {
	if p.TS == "" {
		return b.alone(ctx, `DELETE FROM places WHERE request_id = $1 AND key = $2`, id, p.Key)
	}
	err := b.statement(ctx, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, `INSERT INTO places (request_id, key, channel, ts, shown, tells, tells_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (request_id, key) DO UPDATE SET shown = excluded.shown, tells = excluded.tells, tells_at = excluded.tells_at
			WHERE places.channel = excluded.channel AND places.ts = excluded.ts
			RETURNING key`, id, p.Key, p.Channel, p.TS, p.Shown, p.Tells, orZero(p.TellsAt)).Scan(&p.Key)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return bot.ErrConflict
	}
	return err
}
