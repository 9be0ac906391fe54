package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"revoke-sessions/bot"
)

// homes records which Home tabs are open, and which of them are owed a view.
type homes struct{ *core }

// OpenHome implements bot.Homes. A view that waits already keeps its place in the line.
func (h *homes) OpenHome(ctx context.Context, slackID string) error {
	if err := h.alone(ctx, `INSERT INTO homes (slack_id, opened_at, due_at, again) VALUES ($1, $2, $2, 2)
		ON CONFLICT (slack_id) DO UPDATE SET opened_at = excluded.opened_at, again = 2, shown = '',
		due_at = CASE WHEN homes.due_at < excluded.due_at AND homes.claimed_until = 0 THEN homes.due_at ELSE excluded.due_at END`,
		slackID, micros(h.now())); err != nil {
		return fmt.Errorf("note an open Home tab: %w", err)
	}
	return nil
}

// openHomes finds the open Home tabs that a request concerns, except those that are owed
// a view already. It is not known yet what a view lists that is being published right
// now, or whether it lists the latest: each request concerns it.
const openHomes = `FROM homes WHERE opened_at > $1
	AND CASE WHEN claimed_until > 0 THEN again = 0 ELSE due_at IS NULL OR due_at > $2 END
	AND (wide = 1 OR claimed_until > 0
	OR EXISTS (SELECT 1 FROM askers WHERE askers.slack_id = homes.slack_id AND request_id = $3))`

// OweHomes implements bot.Homes. It reads first, so that it takes no write lock while
// nobody has a Home tab open. All lock the rows in the same order, so that there is no
// deadlock; by an expression, because SQLite would scan an index that has that order.
func (h *homes) OweHomes(ctx context.Context, request string) error {
	now := h.now()
	args := []any{micros(now.Add(-bot.HomeLife)), micros(now), request}
	var any bool
	err := h.row(ctx, `SELECT (SELECT slack_id `+openHomes+` LIMIT 1) IS NOT NULL`, args...).Scan(&any)
	if err == nil && any {
		err = h.alone(ctx, `UPDATE homes SET due_at = $2, again = 1
			WHERE slack_id IN (SELECT slack_id `+openHomes+` ORDER BY slack_id || ''`+h.forUpdate()+`)`, args...)
	}
	if err != nil {
		return fmt.Errorf("owe Home tabs a view: %w", err)
	}
	return nil
}

// dueHomes finds what DueHomes claims, in this order.
const dueHomes = `FROM homes WHERE due_at <= $1 AND claimed_until <= $1 AND opened_at > $2 AND published_at <= $3
	AND NOT EXISTS (SELECT 1 FROM home_tab WHERE id = 1 AND code <> '' AND at > $4) ORDER BY due_at, slack_id`

// dueHomesAt are the arguments of dueHomes.
func dueHomesAt(now time.Time) []any {
	return []any{micros(now), micros(now.Add(-bot.HomeLife)), micros(now.Add(-bot.HomePause)), micros(now.Add(-bot.HomeRefusedFor))}
}

// DueHomes implements bot.Homes. It reads first, as Due does. A claim keeps due_at, so
// that the view is still owed if the claim lapses. Then it is not known whether Slack
// shows a view that was never noted.
func (h *homes) DueHomes(ctx context.Context, limit int) (due []bot.Home, err error) {
	if limit <= 0 {
		return nil, nil
	}
	var any bool
	err = h.row(ctx, `SELECT (SELECT due_at `+dueHomes+` LIMIT 1) IS NOT NULL`, dueHomesAt(h.now())...).Scan(&any)
	if err == nil && any {
		err = h.transaction(ctx, func(tx *tx) error {
			due, err = claimHomes(ctx, tx, limit)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("claim Home tabs: %w", err)
	}
	return due, nil
}

func claimHomes(ctx context.Context, tx *tx, limit int) ([]bot.Home, error) {
	type claimed struct {
		bot.Home
		due int64
	}
	until := tx.now.Add(bot.ClaimFor)
	rows, err := tx.QueryContext(ctx, `UPDATE homes SET claimed_until = $5, again = 0,
		shown = CASE WHEN claimed_until > 0 THEN '' ELSE shown END WHERE slack_id IN
		(SELECT slack_id `+dueHomes+` LIMIT $6`+tx.skipLocked()+`) RETURNING slack_id, hash, shown, opened_at, wide, due_at`,
		append(dueHomesAt(tx.now), micros(until), limit)...)
	all, err := collect(rows, err, func(row scanner) (c claimed, err error) {
		var opened int64
		err = row.Scan(&c.SlackID, &c.Hash, &c.Shown, &opened, &c.Wide, &c.due)
		c.Until, c.OpenedAt = until, time.UnixMicro(opened).UTC()
		return c, err
	})
	// RETURNING keeps no order.
	slices.SortFunc(all, func(a, b claimed) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.SlackID, b.SlackID))
	})
	var due []bot.Home
	for _, c := range all {
		due = append(due, c.Home)
	}
	return due, err
}

// Published implements bot.Homes. Of a tab that was opened again since the claim it is
// not known which view it shows.
func (h *homes) Published(ctx context.Context, home bot.Home, wide bool, retry bot.Retry) error {
	if err := h.alone(ctx, `UPDATE homes SET hash = $1, shown = CASE WHEN again = 2 THEN '' ELSE $2 END,
		wide = CAST($3 AS BIGINT), claimed_until = 0,
		published_at = CASE WHEN $4 = 1 THEN published_at ELSE CAST($5 AS BIGINT) END,
		due_at = coalesce(CAST($6 AS BIGINT), CASE WHEN again > 0 THEN due_at
			WHEN CAST($3 AS BIGINT) = 1 THEN opened_at + CAST($9 AS BIGINT) END)
		WHERE slack_id = $7 AND claimed_until = $8`,
		home.Hash, home.Shown, flag(wide), flag(retry.PutOff), micros(h.now()), maybe(retry.At), home.SlackID, micros(home.Until),
		(bot.HomeLife - bot.HomeCloses).Microseconds()); err != nil {
		return fmt.Errorf("note a published Home tab: %w", err)
	}
	return nil
}

// NoteHomeTab implements bot.Homes.
func (h *homes) NoteHomeTab(ctx context.Context, code string) error {
	known, at, err := h.HomeTab(ctx)
	if err == nil && (at.IsZero() || code != "" || known != "") {
		err = h.alone(ctx, `INSERT INTO home_tab (id, code, at) VALUES (1, $1, $2)
			ON CONFLICT (id) DO UPDATE SET code = excluded.code, at = excluded.at`, code, micros(h.now()))
	}
	if err != nil {
		return fmt.Errorf("note whether Slack takes Home tabs: %w", err)
	}
	return nil
}

// HomeTab implements bot.Homes.
func (h *homes) HomeTab(ctx context.Context) (code string, at time.Time, err error) {
	var micros int64
	err = h.row(ctx, `SELECT code, at FROM home_tab WHERE id = 1`).Scan(&code, &micros)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", time.Time{}, nil
	case err != nil:
		return "", time.Time{}, fmt.Errorf("read whether Slack takes Home tabs: %w", err)
	}
	return code, time.UnixMicro(micros).UTC(), nil
}
