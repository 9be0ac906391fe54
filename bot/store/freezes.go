package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// brakes keeps the freezes.
type brakes struct{ *core }

// CommitFreeze implements bot.Brakes.
func (b *brakes) CommitFreeze(ctx context.Context, c bot.FreezeChange) (bot.Freeze, error) {
	var stored bot.Freeze
	err := b.transaction(ctx, func(tx *tx) error {
		f := c.Freeze
		begins := f.ID == 0
		typed, err := writeFreeze(ctx, tx, &f)
		if err != nil {
			return err
		}
		switch {
		case begins:
			err = tellFrozen(ctx, tx)
		case !f.EndedAt.IsZero():
			err = thaw(ctx, tx, f.BeganAt)
		}
		if err != nil {
			return err
		}
		if c.Notice != nil {
			n := *c.Notice
			n.Key, n.Freeze = freezeKey(n.Key, f.ID), f.ID
			if _, err := announce(ctx, tx, n); err != nil {
				return err
			}
		}
		if err := settle(ctx, tx, c.Settles); err != nil {
			return err
		}
		entries := slices.Clone(c.Audit)
		for i := range entries {
			entries[i].Freeze, entries[i].Typed = f.ID, typed
		}
		stored = f
		return appendAudit(ctx, tx, entries)
	}, freezing)
	if err != nil {
		return bot.Freeze{}, err
	}
	return stored, nil
}

// writeFreeze begins a freeze or changes the current one, and returns the salted hash of
// its reason. The reason is written once.
func writeFreeze(ctx context.Context, tx *tx, f *bot.Freeze) (typed string, err error) {
	body, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("encode the freeze: %w", err)
	}
	var salt string
	if f.ID == 0 {
		salt = rand.Text()
		err = tx.QueryRowContext(ctx, `INSERT INTO freezes (version, by_id, by_slack, began_at, body, reason, salt)
			VALUES (1, $1, $2, $3, $4, $5, $6)
			RETURNING id, version`, f.By.EntraID, f.By.SlackID, micros(f.BeganAt), string(body), f.Reason, salt).Scan(&f.ID, &f.Version)
		if tx.unique(err) {
			return "", bot.ErrTaken
		}
	} else {
		// ended_at is database time, because retention and late commits compare with it.
		ended := sql.NullInt64{Int64: micros(tx.now), Valid: !f.EndedAt.IsZero()}
		err = tx.QueryRowContext(ctx, `UPDATE freezes SET version = version + 1, ended_at = $1, body = $2
			WHERE id = $3 AND version = $4 AND ended_at IS NULL RETURNING version, coalesce(reason, ''), salt`,
			ended, string(body), f.ID, f.Version).Scan(&f.Version, &f.Reason, &salt)
		if errors.Is(err, sql.ErrNoRows) {
			return "", bot.ErrConflict
		}
	}
	if err != nil {
		return "", fmt.Errorf("store the freeze: %w", err)
	}
	return sum(salt, f.Reason), nil
}

// tellFrozen makes every waiting request due to be shown with the freeze. Like thaw, it
// raises the version: a concurrent change or telling has not seen the new brake and must
// read the request again.
func tellFrozen(ctx context.Context, tx *tx) error {
	if _, err := tx.ExecContext(ctx, `UPDATE requests SET version = version + 1, tell_due_at = $1, tell_tries = 0
		WHERE state IN ('pending', 'approved')`, micros(tx.now)); err != nil {
		return fmt.Errorf("have the freeze told: %w", err)
	}
	return nil
}

// thaw restarts the clocks of pending requests and makes every waiting request due at
// once, to be advanced and shown.
func thaw(ctx context.Context, tx *tx, began time.Time) error {
	if began.After(tx.now) {
		began = tx.now // the clock was set back
	}
	// A request created during the freeze has been paused since then.
	if _, err := tx.ExecContext(ctx, `UPDATE requests SET version = version + 1, due_at = $1, tell_due_at = $1, tell_tries = 0,
		paused = paused + CASE
			WHEN state <> 'pending' OR created_at >= $1 THEN 0
			WHEN created_at > $2 THEN $1 - created_at
			ELSE CAST($1 AS BIGINT) - CAST($2 AS BIGINT) END
		WHERE state IN ('pending', 'approved')`, micros(tx.now), micros(began)); err != nil {
		return fmt.Errorf("have what waited looked at: %w", err)
	}
	return nil
}

// Frozen implements bot.Brakes.
func (b *brakes) Frozen(ctx context.Context) (f bot.Freeze, on bool, err error) {
	f, err = b.freeze(ctx, `ended_at IS NULL`)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	}
	return f, err == nil, err
}

// Freeze implements bot.Brakes.
func (b *brakes) Freeze(ctx context.Context, id int64) (bot.Freeze, error) {
	return b.freeze(ctx, `id = $1`, id)
}

func (b *brakes) freeze(ctx context.Context, which string, args ...any) (f bot.Freeze, err error) {
	var id, version int64
	var body []byte
	var reason string
	err = b.row(ctx, `SELECT id, version, body, coalesce(reason, '') FROM freezes WHERE `+which, args...).
		Scan(&id, &version, &body, &reason)
	if err == nil {
		err = json.Unmarshal(body, &f)
	}
	if err != nil {
		return bot.Freeze{}, fmt.Errorf("read a freeze: %w", err)
	}
	f.ID, f.Version, f.Reason = id, version, reason
	return f, nil
}

// LastPulled implements bot.Brakes.
func (b *brakes) LastPulled(ctx context.Context, who authz.Asker) (time.Time, error) {
	var at sql.NullInt64
	err := b.row(ctx, `SELECT max(coalesce(ended_at, began_at)) FROM freezes WHERE by_id = $1 OR by_slack = $2`,
		who.EntraID, who.SlackID).Scan(&at)
	return instant(at), err
}
