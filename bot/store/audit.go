package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"revoke-sessions/bot"
)

// chain keeps the audit rows. A hash covers the one before it.
type chain struct{ *core }

// Record implements bot.Ledger.
func (c *chain) Record(ctx context.Context, settles int64, entries ...bot.Entry) error {
	return c.transaction(ctx, func(tx *tx) error {
		if err := settle(ctx, tx, settles); err != nil {
			return err
		}
		rows, err := tallied(ctx, tx, entries)
		if err != nil {
			return err
		}
		return appendAudit(ctx, tx, rows)
	})
}

// UsedByBot reports whether a bot has ever started on the database.
func (c *chain) UsedByBot(ctx context.Context) (used bool, err error) {
	err = c.row(ctx, `SELECT EXISTS (SELECT 1 FROM audit WHERE request_id = ''
		AND entry LIKE '{"action":"policy_loaded","actor":"bot"%')`).Scan(&used)
	if err != nil {
		return false, fmt.Errorf("look for a bot in the audit chain: %w", err)
	}
	return used, nil
}

// appendAudit adds rows to the chain. It comes last in every transaction, so that the
// head row is the last lock that anybody takes.
func appendAudit(ctx context.Context, tx *tx, entries []bot.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := tx.alone(ctx); err != nil {
		return err
	}
	var seq, last, at int64
	var head string
	if err := tx.QueryRowContext(ctx, `SELECT seq, hash, at, `+tx.headTime()+` FROM audit_head WHERE id = 1`+tx.forUpdate()).
		Scan(&seq, &head, &last, &at); err != nil {
		return fmt.Errorf("read the audit head: %w", err)
	}
	// Use the time after the head was locked, so that times never go back. If the clock
	// was set back, keep the last row's time and store the clock's in Clock.
	when := tx.now
	if at != 0 && tx.core.time != nil {
		when = time.UnixMicro(at)
	}
	when = when.UTC().Truncate(time.Microsecond)
	var clock time.Time
	if before := time.UnixMicro(last).UTC(); before.After(when) {
		clock, when = when, before
	}
	for _, e := range entries {
		e.At, e.Clock = when, clock
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode the audit row: %w", err)
		}
		seq++
		head = link(head, seq, text)
		if _, err := tx.ExecContext(ctx, `INSERT INTO audit (seq, request_id, entry, hash) VALUES ($1, $2, $3, $4)`,
			seq, e.Request, string(text), head); err != nil {
			return fmt.Errorf("store the audit row: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE audit_head SET seq = $1, hash = $2, at = $3 WHERE id = 1`, seq, head, micros(when)); err != nil {
		return fmt.Errorf("store the audit head: %w", err)
	}
	return nil
}

// link is the hash of one audit row.
func link(previous string, seq int64, entry []byte) string {
	return sum(previous, strconv.FormatInt(seq, 10), string(entry))
}

// sum hashes parts. Different lists of parts never hash the same bytes.
func sum(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s\n", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
