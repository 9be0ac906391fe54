package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

func aGuestIsRefused(reason string) bot.Entry {
	return bot.Entry{Action: "refused", Actor: "U-GUEST", Wanted: "ask", Reason: reason, Origin: "command C1"}
}

// minuteOver ends every minute of counting.
func (w world) minuteOver(t *testing.T) {
	t.Helper()
	w.do(t, `UPDATE tallies SET until_at = until_at - 60000000`)
}

// A repeated act without rights is one row at once and one row a minute, with the count
// and the time of the last.
func TestTally_CountsByTheMinute(t *testing.T) {
	for name, open := range map[string]func(testing.TB) world{"sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			const often = 40
			for i := range often {
				a := receive(t, w.Store, arrival(i))
				if err := w.Record(deadline(t), a.ID, aGuestIsRefused("guest")); err != nil {
					t.Fatal(err)
				}
			}
			wantDue(t, w.Store, "all are settled", 0, 0)
			rows := chain(t, w.Store, "")
			if len(rows) != 1 || rows[0].Count != 0 || rows[0].LastAt != "" {
				t.Fatalf("%d rows of %d refusals within a minute; the first is %+v", len(rows), often, rows[0])
			}
			w.minuteOver(t)
			due(t, w.Store)
			due(t, w.Store) // no second row
			rows = chain(t, w.Store, "")
			if len(rows) != 2 {
				t.Fatalf("%d rows when the minute is over", len(rows))
			}
			if r := rows[1]; r.Count != often-1 || r.LastAt == "" || r.Action != "refused" || r.Actor != "U-GUEST" || r.Reason != "guest" || r.Wanted != "ask" {
				t.Errorf("%+v", r)
			}
			// The next one is a row of its own again.
			if err := w.Record(deadline(t), 0, aGuestIsRefused("guest")); err != nil {
				t.Fatal(err)
			}
			if rows = chain(t, w.Store, ""); len(rows) != 3 || rows[2].Count != 0 {
				t.Errorf("%d rows, the last %+v", len(rows), rows[len(rows)-1])
			}
			// A refusal that is not repeated adds no row after its minute.
			w.minuteOver(t)
			due(t, w.Store)
			if rows = chain(t, w.Store, ""); len(rows) != 3 {
				t.Errorf("%d rows", len(rows))
			}
		})
	}
}

// The next refusal closes the minute before it, if no clock has.
func TestTally_NextRefusalClosesTheMinute(t *testing.T) {
	w := onSQLite(t)
	for range 3 {
		if err := w.Record(deadline(t), 0, aGuestIsRefused("guest")); err != nil {
			t.Fatal(err)
		}
	}
	w.minuteOver(t)
	if err := w.Record(deadline(t), 0, aGuestIsRefused("guest")); err != nil {
		t.Fatal(err)
	}
	rows := chain(t, w.Store, "")
	if len(rows) != 3 || rows[1].Count != 2 || rows[2].Count != 0 {
		t.Errorf("%+v", rows)
	}
}

// People and kinds are counted separately. Only repeatable acts are counted: the
// target's wish to cancel and a press of Deny that opens a form, but not a vote.
func TestTally_KindsCountedTogether(t *testing.T) {
	w := onSQLite(t)
	again := bot.Entry{Action: "cancel_asked_again", Actor: "U-BOB", Request: "REQ-ACDEFG", Reason: "cancel_needs_approver"}
	pressed := bot.Entry{Action: "deny_pressed", Actor: "U-ALICE", Request: "REQ-ACDEFG"}
	other := aGuestIsRefused("guest")
	other.Actor = "U-OTHER"
	click := bot.Entry{Action: "refused", Actor: "U-GUEST", Wanted: "confirm", Reason: "guest", Request: "REQ-ACDEFG"}
	elsewhere := click
	elsewhere.Request = "REQ-HJKMNP"
	for range 5 {
		for _, e := range []bot.Entry{aGuestIsRefused("guest"), aGuestIsRefused("too_fast"), other, click, elsewhere, again, pressed} {
			if err := w.Record(deadline(t), 0, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if rows := chain(t, w.Store, ""); len(rows) != 7 {
		t.Fatalf("%d rows of seven kinds", len(rows))
	}
	w.minuteOver(t)
	due(t, w.Store)
	counts := 0
	for _, r := range chain(t, w.Store, "") {
		counts += r.Count
	}
	if counts != 28 {
		t.Errorf("%d acts were counted, not 28", counts)
	}
	if rows := chain(t, w.Store, "REQ-ACDEFG"); len(rows) != 6 {
		t.Errorf("%d rows tell of the request: %+v", len(rows), rows)
	}
	for range 3 {
		if err := w.Record(deadline(t), 0, bot.Entry{Action: "late_answer", Actor: "bot", Request: "REQ-ACDEFG"}); err != nil {
			t.Fatal(err)
		}
	}
	if rows := chain(t, w.Store, "REQ-ACDEFG"); len(rows) != 9 {
		t.Errorf("%d rows: what the bot records was counted", len(rows))
	}
}

// TestTally_ClocksDiffer: two replicas may read the clock a little differently, so that
// alone closes no minute. A clock that was set back does.
func TestTally_ClocksDiffer(t *testing.T) {
	for name, row := range map[string]struct {
		back time.Duration
		rows int
	}{
		"two seconds":           {2 * time.Second, 1},
		"two seconds and a bit": {2*time.Second + time.Millisecond, 2},
		"an hour":               {time.Hour, 2},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
			s := openURL(t, "sqlite:"+filepath.Join(t.TempDir(), "bot.db"), store.Options{Now: func() time.Time { return now }})
			for range 2 {
				if err := s.Record(deadline(t), 0, aGuestIsRefused("guest")); err != nil {
					t.Fatal(err)
				}
				now = now.Add(-row.back)
			}
			if rows := chain(t, s, ""); len(rows) != row.rows {
				t.Errorf("%d rows, want %d: %+v", len(rows), row.rows, rows)
			}
		})
	}
}

// Replicas count together, and a killed one loses no count.
func TestTally_SharedByReplicas(t *testing.T) {
	stores, url := openSeveral(t, 3)
	for _, err := range atOnce(60, func(i int) error {
		return stores[i%3].Record(deadline(t), 0, aGuestIsRefused("guest"))
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	raw := past(t, url)
	if _, err := raw.Exec(deadline(t), `UPDATE tallies SET until_at = until_at - 60000000`); err != nil {
		t.Fatal(err)
	}
	fresh := openURL(t, url, store.Options{}) // none of those that counted
	for _, err := range atOnce(4, func(i int) error {
		_, err := []*store.Store{fresh, stores[0], fresh, stores[1]}[i].Due(deadline(t), 64)
		return err
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	rows := chain(t, fresh, "")
	if len(rows) != 2 || rows[0].Count != 0 || rows[1].Count != 59 {
		t.Errorf("%d rows: %+v", len(rows), rows)
	}
}
