package lookup

import (
	"errors"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/graph"
)

// The card also shows facts that no rule needs; they are read for the card alone.
func TestPreview_ReadsWhatOnlyTheCardShows(t *testing.T) {
	signedIn := bottest.AskedAt.Add(-time.Hour)
	refused := &graph.Error{Op: "read", Status: 403, Code: "Authorization_RequestDenied", Outcome: graph.NotDone, Remedy: "Grant it."}
	for _, row := range []struct {
		name       string
		rule       []authz.Protection
		role       graph.Fact
		signedIn   time.Time
		err        error
		privileged graph.Fact
		at         time.Time
		read       bool
		trouble    bool // there is a look-up that a rule goes by and nobody could make
	}{
		{"all of it", nil, graph.Yes, signedIn, nil, graph.Yes, signedIn, true, false},
		{"no sign-in", nil, graph.No, time.Time{}, nil, graph.No, time.Time{}, true, false},
		{"roles that Graph does not tell", nil, graph.Unknown, signedIn, nil, graph.Unknown, signedIn, true, false},
		{"nothing of it is permitted", nil, graph.Yes, signedIn, refused, graph.Unknown, time.Time{}, false, false},
		{"a rule goes by roles", []authz.Protection{{Privileged: true, Approvals: 2}}, graph.Yes, signedIn, nil, graph.Yes, signedIn, true, false},
		{"a rule goes by roles, which are not permitted", []authz.Protection{{Privileged: true, Approvals: 2}}, graph.Yes, signedIn, refused, graph.Unknown, time.Time{}, false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, _, d, _ := crowd(t)
			p.roles = len(row.rule) > 0
			d.roles, d.signIns, d.factsErr = map[string]graph.Fact{"carol-id": row.role}, map[string]time.Time{"carol-id": row.signedIn}, row.err
			a, err := p.Preview(bottest.Deadline(t), "carol-id", []string{bottest.Carol}, false)
			if err != nil || a.User.ID != "carol-id" {
				t.Fatalf("preview answers %+v, %v", a, err)
			}
			if a.Privileged != row.privileged || !a.SignedIn.Equal(row.at) || a.SignInsRead != row.read || (a.Trouble != nil) != row.trouble {
				t.Errorf("privileged %q, last sign-in %v, read %v, trouble %v", a.Privileged, a.SignedIn, a.SignInsRead, a.Trouble)
			}
			if d.asked["roles"] != 1 || d.asked["sign-in"] != 1 {
				t.Errorf("Entra was asked %v, each once would do", d.asked)
			}
			// An unknown fact makes nothing stricter than the policy says.
			r := bot.Request{Lane: authz.ThirdParty, Askers: []authz.Asker{{SlackID: bottest.Bob}}}
			r.AimAt(a)
			policy := authz.New(bottest.Alice, bottest.Dave)
			policy.Protected = row.rule
			if need := policy.Require(r.Matter()); need.Protected != (row.rule != nil) {
				t.Errorf("the policy requires %+v", need)
			}
			if r.Privileged != row.privileged || !r.SignedIn.Equal(row.at) || r.SignInsRead != row.read {
				t.Errorf("the request has %q, %v, %v", r.Privileged, r.SignedIn, r.SignInsRead)
			}
			// A new card of the same ask does not read these facts again.
			p.CompleteFacts(bottest.Deadline(t), &a)
			if d.asked["roles"] != 1 || d.asked["sign-in"] != 1 {
				t.Errorf("Entra was asked again: %v", d.asked)
			}
		})
	}
}

// A click reads only what the policy needs; the other facts on the card stay.
func TestTargetNow_ReadsOnlyWhatPolicyNeeds(t *testing.T) {
	p, _, d, _ := crowd(t)
	d.roles, d.signIns = map[string]graph.Fact{"carol-id": graph.Yes}, map[string]time.Time{"carol-id": bottest.AskedAt}
	r := bot.Request{SignedIn: bottest.AskedAt.Add(-26 * time.Hour), SignInsRead: true, Privileged: graph.Yes}
	a, err := p.TargetNow(bottest.Deadline(t), "carol-id", []string{bottest.Carol}, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.asked) > 0 {
		t.Errorf("the click asked %v", d.asked)
	}
	before := r
	r.UpdateFacts(a)
	if r.Privileged != graph.Yes || !r.SignedIn.Equal(before.SignedIn) || !r.SignInsRead {
		t.Errorf("the click took the facts off the card: %q, %v, %v", r.Privileged, r.SignedIn, r.SignInsRead)
	}
	p.CompleteFacts(bottest.Deadline(t), &a)
	if a.Privileged != graph.Yes || !a.SignedIn.Equal(bottest.AskedAt) || d.asked["roles"] != 1 || d.asked["sign-in"] != 1 {
		t.Errorf("the card that follows a void one shows %q, %v after %v", a.Privileged, a.SignedIn, d.asked)
	}
}

// Hanging facts delay a preview no longer than one look-up does.
func TestPreview_HangingFactsDelayNothing(t *testing.T) {
	t.Parallel()
	p, _, d, _ := crowd(t)
	d.factHang = true
	begun := time.Now()
	a, err := p.Preview(bottest.Deadline(t), "carol-id", []string{bottest.Carol}, false)
	if took := time.Since(begun); took > waitMost+waitMost/2 {
		t.Errorf("the preview took %v: it waits for one fact after the other", took)
	}
	if err != nil || a.User.ID != "carol-id" || a.Trouble != nil {
		t.Errorf("preview answers %+v, %v", a, errors.Join(err, a.Trouble))
	}
	if a.Privileged != graph.Unknown || a.SignInsRead {
		t.Errorf("what hung is known: %+v", a)
	}

	// Nor if the account hangs too: the preview waits for all of it at once.
	d.set(nil, true)
	begun = time.Now()
	if _, err = p.Preview(bottest.Deadline(t), "carol-id", []string{bottest.Carol}, false); err == nil {
		t.Error("an account that hangs was read")
	}
	if took := time.Since(begun); took > waitMost+waitMost/2 {
		t.Errorf("the preview of an account that hangs took %v", took)
	}
}
