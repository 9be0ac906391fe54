package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

func testPendingFor(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	drill := pending("REQ-DRILL", "carol")
	drill.Drill = true
	create(t, s, drill)
	find := func(target string, lane authz.Lane, drill bool) string {
		t.Helper()
		got, found, err := s.PendingFor(deadline(t), target, lane, drill)
		if err != nil || found != (got.ID != "") {
			t.Fatalf("found %v %q, %v", found, got.ID, err)
		}
		return got.ID
	}
	for _, row := range []struct {
		target string
		lane   authz.Lane
		drill  bool
		want   string
	}{
		{"carol", authz.ThirdParty, false, "REQ-ACDEFG"},
		{"carol", authz.ThirdParty, true, "REQ-DRILL"},
		{"carol", authz.Self, false, ""},
		{"dave", authz.ThirdParty, false, ""},
	} {
		if got := find(row.target, row.lane, row.drill); got != row.want {
			t.Errorf("%s %s drill %v: %q, want %q", row.target, row.lane, row.drill, got, row.want)
		}
	}
	got, _, err := s.PendingFor(deadline(t), "carol", authz.ThirdParty, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stored(t, s, r.ID), got); diff != "" {
		t.Errorf("found is not what is stored (-stored +found):\n%s", diff)
	}
	turn(t, s, r, bot.Cancelled)
	if got := find("carol", authz.ThirdParty, false); got != "" {
		t.Errorf("found %s, which is over", got)
	}
}

// A request is listed while it needs attention, whatever its state.
func testOpenWhileOwed(t *testing.T, open opener) {
	s := open(t, newClock().now)
	listed := func(id string) bool {
		t.Helper()
		all, err := s.Open(deadline(t), "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			if one.ID == id {
				if diff := cmp.Diff(stored(t, s, id), one); diff != "" {
					t.Errorf("listed is not what is stored (-stored +listed):\n%s", diff)
				}
				return true
			}
		}
		return false
	}
	for _, state := range bot.States {
		r := create(t, s, pending("REQ-"+string(state), string(state)))
		r = turn(t, s, r, state)
		if !listed(r.ID) {
			t.Errorf("%s, and it is owed something: not listed", state)
		}
		r.DueAt = time.Time{}
		r = turn(t, s, r, state)
		if listed(r.ID) {
			t.Errorf("%s, and nothing is owed: listed", state)
		}
	}
}

func testOpenOrder(t *testing.T, open opener) {
	s := open(t, newClock().now)
	bob, dave := authz.Asker{SlackID: "U-BOB"}, authz.Asker{SlackID: "U-DAVE"}
	for i, askers := range [][]authz.Asker{{bob}, {dave}, {bob}, {bob}, {bob}} {
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		r.Askers, r.CreatedAt = askers, noon.Add(time.Duration(i%3)*time.Hour+time.Duration(i)*time.Second)
		create(t, s, r) // from the oldest: 0, 3, 1, 4, 2
	}
	joined := stored(t, s, "REQ-0")
	joined.Askers = append(joined.Askers, dave)
	joined = commit(t, s, bot.Change{Request: joined})
	turn(t, s, joined, bot.Approved)
	over := stored(t, s, "REQ-4")
	over.DueAt = time.Time{}
	turn(t, s, over, bot.Denied)
	for _, row := range []struct {
		who   string
		limit int
		want  []string
	}{
		// Undecided requests first, and the oldest first within each group.
		{"", 10, []string{"REQ-3", "REQ-1", "REQ-2", "REQ-0"}},
		{"", 2, []string{"REQ-3", "REQ-1"}},
		{"U-BOB", 10, []string{"REQ-3", "REQ-2", "REQ-0"}},
		{"U-BOB", 1, []string{"REQ-3"}},
		{"U-DAVE", 10, []string{"REQ-1", "REQ-0"}},
		{"U-ALICE", 10, nil},
	} {
		all, err := s.Open(deadline(t), row.who, row.limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range all {
			got = append(got, r.ID)
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%q, at most %d (-want +got):\n%s", row.who, row.limit, diff)
		}
	}
}

func testLastAccepted(t *testing.T, open opener) {
	s := open(t, newClock().now)
	want := func(when, target string, want time.Time) {
		t.Helper()
		got, err := s.LastAccepted(deadline(t), target)
		if err != nil || !got.Equal(want.Truncate(time.Microsecond)) {
			t.Errorf("%s: %v, %v, want %v", when, got, err, want)
		}
	}
	want("never", "carol", time.Time{})
	accept := func(id, target string, at time.Time) {
		t.Helper()
		r := create(t, s, pending(id, target))
		want("while pending", "nobody", time.Time{})
		r.AcceptedAt = at
		turn(t, s, r, bot.Revoked)
	}
	accept("REQ-1", "carol", noon.Add(2*time.Hour))
	want("once", "carol", noon.Add(2*time.Hour))
	accept("REQ-2", "carol", noon.Add(time.Hour))
	want("an older one stored later", "carol", noon.Add(2*time.Hour))
	accept("REQ-3", "carol", noon.Add(3*time.Hour))
	want("a newer one", "carol", noon.Add(3*time.Hour))
	accept("REQ-4", "dave", noon.Add(9*time.Hour))
	want("another target's", "carol", noon.Add(3*time.Hour))
	turn(t, s, create(t, s, pending("REQ-5", "carol")), bot.Denied)
	want("a denied one", "carol", noon.Add(3*time.Hour))
}

// testLastRevoke: it finds the request behind LastAccepted, except for the excluded one.
func testLastRevoke(t *testing.T, open opener) {
	s := open(t, newClock().now)
	want := func(when, target, but, want string, at time.Time) {
		t.Helper()
		got, found, err := s.LastRevoke(deadline(t), target, but)
		if err != nil || found != (want != "") || got.ID != want || !got.AcceptedAt.Equal(at.Truncate(time.Microsecond)) {
			t.Errorf("%s: %v %q at %v, %v, want %q at %v", when, found, got.ID, got.AcceptedAt, err, want, at)
		}
	}
	accept := func(id, target string, at time.Time) {
		t.Helper()
		r := create(t, s, pending(id, target))
		r.AcceptedAt = at
		turn(t, s, r, bot.Revoked)
	}
	want("never", "carol", "", "", time.Time{})
	late := noon.Add(2*time.Hour + 1234567*time.Nanosecond)
	accept("REQ-1", "carol", noon.Add(time.Hour))
	accept("REQ-2", "carol", late)
	accept("REQ-3", "dave", noon.Add(9*time.Hour))
	want("twice", "carol", "REQ-9", "REQ-2", late)
	want("its own left out", "carol", "REQ-2", "REQ-1", noon.Add(time.Hour))
	want("all left out", "dave", "REQ-3", "", time.Time{})
	create(t, s, pending("REQ-4", "carol"))
	want("another waits", "carol", "REQ-4", "REQ-2", late)
}
