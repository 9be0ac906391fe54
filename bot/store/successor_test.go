package store_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot"
)

// voided is the change that ends a pending request and creates its successor.
func voided(r bot.Request, id string) bot.Change {
	next := pending(id, r.Target.ID)
	next.Replaces, next.Words.UPN = r.ID, "renamed@contoso.example"
	r.State, r.ReplacedBy = bot.Void, id
	return bot.Change{Request: r, Successor: &next, Audit: []bot.Entry{
		{Action: "void", Request: r.ID}, {Action: "previewed_again", Request: id}, {Action: "refused"},
	}}
}

func testSuccessor(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	change := voided(r, "REQ-NEXT")
	a := receive(t, s, arrival(1))
	change.Settles = a.ID
	if got := commit(t, s, change); got.ID != r.ID || got.State != bot.Void || got.Version != 2 {
		t.Errorf("answered %s %s version %d", got.ID, got.State, got.Version)
	}
	if change.Successor.Version != 0 {
		t.Error("the caller's successor was changed")
	}
	if got := stored(t, s, r.ID); got.State != bot.Void || got.ReplacedBy != "REQ-NEXT" || got.Words.UPN != "carol@contoso.example" {
		t.Errorf("the first: %+v", got)
	}
	next, found, err := s.PendingFor(deadline(t), "carol", r.Lane, false)
	if err != nil || !found || next.ID != "REQ-NEXT" || next.Version != 1 || next.Replaces != r.ID || next.Words.UPN != "renamed@contoso.example" {
		t.Errorf("the successor: found %v, %v, %+v", found, err, next)
	}
	if open, err := s.Open(deadline(t), "U-BOB", 10); err != nil || len(open) != 2 || open[0].ID != "REQ-NEXT" {
		t.Errorf("its askers are not known by it: %v, %v", open, err)
	}
	wantTell(t, s, "both are owed to people", "REQ-ACDEFG", "REQ-NEXT")
	c.move(bot.ClaimFor)
	wantDue(t, s, "the click is settled", 0, 0)
}

// Each row has the hash of the words of the request it names.
func testSuccessorTyped(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	change := voided(r, "REQ-NEXT")
	change.Audit[2].Typed = "the caller's"
	commit(t, s, change)
	rows := chain(t, s, "")
	requested, void, again, other := rows[0].Typed, rows[1].Typed, rows[2].Typed, rows[3].Typed
	if void == "" || void != requested {
		t.Errorf("the voided request's words are %q, and were %q", void, requested)
	}
	if again == "" || again == void {
		t.Errorf("the successor's words are %q, the first's %q", again, void)
	}
	if other != "" {
		t.Errorf("a row of no request vouches for words: %q", other)
	}
	for _, id := range []string{r.ID, "REQ-NEXT"} {
		if story, err := s.Story(deadline(t), id); err != nil || story.Proof != bot.WordsMatch {
			t.Errorf("%s: words %s, %v", id, story.Proof, err)
		}
	}
}

// If the successor cannot be created, the first request does not end.
func testSuccessorTaken(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	create(t, s, pending("REQ-OTHER", "dave"))
	fits := voided(r, "REQ-NEXT")
	sameID := voided(r, "REQ-OTHER")
	sameTarget := voided(r, "REQ-NEXT")
	sameTarget.Successor.Target.ID = "dave"
	stale := voided(r, "REQ-NEXT")
	stale.Request.Version = 7
	for name, row := range map[string]struct {
		change bot.Change
		want   error
	}{"an ID that exists": {sameID, bot.ErrTaken}, "a target that has one": {sameTarget, bot.ErrTaken}, "a first that changed": {stale, bot.ErrConflict}} {
		if _, err := s.Commit(deadline(t), row.change); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
	if diff := cmp.Diff(r, stored(t, s, r.ID)); diff != "" {
		t.Errorf("the first changed (-before +after):\n%s", diff)
	}
	if _, err := s.Request(deadline(t), "REQ-NEXT"); !errors.Is(err, bot.ErrNoRequest) {
		t.Errorf("a successor was left behind: %v", err)
	}
	if rows := chain(t, s, ""); len(rows) != 2 {
		t.Errorf("%d audit rows, want 2", len(rows))
	}
	commit(t, s, fits)
}

// Of many who find the card outdated at once, one creates the successor.
func testOneSuccessor(t *testing.T, open opener) {
	s := open(t, newClock().now)
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	ctx := deadline(t)
	ids := []string{"REQ-A", "REQ-B", "REQ-C", "REQ-D", "REQ-E", "REQ-F", "REQ-G", "REQ-H"}
	winner := oneWinner(t, atOnce(len(ids), func(i int) error {
		_, err := s.Commit(ctx, voided(r, ids[i]))
		return err
	}), bot.ErrConflict)
	if got := stored(t, s, r.ID); got.ReplacedBy != ids[winner] {
		t.Errorf("replaced by %s, want %s", got.ReplacedBy, ids[winner])
	}
}
