package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"revoke-sessions/bot"
)

// Anchor is a copy of one row's hash. Kept where a database writer cannot reach it, it
// proves every row up to its own.
type Anchor struct {
	Seq  int64
	Hash string
}

// String is the form that UnmarshalText reads: SEQ:HASH.
func (a Anchor) String() string { return fmt.Sprintf("%d:%s", a.Seq, a.Hash) }

// UnmarshalText reads SEQ:HASH, the hash in 64 hexadecimal digits.
func (a *Anchor) UnmarshalText(text []byte) error {
	seq, hash, _ := strings.Cut(strings.TrimSpace(string(text)), ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	sum, hashErr := hex.DecodeString(hash)
	if err != nil || n < 1 || hashErr != nil || len(sum) != sha256.Size {
		return errors.New("an anchor is SEQ:HASH: the number of a row and the 64 digits of its hash, from an \"audit anchor\" line of the log")
	}
	a.Seq, a.Hash = n, strings.ToLower(hash)
	return nil
}

// Head returns the anchor of the last row; the zero Anchor for an empty chain.
func (c *chain) Head(ctx context.Context) (a Anchor, err error) {
	err = tried(ctx, writeWithin, c.again, func() (err error) { a, err = readHead(ctx, c.read); return err })
	return a, err
}

func readHead(ctx context.Context, from querier) (a Anchor, err error) {
	if err := from.QueryRowContext(ctx, `SELECT seq, hash FROM audit_head WHERE id = 1`).Scan(&a.Seq, &a.Hash); err != nil {
		return a, fmt.Errorf("read the head of the audit chain: %w", err)
	}
	return a, nil
}

// Summary is what a walk along the chain found.
type Summary struct {
	Rows int64
	// First and Last are when the first and the last row were written.
	First, Last time.Time
	Head        Anchor
}

// String is a phrase for a sentence.
func (s Summary) String() string {
	if s.Rows == 0 {
		return "no rows yet"
	}
	rows := "rows"
	if s.Rows == 1 {
		rows = "row"
	}
	const layout = "2006-01-02 15:04:05 UTC"
	return fmt.Sprintf("%d %s, from %s to %s, head %s", s.Rows, rows, s.First.UTC().Format(layout), s.Last.UTC().Format(layout), s.Head)
}

// Walk passes every row to visit, in order, and checks every link. It holds few rows at
// a time, and no lock while visit runs, so it can read a chain of any length beside a
// running bot; it includes rows that are added meanwhile. A broken chain is a *Damage,
// returned after the last row: rows past the damage are visited too, unless they cannot
// be decoded. An error of visit ends the walk and is returned unchanged.
func (c *chain) Walk(ctx context.Context, visit func(bot.Row) error) (Summary, error) {
	return c.walk(ctx, visit, nil)
}

// walk is Walk. atEnd, if not nil, reads more in the snapshot in which the chain's end
// is read.
func (c *chain) walk(ctx context.Context, visit func(bot.Row) error, atEnd func(*sql.Tx) error) (Summary, error) {
	var seen Summary
	var end chainEnd
	var bad *stored // the first row that does not fit
	err := c.scan(ctx, func(r stored) error {
		var e bot.Entry
		unread := json.Unmarshal([]byte(r.entry), &e)
		switch {
		case bad != nil:
		case unread == nil && e.Request == r.request && r.follows(seen.Head):
			seen.Head = Anchor{r.seq, r.hash}
		default:
			bad = &r
		}
		if unread != nil {
			return nil
		}
		if seen.Rows++; seen.Rows == 1 {
			seen.First = e.At
		}
		seen.Last = e.At
		return visit(bot.Row{Seq: r.seq, Hash: r.hash, Entry: e})
	}, func(tx *sql.Tx) error {
		if err := end.read(ctx, tx); err != nil || atEnd == nil {
			return err
		}
		return atEnd(tx)
	})
	switch unreadable := errors.Is(err, errUnreadable); {
	case err != nil && !unreadable:
		return seen, err
	case bad != nil:
		return seen, c.diagnose(ctx, seen.Head, *bad, end.head)
	case unreadable:
		return seen, damaged(seen.Head.Seq+1, Changed, "its contents cannot be read as a row")
	}
	if d := end.differs(seen.Head); d != nil {
		return seen, d
	}
	return seen, nil
}

// chainEnd is what the database records of the chain besides its rows.
type chainEnd struct {
	head       Anchor
	noHead     bool
	unnumbered bool // a row has no number
}

func (e *chainEnd) read(ctx context.Context, tx *sql.Tx) (err error) {
	if e.head, err = readHead(ctx, tx); errors.Is(err, sql.ErrNoRows) {
		e.noHead = true
	} else if err != nil {
		return err
	}
	// SQLite allows NULL in this key; scan starts after the smallest number.
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM audit WHERE seq IS NULL OR seq = $1)`, int64(math.MinInt64)).
		Scan(&e.unnumbered); err != nil {
		return fmt.Errorf("look for rows without a number: %w", err)
	}
	return nil
}

// differs describes how the end contradicts the last row; nil if it fits.
func (e *chainEnd) differs(last Anchor) *Damage {
	head, next := e.head, last.Seq+1
	switch {
	case e.unnumbered:
		return damaged(next, Inserted, "a row without a number was put into the table")
	case e.noHead:
		return damaged(next-1, HeadDisagrees, "the chain ends here, and its head was removed")
	case head.Seq > last.Seq:
		return damaged(next, HeadDisagrees, "the chain ends before it, but its head names row %d: "+
			"rows were removed from the end, or the head was changed", head.Seq)
	case head.Seq < last.Seq:
		return damaged(head.Seq+1, HeadDisagrees, "the head ends the chain before it, at row %d: "+
			"rows were added past the head, or the head was changed", head.Seq)
	case head.Hash != last.Hash:
		return damaged(head.Seq, HeadDisagrees, "its hash is not the hash in the chain's head: "+
			"the head was changed, or row %d was changed and got a new hash", head.Seq)
	}
	return nil
}

// stored is a row as it is in the table.
type stored struct {
	seq                  int64
	request, entry, hash string
}

// follows reports whether the row is the unchanged successor of last.
func (r stored) follows(last Anchor) bool {
	return r.seq == last.Seq+1 && r.hash == r.linked(last)
}

// linked is the hash that the row's contents would have as the successor of last.
func (r stored) linked(last Anchor) string { return link(last.Hash, last.Seq+1, []byte(r.entry)) }

// batchRows is how many rows scan holds at a time.
const batchRows = 500

// errUnreadable: a column holds a value that we never store.
var errUnreadable = errors.New("a row of the audit table cannot be read")

// scan passes the table's rows to each, in order. Each batch has its own transaction,
// because a long one would keep SQLite from clearing its log; rows already read never
// change in an intact chain. atEnd gets the last batch's transaction.
func (c *chain) scan(ctx context.Context, each func(stored) error, atEnd func(*sql.Tx) error) error {
	for after := int64(math.MinInt64); ; {
		var batch []stored
		err := tried(ctx, writeWithin, c.again, func() (err error) { batch, err = c.batch(ctx, after, atEnd); return err })
		if err != nil && !errors.Is(err, errUnreadable) {
			return fmt.Errorf("read the audit chain: %w", err)
		}
		for _, r := range batch {
			if err := each(r); err != nil {
				return err
			}
			after = r.seq
		}
		if err != nil || len(batch) < batchRows {
			return err
		}
	}
}

func (c *chain) batch(ctx context.Context, after int64, atEnd func(*sql.Tx) error) (batch []stored, err error) {
	tx, err := c.read.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	rows, err := tx.QueryContext(ctx, `SELECT seq, request_id, entry, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2`, after, batchRows)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r stored
		if err := rows.Scan(&r.seq, &r.request, &r.entry, &r.hash); err != nil {
			return batch, fmt.Errorf("%w: %w", errUnreadable, err)
		}
		batch = append(batch, r)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(batch) < batchRows && atEnd != nil {
		return batch, atEnd(tx)
	}
	return batch, nil
}

// Audit reads the chain's rows of one request, or all rows if the ID is empty, in order.
// It checks every link of the whole chain; a broken chain returns a *Damage and no rows.
func (c *chain) Audit(ctx context.Context, requestID string) ([]bot.Entry, error) {
	var entries []bot.Entry
	_, err := c.Walk(ctx, func(r bot.Row) error {
		if requestID == "" || requestID == r.Request {
			entries = append(entries, r.Entry)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// Verify checks every link of the chain and, if anchor is given, the hash of its row. A
// mismatch is a *Damage. Without an external anchor, Verify cannot detect an end that
// was cut off together with the head, or a chain that was rewritten from some row on.
func (c *chain) Verify(ctx context.Context, anchor *Anchor) (Summary, error) {
	var found string
	seen, err := c.Walk(ctx, func(r bot.Row) error {
		if anchor != nil && r.Seq == anchor.Seq {
			found = r.Hash
		}
		return nil
	})
	switch {
	case err != nil || anchor == nil:
		return seen, err
	case found == "":
		return seen, damaged(anchor.Seq, AnchorMissing, "the anchor names this row, but the chain ends at row %d: "+
			"its end was cut off, or the anchor comes from another database", seen.Head.Seq)
	case found != anchor.Hash:
		return seen, damaged(anchor.Seq, AnchorDiffers, "each row fits the row before it, but this row's hash is not the anchor's: "+
			"the chain was written again from this row or an earlier row on, or the anchor comes from another database")
	}
	return seen, nil
}

// Story reads everything on record about one request and checks the whole chain. It
// returns ErrNoRequest if no row names the request. A broken chain is reported in the
// Story and is not an error.
func (c *chain) Story(ctx context.Context, requestID string) (bot.Record, error) {
	story := bot.Record{Request: requestID, Proof: bot.WordsUnread}
	var hash string
	seen, err := c.walk(ctx, func(r bot.Row) error {
		if r.Request == requestID {
			story.Rows = append(story.Rows, r)
		}
		return nil
	}, func(tx *sql.Tx) error {
		var salt, content string
		err := tx.QueryRowContext(ctx, `SELECT salt, content FROM words WHERE request_id = $1`, requestID).Scan(&salt, &content)
		if errors.Is(err, sql.ErrNoRows) {
			story.Proof = bot.WordsErased
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the words: %w", err)
		}
		hash, story.Words = sum(salt, content), &bot.Words{}
		if json.Unmarshal([]byte(content), story.Words) != nil {
			hash = "" // not in our format, so no hash can match
		}
		return nil
	})
	if damage, ok := errors.AsType[*Damage](err); ok {
		story.Chain.Says, err = "The check FAILED: "+damage.Error()+".", nil
	} else if err == nil {
		story.Chain.Fits, story.Chain.Says = true, "Each row of the audit chain fits the row before it: "+seen.String()+"."
	}
	if err == nil && len(story.Rows) == 0 {
		err = bot.ErrNoRequest
	}
	if err != nil {
		return bot.Record{}, err
	}
	if story.Words != nil {
		story.Proof = bot.WordsDiffer
		// An earlier row has the hash of the words at that time.
		for _, r := range story.Rows {
			if r.Typed != "" && r.Typed == hash {
				story.Proof = bot.WordsMatch
			} else if r.Typed != "" {
				story.Proof = bot.WordsDiffer
			}
		}
	}
	return story, nil
}
