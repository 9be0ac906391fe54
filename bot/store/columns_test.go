package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
)

// columnsWith lists the columns, as table.column, that contain text.
func columnsWith(t *testing.T, raw *sql.Conn, text string) []string {
	t.Helper()
	ctx := context.Background()
	columns, err := raw.QueryContext(ctx, `SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'`)
	if err != nil {
		t.Fatal(err)
	}
	var all [][2]string
	for columns.Next() {
		var table, column string
		if err := columns.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		all = append(all, [2]string{table, column})
	}
	if err := columns.Err(); err != nil || len(all) < 30 {
		t.Fatalf("%d columns, %v", len(all), err)
	}
	var found []string
	for _, c := range all {
		n := value[int](t, raw, fmt.Sprintf(`SELECT count(*) FROM %s WHERE instr(CAST(%s AS TEXT), $1) > 0`, c[0], c[1]), text)
		if n > 0 {
			found = append(found, c[0]+"."+c[1])
		}
	}
	slices.Sort(found)
	return found
}

func wantColumns(t *testing.T, raw *sql.Conn, text string, want ...string) {
	t.Helper()
	if got := columnsWith(t, raw, text); !slices.Equal(got, want) {
		t.Errorf("%q stands in %v, want %v", text, got, want)
	}
}

// Typed text and names are in one table, where they can be erased.
func TestWords_AreInOneTable(t *testing.T) {
	s := openSQLite(t, newClock().now)
	raw := bypass(t, s)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	r.Words.Also = map[string]string{"U-DAVE": "saw it happen"}
	r = turn(t, s, r, bot.Pending)
	turn(t, s, r, bot.Approved)
	for _, text := range []string{"stolen laptop", "Carol Target", "carol@contoso.example", "saw it happen"} {
		wantColumns(t, raw, text, "words.content")
	}
}

// hashOf is an independent copy of the documented hash.
func hashOf(parts ...string) string {
	var text []byte
	for _, p := range parts {
		text = fmt.Appendf(text, "%d:%s\n", len(p), p)
	}
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:])
}

func typedHash(salt, content string) string { return hashOf(salt, content) }

func TestWords_TypedHashProvesThem(t *testing.T) {
	s := openSQLite(t, newClock().now)
	raw := bypass(t, s)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	words := func(column string) string {
		return value[string](t, raw, `SELECT `+column+` FROM words WHERE request_id = $1`, r.ID)
	}
	salt := words("salt")
	if len(salt) < 26 {
		t.Errorf("the salt %q has less than 128 bits", salt)
	}
	first := typedHash(salt, words("content"))
	r.Words.Reason = "another reason"
	r = turn(t, s, r, bot.Pending)
	second := typedHash(words("salt"), words("content"))
	r = turn(t, s, r, bot.Approved)
	rows := chain(t, s, r.ID)
	for i, want := range []string{first, second, second} {
		if rows[i].Typed != want {
			t.Errorf("row %d: typed %s, want %s", i+1, rows[i].Typed, want)
		}
	}

	// Erased words are gone everywhere, and the chain still verifies.
	do(t, raw, `DELETE FROM words WHERE request_id = $1`, r.ID)
	wantColumns(t, raw, "another reason")
	if after := chain(t, s, r.ID); after[1].Typed != second {
		t.Errorf("typed is %q after the words were erased, want %q", after[1].Typed, second)
	}
	if got := stored(t, s, r.ID); got.Words.Reason != "" || got.Target.ID != "carol" {
		t.Errorf("after the words were erased the request reads %+v", got)
	}
	// Erased words prove nothing: no hash is better than one that nothing matches.
	turn(t, s, r, bot.Executing)
	if after := chain(t, s, r.ID); after[3].Typed != "" {
		t.Errorf("a row written after the words were erased claims to prove some: %q", after[3].Typed)
	}
}

// The two secrets are in columns of their own until they expire.
func TestForget_ErasesSecrets(t *testing.T) {
	c := newClock()
	s := openSQLite(t, c.now)
	raw := bypass(t, s)
	settled, owed := receive(t, s, arrival(1)), receive(t, s, arrival(2))
	if err := s.Record(deadline(t), settled.ID); err != nil {
		t.Fatal(err)
	}
	wantColumns(t, raw, "https://hooks.example/secret", "arrivals.response_url")
	wantColumns(t, raw, "trigger-secret", "arrivals.trigger_id")
	wantColumns(t, raw, "lost my phone", "arrivals.body")
	c.move(30*time.Minute + time.Microsecond)
	if err := s.Forget(deadline(t), 0); err != nil {
		t.Fatal(err)
	}
	wantColumns(t, raw, "https://hooks.example/secret")
	wantColumns(t, raw, "trigger-secret")
	wantColumns(t, raw, "lost my phone", "arrivals.body")
	if body := value[string](t, raw, `SELECT body FROM arrivals WHERE id = $1`, settled.ID); body != "" {
		t.Errorf("body of the settled arrival: %q", body)
	}
	if body := value[string](t, raw, `SELECT body FROM arrivals WHERE id = $1`, owed.ID); strings.Contains(body, "REDACTED") || !strings.Contains(body, "lost my phone") {
		t.Errorf("body of the arrival that is still owed: %q", body)
	}
}
