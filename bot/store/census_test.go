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

	// Over and told: does not count. Over and not told: still owed.
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
	all := bot.Overdue{Arrivals: 1, Requests: 1, Telling: 1, Notices: 1}
	w := due(t, s)
	a := teller{TB: t, s: s}
	if !a.claims(r.ID) {
		t.Fatal("the telling is not to be had")
	}
	overdue("claimed, and not done", all)
	// A failed try with a later retry: people still wait.
	a.told(r.Version, at(c.now().Add(10*time.Minute)))
	if err := s.Announced(deadline(t), w.Notices[0], at(c.now().Add(10*time.Minute))); err != nil {
		t.Fatal(err)
	}
	overdue("the next try is in ten minutes", all)
	c.move(5 * time.Minute)
	overdue("five minutes later", all)
	// A new version is owed from now on.
	r = turn(t, s, stored(t, s, r.ID), bot.Pending)
	overdue("changed", bot.Overdue{Arrivals: 1, Requests: 1, Notices: 1})
	c.move(5 * time.Minute)
	toldAllAt(t, s, r.ID, r.Version)
	if err := s.Announced(deadline(t), due(t, s).Notices[0], bot.Retry{}); err != nil {
		t.Fatal(err)
	}
	overdue("told", bot.Overdue{Arrivals: 1, Requests: 1})
	// A freeze makes it owed again, from then on.
	f := freeze(t, s, c)
	c.move(bot.OverdueAfter - time.Second)
	overdue("frozen for less than a minute", bot.Overdue{Arrivals: 1, Requests: 1})
	unfreeze(t, s, c, f)
}

// Stall holds for the current version, reports fresh once, and makes the version owed.
func testCensusStalled(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	toldAllAt(t, s, r.ID, r.Version)
	stalled := func(when string, want int) {
		t.Helper()
		got, err := s.Census(deadline(t))
		if err != nil || got.Stalled != want {
			t.Errorf("%s: %d, %v, want %d", when, got.Stalled, err, want)
		}
		if r = stored(t, s, r.ID); r.StalledAt.IsZero() != (want == 0) {
			t.Errorf("%s: it is stalled since %s", when, r.StalledAt)
		}
	}
	stalled("at first", 0)
	for try, want := range []bool{true, false} {
		if fresh, err := s.Stall(deadline(t), r.ID); err != nil || fresh != want {
			t.Errorf("try %d: fresh %v, %v", try, fresh, err)
		}
	}
	stalled("noted", 1)
	wantTell(t, s, "noted", r.ID)
	toldAllAt(t, s, r.ID, r.Version)
	stalled("told", 1)
	r = turn(t, s, r, bot.Pending)
	stalled("gone on with", 0)
	if fresh, err := s.Stall(deadline(t), r.ID); err != nil || !fresh {
		t.Errorf("once more: fresh %v, %v", fresh, err)
	}
	stalled("once more", 1)
	if fresh, err := s.Stall(deadline(t), "REQ-NOWHERE"); err != nil || fresh {
		t.Errorf("nowhere: fresh %v, %v", fresh, err)
	}
}

// A scrape costs the same after a million requests: its queries use indexes of
// unfinished rows and scan no table.
func TestCensus_UsesIndexes(t *testing.T) {
	s := openSQLite(t, newClock().now)
	raw := bypass(t, s)
	whole := regexp.MustCompile(`^SCAN (requests|arrivals|notices|freezes|audit)\b`)
	partial := regexp.MustCompile(`INDEX (requests_due|requests_tell_due|requests_one_pending|requests_waiting|requests_stalled|arrivals_due|notices_due|freezes_one)\b`)
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
