package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

var alice = authz.Asker{SlackID: "U-ALICE", EntraID: "entra-alice"}

// freezeOf is a freeze that alice is about to begin.
func freezeOf(c *clock) bot.Freeze {
	return bot.Freeze{By: alice, BeganAt: c.now().UTC(), Until: c.now().UTC().Add(time.Hour), Reason: "an odd burst of reports"}
}

func commitFreeze(t testing.TB, s *store.Store, c bot.FreezeChange) bot.Freeze {
	t.Helper()
	f, err := s.CommitFreeze(deadline(t), c)
	if err != nil {
		t.Fatalf("commit the freeze: %v", err)
	}
	return f
}

func freeze(t testing.TB, s *store.Store, c *clock) bot.Freeze {
	t.Helper()
	return commitFreeze(t, s, bot.FreezeChange{Freeze: freezeOf(c), Audit: []bot.Entry{{Action: "frozen", Actor: "U-ALICE"}}})
}

func unfreeze(t testing.TB, s *store.Store, c *clock, f bot.Freeze) bot.Freeze {
	t.Helper()
	f.EndedAt = c.now().UTC()
	return commitFreeze(t, s, bot.FreezeChange{Freeze: f, Audit: []bot.Entry{{Action: "unfrozen", Actor: "U-ERIN"}}})
}

// wantFrozen checks that this freeze is on, or none for the zero Freeze.
func wantFrozen(t *testing.T, s *store.Store, when string, want bot.Freeze) {
	t.Helper()
	got, on, err := s.Frozen(deadline(t))
	if err != nil || on != (want.ID != 0) {
		t.Fatalf("%s: frozen %v, %v", when, on, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

func testFreeze(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	wantFrozen(t, s, "at first", bot.Freeze{})
	a := receive(t, s, arrival(1))
	n := notice("frozen")
	rows := []bot.Entry{{Action: "frozen", Actor: "U-ALICE", Typed: "the caller's"}, {Action: "second"}}
	f := commitFreeze(t, s, bot.FreezeChange{Freeze: freezeOf(c), Audit: rows, Settles: a.ID, Notice: &n})
	if f.ID == 0 || f.Version != 1 {
		t.Errorf("begun as %d, version %d", f.ID, f.Version)
	}
	wantFrozen(t, s, "begun", f)
	wantNotices(t, s, "begun", fmt.Sprintf("frozen#%d", f.ID))
	if n.Key != "frozen" || rows[0].Freeze != 0 {
		t.Error("the caller's notice or audit rows were changed")
	}

	c.move(time.Minute)
	wantDue(t, s, "the command is settled", 0, 0)
	voted := f
	voted.Votes = []authz.Asker{{SlackID: "U-ERIN", EntraID: "entra-erin"}}
	voted.Reason = "rewritten"
	voted = commitFreeze(t, s, bot.FreezeChange{Freeze: voted, Audit: []bot.Entry{{Action: "unfreeze_asked", Actor: "U-ERIN"}}})
	if voted.Version != 2 || voted.Reason != f.Reason {
		t.Errorf("a vote answers version %d and the reason %q", voted.Version, voted.Reason)
	}
	wantFrozen(t, s, "voted", voted)

	ended := unfreeze(t, s, c, voted)
	wantFrozen(t, s, "ended", bot.Freeze{})
	for name, stale := range map[string]bot.Freeze{"as it was": f, "as voted": voted, "as ended": ended, "of another number": {ID: f.ID + 1, Version: 1}} {
		if got, err := s.CommitFreeze(deadline(t), bot.FreezeChange{Freeze: stale, Audit: rows}); !errors.Is(err, bot.ErrConflict) || got.ID != 0 {
			t.Errorf("a change to what is over, %s: %v, want ErrConflict", name, err)
		}
	}
	again := freeze(t, s, c)
	if again.ID == f.ID {
		t.Error("two freezes have one number")
	}

	all := chain(t, s, "")
	var got []string
	for _, e := range all {
		got = append(got, fmt.Sprint(e.Action, e.Freeze-f.ID))
	}
	if diff := cmp.Diff([]string{"frozen0", "second0", "unfreeze_asked0", "unfrozen0", "frozen1"}, got); diff != "" {
		t.Errorf("audit rows (-want +got):\n%s", diff)
	}
	if all[0].Typed == "" || all[0].Typed == "the caller's" || all[1].Typed != all[0].Typed || all[3].Typed != all[0].Typed {
		t.Errorf("the reason's hash is %q, then %q and %q", all[0].Typed, all[1].Typed, all[3].Typed)
	}
	if all[4].Typed == all[0].Typed {
		t.Error("two freezes with the same reason have the same hash: no salt")
	}
}

func testEveryFieldOfAFreeze(t *testing.T, open opener) {
	s := open(t, newClock().now)
	f := filled[bot.Freeze]()
	f.ID, f.Version, f.EndedAt = 0, 0, time.Time{}
	want := commitFreeze(t, s, bot.FreezeChange{Freeze: f})
	wantFrozen(t, s, "begun", want)
	f.ID, f.Version = want.ID, want.Version
	if diff := cmp.Diff(f, want); diff != "" {
		t.Errorf("answered (-want +got):\n%s", diff)
	}
}

func testOneFreeze(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	ctx := deadline(t)
	oneWinner(t, atOnce(20, func(i int) error {
		_, err := s.CommitFreeze(ctx, bot.FreezeChange{Freeze: freezeOf(c), Audit: []bot.Entry{{Action: "frozen"}}})
		return err
	}), bot.ErrTaken)
	on, _, err := s.Frozen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	oneWinner(t, atOnce(20, func(i int) error {
		mine := on
		mine.Votes = []authz.Asker{{SlackID: fmt.Sprint("U-", i)}}
		_, err := s.CommitFreeze(ctx, bot.FreezeChange{Freeze: mine, Audit: []bot.Entry{{Action: "voted"}}})
		return err
	}), bot.ErrConflict)
	if rows := chain(t, s, ""); len(rows) != 2 {
		t.Errorf("%d audit rows, want 2", len(rows))
	}
}

// Either account of the person is enough, and the end of the freeze counts.
func testLastPulled(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	alice := freezeOf(c).By
	want := func(when string, who authz.Asker, want time.Time) {
		t.Helper()
		if got, err := s.LastPulled(deadline(t), who); err != nil || !got.Equal(want.Truncate(time.Microsecond)) {
			t.Errorf("%s: %s, %v, want %s", when, got, err, want)
		}
	}
	want("never", alice, time.Time{})
	first := freeze(t, s, c)
	want("on", alice, noon)
	erin := authz.Asker{SlackID: "U-ERIN", EntraID: "entra-erin"}
	want("another's", erin, time.Time{})
	c.move(time.Hour)
	unfreeze(t, s, c, first)
	want("ended", alice, noon.Add(time.Hour))
	want("the same Slack account", authz.Asker{SlackID: alice.SlackID, EntraID: "other"}, noon.Add(time.Hour))
	want("the same Entra account", authz.Asker{SlackID: "U-OTHER", EntraID: alice.EntraID}, noon.Add(time.Hour))
	c.move(time.Hour)
	theirs := freezeOf(c)
	theirs.By = erin
	commitFreeze(t, s, bot.FreezeChange{Freeze: theirs})
	want("another's later one", alice, noon.Add(time.Hour))
}

func testFenced(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	a := receive(t, s, arrival(1))
	f := freeze(t, s, c)
	r = stored(t, s, r.ID)
	one := use(bot.Total, "", 1, time.Hour)
	change := bot.Change{Request: r, Audit: []bot.Entry{{Action: "approved", Request: r.ID}}, Fenced: true, Uses: []bot.Use{one}, Settles: a.ID}
	change.Request.State = bot.Approved
	c.move(2 * time.Hour) // past Until, but nobody has ended it
	if _, err := s.Commit(deadline(t), change); !errors.Is(err, bot.ErrFrozen) {
		t.Fatalf("frozen: %v, want ErrFrozen", err)
	}
	if diff := cmp.Diff(r, stored(t, s, r.ID)); diff != "" {
		t.Errorf("what was refused changed the request (-before +after):\n%s", diff)
	}
	if rows := chain(t, s, r.ID); len(rows) != 1 {
		t.Errorf("%d audit rows, want 1", len(rows))
	}
	wantDue(t, s, "nothing is settled", 1, 0)
	commit(t, s, bot.Change{Request: r}) // what is not fenced goes on
	unfreeze(t, s, c, f)
	change.Request = stored(t, s, r.ID)
	change.Request.State = bot.Approved
	commit(t, s, change)
}

// Once a freeze has begun, nothing fenced is stored, however close.
func testFreezeAgainstCommits(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	ctx := deadline(t)
	const commits = 20
	requests := make([]bot.Request, commits+1)
	for i := range requests {
		requests[i] = create(t, s, pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i)))
	}
	let := 0
	for i, err := range atOnce(len(requests), func(i int) error {
		if i == commits/2 {
			_, err := s.CommitFreeze(ctx, bot.FreezeChange{Freeze: freezeOf(c), Audit: []bot.Entry{{Action: "frozen"}}})
			return err
		}
		for r := requests[i]; ; {
			r.State = bot.Approved
			_, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{{Action: "approved", Request: r.ID}}, Fenced: true})
			if !errors.Is(err, bot.ErrConflict) {
				return err
			}
			// The freeze changed it: read it again, as the bot does.
			if r, err = s.Request(ctx, r.ID); err != nil {
				return err
			}
		}
	}) {
		switch {
		case i != commits/2 && err == nil:
			let++
		case err != nil && !errors.Is(err, bot.ErrFrozen):
			t.Fatalf("%d: %v", i, err)
		}
	}
	rows := chain(t, s, "")[len(requests):]
	if len(rows) != let+1 || rows[let].Action != "frozen" {
		t.Errorf("%d commits were let through, and after the freeze there are rows: %v", let, rows)
	}
}

// waiting creates a request in a state and tells its people.
func waiting(t *testing.T, s *store.Store, c *clock, id string, state bot.State) bot.Request {
	t.Helper()
	r := pending(id, id)
	r.CreatedAt = c.now()
	r = create(t, s, r)
	if state != bot.Pending {
		r.State = state
		if state.Undone() {
			r.DueAt = time.Time{}
		}
		r = commit(t, s, bot.Change{Request: r})
	}
	toldAll(t, s, r.ID)
	return r
}

func toldAll(t *testing.T, s *store.Store, id string) {
	t.Helper()
	toldAllAt(t, s, id, stored(t, s, id).Version)
}

// toldAllAt tells a request's people its current version.
func toldAllAt(t testing.TB, s *store.Store, id string, version int64) {
	t.Helper()
	a := teller{TB: t, s: s}
	if !a.claims(id) {
		t.Fatalf("nothing is owed of %s", id)
	}
	if a.told(version, bot.Retry{}) {
		t.Fatalf("more is owed of %s than version %d", id, version)
	}
}

func testFreezeStopsClocks(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	before := waiting(t, s, c, "REQ-BEFORE", bot.Pending)
	drill := pending("REQ-DRILL", "drilled")
	drill.Drill, drill.CreatedAt = true, c.now()
	drill = create(t, s, drill)
	toldAll(t, s, drill.ID)
	approved := waiting(t, s, c, "REQ-APPROVED", bot.Approved)
	executing := waiting(t, s, c, "REQ-EXECUTING", bot.Executing)
	denied := waiting(t, s, c, "REQ-DENIED", bot.Denied)

	c.move(time.Minute)
	f := freeze(t, s, c)
	wantTell(t, s, "frozen", "REQ-APPROVED", "REQ-BEFORE", "REQ-DRILL")
	// Waiting requests change only in version.
	for _, r := range []*bot.Request{&before, &drill, &approved} {
		r.Version++
	}
	for _, r := range []bot.Request{before, drill, approved, executing, denied} {
		if diff := cmp.Diff(r, stored(t, s, r.ID)); diff != "" {
			t.Errorf("a freeze's begin changed %s (-before +after):\n%s", r.ID, diff)
		}
	}
	for _, r := range []bot.Request{before, drill, approved} {
		toldAll(t, s, r.ID)
	}
	c.move(10 * time.Minute)
	during := waiting(t, s, c, "REQ-DURING", bot.Pending)
	c.move(20 * time.Minute)
	commitFreeze(t, s, bot.FreezeChange{Freeze: f}) // a vote
	wantTell(t, s, "a vote owes nothing")
	wantDue(t, s, "and has nothing looked at", 0, 0)
	f.Version++
	unfreeze(t, s, c, f)

	now := c.now().UTC().Truncate(time.Microsecond)
	for _, row := range []struct {
		was    bot.Request
		paused time.Duration
		due    time.Time
	}{
		{before, 30 * time.Minute, now}, {drill, 30 * time.Minute, now}, {during, 20 * time.Minute, now}, {approved, 0, now},
		{executing, 0, executing.DueAt}, {denied, 0, time.Time{}},
	} {
		want := row.was
		want.Paused, want.DueAt = row.paused, row.due
		if row.due.Equal(now) {
			want.Version++
		}
		if diff := cmp.Diff(want, stored(t, s, row.was.ID)); diff != "" {
			t.Errorf("%s after the freeze (-want +got):\n%s", row.was.ID, diff)
		}
	}
	wantTell(t, s, "ended", "REQ-APPROVED", "REQ-BEFORE", "REQ-DRILL", "REQ-DURING")
	c.move(bot.ClaimFor)
	wantDue(t, s, "ended", 0, 4)

	// A second freeze adds to the first.
	second := freeze(t, s, c)
	c.move(time.Hour)
	unfreeze(t, s, c, second)
	if got := stored(t, s, before.ID).Paused; got != 90*time.Minute {
		t.Errorf("paused for %s in all, want 90m", got)
	}
}

// A claim on a request outlasts the end of a freeze.
func testThawKeepsClaims(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	f := freeze(t, s, c)
	r := pending("REQ-ACDEFG", "carol")
	commit(t, s, bot.Change{Request: r, Keep: true})
	unfreeze(t, s, c, f)
	wantDue(t, s, "claimed", 0, 0)
	c.move(bot.ClaimFor)
	wantDue(t, s, "lapsed", 0, 1)
}

// A clock set back during a freeze takes time from nobody.
func testThawBeforeItBegan(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := waiting(t, s, c, "REQ-ACDEFG", bot.Pending)
	c.move(time.Hour)
	freeze(t, s, c)
	c.move(-time.Minute)
	if _, err := s.Due(deadline(t), 1); err != nil { // notices that the clock was set back
		t.Fatal(err)
	}
	f, frozen, err := s.Frozen(deadline(t))
	if err != nil || !frozen {
		t.Fatalf("frozen: %v, %v", frozen, err)
	}
	unfreeze(t, s, c, f)
	if got := stored(t, s, r.ID).Paused; got != 0 {
		t.Errorf("paused for %s", got)
	}
}

// A teller that read the request before a freeze began or ended does not settle the news
// of it.
func testToldDuringAFreeze(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	a := teller{TB: t, s: s}
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	a.claims(r.ID)
	f := freeze(t, s, c)
	wantTell(t, s, "claimed")
	if !a.told(r.Version, bot.Retry{}) {
		t.Fatal("told before the freeze, and nothing more is owed")
	}
	c.move(bot.ClaimFor - time.Microsecond)
	wantTell(t, s, "the teller goes on")
	if a.told(r.Version+1, bot.Retry{}) {
		t.Error("told twice, and more is owed")
	}
	wantTell(t, s, "all told")

	// With a retry, the end of the freeze is still owed at once.
	r = create(t, s, pending("REQ-OTHER", "dave"))
	a.claims(r.ID)
	unfreeze(t, s, c, f)
	a.told(r.Version, at(c.now().Add(time.Hour)))
	wantTell(t, s, "ended", "REQ-ACDEFG", "REQ-OTHER")
}

// A commit based on a read from before a freeze began or ended is refused, so that its
// old due time does not replace the new one.
func testStaleAfterAFreeze(t *testing.T, open opener) {
	for was, states := range map[bot.State][]bot.State{
		bot.Pending:  {bot.Pending, bot.Expired, bot.Approved},
		bot.Approved: {bot.Approved, bot.Executing, bot.Denied},
	} {
		c := newClock()
		s := open(t, c.now)
		r := waiting(t, s, c, "REQ-ACDEFG", was)
		f := freeze(t, s, c)
		c.move(time.Hour)
		during := stored(t, s, r.ID)
		unfreeze(t, s, c, f)
		for _, read := range []bot.Request{r, during} {
			for _, state := range states {
				stale := read
				stale.State, stale.DueAt = state, c.now().Add(time.Hour)
				if _, err := s.Commit(deadline(t), bot.Change{Request: stale}); !errors.Is(err, bot.ErrConflict) {
					t.Errorf("%s to %s: %v, want ErrConflict", was, state, err)
				}
			}
		}
		fresh := stored(t, s, r.ID)
		fresh.DueAt = c.now().UTC().Add(time.Hour).Truncate(time.Microsecond)
		if got := commit(t, s, bot.Change{Request: fresh}); !got.DueAt.Equal(fresh.DueAt) {
			t.Errorf("read afterwards: due %s", got.DueAt)
		}
	}
}

// Freezes come and go while requests are made and decided. In the end every pending
// request was paused for exactly as long as it was frozen.
func testFreezesAmongCommits(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				r := pending(fmt.Sprintf("REQ-%d-%d", i, n), fmt.Sprintf("target-%d-%d", i, n))
				r.CreatedAt = noon
				if _, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}}); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	old := create(t, s, pending("REQ-OLD", "carol"))
	for range 20 {
		f := freeze(t, s, c)
		c.move(time.Minute)
		unfreeze(t, s, c, f)
	}
	cancel()
	work.Wait()
	if got := stored(t, s, old.ID); got.Paused != 20*time.Minute || got.Version != 41 {
		t.Errorf("paused for %s at version %d, want 20m at 41", got.Paused, got.Version)
	}
	wantFrozen(t, s, "in the end", bot.Freeze{})
	chain(t, s, "")
}
