package store

import (
	"context"
	"database/sql"
	"errors"

	"revoke-sessions/bot"
)

// ClaimTelling implements bot.Billboard.
func (s *Store) ClaimTelling(ctx context.Context, id string) (t bot.Telling, mine bool, err error) {
	now := s.now()
	t = bot.Telling{Request: id, Until: now.Add(bot.ClaimFor)}
	err = s.statement(ctx, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, `UPDATE requests SET tell_claimed_until = $1, tell_tries = tell_tries + 1
			WHERE id = $2 AND tell_due_at IS NOT NULL AND tell_claimed_until <= $3 RETURNING tell_tries`,
			micros(t.Until), id, micros(now)).Scan(&t.Tries)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return t, false, nil
	}
	return t, err == nil, err
}

// Told implements bot.Billboard. It names the claim, so that carried out once
// more it finds nothing: whoever is the teller by then stays it.
func (s *Store) Told(ctx context.Context, t bot.Telling, version int64, retry bot.Retry) (next bot.Telling, more bool, err error) {
	if !retry.At.IsZero() {
		// What was committed meanwhile is due at once, not at the retry. Version 0
		// is of a row that could not be read: it must not come first for ever.
		return next, false, s.alone(ctx, `UPDATE requests SET tell_claimed_until = 0,
			tell_due_at = CASE WHEN version = $1 OR $1 = 0 THEN $2 ELSE tell_due_at END,
			tell_tries = CASE WHEN tell_tries > 0 THEN tell_tries - $3 ELSE 0 END
			WHERE id = $4 AND tell_claimed_until = $5`, version, micros(retry.At), flag(retry.PutOff), t.Request, micros(t.Until))
	}
	next = bot.Telling{Request: t.Request, Until: s.now().Add(bot.ClaimFor)}
	err = s.statement(ctx, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, `UPDATE requests SET told = $1,
			tell_due_at = CASE WHEN version = $1 THEN NULL ELSE tell_due_at END,
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
func (s *Store) Places(ctx context.Context, id string) (map[string]bot.Place, error) {
	all, err := rows(ctx, s, func(row scanner) (p bot.Place, err error) {
		err = row.Scan(&p.Key, &p.Channel, &p.TS, &p.Shown)
		return p, err
	}, `SELECT key, channel, ts, shown FROM places WHERE request_id = $1`, id)
	places := make(map[string]bot.Place, len(all))
	for _, p := range all {
		places[p.Key] = p
	}
	return places, err
}

// Stands implements bot.Billboard.
func (s *Store) Stands(ctx context.Context, channel, ts string) (stands bool, err error) {
	err = s.row(ctx, `SELECT EXISTS (SELECT 1 FROM places WHERE channel = $1 AND ts = $2)`, channel, ts).Scan(&stands)
	return stands, err
}

// Doubt implements bot.Billboard.
func (s *Store) Doubt(ctx context.Context, id, key string) error {
	return s.alone(ctx, `UPDATE places SET shown = '' WHERE request_id = $1 AND key = $2`, id, key)
}

// SetPlace implements bot.Billboard.
func (s *Store) SetPlace(ctx context.Context, id string, p bot.Place) error {
	if p.TS == "" {
		return s.alone(ctx, `DELETE FROM places WHERE request_id = $1 AND key = $2`, id, p.Key)
	}
	err := s.statement(ctx, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, `INSERT INTO places (request_id, key, channel, ts, shown) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (request_id, key) DO UPDATE SET shown = excluded.shown WHERE places.channel = excluded.channel AND places.ts = excluded.ts
			RETURNING key`, id, p.Key, p.Channel, p.TS, p.Shown).Scan(&p.Key)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return bot.ErrConflict
	}
	return err
}
