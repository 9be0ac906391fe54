package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"revoke-sessions/bot/store"
	"revoke-sessions/bot/testrun"
)

// No query of the bot on PostgreSQL reads the history: it scans no table, and reads only
// its own entries of an index.
func TestHistoryIsNotRead(t *testing.T) {
	t.Parallel()
	const each, allowed = 20, 2_000 // entries for one step
	url := newDatabase(t, shared(t))
	raw := past(t, url)
	w := world{openURL(t, url, store.Options{Exclusive: true}), "postgres", func(t testing.TB, query string, args ...any) {
		if _, err := raw.Exec(context.Background(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}}
	w.finish(t, testrun.History.Times())
	closeStore(t, w.Store)
	// What a session has read is counted when it ends, at the latest: what laid
	// the history must have ended before the first count.
	if err := raw.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
	raw = past(t, url)

	// read counts the rows and entries read, by table and index.
	read := func() map[string]int {
		t.Helper()
		for sessions := 1; sessions > 0; { // they report when they end
			if err := raw.QueryRow(deadline(t), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`).Scan(&sessions); err != nil {
				t.Fatal(err)
			}
		}
		rows, err := raw.Query(deadline(t), `SELECT relname || ' from end to end', seq_tup_read FROM pg_stat_user_tables
			UNION ALL SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes`)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]int{}
		for rows.Next() {
			var name string
			var n int
			if err := rows.Scan(&name, &n); err != nil {
				t.Fatal(err)
			}
			all[name] = n
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return all
	}
	journeys := make([]*journey, each)
	for i := range journeys {
		journeys[i] = newJourney(i)
	}
	for _, step := range steps {
		before := read()
		s, err := store.Open(deadline(t), url, store.Options{Exclusive: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range journeys {
			if err := step.do(deadline(t), s, j); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
		}
		closeStore(t, s)
		var names []string
		after := read()
		for name, n := range after {
			if n-before[name] > each*allowed {
				names = append(names, fmt.Sprintf("%s: %d", name, (n-before[name])/each))
			}
		}
		slices.Sort(names)
		if len(names) > 0 {
			t.Errorf("%q reads each time of %s", step.name, strings.Join(names, ", "))
		}
	}
}
