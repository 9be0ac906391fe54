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

// announcements are the messages that belong to no request.
type announcements struct{ *core }

// Announce implements bot.Announcements.
func (a *announcements) Announce(ctx context.Context, n bot.Notice, audit ...bot.Entry) (fresh bool, err error) {
	err = a.transaction(ctx, func(tx *tx) (err error) {
		if fresh, err = announce(ctx, tx, n); err != nil || !fresh {
			return err
		}
		return appendAudit(ctx, tx, audit)
	})
	return fresh && err == nil, err
}

// announce stores a notice, due at once, unless its Key was announced before. A notice
// that shows a freeze becomes due again each time.
func announce(ctx context.Context, tx *tx, n bot.Notice) (fresh bool, err error) {
	message, err := json.Marshal(n.Message)
	if err != nil {
		return false, fmt.Errorf("encode the notice %s: %w", n.Key, err)
	}
	again := `DO NOTHING`
	if n.Freeze != 0 {
		again = `(key) DO UPDATE SET version = notices.version + 1, message = excluded.message,
			due_at = excluded.due_at, posted_at = NULL, tries = 0`
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO notices (key, to_id, message, due_at, claimed_until, tries, freeze_id)
		VALUES ($1, $2, $3, $4, 0, 0, $5) ON CONFLICT `+again+` RETURNING id`, n.Key, n.To, string(message), micros(tx.now), n.Freeze).Scan(&n.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store the notice %s: %w", n.Key, err)
	}
	return true, nil
}

// Announced implements bot.Announcements. A posted notice stays posted, whatever a
// slower teller reports. A notice that has changed since the caller read it stays due.
func (a *announcements) Announced(ctx context.Context, n bot.Notice, retry bot.Retry) error {
	query, args := `UPDATE notices SET claimed_until = CASE WHEN version = $3 OR claimed_until = $4 THEN 0 ELSE claimed_until END,
		posted_at = CASE WHEN version = $3 THEN CAST($1 AS BIGINT) ELSE posted_at END,
		message = CASE WHEN version = $3 THEN '' ELSE message END,
		due_at = CASE WHEN version = $3 THEN NULL ELSE due_at END,
		owed_at = CASE WHEN version = $3 THEN 0 ELSE owed_at END WHERE id = $2`, []any{micros(a.now()), n.ID, n.Version, micros(n.Until)}
	if !retry.At.IsZero() {
		query = `UPDATE notices SET due_at = CASE WHEN version = $5 THEN CAST($1 AS BIGINT) ELSE due_at END, claimed_until = 0,
			tries = CASE WHEN tries > 0 THEN tries - $3 ELSE 0 END, owed_at = CASE WHEN owed_at > 0 THEN owed_at ELSE due_at END
			WHERE id = $2 AND claimed_until = $4 AND posted_at IS NULL`
		args = []any{micros(retry.At), n.ID, flag(retry.PutOff), micros(n.Until), n.Version}
	}
	if err := a.alone(ctx, query, args...); err != nil {
		return fmt.Errorf("note what became of notice %d: %w", n.ID, err)
	}
	return nil
}

// Withdraw implements bot.Announcements.
func (a *announcements) Withdraw(ctx context.Context, kind, but string) error {
	if err := a.alone(ctx, `UPDATE notices SET posted_at = $1, message = '', due_at = NULL, claimed_until = 0
		WHERE due_at IS NOT NULL AND key LIKE $2 AND key <> $3`, micros(a.now()), kind+":%", but); err != nil {
		return fmt.Errorf("withdraw notices: %w", err)
	}
	return nil
}

// NoticePlaces implements bot.Announcements.
func (a *announcements) NoticePlaces(ctx context.Context, id int64) ([]bot.NoticePlace, error) {
	return rows(ctx, a.core, scanNoticePlace, `SELECT to_id, channel, ts, shown, news FROM notice_places
		WHERE notice_id = $1 ORDER BY to_id`, id)
}

// FreezePlaces implements bot.Announcements.
func (a *announcements) FreezePlaces(ctx context.Context, freeze int64) ([]bot.NoticePlace, error) {
	return rows(ctx, a.core, scanNoticePlace, `SELECT p.to_id, p.channel, p.ts, p.shown, p.news
		FROM notices n JOIN notice_places p ON p.notice_id = n.id WHERE n.key = $1 ORDER BY p.to_id`, freezeKey(bot.FreezeKind, freeze))
}

// freezeKey is the Key of a notice about a freeze.
func freezeKey(kind string, freeze int64) string { return fmt.Sprintf("%s#%d", kind, freeze) }

func scanNoticePlace(row scanner) (p bot.NoticePlace, err error) {
	err = row.Scan(&p.To, &p.Channel, &p.TS, &p.Shown, &p.News)
	return p, err
}

// SetNoticePlace implements bot.Announcements.
func (a *announcements) SetNoticePlace(ctx context.Context, id int64, p bot.NoticePlace) error {
	if p.TS == "" {
		return a.alone(ctx, `DELETE FROM notice_places WHERE notice_id = $1 AND to_id = $2`, id, p.To)
	}
	return a.alone(ctx, `INSERT INTO notice_places (notice_id, to_id, channel, ts, shown, news) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (notice_id, to_id) DO UPDATE SET channel = excluded.channel, ts = excluded.ts, shown = excluded.shown, news = excluded.news`,
		id, p.To, p.Channel, p.TS, p.Shown, p.News)
}

const noticeColumns = `id, key, to_id, message, claimed_until, tries, version, freeze_id`

func scanNotice(row scanner) (n bot.Notice, err error) {
	var message []byte
	var until int64
	if err := row.Scan(&n.ID, &n.Key, &n.To, &message, &until, &n.Tries, &n.Version, &n.Freeze); err != nil {
		return n, err
	}
	n.Until = time.UnixMicro(until)
	if err := json.Unmarshal(message, &n.Message); err != nil {
		return n, &bot.Unreadable{Notice: n.Key, Err: err}
	}
	var blocks []struct {
		Type string `json:"type"`
	}
	if len(n.Message.Blocks) > 0 {
		if err := json.Unmarshal(n.Message.Blocks, &blocks); err != nil {
			return n, &bot.Unreadable{Notice: n.Key, Err: err}
		}
	}
	return n, nil
}
