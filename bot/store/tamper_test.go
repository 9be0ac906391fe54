package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// chained is a store with a chain of a few rows and a connection that may
// change them, its triggers gone.
func chained(t *testing.T) (*store.Store, *sql.Conn) {
	t.Helper()
	s := openSQLite(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	turn(t, s, r, bot.Approved)
	if err := s.Record(deadline(t), 0, bot.Entry{Action: "refused", Actor: "U-OUTSIDER", Wanted: "confirm", Reason: "not_approver"}); err != nil {
		t.Fatal(err)
	}
	create(t, s, pending("REQ-OTHER", "dave"))
	raw := bypass(t, s)
	for _, trigger := range triggers(t, raw) {
		do(t, raw, `DROP TRIGGER `+trigger)
	}
	chain(t, s, "")
	return s, raw
}

func triggers(t *testing.T, raw *sql.Conn) []string {
	t.Helper()
	names := strings.Fields(value[string](t, raw, `SELECT group_concat(name, ' ') FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit'`))
	if len(names) == 0 {
		t.Fatal("the audit table has no triggers")
	}
	return names
}

func TestAuditRowsAreAppendOnly(t *testing.T) {
	s := openSQLite(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	turn(t, s, r, bot.Approved)
	raw := bypass(t, s)
	for _, query := range []string{
		`UPDATE audit SET entry = '{}' WHERE seq = 1`,
		`UPDATE audit SET hash = hash`,
		`DELETE FROM audit WHERE seq = 2`,
		`DELETE FROM audit`,
		`REPLACE INTO audit (seq, request_id, entry, hash) VALUES (1, '', '{}', '')`,
		`INSERT INTO audit (seq, request_id, entry, hash) VALUES (1, '', '{}', '') ON CONFLICT DO UPDATE SET entry = excluded.entry`,
		`UPDATE OR REPLACE audit SET seq = 2 WHERE seq = 1`,
	} {
		if _, err := raw.ExecContext(context.Background(), query); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v, want a refusal that says append-only", query, err)
		}
	}
	if rows := chain(t, s, ""); len(rows) != 2 {
		t.Errorf("%d rows, want 2", len(rows))
	}
}

// wantBroken demands that Audit finds what was done. Whoever asks for one
// request's rows is told too.
func wantBroken(t *testing.T, s *store.Store, what string) {
	t.Helper()
	for _, id := range []string{"", "REQ-ACDEFG", "REQ-NOBODY"} {
		entries, err := s.Audit(context.Background(), id)
		if err == nil || !strings.Contains(err.Error(), "the audit chain") {
			t.Fatalf("%s: audit of %q says %v", what, id, err)
		}
		if len(entries) != 0 {
			t.Fatalf("%s: audit of %q gives out %d rows of a broken chain", what, id, len(entries))
		}
	}
}

func TestEveryChangedByteIsFound(t *testing.T) {
	s, raw := chained(t)
	changed := 0
	for _, place := range []struct{ table, key, column string }{
		{"audit", "seq", "request_id"}, {"audit", "seq", "entry"}, {"audit", "seq", "hash"}, {"audit_head", "id", "hash"},
	} {
		for row := range value[int](t, raw, `SELECT count(*) FROM `+place.table) {
			update := fmt.Sprintf(`UPDATE %s SET %s = $1 WHERE %s = $2`, place.table, place.column, place.key)
			text := value[string](t, raw, fmt.Sprintf(`SELECT %s FROM %s WHERE %s = $1`, place.column, place.table, place.key), row+1)
			for i := range text {
				for _, flip := range []byte{1, 0x20, 0x80} { // another letter, another case, no UTF-8
					b := []byte(text)
					b[i] ^= flip
					do(t, raw, update, string(b), row+1)
					wantBroken(t, s, fmt.Sprintf("%s row %d, %s byte %d: %q for %q", place.table, row+1, place.column, i, b[i], text[i]))
					changed++
				}
			}
			for what, other := range map[string]string{"emptied": "", "with a byte more": text + " ", "with a byte before": " " + text} {
				if other == text {
					continue // it was empty
				}
				do(t, raw, update, other, row+1)
				wantBroken(t, s, fmt.Sprintf("%s row %d, %s %s", place.table, row+1, place.column, what))
			}
			do(t, raw, update, text, row+1)
		}
	}
	for row := 1; row <= 4; row++ {
		for _, seq := range []int{-1, 0, 5, row + 256, row + 1<<40} {
			do(t, raw, `UPDATE audit SET seq = $1 WHERE seq = $2`, seq, row)
			wantBroken(t, s, fmt.Sprintf("row %d called %d", row, seq))
			do(t, raw, `UPDATE audit SET seq = $1 WHERE seq = $2`, row, seq)
		}
	}
	for _, seq := range []int{0, 3, 5, 4 + 1<<40} {
		do(t, raw, `UPDATE audit_head SET seq = $1`, seq)
		wantBroken(t, s, fmt.Sprintf("head called %d", seq))
	}
	do(t, raw, `UPDATE audit_head SET seq = 4`)
	chain(t, s, "") // everything is as it was
	if changed < 1500 {
		t.Errorf("only %d bytes were changed", changed)
	}
}

func TestMovedRowsAreFound(t *testing.T) {
	const contents = `request_id = (SELECT request_id FROM old WHERE old.seq = $2), entry = (SELECT entry FROM old WHERE old.seq = $2)`
	for _, row := range []struct {
		name    string
		queries []string
	}{
		{"first removed", []string{`DELETE FROM audit WHERE seq = 1`}},
		{"one between removed", []string{`DELETE FROM audit WHERE seq = 2`}},
		{"last removed", []string{`DELETE FROM audit WHERE seq = 4`}},
		{"two last removed", []string{`DELETE FROM audit WHERE seq > 2`}},
		{"all removed", []string{`DELETE FROM audit`}},
		{"one removed and the gap closed", []string{`DELETE FROM audit WHERE seq = 2`,
			`UPDATE audit SET seq = 2 WHERE seq = 3`, `UPDATE audit SET seq = 3 WHERE seq = 4`, `UPDATE audit_head SET seq = 3`}},
		{"first removed and the gap closed", []string{`DELETE FROM audit WHERE seq = 1`,
			`UPDATE audit SET seq = seq - 1`, `UPDATE audit_head SET seq = 3`}},
		{"two swapped whole", []string{`UPDATE audit SET seq = 99 WHERE seq = 2`,
			`UPDATE audit SET seq = 2 WHERE seq = 3`, `UPDATE audit SET seq = 3 WHERE seq = 99`}},
		{"two swapped, their hashes left", []string{`CREATE TEMP TABLE old AS SELECT * FROM audit`,
			`UPDATE audit SET ` + strings.ReplaceAll(contents, "$2", "3") + ` WHERE seq = 2`,
			`UPDATE audit SET ` + strings.ReplaceAll(contents, "$2", "2") + ` WHERE seq = 3`}},
		{"one said again at the end", []string{`INSERT INTO audit SELECT 5, request_id, entry, hash FROM audit WHERE seq = 4`}},
		{"one said again, head included", []string{`INSERT INTO audit SELECT 5, request_id, entry, hash FROM audit WHERE seq = 4`,
			`UPDATE audit_head SET seq = 5`}},
		{"one put in between", []string{`UPDATE audit SET seq = seq + 100 WHERE seq > 2`, `UPDATE audit SET seq = seq - 99 WHERE seq > 100`,
			`INSERT INTO audit SELECT 3, request_id, entry, hash FROM audit WHERE seq = 2`, `UPDATE audit_head SET seq = 5`}},
		{"the head removed", []string{`DELETE FROM audit_head`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, raw := chained(t)
			for _, query := range row.queries {
				do(t, raw, query)
			}
			wantBroken(t, s, row.name)
		})
	}
}

// The chain proves nothing against somebody who may write the database and
// knows how it is made: with no copy of a hash kept elsewhere, a chain that
// was shortened or written anew looks like one that was always so. These two
// are what Audit cannot find.
func TestWhatTheChainCannotFind(t *testing.T) {
	t.Run("the last rows removed together with the head", func(t *testing.T) {
		s, raw := chained(t)
		do(t, raw, `DELETE FROM audit WHERE seq > 2`)
		do(t, raw, `UPDATE audit_head SET seq = 2, hash = (SELECT hash FROM audit WHERE seq = 2)`)
		if rows := chain(t, s, ""); len(rows) != 2 {
			t.Errorf("%d rows, want 2", len(rows))
		}
	})
	t.Run("everything written anew", func(t *testing.T) {
		s, raw := chained(t)
		head := ""
		for seq := 1; seq <= 4; seq++ {
			entry := value[string](t, raw, `SELECT replace(entry, 'U-ALICE', 'U-MALLORY') FROM audit WHERE seq = $1`, seq)
			number := fmt.Sprint(seq)
			sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s\n%d:%s\n%d:%s\n", len(head), head, len(number), number, len(entry), entry))
			head = hex.EncodeToString(sum[:])
			do(t, raw, `UPDATE audit SET entry = $1, hash = $2 WHERE seq = $3`, entry, head, seq)
		}
		do(t, raw, `UPDATE audit_head SET hash = $1`, head)
		if rows := chain(t, s, ""); rows[1].Actor != "U-MALLORY" {
			t.Errorf("the second row's actor is %s", rows[1].Actor)
		}
	})
}
