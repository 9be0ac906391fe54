package main

import (
	"net/http"
	"strings"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// readsHome has somebody open the Home tab, by an event that Slack need not send, and waits
// until the bot has done with it. The view is the one that they see then.
func (r *raid) readsHome(who string) (v slacktest.View, shown bool) {
	r.t.Helper()
	opened := r.clock.now().UnixMicro()
	r.acked(r.slack.As(carolID).OpenHomeRaw(func(p map[string]any) { p["event"].(map[string]any)["user"] = who }))
	db := r.sql()
	r.poll("the Home tab of "+who+" is drawn", func() bool {
		var n int
		if err := db.QueryRow(`SELECT count(*) FROM homes WHERE slack_id = $1 AND opened_at >= $2 AND claimed_until = 0
			AND published_at >= $2`, who, opened).Scan(&n); err != nil {
			r.t.Fatal(err)
		}
		return n == 1
	})
	return r.slack.Home(who)
}

// others is what nobody may read but an approver who decides it, and who asked.
var others = []string{"REQ-", "Bob Reporter", "Carol", "@U0BOB", "@U0CAROL", "@U0OLGA", "stolen", "lost my phone", "Waiting for you", "contoso.example"}

// TestHome_Readers looks at the Home tab of each kind of person while requests are open:
// Bob's about his own phone, and Olga's about Alice, an approver.
func TestHome_Readers(t *testing.T) {
	const buttons, report = "[Report for somebody else]", "[I lost a device]"
	nothing := append([]string{buttons, report, "@U0ALICE", "@U0AMIR"}, others...)
	for _, c := range []struct {
		name, policy, who string
		change            func(*raid)
		says, never       []string
		unseen            bool // Slack shows nothing to such a person
	}{
		{name: "somebody", who: carolID, says: []string{report, buttons, "Call 555-0100."}, never: append([]string{"Your open requests", "@U0ALICE", "@U0AMIR"}, others...)},
		{name: "who reported a device", who: bobID, says: []string{"Your open requests", "your own device", "[Cancel report…]"},
			never: []string{"Waiting for you", "Olga", "Alice", "@U0", "phishing", "lost my phone"}},
		{name: "who asked about somebody else", who: olgaID, says: []string{"Your open requests", "somebody else's sessions", "[Cancel request…]"},
			never: []string{"Waiting for you", "Alice", "Bob", "@U0", "phishing", "lost my phone", "[Cancel report…]"}},
		{name: "an approver", who: amirID, says: []string{"Waiting for you", "Bob Reporter", "lost my phone", "Alice Approver", "phishing", "Open the card"}},
		{name: "an approver who is the target", who: aliceID, says: []string{"Waiting for you", "Bob Reporter", "lost my phone"},
			never: []string{"Alice Approver", "phishing", "Olga", "@U0OLGA"}},
		{name: "a guest", who: aliceID, change: slackIs(aliceID, func(u *slacktest.User) { u.Guest = true }), says: []string{"Call 555-0100."}, never: nothing},
		{name: "a single-channel guest", who: aliceID, change: slackIs(aliceID, func(u *slacktest.User) { u.SingleChannelGuest = true }), says: []string{"Call 555-0100."}, never: nothing},
		{name: "a blocked account", who: aliceID, change: func(r *raid) { r.blocked(2) }, says: []string{"Call 555-0100."}, never: others},
		{name: "a deactivated person", who: aliceID, change: slackIs(aliceID, func(u *slacktest.User) { u.Deleted = true }), unseen: true},
		{name: "a bot", who: aliceID, change: slackIs(aliceID, func(u *slacktest.User) { u.Bot = true }), unseen: true},
		{name: "an app's user", who: aliceID, change: slackIs(aliceID, func(u *slacktest.User) { u.AppUser = true }), unseen: true},
		{name: "a stranger", who: aliceID, change: slackIs(aliceID, func(u *slacktest.User) { u.Stranger = true }), unseen: true},
		{name: "somebody of another workspace", who: aliceID, change: slackIs(aliceID, func(u *slacktest.User) { u.TeamID = "T0OTHER" }), unseen: true},
		{name: "somebody whom Slack hides", who: aliceID, change: slackIs(aliceID, func(u *slacktest.User) { u.Hidden = true }), never: nothing},
		{name: "nobody at all", who: "U0NOBODY", unseen: true},
		{name: "an approver whom Entra does not know", who: aliceID, change: slackIs(aliceID, func(u *slacktest.User) { u.Email = "alice@elsewhere.example" }), never: nothing},
		{name: "an approver without an address", who: aliceID, change: slackIs(aliceID, func(u *slacktest.User) { u.Email = "" }), never: nothing},
		{name: "an approver whose address is not confirmed", who: aliceID, change: slackIs(aliceID, func(u *slacktest.User) { u.EmailUnconfirmed = true }), never: nothing},
		{name: "a former approver", policy: bySlackGroup, who: aliceID, change: func(r *raid) { r.members(amirID) }, says: []string{report}, never: others},
		{name: "a former approver of an Entra group", policy: byEntraGroup, who: aliceID,
			change: func(r *raid) { r.entra.SetMembers(entraGroup, objectID(3)) }, says: []string{report}, never: others},
		{name: "perhaps an approver, as Slack says no group", policy: bySlackGroup, who: aliceID, change: func(r *raid) {
			r.slack.Inject(slacktest.Fault{Method: "usergroups.users.list", Status: 500})
		}, says: []string{"I could not check whether you are an approver"}, never: others},
		{name: "perhaps an approver, as Entra says no group", policy: byEntraGroup, who: aliceID, change: func(r *raid) {
			r.entra.Inject(graphtest.Fault{Method: http.MethodPost, PathSuffix: "checkMemberGroups", Status: 503})
		}, says: []string{"I could not check whether you are an approver"}, never: others},
		{name: "somebody of whom Slack says nothing", who: aliceID, change: func(r *raid) {
			r.slack.Inject(slacktest.Fault{Method: "users.info", Status: 500})
		}, says: []string{"I could not look you up, so I can't show more.", "Call 555-0100."}, never: nothing},
		{name: "somebody of whom Entra says nothing", who: aliceID, change: func(r *raid) {
			r.entra.Inject(graphtest.Fault{Method: http.MethodGet, Status: 503})
		}, says: []string{"I could not look you up, so I can't show more.", "Call 555-0100."}, never: nothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRaid(t, attack{policy: c.policy})
			r.ask(bobID, "me lost my phone")
			r.ask(olgaID, "<@"+aliceID+"> clicked a phishing link")
			r.quiet()
			if c.change != nil {
				// What was shown before must go.
				if _, shown := r.readsHome(c.who); !shown {
					t.Error("saw nothing before")
				}
				c.change(r)
				r.passes("10m") // what was known counts no more
			}
			before, _ := r.slack.Home(c.who)
			v, shown := r.readsHome(c.who)
			if c.unseen {
				if shown && v.Hash != before.Hash {
					t.Errorf("Slack took %s", v.Plain())
				}
				return
			}
			if !shown || v.Hash == before.Hash {
				t.Fatal("nothing was drawn anew")
			}
			text := v.Plain()
			if !containsAll(text, c.says) {
				t.Errorf("does not say %q:\n%s", c.says, text)
			}
			for _, w := range c.never {
				if strings.Contains(text, w) {
					t.Errorf("says %q:\n%s", w, text)
				}
			}
		})
	}
}

func slackIs(id string, change func(*slacktest.User)) func(*raid) {
	return func(r *raid) { r.slackUser(id, change) }
}

// TestHome_FollowsWhatChanges has the Home tabs of an approver and of a reporter open while
// the request goes on, and the approver stops being one.
func TestHome_FollowsWhatChanges(t *testing.T) {
	r := newRaid(t, attack{policy: two})
	r.ask(bobID, "<@"+carolID+"> stolen laptop")
	for _, who := range []string{aliceID, amirID} {
		r.opensHome(who, "Waiting for you", "Carol Target")
	}
	r.opensHome(bobID, r.request)
	r.passes("6s")
	r.approves(aliceID, "@alice approved (1 of 2)")
	r.homeSays(aliceID, "Nothing waits for you.")
	r.homeSays(amirID, "Carol Target")
	r.homeNever(bobID, "@alice", "Alice")
	r.freezes(amirID, "an odd card")
	r.passes("6s")
	r.opensHome(amirID, "Carol Target", "Frozen by @amir")
	r.opensHome(bobID, r.request)
	r.homeNever(bobID, "@amir", "an odd card")
	r.opensHome(carolID, "[I lost a device]")
	r.homeNever(carolID, "@amir", "an odd card", "REQ-", "freeze", "rozen")

	r.members(aliceID, olgaID) // Amir is no approver any more, and his tab is open
	r.passes("2m")
	r.ask(olgaID, "<@"+bobID+"> he lost his, too")
	r.until("Amir's Home tab lists nothing", func() bool {
		v, _ := r.slack.Home(amirID)
		return !strings.Contains(v.Plain(), "Waiting for you")
	})
	r.homeNever(amirID, others...)
	r.homeNever(amirID, "an odd card")
	if n := len(r.entra.Posts()); n != 0 || r.state() != bot.Pending {
		t.Errorf("%d posts, %s", n, r.state())
	}
}
