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

// ledger keeps the requests.
type ledger struct{ *core }

// Commit implements bot.Ledger. It detects a conflict before it looks at freezes and
// limits.
func (l *ledger) Commit(ctx context.Context, c bot.Change) (bot.Request, error) {
	var locks []lock
	if c.Fenced {
		locks = append(locks, fenced)
	}
	c.Uses = limited(c.Uses)
	if len(c.Uses) > 0 || c.GivesBack {
		locks = append(locks, counting)
	}
	var stored bot.Request
	err := l.transaction(ctx, func(tx *tx) (err error) {
		stored, err = writeChange(ctx, tx, c)
		return err
	}, locks...)
	if err != nil {
		return bot.Request{}, err
	}
	return stored, nil
}

// writeChange writes all of a change and returns its request as stored.
func writeChange(ctx context.Context, tx *tx, c bot.Change) (bot.Request, error) {
	r := c.Request
	typed, err := writeRequests(ctx, tx, c, &r)
	if err != nil {
		return r, err
	}
	if c.Fenced || c.InTurn || c.Under != "" {
		if err := mayGo(ctx, tx, c, &r); err != nil {
			return r, err
		}
	}
	if err := heed(ctx, tx, c); err != nil {
		return r, err
	}
	if c.GivesBack {
		if err := giveBack(ctx, tx, r.ID, c.Kept); err != nil {
			return r, err
		}
	}
	if err := spend(ctx, tx, r.ID, c.Uses); err != nil {
		return r, err
	}
	if c.Notice != nil {
		if _, err := announce(ctx, tx, *c.Notice); err != nil {
			return r, err
		}
	}
	if err := settle(ctx, tx, c.Settles); err != nil {
		return r, err
	}
	if err := useView(ctx, tx, c, r.ID); err != nil {
		return r, err
	}
	entries := slices.Clone(c.Audit)
	for i := range entries {
		entries[i].Typed = typed[entries[i].Request]
	}
	return r, appendAudit(ctx, tx, entries)
}

// writeRequests writes r, which is c.Request, and the successor. It returns the salted
// hash of each one's words, by request ID.
func writeRequests(ctx context.Context, tx *tx, c bot.Change, r *bot.Request) (typed map[string]string, err error) {
	typed = map[string]string{}
	write := func(r *bot.Request, keep bool) error {
		known, err := writeRequest(ctx, tx, r, keep)
		if err != nil {
			return err
		}
		typed[r.ID], err = writeWords(ctx, tx, *r, known)
		return err
	}
	if err := write(r, c.Keep); err != nil {
		return nil, err
	}
	if !r.AcceptedAt.IsZero() {
		if err := oweOthers(ctx, tx, r); err != nil {
			return nil, err
		}
	}
	if c.Successor != nil {
		// r has left pending by now, so the successor does not violate the unique key.
		next := *c.Successor
		if err := write(&next, false); err != nil {
			return nil, err
		}
	}
	return typed, nil
}

// requester is the Slack user ID of the first asker.
func requester(r *bot.Request) string {
	if len(r.Askers) == 0 {
		return ""
	}
	return r.Askers[0].SlackID
}

// storedWords are a request's words and their salt. Both are NULL if they were erased or
// never stored.
type storedWords struct{ salt, content sql.NullString }

// requestRow holds the columns that writeRequest derives.
type requestRow struct {
	// body is a string: in pgx's modes "exec" and "simple_protocol", which some poolers
	// need, bytes would be sent as bytea, whose text is not JSON.
	body    string
	claimed int64
	owed    sql.NullInt64
	line    sql.NullInt64
}

// writeRequest creates or updates a request, changes r to what is stored, and returns
// the stored words.
func writeRequest(ctx context.Context, tx *tx, r *bot.Request, keep bool) (known storedWords, err error) {
	encoded, err := json.Marshal(r)
	if err != nil {
		return known, fmt.Errorf("encode the request: %w", err)
	}
	// Every change must be shown, so tell_due_at is now. Slack shows nothing of a
	// command-line request.
	row := requestRow{body: string(encoded), owed: maybe(tx.now)}
	if keep {
		row.claimed = micros(tx.now.Add(bot.ClaimFor))
	}
	if r.AtConsole() {
		row.owed = sql.NullInt64{}
	}
	if r.State == bot.Approved {
		row.line = lineAt(r)
	}
	if r.Version == 0 {
		r.Paused = 0
		err = row.insert(ctx, tx, r)
	} else {
		known, err = row.update(ctx, tx, r)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return known, bot.ErrConflict
	case tx.unique(err): // another request for the account is pending
		return known, bot.ErrTaken
	case err != nil:
		return known, fmt.Errorf("store the request: %w", err)
	}
	r.Version++
	r.DueAt, r.StalledAt = instant(maybe(r.DueAt)), time.Time{} // as stored
	if r.State != bot.Pending {
		return known, nil // nobody can join now
	}
	return known, writeAskers(ctx, tx, r)
}

func (w requestRow) insert(ctx context.Context, tx *tx, r *bot.Request) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO requests
		(id, version, state, lane, drill, target_id, body, created_at, accepted_at, due_at, claimed_until,
		told, tell_due_at, tell_claimed_until, tell_tries, changed_at, line_at, asked_by)
		VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, 0, 0, $12, $13, $14)`,
		r.ID, r.State, r.Lane, flag(r.Drill), r.Target.ID, w.body, micros(r.CreatedAt), maybe(r.AcceptedAt), maybe(r.DueAt), w.claimed,
		w.owed, micros(tx.now), w.line, requester(r))
	return err
}

// update returns sql.ErrNoRows if the stored version has changed.
func (w requestRow) update(ctx context.Context, tx *tx, r *bot.Request) (known storedWords, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE requests SET version = version + 1, state = $1, body = $2, accepted_at = $3,
		due_at = $4, claimed_until = $5, tell_due_at = $6, tell_tries = 0, changed_at = $7, line_at = $8 WHERE id = $9 AND version = $10
		RETURNING (SELECT salt FROM words WHERE request_id = requests.id), (SELECT content FROM words WHERE request_id = requests.id)`,
		r.State, w.body, maybe(r.AcceptedAt), maybe(r.DueAt), w.claimed, w.owed, micros(tx.now), w.line, r.ID, r.Version).
		Scan(&known.salt, &known.content)
	return known, err
}

// writeAskers stores who asked. An update adds only the last asker, because the earlier
// ones have their rows: each join costs one row.
func writeAskers(ctx context.Context, tx *tx, r *bot.Request) error {
	askers := r.Askers
	if r.Version > 1 {
		askers = askers[max(0, len(askers)-1):]
	}
	for _, a := range askers {
		if _, err := tx.ExecContext(ctx, `INSERT INTO askers (slack_id, request_id) VALUES ($1, $2)
			ON CONFLICT DO NOTHING`, a.SlackID, r.ID); err != nil {
			return fmt.Errorf("store who asked: %w", err)
		}
	}
	return nil
}

// writeWords stores what was typed and returns its salted hash. Words change only while
// the request is pending and when it is denied; later the stored ones are hashed again.
func writeWords(ctx context.Context, tx *tx, r bot.Request, known storedWords) (hash string, err error) {
	changes := r.Version == 1 || r.State == bot.Pending || r.State == bot.Denied
	salt, content := known.salt.String, known.content.String
	switch {
	case !known.salt.Valid && r.Version > 1 && r.State != bot.Pending:
		return "", nil // erased: nothing to hash
	case !known.salt.Valid:
		salt = rand.Text()
	}
	if changes {
		fresh, err := json.Marshal(r.Words)
		if err != nil {
			return "", fmt.Errorf("encode the words: %w", err)
		}
		if string(fresh) != content {
			content = string(fresh)
			if _, err := tx.ExecContext(ctx, `INSERT INTO words (request_id, salt, content) VALUES ($1, $2, $3)
				ON CONFLICT (request_id) DO UPDATE SET content = excluded.content`, r.ID, salt, content); err != nil {
				return "", fmt.Errorf("store the words: %w", err)
			}
		}
	}
	return sum(salt, content), nil
}

const requestColumns = `r.id, r.version, r.state, r.body, r.due_at, r.paused, coalesce(w.content, '{}'),
	CASE WHEN r.stalled_version = r.version AND r.stalled_at > 0 THEN r.stalled_at END`

const fromRequests = ` FROM requests r LEFT JOIN words w ON w.request_id = r.id `

func scanRequest(row scanner) (r bot.Request, err error) {
	var body, words []byte
	var due, stalled sql.NullInt64
	var id, state string
	var version, paused int64
	if err := row.Scan(&id, &version, &state, &body, &due, &paused, &words, &stalled); err != nil {
		return r, err
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return r, &bot.Unreadable{Request: id, Err: err}
	}
	if err := json.Unmarshal(words, &r.Words); err != nil {
		return r, &bot.Unreadable{Request: id, Err: fmt.Errorf("its words: %w", err)}
	}
	r.ID, r.Version, r.State, r.DueAt, r.StalledAt = id, version, bot.State(state), instant(due), instant(stalled)
	r.Paused = time.Duration(paused) * time.Microsecond
	return r, nil
}

// Request implements bot.Ledger.
func (l *ledger) Request(ctx context.Context, id string) (bot.Request, error) {
	r, err := scanRequest(l.row(ctx, `SELECT `+requestColumns+fromRequests+`WHERE r.id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return r, bot.ErrNoRequest
	}
	return r, err
}

// PendingFor implements bot.Index.
func (l *ledger) PendingFor(ctx context.Context, targetID string, lane authz.Lane, drill bool) (bot.Request, bool, error) {
	r, err := scanRequest(l.row(ctx, `SELECT `+requestColumns+fromRequests+
		`WHERE r.target_id = $1 AND r.lane = $2 AND r.drill = $3 AND r.state = 'pending'`, targetID, lane, flag(drill)))
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	return r, err == nil, err
}

// Open implements bot.Index.
func (l *ledger) Open(ctx context.Context, slackID string, limit int) ([]bot.Request, error) {
	query, args := `SELECT `+requestColumns+fromRequests+
		`WHERE r.due_at IS NOT NULL `, []any{limit}
	if slackID != "" {
		query += `AND EXISTS (SELECT 1 FROM askers WHERE slack_id = $2 AND request_id = r.id) `
		args = append(args, slackID)
	}
	scan := func(row scanner) (bot.Request, error) {
		r, err := scanRequest(row)
		if broken, ok := errors.AsType[*bot.Unreadable](err); ok {
			return bot.Request{ID: broken.Request}, nil // the others can be read
		}
		return r, err
	}
	return rows(ctx, l.core, scan, query+`ORDER BY CASE r.state WHEN 'pending' THEN 0 ELSE 1 END, r.created_at LIMIT $1`, args...)
}

// Unfinished implements bot.Index.
func (l *ledger) Unfinished(ctx context.Context, limit int) (open []bot.Request, broken []*bot.Unreadable, err error) {
	err = tried(ctx, writeWithin, l.again, func() error {
		open, broken = nil, nil
		rows, err := l.read.QueryContext(ctx, `SELECT `+requestColumns+fromRequests+`
			WHERE r.due_at IS NOT NULL ORDER BY r.created_at LIMIT $1`, limit)
		open, err = readable(rows, err, scanRequest, &broken)
		return err
	})
	return open, broken, err
}

// LastAccepted implements bot.Index.
func (l *ledger) LastAccepted(ctx context.Context, targetID string) (time.Time, error) {
	var at sql.NullInt64
	err := l.row(ctx, `SELECT max(accepted_at) FROM requests WHERE target_id = $1 AND accepted_at IS NOT NULL`, targetID).Scan(&at)
	return instant(at), err
}

// LastRevoke implements bot.Index.
func (l *ledger) LastRevoke(ctx context.Context, targetID, but string) (bot.Request, bool, error) {
	var at sql.NullInt64
	r, err := scanRequest(with{l.row(ctx, `SELECT `+requestColumns+`, r.accepted_at`+fromRequests+
		`WHERE r.target_id = $1 AND r.accepted_at IS NOT NULL AND r.id <> $2 ORDER BY r.accepted_at DESC LIMIT 1`, targetID, but), &at})
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	if broken, ok := errors.AsType[*bot.Unreadable](err); ok {
		r, err = bot.Request{ID: broken.Request}, nil
	}
	r.AcceptedAt = instant(at) // as LastAccepted has it
	return r, err == nil, err
}

// with is a row with one extra column.
type with struct {
	scanner
	last any
}

func (w with) Scan(to ...any) error { return w.scanner.Scan(append(to, w.last)...) }

// oweOthers marks the other open requests about the account to be shown again, because
// it was revoked. A showing that is under way is repeated afterwards.
func oweOthers(ctx context.Context, tx *tx, r *bot.Request) error {
	_, err := tx.ExecContext(ctx, `UPDATE requests SET tell_again = 1, tell_due_at = coalesce(tell_due_at, $1),
		tell_tries = CASE WHEN tell_due_at IS NULL THEN 0 ELSE tell_tries END WHERE target_id = $2 AND id <> $3 AND due_at IS NOT NULL`,
		micros(tx.now), r.Target.ID, r.ID)
	if err != nil {
		return fmt.Errorf("owe a revoke to the other requests about the account: %w", err)
	}
	return nil
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
