package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph/graphtest"
)

// outdated puts other rules in force, as another replica does that is started
// later: the one that plays has older ones from now on.
func (th *theatre) outdated() {
	th.t.Helper()
	db, err := store.Open(context.Background(), th.environment()["REVOKE_DATABASE_URL"], store.Options{Beside: true})
	if err != nil {
		th.t.Fatal(err)
	}
	defer db.Close()
	row := bot.Entry{Action: "policy_loaded", Actor: "bot", Digest: "of the newer list"}
	if err := db.EnterRules(context.Background(), bot.Rules{Policy: "the newer list"}, row); err != nil {
		th.t.Fatal(err)
	}
}

// thenOutdated is a scene after which other rules are in force.
func thenOutdated(scene func(*raid)) func(*raid) {
	return func(r *raid) { scene(r); r.outdated() }
}

const undecidedExecutes = `{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {self: {on_timeout: execute, timeout: 10m}}}`

var (
	otherCopy  = "Another copy of this bot started later with other rules"
	heldByRule = row{"held", "other_rules", "bot"}
)

// rulesAttacks are of people who were taken off a list, and find a replica that
// has the older one.
var rulesAttacks = []attack{
	{
		name: "an approver of an older list confirms", scene: thenOutdated(carolsLaptop), attack: clicks(amirID, bot.ActionConfirm),
		reads: []string{"only:amir", otherCopy, "The bot's owner must restart every copy", "Call 555-0100."},
		rows:  []row{{"refused", "other_rules", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver of an older list gives the first of two approvals", policy: two, scene: thenOutdated(carolsLaptop),
		attack: clicks(amirID, bot.ActionConfirm), reads: []string{"only:amir", otherCopy},
		rows: []row{{"refused", "other_rules", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver of an older list tries again",
		scene: thenOutdated(func(r *raid) {
			carolsLaptop(r)
			r.entra.Inject(refusedOnce)
			r.approves(aliceID, "Microsoft refused", "Try again")
		}),
		attack: clicks(amirID, bot.ActionRetry), reads: []string{"only:amir", otherCopy},
		rows: []row{{"refused", "other_rules", amirID}}, posts: 1, state: bot.Failed,
	},
	{
		name: "a finder confirms the report of a phone that needs no approval by older rules", policy: ownConfirm, scene: thenOutdated(bobsPhone),
		attack: func(r *raid) {
			receipt := r.receipt(bobID)
			r.acked(r.slack.As(bobID).Click(receipt.Channel, receipt.TS, bot.ActionConfirm))
		},
		reads: []string{"only:bob", otherCopy},
		rows:  []row{{"refused", "other_rules", bobID}}, state: bot.Pending,
	},
	{
		name: "an approver of an older list confirms a card that is not true any more, and makes no other one",
		scene: thenOutdated(func(r *raid) {
			carolsLaptop(r)
			r.entraUser(5, func(u *graphtest.User) { u.UserPrincipalName = "carol.new@contoso.example" })
		}),
		attack: clicks(amirID, bot.ActionConfirm), reads: []string{"only:amir", otherCopy},
		rows: []row{{"refused", "other_rules", amirID}}, state: bot.Pending, then: (*raid).alive,
	},
	{
		name: "an approver of an older list lets go of the brake",
		scene: thenOutdated(func(r *raid) {
			frozenByAlice(r)
			r.typed(aliceID, "unfreeze")
			r.cardSays("asked to end the freeze (1 of 2)")
		}),
		attack: types(amirID, "unfreeze"), reads: []string{"only:amir", otherCopy},
		rows: []row{{"refused", "other_rules", amirID}}, state: bot.Pending, then: stillFrozen,
	},
	{
		// It revokes nobody, and what is denied can be asked for again.
		name: "an approver of an older list denies", scene: thenOutdated(carolsLaptop),
		attack: func(r *raid) { r.denies(amirID, "wrong person") },
		reads:  []string{"card", "denied by @amir"},
		rows:   []row{{"deny_pressed", "", amirID}, {"denied", "", amirID}}, state: bot.Denied,
	},
	{
		name: "the time is up for a report that older rules would carry out", policy: undecidedExecutes, scene: thenOutdated(bobsPhone),
		attack:     func(r *raid) { r.passes("11m") },
		unrecorded: true, reads: []string{"card", "The time to decide is up, but this copy of the bot has older rules"},
		state: bot.Pending, then: wasHeld,
	},
	{
		name: "the freeze is over for what was confirmed by older rules", policy: `{version: 1, approvers: [S0SECURITY], freeze: {max: 10m}}`,
		scene: thenOutdated(func(r *raid) {
			carolsLaptop(r)
			r.entra.Inject(graphtest.Fault{Method: "POST", Status: 429, RetryAfter: "60", Times: 1})
			r.click(aliceID, bot.ActionConfirm)
			r.cardSays("Microsoft asked the bot to wait")
			r.freezes(aliceID, "an odd card")
		}),
		attack:     func(r *raid) { r.passes("11m") },
		unrecorded: true, reads: []string{"card", "older rules than another copy", "The request goes on once the bot's owner has restarted every copy", "An approver can still stop this"},
		posts: 1, state: bot.Approved, then: wasHeld,
	},
}

// wasHeld demands one row that says why nothing was done, and the log line for
// whoever is on call.
func wasHeld(r *raid) {
	held := 0
	for _, e := range r.audit() {
		if e.Action == heldByRule.action && e.Reason == heldByRule.reason {
			held++
		}
	}
	if held != 1 {
		r.t.Errorf("%d rows say that it was held, want 1", held)
	}
	r.poll("the log says what to do", func() bool { return strings.Contains(r.log.String(), "Restart every replica with the same policy") })
}

// Going back to the rules that a replica has puts it to work again, without a restart.
func TestOlderRulesStartedAnewCount(t *testing.T) {
	for name, on := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			th := newTheatre(t)
			on(th)
			r := &raid{theatre: th}
			r.begin()
			carolsLaptop(r)
			r.outdated()
			r.click(aliceID, bot.ActionConfirm)
			r.sees(false, []string{"only:alice", otherCopy})
			policy, err := readPolicy("", []string{aliceID, amirID})
			if err != nil {
				t.Fatal(err)
			}
			db, err := store.Open(context.Background(), th.environment()["REVOKE_DATABASE_URL"], store.Options{Beside: true})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			same := bot.Rules{Policy: policy.Digest, Operation: operationOf(""), Channel: approvals}
			if err := db.EnterRules(context.Background(), same, bot.Entry{Action: "policy_loaded", Actor: "bot"}); err != nil {
				t.Fatal(err)
			}
			r.click(aliceID, bot.ActionConfirm)
			r.cardSays("sessions are revoked")
		})
	}
}

// A policy at the command line that is not the bot's is no guard rail.
func TestCommandLineWithAnotherPolicy(t *testing.T) {
	th := clinic(t)
	th.begin()
	other := filepath.Join(t.TempDir(), "policy.yml")
	if err := os.WriteFile(other, []byte("version: 1\napprovers: [U0ALICE]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	th.set("REVOKE_POLICY", other)
	th.set("REVOKE_APPROVERS", "")
	revoke := func(more ...string) (code int, says string) {
		var out bytes.Buffer
		args := append([]string{"revoke", "--user-id", carolsEntra, "--confirm=false"}, more...)
		code = run(t.Context(), args, th.getenv, strings.NewReader(""), &out, &out, th.at)
		return code, out.String()
	}
	if code, says := revoke(); code != 1 || !strings.Contains(says, "This is not the policy that the bot on this database last started with") || len(th.entra.Posts()) != 0 {
		t.Errorf("exit code %d, %d POSTs\n%s", code, len(th.entra.Posts()), says)
	}
	if code, says := revoke("--override-policy", "the bot is being moved"); code != 0 || len(th.entra.Posts()) != 1 {
		t.Errorf("exit code %d, %d POSTs\n%s", code, len(th.entra.Posts()), says)
	}
}

// Doctor says who has other rules: a replica, or whoever runs doctor.
func TestDoctorComparesRules(t *testing.T) {
	th := clinic(t)
	th.onPostgres()
	th.begin()
	if _, found, _ := th.doctor(); found["rules"].Result != well {
		t.Errorf("%+v", found["rules"])
	}
	channel := th.environment()["REVOKE_CHANNEL"]
	th.set("REVOKE_CHANNEL", general)
	if _, found, _ := th.doctor(); found["rules"].Result != doubtful || !strings.Contains(found["rules"].Says, "with other rules than the settings here") {
		t.Errorf("%+v", found["rules"])
	}
	th.set("REVOKE_CHANNEL", channel)
	th.outdated()
	if code, found, _ := th.doctor(); code != 1 || found["rules"].Result != broken || !strings.Contains(found["rules"].Says, "1 of the 1 replicas have other rules") {
		t.Errorf("%+v", found["rules"])
	}
}
