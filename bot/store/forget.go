package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"revoke-sessions/bot"
)

// secretsLive is how long a response_url works. Then it is erased together with the
// trigger_id, which works for 3 s.
const secretsLive = bot.ResponseURLLife

// noticesKept is how long a posted notice blocks another one of the same key.
const noticesKept = 7 * 24 * time.Hour

// oldNotices skips notices of bot.StandingKind that were posted and not withdrawn.
const oldNotices = `FROM notices WHERE posted_at < $1
	AND NOT (key LIKE '` + bot.StandingKind + `:%' AND EXISTS (SELECT 1 FROM notice_places WHERE notice_id = notices.id))`

// eraseAtOnce limits how many requests one call erases, so that writers do not wait
// long.
const eraseAtOnce = 500

// arrivalsKept is how long a redelivery of an arrival is recognized.
const arrivalsKept = 7 * 24 * time.Hour

// erasable matches the index requests_erasable: requests that are over. A message not
// sent by now is given up along with the words.
const erasable = `FROM requests WHERE due_at IS NULL AND erased = 0 AND changed_at < $1`

// Forget implements bot.Store. It first looks for work in indexes that hold nothing
// else, so that an idle call takes no write lock.
func (s *Store) Forget(ctx context.Context, retention time.Duration) error {
	now := s.now()
	ended := int64(math.MinInt64) // nothing ended before this
	if retention > 0 {
		ended = micros(now.Add(-retention))
	}
	for _, chore := range []struct {
		what, find, by string
		before         int64
		do             func(ctx context.Context, tx *tx, before int64) error
	}{
		// The typed text of a finished arrival goes with its secrets.
		{"used secrets", `FROM arrivals WHERE received_at < $1 AND body <> ''`, `received_at`, micros(now.Add(-secretsLive)),
			exec(`UPDATE arrivals SET response_url = NULL, trigger_id = NULL,
				body = CASE WHEN due_at IS NULL THEN '' ELSE body END WHERE received_at < $1 AND body <> ''`)},
		{"arrivals of long ago", `FROM arrivals WHERE due_at IS NULL AND received_at < $1`, `received_at`, micros(now.Add(-arrivalsKept)),
			exec(`DELETE FROM arrivals WHERE due_at IS NULL AND received_at < $1`)},
		{"uses that count no more", `FROM uses WHERE at < $1`, `at`, micros(now.Add(-longestLimit)),
			exec(`DELETE FROM uses WHERE at < $1`)},
		{"old notices", oldNotices, `posted_at`, micros(now.Add(-noticesKept)),
			func(ctx context.Context, tx *tx, before int64) error {
				if err := exec(`DELETE FROM notice_places WHERE notice_id IN (SELECT id `+oldNotices+`)`)(ctx, tx, before); err != nil {
					return err
				}
				return exec(`DELETE `+oldNotices)(ctx, tx, before)
			}},
		{"Home tabs of long ago", `FROM homes WHERE opened_at < $1`, `opened_at`, micros(now.Add(-bot.HomeLife)),
			exec(`DELETE FROM homes WHERE opened_at < $1`)},
		{"words of ended requests", erasable, `changed_at`, ended, eraseWords},
		{"reasons of ended freezes", `FROM freezes WHERE reason IS NOT NULL AND ended_at < $1`, `ended_at`, ended,
			exec(`UPDATE freezes SET reason = NULL WHERE reason IS NOT NULL AND ended_at < $1`)},
	} {
		var any bool
		// Not EXISTS, as in Due.
		err := s.row(ctx, `SELECT (SELECT `+chore.by+` `+chore.find+` ORDER BY `+chore.by+` LIMIT 1) IS NOT NULL`, chore.before).Scan(&any)
		if err == nil && any {
			err = s.transaction(ctx, func(tx *tx) error { return chore.do(ctx, tx, chore.before) })
		}
		if err != nil {
			return fmt.Errorf("erase %s: %w", chore.what, err)
		}
	}
	if err := s.sweep(ctx, s.core); err != nil {
		return fmt.Errorf("remove what was erased from the database's log: %w", err)
	}
	return nil
}

// exec is a chore of one statement.
func exec(query string) func(context.Context, *tx, int64) error {
	return func(ctx context.Context, tx *tx, before int64) error {
		_, err := tx.ExecContext(ctx, query, before)
		return err
	}
}

// eraseWords erases the words of the requests that ended first.
func eraseWords(ctx context.Context, tx *tx, before int64) error {
	rows, err := tx.QueryContext(ctx, `UPDATE requests SET erased = 1, tell_due_at = NULL WHERE id IN
		(SELECT id `+erasable+` ORDER BY changed_at LIMIT $2) RETURNING id`, before, eraseAtOnce)
	ids, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := tx.ExecContext(ctx, `DELETE FROM words WHERE request_id = $1`, id); err != nil {
			return err
		}
	}
	return nil
}
