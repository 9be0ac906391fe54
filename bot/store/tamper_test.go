package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// chained is a store with a short chain, and a connection that may change it because the
// triggers are gone.
func chained(t *testing.T) (*store.Store, *sql.Conn) {
	t.Helper()
	s := chainedAt(t, newPath(t))
	raw := bypass(t, s)
	for _, trigger := range triggers(t, raw) {
		do(t, raw, `DROP TRIGGER `+trigger)
	}
	return s, raw
}

// chainedAt is a store with a chain of four rows.
func chainedAt(t *testing.T, path string) *store.Store {
	t.Helper()
	s := openAt(t, path, store.Options{Now: newClock().now})
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	turn(t, s, r, bot.Approved)
	if err := s.Record(deadline(t), 0, bot.Entry{Action: "refused", Actor: "U-OUTSIDER", Wanted: "confirm", Reason: "not_approver"}); err != nil {
		t.Fatal(err)
	}
	create(t, s, pending("REQ-OTHER", "dave"))
	if rows := chain(t, s, ""); len(rows) != 4 {
		t.Fatalf("%d rows, want 4", len(rows))
	}
	return s
}

func triggers(t *testing.T, raw *sql.Conn) []string {
	t.Helper()
	names := strings.Fields(value[string](t, raw, `SELECT group_concat(name, ' ') FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit'`))
	if len(names) == 0 {
		t.Fatal("the audit table has no triggers")
	}
	return names
}

func TestChain_RowsAreAppendOnly(t *testing.T) {
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

// wantBroken checks that every reader of the chain finds the damage, also one that asks
// for one request.
func wantBroken(t *testing.T, s *store.Store, what string) *store.Damage {
	t.Helper()
	damage := wantFound(t, s, what)
	for _, id := range []string{"", "REQ-ACDEFG", "REQ-NOBODY"} {
		entries, err := s.Audit(context.Background(), id)
		if !errors.As(err, &damage) {
			t.Fatalf("%s: audit of %q says %v", what, id, err)
		}
		if len(entries) != 0 {
			t.Fatalf("%s: audit of %q gives out %d rows of a broken chain", what, id, len(entries))
		}
	}
	return damage
}

// wantFound checks that Verify finds the damage.
func wantFound(t *testing.T, s *store.Store, what string) (damage *store.Damage) {
	t.Helper()
	if _, err := s.Verify(context.Background(), nil); !errors.As(err, &damage) {
		t.Fatalf("%s: verify says %v", what, err)
	}
	return damage
}

func TestVerify_FindsEveryChangedByte(t *testing.T) {
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
					wantFound(t, s, fmt.Sprintf("%s row %d, %s byte %d: %q for %q", place.table, row+1, place.column, i, b[i], text[i]))
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
	// Every bit of the numbers, sign included. If another row has the number, it loses
	// it.
	for bit := range 64 {
		for row := int64(1); row <= 4; row++ {
			seq := row ^ int64(1)<<bit
			do(t, raw, `UPDATE audit SET seq = 99 WHERE seq = $1`, seq)
			do(t, raw, `UPDATE audit SET seq = $1 WHERE seq = $2`, seq, row)
			wantFound(t, s, fmt.Sprintf("row %d called %d", row, seq))
			do(t, raw, `UPDATE audit SET seq = $1 WHERE seq = $2`, row, seq)
			do(t, raw, `UPDATE audit SET seq = $1 WHERE seq = 99`, seq)
		}
		do(t, raw, `UPDATE audit_head SET seq = $1`, 4^int64(1)<<bit)
		wantFound(t, s, fmt.Sprintf("head called %d", 4^int64(1)<<bit))
		do(t, raw, `UPDATE audit_head SET seq = 4`)
	}
	chain(t, s, "") // everything is as it was
	if changed < 1500 {
		t.Errorf("only %d bytes were changed", changed)
	}
}

// The same below SQLite: every byte of a row's texts in the file.
func TestVerify_FindsEveryChangedByteOfTheFile(t *testing.T) {
	path := newPath(t)
	s := chainedAt(t, path)
	raw := bypass(t, s)
	var records []string
	for seq := 1; seq <= 4; seq++ {
		records = append(records, value[string](t, raw, `SELECT request_id || entry || hash FROM audit WHERE seq = $1`, seq))
	}
	do(t, raw, `PRAGMA wal_checkpoint(TRUNCATE)`)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "damaged.db")
	changed := 0
	for row, record := range records {
		at := bytes.Index(content, []byte(record))
		if at < 0 || bytes.Count(content, []byte(record)) != 1 {
			t.Fatalf("row %d does not stand in the file once", row+1)
		}
		for i := at; i < at+len(record); i++ {
			content[i] ^= 1
			if err := os.WriteFile(damaged, content, 0o600); err != nil {
				t.Fatal(err)
			}
			content[i] ^= 1
			s, err := store.OpenReadOnly(deadline(t), "sqlite:"+damaged)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Verify(deadline(t), nil); err == nil {
				t.Errorf("byte %d of row %d: %q for %q is not found", i-at, row+1, content[i]^1, content[i])
			}
			closeStore(t, s)
			changed++
		}
	}
	if changed < 600 {
		t.Errorf("only %d bytes were changed", changed)
	}
}

// Every other order of the rows is found, under old or new numbers, with the old head or
// one that fits the last row. The exception is an end cut off together with the head:
// see TestVerify_WhatOnlyAnAnchorFinds.
func TestVerify_FindsEveryOtherOrder(t *testing.T) {
	s, raw := chained(t)
	do(t, raw, `CREATE TABLE kept AS SELECT * FROM audit`)
	do(t, raw, `CREATE TABLE kept_head AS SELECT * FROM audit_head`)
	tried := 0
	try := func(order []int) {
		t.Helper()
		for _, renumber := range []bool{true, false} {
			if !renumber && (!slices.IsSorted(order) || len(slices.Compact(slices.Clone(order))) != len(order)) {
				continue // under their own numbers there is one order, and no row twice
			}
			for _, fitHead := range []bool{true, false} {
				do(t, raw, `BEGIN`)
				do(t, raw, `DELETE FROM audit`)
				prefix := true
				for i, from := range order {
					seq := from
					if renumber {
						seq = i + 1
					}
					prefix = prefix && seq == i+1 && from == i+1
					do(t, raw, `INSERT INTO audit SELECT $1, request_id, entry, hash FROM kept WHERE seq = $2`, seq, from)
				}
				do(t, raw, `UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM kept_head)`)
				if fitHead && len(order) > 0 {
					do(t, raw, `UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1)`)
				}
				do(t, raw, `COMMIT`)
				if whole := prefix && len(order) == 4; whole || prefix && fitHead && len(order) > 0 {
					chain(t, s, "")
				} else {
					wantFound(t, s, fmt.Sprintf("rows %v, renumbered %v, head made to fit %v", order, renumber, fitHead))
				}
				tried++
			}
		}
	}
	// All lists of at most four of the four rows: removed, swapped, moved, doubled, and
	// combinations. Then each row inserted everywhere.
	var lists func(order []int)
	lists = func(order []int) {
		try(order)
		for row := 1; row <= 4 && len(order) < 4; row++ {
			lists(append(slices.Clone(order), row))
		}
	}
	lists(nil)
	for at := range 5 {
		for row := 1; row <= 4; row++ {
			try(slices.Insert([]int{1, 2, 3, 4}, at, row))
		}
	}
	if tried < 700 {
		t.Errorf("only %d were tried", tried)
	}
}

func TestVerify_DescribesMovedRows(t *testing.T) {
	const contents = `request_id = (SELECT request_id FROM old WHERE old.seq = $2), entry = (SELECT entry FROM old WHERE old.seq = $2)`
	for _, row := range []struct {
		name    string
		queries []string
		seq     int64
		kind    store.Kind
		says    string
	}{
		{"first removed", []string{`DELETE FROM audit WHERE seq = 1`}, 1, store.Removed, "it is missing"},
		{"one between removed", []string{`DELETE FROM audit WHERE seq = 2`}, 2, store.Removed, "it is missing"},
		{"two between removed", []string{`DELETE FROM audit WHERE seq IN (2, 3)`}, 2, store.Removed, "rows 2 to 3 are missing"},
		{"last removed", []string{`DELETE FROM audit WHERE seq = 4`}, 4, store.HeadDisagrees, "its head names row 4"},
		{"two last removed", []string{`DELETE FROM audit WHERE seq > 2`}, 3, store.HeadDisagrees, "its head names row 4"},
		{"all removed", []string{`DELETE FROM audit`}, 1, store.HeadDisagrees, "its head names row 4"},
		{"one removed and the gap closed", []string{`DELETE FROM audit WHERE seq = 2`,
			`UPDATE audit SET seq = 2 WHERE seq = 3`, `UPDATE audit SET seq = 3 WHERE seq = 4`, `UPDATE audit_head SET seq = 3`}, 2, store.Removed, "(rows removed: 1)"},
		{"first removed and the gap closed", []string{`DELETE FROM audit WHERE seq = 1`,
			`UPDATE audit SET seq = seq - 1`, `UPDATE audit_head SET seq = 3`}, 1, store.Removed, "(rows removed: 1)"},
		{"two removed and the gap closed", []string{`DELETE FROM audit WHERE seq < 3`,
			`UPDATE audit SET seq = seq - 2`, `UPDATE audit_head SET seq = 2`}, 1, store.Removed, "(rows removed: 2)"},
		{"two swapped whole", []string{`UPDATE audit SET seq = 99 WHERE seq = 2`,
			`UPDATE audit SET seq = 2 WHERE seq = 3`, `UPDATE audit SET seq = 3 WHERE seq = 99`}, 2, store.Reordered, "is now row 3"},
		{"two far ones swapped whole", []string{`UPDATE audit SET seq = 99 WHERE seq = 1`,
			`UPDATE audit SET seq = 1 WHERE seq = 4`, `UPDATE audit SET seq = 4 WHERE seq = 99`}, 1, store.Reordered, "is now row 4"},
		{"two swapped, their hashes left", []string{`CREATE TEMP TABLE old AS SELECT * FROM audit`,
			`UPDATE audit SET ` + strings.ReplaceAll(contents, "$2", "3") + ` WHERE seq = 2`,
			`UPDATE audit SET ` + strings.ReplaceAll(contents, "$2", "2") + ` WHERE seq = 3`}, 2, store.Reordered, "are in row 3"},
		{"one moved to the end", []string{`UPDATE audit SET seq = 9 WHERE seq = 2`}, 2, store.Reordered, "is now row 9"},
		{"one moved before the first", []string{`UPDATE audit SET seq = 0 WHERE seq = 1`}, 1, store.Reordered, "is now row 0"},
		{"one said again at the end", []string{`INSERT INTO audit SELECT 5, request_id, entry, hash FROM audit WHERE seq = 4`}, 5, store.Inserted, "a copy of row 4"},
		{"one said again, head included", []string{`INSERT INTO audit SELECT 5, request_id, entry, hash FROM audit WHERE seq = 4`,
			`UPDATE audit_head SET seq = 5`}, 5, store.Inserted, "a copy of row 4"},
		{"a copy put in between", []string{`UPDATE audit SET seq = seq + 100 WHERE seq > 2`, `UPDATE audit SET seq = seq - 99 WHERE seq > 100`,
			`INSERT INTO audit SELECT 3, request_id, entry, hash FROM audit WHERE seq = 2`, `UPDATE audit_head SET seq = 5`}, 3, store.Inserted, "a copy of row 2"},
		{"a copy put over another", []string{`DELETE FROM audit WHERE seq = 2`, `INSERT INTO audit SELECT 2, request_id, entry, hash FROM audit WHERE seq = 3`}, 2, store.Inserted, "a copy of row 3"},
		{"a forged one put in between", []string{`UPDATE audit SET seq = seq + 100 WHERE seq > 2`, `UPDATE audit SET seq = seq - 99 WHERE seq > 100`,
			`INSERT INTO audit SELECT 3, request_id, replace(entry, 'U-ALICE', 'U-MALLORY'), hash FROM audit WHERE seq = 2`, `UPDATE audit_head SET seq = 5`},
			3, store.Inserted, "is now row 4"},
		{"a forged one added", []string{`INSERT INTO audit SELECT 5, request_id, replace(entry, 'U-BOB', 'U-MALLORY'), hash FROM audit WHERE seq = 4`}, 5, store.Inserted, "past the chain's head"},
		{"one put before the first", []string{`INSERT INTO audit VALUES (-3, '', '{}', '')`}, -3, store.Inserted, "no row can have that number"},
		{"one without a number", []string{`INSERT INTO audit VALUES (NULL, '', '{}', '')`}, 5, store.Inserted, "without a number"},
		{"one with the smallest number", []string{`INSERT INTO audit VALUES (-9223372036854775808, '', '{}', '')`}, 5, store.Inserted, "without a number"},
		{"one numbered in letters", []string{`INSERT INTO audit VALUES ('five', '', '{}', '')`}, 5, store.Changed, "cannot be read as a row"},
		{"contents changed", []string{`UPDATE audit SET entry = replace(entry, 'U-ALICE', 'U-MALLORY') WHERE seq = 2`}, 2, store.Changed, "its contents were changed"},
		{"contents of the last changed", []string{`UPDATE audit SET entry = '{}' WHERE seq = 4`}, 4, store.Changed, "its contents were changed"},
		{"hash changed", []string{`UPDATE audit SET hash = 'f' WHERE seq = 2`}, 2, store.Changed, "its hash was changed"},
		{"hash of the last changed", []string{`UPDATE audit SET hash = 'f' WHERE seq = 4`}, 4, store.Changed, "its hash was changed"},
		{"filed under another request", []string{`UPDATE audit SET request_id = 'REQ-OTHER' WHERE seq = 2`}, 2, store.Changed, "its request was changed"},
		{"all of a row changed", []string{`UPDATE audit SET entry = '{}', hash = 'f' WHERE seq = 2`}, 2, store.Changed, "removed or replaced"},
		{"the head removed", []string{`DELETE FROM audit_head`}, 4, store.HeadDisagrees, "its head was removed"},
		{"the head's hash changed", []string{`UPDATE audit_head SET hash = 'f'`}, 4, store.HeadDisagrees, "the head was changed"},
		{"the head set back", []string{`UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit WHERE seq = 3)`}, 4, store.HeadDisagrees, "at row 3"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, raw := chained(t)
			for _, query := range row.queries {
				do(t, raw, query)
			}
			damage := wantBroken(t, s, row.name)
			if damage.Seq != row.seq || damage.Kind != row.kind || !strings.Contains(damage.Error(), row.says) {
				t.Errorf("row %d, %s: %v; want row %d, %s and %q", damage.Seq, damage.Kind, damage, row.seq, row.kind, row.says)
			}
		})
	}
}

// A changed row with a new hash fits its predecessor. Its successor does not fit, and
// the message names both.
func TestVerify_FindsRecomputedHash(t *testing.T) {
	s, raw := chained(t)
	remake(t, raw, 2, 2)
	damage := wantBroken(t, s, "one row made anew")
	if damage.Seq != 3 || damage.Kind != store.Changed || !strings.Contains(damage.Error(), "or row 2 was changed and got a new hash") {
		t.Errorf("%s: %v", damage.Kind, damage)
	}
	remake(t, raw, 3, 4)
	damage = wantBroken(t, s, "all rows made anew, not the head")
	if damage.Seq != 4 || damage.Kind != store.HeadDisagrees || !strings.Contains(damage.Error(), "changed and got a new hash") {
		t.Errorf("%s: %v", damage.Kind, damage)
	}
}

// remake changes rows and gives them matching hashes.
func remake(t *testing.T, raw *sql.Conn, from, to int) {
	t.Helper()
	head := ""
	if from > 1 {
		head = value[string](t, raw, `SELECT hash FROM audit WHERE seq = $1`, from-1)
	}
	for seq := from; seq <= to; seq++ {
		entry := value[string](t, raw, `SELECT replace(entry, 'U-', 'U-X') FROM audit WHERE seq = $1`, seq)
		head = hashOf(head, fmt.Sprint(seq), entry)
		do(t, raw, `UPDATE audit SET entry = $1, hash = $2 WHERE seq = $3`, entry, head, seq)
	}
}

// The chain proves nothing against a writer of the database who knows the format:
// without a hash kept elsewhere, a shortened or rewritten chain looks intact. With an
// anchor it does not.
func TestVerify_WhatOnlyAnAnchorFinds(t *testing.T) {
	for _, row := range []struct {
		name   string
		forge  func(raw *sql.Conn)
		anchor int64
		kind   store.Kind // "" if so old an anchor cannot find it
	}{
		{"the end cut off", func(raw *sql.Conn) { do(t, raw, `DELETE FROM audit WHERE seq > 2`) }, 3, store.AnchorMissing},
		{"the end cut off after the anchor", func(raw *sql.Conn) { do(t, raw, `DELETE FROM audit WHERE seq > 2`) }, 2, ""},
		{"everything written anew", func(raw *sql.Conn) { remake(t, raw, 1, 4) }, 2, store.AnchorDiffers},
		{"the end written anew", func(raw *sql.Conn) { remake(t, raw, 3, 4) }, 4, store.AnchorDiffers},
		{"the end written anew after the anchor", func(raw *sql.Conn) { remake(t, raw, 3, 4) }, 2, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, raw := chained(t)
			anchor := store.Anchor{Seq: row.anchor, Hash: value[string](t, raw, `SELECT hash FROM audit WHERE seq = $1`, row.anchor)}
			if _, err := s.Verify(deadline(t), &anchor); err != nil {
				t.Fatalf("before: %v", err)
			}
			row.forge(raw)
			do(t, raw, `UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1)`)
			if _, err := s.Verify(deadline(t), nil); err != nil {
				t.Errorf("without an anchor: %v", err)
			}
			_, err := s.Verify(deadline(t), &anchor)
			damage, ok := errors.AsType[*store.Damage](err)
			switch {
			case row.kind == "" && err != nil:
				t.Errorf("an anchor that is older finds %v", err)
			case row.kind != "" && (!ok || damage.Kind != row.kind || damage.Seq != row.anchor):
				t.Errorf("with an anchor: %v", err)
			}
		})
	}
}
