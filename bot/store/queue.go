package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"revoke-sessions/bot"
)

// queue holds what is due: arrivals to handle, requests to advance, versions to show.
type queue struct{ *core }

// Receive implements bot.Queue.
func (q *queue) Receive(ctx context.Context, a bot.Arrival) (bot.Arrival, bool, error) {
	body, err := json.Marshal(a)
	if err != nil {
		return a, false, fmt.Errorf("encode what arrived: %w", err)
	}
	var now time.Time
	// A single statement may be stored and still return that its context ended; a
	// transaction tells the two apart.
	err = q.atOnce(ctx, func(tx *tx) error {
		now = tx.now
		return tx.QueryRowContext(ctx, `INSERT INTO arrivals
			(envelope, act, body, response_url, trigger_id, received_at, tries, due_at, claimed_until, acted_by)
			VALUES ($1, $2, $3, $4, $5, $6, 1, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id`,
			a.Envelope, a.Key, string(body), string(a.ResponseURL), string(a.TriggerID),
			micros(now), micros(now.Add(bot.ClaimFor)), a.UserID).Scan(&a.ID)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("store what arrived: %w", err)
	}
	a.ReceivedAt, a.Tries = time.UnixMicro(micros(now)).UTC(), 1
	return a, true, nil
}

// HandBack implements bot.Queue. Every claim raises tries, so a matching tries proves
// that the claim is still the caller's. The claim of Receive stays counted: tries never
// falls below 1.
func (q *queue) HandBack(ctx context.Context, arrivals []bot.Arrival) error {
	if len(arrivals) == 0 {
		return nil
	}
	err := q.transaction(ctx, func(tx *tx) error {
		claims := make([]string, len(arrivals))
		for i, a := range arrivals {
			claims[i] = fmt.Sprintf("(%d, %d)", a.ID, a.Tries)
		}
		_, err := tx.ExecContext(ctx, `UPDATE arrivals SET claimed_until = 0, tries = CASE WHEN tries > 1 THEN tries - 1 ELSE 1 END
			WHERE (id, tries) IN (VALUES `+strings.Join(claims, ", ")+`) AND due_at IS NOT NULL`)
		return err
	})
	if err != nil {
		return fmt.Errorf("hand back what arrived: %w", err)
	}
	return nil
}

// settle marks an arrival as done.
func settle(ctx context.Context, tx *tx, id int64) error {
	if id == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE arrivals SET due_at = NULL, claimed_until = 0, acted_by = '' WHERE id = $1`, id); err != nil {
		return fmt.Errorf("settle what arrived: %w", err)
	}
	return nil
}

// useView notes on a submission what it led to, and gives it the key of its view. The
// key is unique, so a view leads to one request.
func useView(ctx context.Context, tx *tx, c bot.Change, request string) error {
	if c.ViewKey == "" {
		return nil
	}
	a, err := scanArrival(tx.QueryRowContext(ctx, `SELECT `+arrivalColumns+` FROM arrivals WHERE id = $1`, c.Settles))
	if err != nil {
		return fmt.Errorf("read the submitted form: %w", err)
	}
	a.LedTo = request
	body, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode the submitted form: %w", err)
	}
	_, err = tx.ExecContext(ctx, `UPDATE arrivals SET act = $1, body = $2 WHERE id = $3`, c.ViewKey, string(body), c.Settles)
	if tx.unique(err) {
		return bot.ErrSent
	}
	if err != nil {
		return fmt.Errorf("note what the form led to: %w", err)
	}
	return nil
}

// FormLedTo implements bot.Queue.
func (q *queue) FormLedTo(ctx context.Context, viewKey string) (id string, sent bool, err error) {
	var body string
	err = q.row(ctx, `SELECT body FROM arrivals WHERE act = $1`, viewKey).Scan(&body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", false, nil
	case err != nil:
		return "", false, fmt.Errorf("look for what the form led to: %w", err)
	}
	var a bot.Arrival
	if json.Unmarshal([]byte(body), &a) != nil {
		return "", true, nil // erased
	}
	return a.LedTo, true, nil
}

// DropArrivals implements bot.Queue.
func (q *queue) DropArrivals(ctx context.Context, before time.Time) (dropped int, err error) {
	err = q.transaction(ctx, func(tx *tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE arrivals SET due_at = NULL, claimed_until = 0
			WHERE due_at IS NOT NULL AND received_at <= $1`, micros(before))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		dropped = int(n)
		return err
	})
	return dropped, err
}

const arrivalColumns = `id, envelope, act, body, coalesce(response_url, ''), coalesce(trigger_id, ''), received_at, tries`

func scanArrival(row scanner) (a bot.Arrival, err error) {
	var id, at int64
	var envelope, key, url, trigger string
	var body []byte
	if err := row.Scan(&id, &envelope, &key, &body, &url, &trigger, &at, &a.Tries); err != nil {
		return a, err
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return a, &bot.Unreadable{Arrival: id, Tries: a.Tries, ResponseURL: bot.Secret(url), Err: err}
	}
	a.ID, a.Envelope, a.Key = id, envelope, key
	a.ResponseURL, a.TriggerID = bot.Secret(url), bot.Secret(trigger)
	a.ReceivedAt = time.UnixMicro(at).UTC()
	return a, nil
}

// Arrival implements bot.Queue.
func (q *queue) Arrival(ctx context.Context, id int64) (bot.Arrival, error) {
	a, err := scanArrival(q.row(ctx, `SELECT `+arrivalColumns+` FROM arrivals WHERE id = $1 AND body <> ''`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return a, bot.ErrNoRequest
	}
	return a, err
}

// Claim implements bot.Queue.
func (q *queue) Claim(ctx context.Context, id string) (r bot.Request, ok bool, err error) {
	err = q.transaction(ctx, func(tx *tx) error {
		ok = false
		res, err := tx.ExecContext(ctx, `UPDATE requests SET claimed_until = $1 WHERE id = $2 AND claimed_until <= $3`,
			micros(tx.now.Add(bot.ClaimFor)), id, micros(tx.now))
		if err != nil {
			return fmt.Errorf("claim a request: %w", err)
		}
		n, err := res.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		ok = true
		r, err = scanRequest(tx.QueryRowContext(ctx, `SELECT `+requestColumns+fromRequests+`WHERE r.id = $1`, id))
		return err
	})
	if err != nil {
		return bot.Request{}, false, err
	}
	return r, ok, nil
}

// The queries that find what is due, in the order of work. The window functions number
// each person's waiting rows, so that people take turns. PostgreSQL cannot lock rows
// where it numbers them, so the outer query locks them and repeats the conditions,
// because somebody may have claimed a row in between.
const (
	dueArrivals = `SELECT id FROM arrivals WHERE due_at <= $2 AND claimed_until <= $2 AND id IN (
		SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY acted_by ORDER BY id) AS round
			FROM arrivals WHERE due_at <= $2 AND claimed_until <= $2) owing ORDER BY round, id LIMIT $3)`
	// Decided requests go before those that may expire.
	dueRequests = `SELECT id FROM requests WHERE due_at <= $2 AND claimed_until <= $2
		ORDER BY CASE state WHEN 'pending' THEN 1 ELSE 0 END, due_at LIMIT $3`
	// Outcomes go first, then new cards, then the rest. Within each group, lost devices
	// go first.
	dueTelling = `SELECT id FROM (SELECT id, lane, urgency, tell_due_at,
			row_number() OVER (PARTITION BY urgency, lane, asked_by ORDER BY created_at, tell_due_at, id) AS round
			FROM (SELECT id, lane, asked_by, created_at, tell_due_at, CASE WHEN state <> 'pending' THEN 0 WHEN told = 0 THEN 1 ELSE 2 END AS urgency
				FROM requests WHERE tell_due_at <= $1 AND tell_claimed_until <= $1) owing) owing
		ORDER BY urgency, CASE lane WHEN 'self' THEN 0 ELSE 1 END, round, tell_due_at, id LIMIT $2`
)

// Due implements bot.Queue. It reads first, so that an idle clock does not take the
// write lock every second.
func (q *queue) Due(ctx context.Context, limit int) (bot.Work, error) {
	if err := q.goesOn(ctx); err != nil {
		return bot.Work{}, err // stored times may lie in the future
	}
	w, err := q.due(ctx, limit)
	w.SetBack = q.hands.tell()
	return w, err
}

func (q *queue) due(ctx context.Context, limit int) (bot.Work, error) {
	now := micros(q.now())
	var owed bool
	// Not EXISTS: PostgreSQL would scan whole tables, because it plans a prepared
	// statement as if many rows were due.
	err := q.row(ctx, `SELECT
		(SELECT due_at FROM arrivals WHERE due_at <= $1 AND claimed_until <= $1 ORDER BY due_at LIMIT 1) IS NOT NULL
		OR (SELECT due_at FROM requests WHERE due_at <= $1 AND claimed_until <= $1 ORDER BY due_at LIMIT 1) IS NOT NULL
		OR (SELECT tell_due_at FROM requests WHERE tell_due_at <= $1 AND tell_claimed_until <= $1 ORDER BY tell_due_at LIMIT 1) IS NOT NULL
		OR (SELECT due_at FROM notices WHERE due_at <= $1 AND claimed_until <= $1 ORDER BY due_at LIMIT 1) IS NOT NULL
		OR (SELECT until_at FROM tallies WHERE until_at <= $1 ORDER BY until_at LIMIT 1) IS NOT NULL`, now).Scan(&owed)
	var w bot.Work
	if err != nil || !owed {
		return w, err
	}
	err = q.transaction(ctx, func(tx *tx) (err error) {
		w, err = claimDue(ctx, tx, limit)
		return err
	})
	return w, err
}

func claimDue(ctx context.Context, tx *tx, limit int) (w bot.Work, err error) {
	if err := claimArrivals(ctx, tx, limit, &w); err != nil {
		return w, err
	}
	if err := claimRequests(ctx, tx, limit, &w); err != nil {
		return w, err
	}
	rows, err := tx.QueryContext(ctx, dueTelling, micros(tx.now), limit)
	if w.Tell, err = collect(rows, err, scanID); err != nil {
		return w, fmt.Errorf("find what is to be told: %w", err)
	}
	if err := claimNotices(ctx, tx, limit, &w); err != nil {
		return w, err
	}
	over, err := closeTallies(ctx, tx)
	if err != nil {
		return w, err
	}
	return w, appendAudit(ctx, tx, over)
}

func claimArrivals(ctx context.Context, tx *tx, limit int, w *bot.Work) error {
	rows, err := tx.QueryContext(ctx, `UPDATE arrivals SET claimed_until = $1, tries = tries + 1 WHERE id IN
		(`+dueArrivals+tx.skipLocked()+`)
		RETURNING `+arrivalColumns, micros(tx.now.Add(bot.ClaimFor)), micros(tx.now), limit)
	if w.Arrivals, err = readable(rows, err, scanArrival, &w.Broken); err != nil {
		return fmt.Errorf("claim arrivals: %w", err)
	}
	// RETURNING keeps no order. Within a batch the oldest goes first.
	slices.SortFunc(w.Arrivals, func(a, b bot.Arrival) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

func claimRequests(ctx context.Context, tx *tx, limit int, w *bot.Work) error {
	rows, err := tx.QueryContext(ctx, `UPDATE requests SET claimed_until = $1 WHERE id IN
		(`+dueRequests+tx.skipLocked()+`)
		RETURNING id`, micros(tx.now.Add(bot.ClaimFor)), micros(tx.now), limit)
	ids, err := collect(rows, err, scanID)
	if err != nil {
		return fmt.Errorf("claim requests: %w", err)
	}
	for _, id := range ids {
		r, err := scanRequest(tx.QueryRowContext(ctx, `SELECT `+requestColumns+fromRequests+`WHERE r.id = $1`, id))
		broken, isBroken := errors.AsType[*bot.Unreadable](err)
		switch {
		case isBroken:
			w.Broken = append(w.Broken, broken)
		case err != nil:
			return fmt.Errorf("read a claimed request: %w", err)
		default:
			w.Drive = append(w.Drive, r)
		}
	}
	slices.SortFunc(w.Drive, func(a, b bot.Request) int {
		return cmp.Or(cmp.Compare(flag(a.State == bot.Pending), flag(b.State == bot.Pending)), a.DueAt.Compare(b.DueAt))
	})
	return nil
}

func claimNotices(ctx context.Context, tx *tx, limit int, w *bot.Work) error {
	rows, err := tx.QueryContext(ctx, `UPDATE notices SET claimed_until = $1, tries = tries + 1 WHERE id IN
		(SELECT id FROM notices WHERE due_at <= $2 AND claimed_until <= $2 ORDER BY due_at, id LIMIT $3`+tx.skipLocked()+`)
		RETURNING `+noticeColumns, micros(tx.now.Add(bot.ClaimFor)), micros(tx.now), limit)
	if w.Notices, err = readable(rows, err, scanNotice, &w.Broken); err != nil {
		return fmt.Errorf("claim notices: %w", err)
	}
	slices.SortFunc(w.Notices, func(a, b bot.Notice) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// Stall implements bot.Queue. A command-line request has no readers in Slack, so it
// counts as shown at once.
func (q *queue) Stall(ctx context.Context, id string) (fresh bool, err error) {
	err = q.transaction(ctx, func(tx *tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE requests SET stalled_at = $1, stalled_version = version,
			tell_due_at = $1, tell_again = 1, tell_tries = 0
			WHERE id = $2 AND NOT (stalled_at > 0 AND stalled_version = version)`, micros(tx.now), id)
		if err != nil {
			return fmt.Errorf("note that a request cannot go on: %w", err)
		}
		n, err := res.RowsAffected()
		fresh = n > 0
		return err
	})
	return fresh && err == nil, err
}

func scanID(row scanner) (id string, err error) {
	err = row.Scan(&id)
	return id, err
}

// readable collects the rows that can be decoded and adds the others to broken, so that
// one bad row does not block the rest.
func readable[T any](rows *sql.Rows, err error, scan func(scanner) (T, error), broken *[]*bot.Unreadable) ([]T, error) {
	type row struct {
		value  T
		broken *bot.Unreadable
	}
	all, err := collect(rows, err, func(s scanner) (row, error) {
		v, err := scan(s)
		if broken, ok := errors.AsType[*bot.Unreadable](err); ok {
			return row{broken: broken}, nil
		}
		return row{value: v}, err
	})
	var whole []T
	for _, r := range all {
		if r.broken != nil {
			*broken = append(*broken, r.broken)
		} else {
			whole = append(whole, r.value)
		}
	}
	return whole, err
}

// ResponseURLs implements bot.Queue. After an arrival is settled, only its body says who
// sent it. Typed text cannot match the pattern, because its quotes are escaped.
func (q *queue) ResponseURLs(ctx context.Context, slackID string, limit int) ([]bot.Secret, error) {
	who, err := json.Marshal(slackID)
	if err != nil {
		return nil, err
	}
	acts, err := rows(ctx, q.core, scanArrival, `SELECT `+arrivalColumns+` FROM arrivals
		WHERE body <> '' AND received_at > $1 AND response_url <> '' AND body LIKE $2 ORDER BY received_at DESC LIMIT $3`,
		micros(q.now().Add(-secretsLive)), `%"user_id":`+string(who)+`%`, limit)
	var urls []bot.Secret
	for _, a := range acts {
		if a.UserID == slackID {
			urls = append(urls, a.ResponseURL)
		}
	}
	return urls, err
}
