package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"revoke-sessions/bot"
)

// secretsLive is how long a response_url works; afterwards it and the
// trigger_id, which lives 3 s, are worth nothing to us and are erased.
const secretsLive = bot.ResponseURLLife

// noticesKept is for how long a notice that stands in Slack keeps another of
// the same key away.
const noticesKept = 7 * 24 * time.Hour

// oldNotices leaves out those of bot.StandingKind that were posted and not withdrawn.
const oldNotices = `FROM notices WHERE posted_at < $1
	AND NOT (key LIKE '` + bot.StandingKind + `:%' AND EXISTS (SELECT 1 FROM notice_places WHERE notice_id = notices.id))`

// eraseAtOnce bounds the requests that one call erases, so that nobody who
// wants to write waits for long.
const eraseAtOnce = 500

// arrivalsKept is for how long an arrival tells its redelivery from a new act.
const arrivalsKept = 7 * 24 * time.Hour

// erasable is what requests_erasable indexes: nothing happens any more. What
// could not be told until then is given up with the words.
const erasable = `FROM requests WHERE due_at IS NULL AND erased = 0 AND changed_at < $1`

// Forget implements bot.Store. What is to go is looked for first, by indexes
// that hold nothing else, so that an idle call takes no write lock.
func (s *Store) Forget(ctx context.Context, retention time.Duration) error {
	now := s.now()
	ended := int64(math.MinInt64) // before which nothing ended
	if retention > 0 {
		ended = micros(now.Add(-retention))
	}
	for _, chore := range []struct {
		what, find, by string
		before         int64
		do             func(ctx context.Context, tx *tx, before int64) error
	}{
		// What was typed goes with the secrets once it is carried out.
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
		{"words of ended requests", erasable, `changed_at`, ended, eraseWords},
		{"reasons of ended freezes", `FROM freezes WHERE reason IS NOT NULL AND ended_at < $1`, `ended_at`, ended,
			exec(`UPDATE freezes SET reason = NULL WHERE reason IS NOT NULL AND ended_at < $1`)},
	} {
		var any bool
		// As in Due, not EXISTS.
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

// exec is the chore of one statement.
func exec(query string) func(context.Context, *tx, int64) error {
	return func(ctx context.Context, tx *tx, before int64) error {
		_, err := tx.ExecContext(ctx, query, before)
		return err
	}
}

// eraseWords erases the words of the requests that ended longest ago.
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
