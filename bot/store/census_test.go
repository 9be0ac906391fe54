package store_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

func wantCensus(t *testing.T, s *store.Store, when string, want bot.Census) {
	t.Helper()
	got, err := s.Census(deadline(t))
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	if want.Owing == nil {
		want.Owing = map[bot.State]int{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

func testCensus(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	wantCensus(t, s, "empty", bot.Census{})

	for i, age := range []time.Duration{0, 59 * time.Second, time.Minute, 9 * time.Minute, time.Hour, 2 * time.Hour} {
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		r.CreatedAt = c.now().Add(-age)
		create(t, s, r)
	}
	drill := pending("REQ-DRILL", "target-0")
	drill.Drill = true
	create(t, s, drill)
	wantCensus(t, s, "six and a drill", bot.Census{
		Pending: [4]int{2, 2, 0, 2}, Owing: map[bot.State]int{bot.Pending: 7}, Head: 7,
	})

	// Told, and over: counted no more. Over, and not told: still owed.
	for _, id := range []string{"REQ-0", "REQ-1"} {
		r := stored(t, s, id)
		r.DueAt = time.Time{}
		r = turn(t, s, r, bot.Denied)
		if id == "REQ-0" {
			toldAllAt(t, s, id, r.Version)
		}
	}
	f := freeze(t, s, c)
	wantCensus(t, s, "two denied, one of them told, and frozen", bot.Census{
		Pending: [4]int{0, 2, 0, 2}, Owing: map[bot.State]int{bot.Pending: 5, bot.Denied: 1}, Head: 10, Frozen: true,
	})
	unfreeze(t, s, c, f)

	got, err := s.Census(deadline(t))
	if err != nil || got.Frozen {
		t.Errorf("after the freeze: frozen %v, %v", got.Frozen, err)
	}
}

func testCensusOverdue(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := pending("REQ-ACDEFG", "carol")
	r.DueAt = c.now()
	create(t, s, r)
	receive(t, s, arrival(1))
	announce(t, s, notice("coverage"))
	overdue := func(when string, want bot.Overdue) {
		t.Helper()
		got, err := s.Census(deadline(t))
		if err != nil || got.Overdue != want {
			t.Errorf("%s: %+v, %v, want %+v", when, got.Overdue, err, want)
		}
	}
	c.move(bot.OverdueAfter - time.Second)
	overdue("due for less than a minute", bot.Overdue{})
	c.move(time.Second)
	overdue("due for a minute", bot.Overdue{Arrivals: 1, Requests: 1, Telling: 1, Notices: 1})
	due(t, s)
	overdue("claimed", bot.Overdue{Telling: 1}) // a telling is claimed by its teller
	if a := (teller{TB: t, s: s}); !a.claims(r.ID) {
		t.Fatal("the telling is not to be had")
	}
	overdue("claimed all", bot.Overdue{})
	c.move(bot.ClaimFor)
	overdue("the claims have lapsed", bot.Overdue{Arrivals: 1, Requests: 1, Telling: 1, Notices: 1})
}

// A scrape costs the same after a million requests: no query of it walks a
// table, only indexes that hold what is not over.
func TestCensusByIndexes(t *testing.T) {
	s := openSQLite(t, newClock().now)
	raw := bypass(t, s)
	whole := regexp.MustCompile(`^SCAN (requests|arrivals|notices|freezes|audit)\b`)
	partial := regexp.MustCompile(`INDEX (requests_due|requests_tell_due|requests_one_pending|requests_waiting|arrivals_due|notices_due|freezes_one)\b`)
	for _, query := range store.CensusQueries {
		rows, err := raw.QueryContext(deadline(t), `EXPLAIN QUERY PLAN `+regexp.MustCompile(`\$\d`).ReplaceAllString(query, "1"))
		if err != nil {
			t.Fatal(err)
		}
		var looks int
		for rows.Next() {
			var id, parent, unused int
			var plan string
			if err := rows.Scan(&id, &parent, &unused, &plan); err != nil {
				t.Fatal(err)
			}
			switch {
			case strings.HasPrefix(plan, "SEARCH audit_head USING INTEGER PRIMARY KEY"), strings.HasPrefix(plan, "SEARCH audit_head USING INDEX sqlite_autoindex_audit_head"):
				looks++
			case partial.MatchString(plan):
				looks++
			case whole.MatchString(plan), strings.HasPrefix(plan, "SEARCH"):
				t.Errorf("%s\nis looked up so: %s", query, plan)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || looks == 0 {
			t.Errorf("%s: %d look-ups, %v", query, looks, err)
		}
	}
}
