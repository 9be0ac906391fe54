package message

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

func TestRefusal_EachReasonHasItsOwnSentence(t *testing.T) {
	s := newScene("", bot.Denied)
	v := s.v
	v.Where = "Slack"
	fallback := Refusal("no such reason", &s.r, v).Text
	said := map[string]authz.Reason{}
	for _, reason := range bot.Reasons {
		text := Refusal(reason, &s.r, v).Text
		if text == fallback || text == "" {
			t.Errorf("%s has no sentence of its own", reason)
		}
		if other, twice := said[text]; twice {
			t.Errorf("%s and %s say the same: %s", reason, other, text)
		}
		said[text] = reason
		if plain, shown := read(t, Refusal(reason, &s.r, v)); strings.Contains(plain+shown, "!") {
			t.Errorf("%s shouts: %s", reason, text)
		}
	}
}

// declaredReasons counts the constants of type Reason in the source.
func declaredReasons(t *testing.T, paths ...string) int {
	t.Helper()
	n := 0
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok {
				return true
			}
			switch kind := spec.Type.(type) {
			case *ast.Ident:
				if kind.Name == "Reason" {
					n += len(spec.Names)
				}
			case *ast.SelectorExpr:
				if kind.Sel.Name == "Reason" {
					n += len(spec.Names)
				}
			}
			return true
		})
	}
	return n
}

func TestReasons_ListEachReasonOnce(t *testing.T) {
	count := map[authz.Reason]int{}
	for _, reason := range bot.Reasons {
		if count[reason]++; count[reason] > 1 {
			t.Errorf("Reasons holds %s twice", reason)
		}
	}
	if n := declaredReasons(t, "../reason.go", "../../authz/authz.go"); n < 15 || n != len(bot.Reasons) {
		t.Errorf("%d reasons are declared and %d listed", n, len(bot.Reasons))
	}
	if n := declaredReasons(t, "../reason_of_record.go"); n != len(bot.ReasonsOfRecord) {
		t.Errorf("%d reasons of the record are declared and %d listed", n, len(bot.ReasonsOfRecord))
	}
}

// Each refusal says who can act, or what to do instead.
func TestRefusal_SaysWhoCould(t *testing.T) {
	s := newScene("", bot.Denied)
	v := s.v
	v.Where, v.LastFreeze, v.Changed = "Microsoft Entra", bottest.AskedAt, []bot.Difference{bot.MoreApprovals}
	v.Freeze = &bot.Freeze{By: authz.Asker{SlackID: bottest.Dave}, Until: bottest.Today}
	v.Limit = &bot.LimitError{
		Use: bot.Use{Kind: bot.PerApprover, Who: "a-entra", Limit: authz.Limit{N: 5, Within: time.Hour}}, Free: bottest.Today,
	}
	v.Policy.ThirdParty.Ticket = regexp.MustCompile("INC-[0-9]+")
	s.r.ReplacedBy = "REQ-9GHJKM"
	approvers := "<@" + bottest.Alice + ">, <@" + bottest.Dave + ">"
	ways := map[authz.Reason]string{
		authz.NotAMember:          "Only people of this workspace can do this",
		authz.Guest:               "Ask a full member",
		authz.OutsideWorkspace:    "Only members of this one",
		authz.EmailMissing:        approvers,
		authz.EmailUnconfirmed:    approvers,
		authz.NoAccount:           approvers,
		authz.SeveralAccounts:     approvers,
		authz.NotApprover:         approvers,
		authz.AccountBlocked:      approvers,
		authz.TargetMayNotDecide:  approvers,
		authz.TargetMayNotEnd:     "another approver must deny it: " + approvers,
		authz.NotRequester:        "An approver can deny it: " + approvers,
		authz.OthersAskedToo:      approvers,
		authz.CancelNeedsApprover: approvers,
		bot.AlreadyDecided:        "<@" + bottest.Alice + "> denied this (",
		bot.TooLate:               "Ask again with `/revoke-sessions`",
		bot.NotRetryable:          "<@" + bottest.Alice + "> denied this (",
		bot.UnknownRequest:        "`/revoke-sessions status` lists",
		bot.WrongPlace:            "<" + bottest.LiveCard + "|Open the card>",
		bot.NotNoted:              "Press again in a few seconds",
		bot.LookupFailed:          "Microsoft Entra did not answer",
		bot.TargetIsApp:           "an app, not a person",
		bot.OwnAccount:            "Revoke it in the Entra portal. After that, the bot's owner must run `revoke-sessions login`",
		bot.GaveUp:                "Please try again",
		bot.OtherRules:            "The bot's owner must restart every copy",
		bot.LastApproval:          "Press the new button on the card",
		bot.TooFast:               "Try again in 1 second",

		authz.NotMapped:             approvers,
		authz.EmailDomain:           approvers,
		authz.AccountOfSomebody:     approvers,
		authz.MembershipUnknown:     "Please try again in a moment",
		authz.MayNotRequest:         approvers,
		authz.ReasonRequired:        "`/revoke-sessions @name stolen laptop`",
		authz.TicketRequired:        "it must match INC-[0-9]+",
		authz.TargetProtected:       "Use the Entra portal",
		authz.RequesterMayNotDecide: approvers,
		authz.AlreadyApproved:       approvers,
		authz.Frozen:                "`/revoke-sessions unfreeze`",
		authz.AlreadyFrozen:         "`/revoke-sessions unfreeze`",
		authz.NotFrozen:             "No freeze is on",
		authz.FrozeLately:           approvers,
		authz.AlreadyVoted:          approvers,
		bot.FreezeChanged:           "Press End the freeze on the notice again",
		bot.IsVoid:                  "REQ-9GHJKM replaces it",
		bot.TargetChanged:           "Ask again with `/revoke-sessions`",
		bot.OverLimit:               "Another approver can: " + approvers,
		bot.TooFewApprovers:         "Ask the bot's owner to add one",
		bot.NotOnRecord:             "The bot's owner must check the database. Ask again with `/revoke-sessions`",
	}
	for _, reason := range bot.Reasons {
		if ways[reason] == "" {
			t.Errorf("this test does not know who could, instead of %s", reason)
		}
	}
	for reason, way := range ways {
		text := Refusal(reason, &s.r, v).Text
		if !strings.Contains(text, way) {
			t.Errorf("%s does not say %q: %s", reason, way, text)
		}
	}
}

// A person whom the bot cannot help reads the emergency way.
func TestRefusal_NamesEmergencyWayIfBotCannotHelp(t *testing.T) {
	v := View{Approvers: []string{bottest.Alice}, Emergency: bottest.Emergency, Where: "Slack"}
	r := newScene("", bot.Pending).r
	for _, reason := range bot.Reasons {
		stuck := slices.Contains([]authz.Reason{
			bot.LookupFailed, bot.TooFast, bot.GaveUp, bot.OtherRules, bot.OverLimit, bot.OwnAccount,
			authz.EmailMissing, authz.EmailUnconfirmed, authz.NoAccount, authz.SeveralAccounts, authz.NotMapped,
			authz.EmailDomain, authz.AccountOfSomebody,
			authz.Frozen, authz.TargetProtected, authz.MembershipUnknown, authz.MayNotRequest,
		}, reason)
		if got := strings.Contains(Refusal(reason, &r, v).Text, bottest.Emergency); got != stuck {
			t.Errorf("%s names the emergency way: %v, want %v", reason, got, stuck)
		}
		if bare := v; stuck {
			bare.Emergency = ""
			if text := Refusal(reason, &r, bare).Text; strings.Contains(text, "If it cannot wait") {
				t.Errorf("%s promises a way that is not configured: %s", reason, text)
			}
		}
	}
}

func TestRefusal_InDrillSaysSo(t *testing.T) {
	for _, inDrill := range []bool{false, true} {
		s := newScene("", bot.Pending)
		s.r.Drill = inDrill
		for _, reason := range bot.Reasons {
			if got := strings.HasPrefix(Refusal(reason, &s.r, s.v).Text, "🧪 DRILL: "); got != inDrill {
				t.Errorf("%s in a drill (%v) begins with DRILL: %v", reason, inDrill, got)
			}
			text := strings.ReplaceAll(Refusal(reason, &s.r, s.v).Text, "Nothing was revoked", "")
			if strings.Contains(text, "revoked") || strings.Contains(text, "verified") {
				t.Errorf("%s claims something: %s", reason, text)
			}
		}
	}
}

// A refusal before the request is known speaks of none.
func TestRefusal_WithoutRequest(t *testing.T) {
	for _, reason := range bot.Reasons {
		if reason == bot.AlreadyDecided || reason == bot.NotRetryable {
			continue // these need a request
		}
		if text := Refusal(reason, nil, View{Where: "Slack"}).Text; text == "" || strings.Contains(text, "REQ-7") {
			t.Errorf("%s: %q", reason, text)
		}
	}
}

// A person who comes too late reads how the request was decided.
func TestRefusal_AlreadyDecidedNamesTheDecision(t *testing.T) {
	for state, want := range map[bot.State]string{
		bot.Pending: "still waiting", bot.Approved: "<@U0ALICE> approved this|It is not finished yet",
		bot.Executing: "<@U0ALICE> approved this|I'm asking Microsoft Entra now", bot.Unknown: "<@U0ALICE> approved this|not known yet",
		bot.Verified: "<@U0ALICE> approved this|The sessions are revoked", bot.Failed: "<@U0ALICE> approved this|nothing was revoked",
		bot.Denied: "<@U0ALICE> denied this|Nothing was revoked", bot.Cancelled: "<@U0BOB> cancelled this|Nothing was revoked",
		bot.Expired: "Nobody decided this in time, so it expired|Nothing was revoked",
	} {
		s := newScene("", state)
		text := Refusal(bot.AlreadyDecided, &s.r, s.v).Text
		for _, part := range strings.Split(want, "|") {
			if !strings.Contains(text, part) || state != bot.Pending && !strings.Contains(text, "<!date^") {
				t.Errorf("%s: %q, want a date and %q", state, text, part)
			}
		}
	}
}

func TestTargetRefusal_EachReasonHasItsOwnSentence(t *testing.T) {
	said := map[string]authz.Reason{}
	fallback := TargetRefusal("no such reason", &bot.Request{}, bot.Whom{SlackID: bottest.Carol}).Text
	for _, reason := range bot.TargetReasons {
		for _, whom := range []bot.Whom{{SlackID: bottest.Carol}, {ObjectID: bottest.CarolID}, {Address: "nobody@contoso.example"}} {
			text := TargetRefusal(reason, &bot.Request{}, whom).Text
			if text == fallback || said[text] != "" {
				t.Errorf("%s: %q is no sentence of its own", reason, text)
			}
			said[text] = reason
			named := map[bool]string{true: "<@" + bottest.Carol + ">", false: whom.ObjectID + whom.Address}[whom.SlackID != ""]
			if !strings.Contains(text, named) {
				t.Errorf("%s does not name the target: %s", reason, text)
			}
			if !strings.HasSuffix(text, "Nothing was sent.") {
				t.Errorf("%s does not say that nothing was sent: %s", reason, text)
			}
			way := strings.Contains(text, "Type the user principal name or the object ID instead") || strings.Contains(text, "Check the address")
			if reason != bot.TargetIsApp && !way {
				t.Errorf("%s does not say what to type instead: %s", reason, text)
			}
		}
	}
}

// Only people who tried to decide without the right read that this was recorded: for
// anybody else it would be a threat.
func TestRefusal_RecordedOnlyForWhoHadNoRight(t *testing.T) {
	decides := []authz.Action{authz.Confirm, authz.Retry, authz.Deny, authz.Unfreeze}
	without := []authz.Reason{
		authz.NotApprover, authz.AccountBlocked, authz.TargetMayNotDecide, authz.TargetMayNotEnd, authz.RequesterMayNotDecide,
		authz.NotAMember, authz.Guest, authz.OutsideWorkspace,
	}
	s := newScene("", bot.Pending)
	for _, reason := range bot.Reasons {
		for _, wanted := range []authz.Action{
			"", authz.Ask, authz.See, authz.Freeze, authz.Cancel, authz.Confirm, authz.Retry, authz.Deny, authz.Unfreeze,
		} {
			v := s.v
			v.Wanted = wanted
			text := Refusal(reason, &s.r, v).Text
			want := slices.Contains(decides, wanted) && slices.Contains(without, reason)
			if got := strings.Contains(text, "recorded"); got != want {
				t.Errorf("%s of %q speaks of the record: %v, want %v: %s", reason, wanted, got, want, text)
			}
		}
	}
}

// A refusal says what did not happen, and no more than is known.
func TestRefusal_SaysWhatDidNotHappen(t *testing.T) {
	for _, row := range []struct {
		reason authz.Reason
		wanted authz.Action
		state  bot.State
		change sceneOption
		says   string
	}{
		{authz.NotApprover, authz.Confirm, bot.Pending, nil, "Nothing was revoked. This was recorded."},
		{authz.NotApprover, authz.Deny, bot.Pending, nil, "Nothing was denied. This was recorded."},
		{authz.NotApprover, authz.Freeze, "", nil, "Nothing was frozen."},
		{authz.NotApprover, authz.Unfreeze, "", nil, "No freeze was ended. This was recorded."},
		{authz.NotApprover, authz.Retry, bot.Failed, nil, "Your click changed nothing. This was recorded."},
		{authz.NotApprover, authz.Retry, bot.Unknown, nil, "Your click changed nothing. This was recorded."},
		{authz.Guest, authz.Ask, "", nil, "Ask a full member of this workspace. Nothing was sent."},
		{authz.Guest, authz.See, "", nil, "Ask a full member of this workspace."},
		{authz.NotRequester, authz.Cancel, bot.Pending, nil, "Nothing was cancelled."},
		{authz.ReasonRequired, authz.Ask, "", nil, "Nothing was sent."},
		{authz.AlreadyApproved, authz.Confirm, bot.Pending, nil, "Nothing was revoked."},
		{authz.RequesterMayNotDecide, authz.Confirm, bot.Pending, drill, "Your click changed nothing. This was recorded."},
		{bot.AlreadyDecided, authz.Confirm, bot.Denied, nil, "Nothing was revoked."},
		{bot.AlreadyDecided, authz.Deny, bot.Verified, nil, "The sessions are revoked. Your click changed nothing."},
		{bot.AlreadyDecided, authz.Deny, bot.Unknown, nil, "It is not known yet what came of it. Your click changed nothing."},
		{bot.AlreadyDecided, authz.Cancel, bot.Verified, nil, "Nothing was cancelled."},
		{bot.IsVoid, authz.Confirm, bot.Void, nil, "Your click changed nothing."}, // another request may have revoked
		{bot.WrongPlace, authz.Confirm, bot.Verified, nil, "Your click changed nothing."},
		{authz.NotFrozen, authz.Unfreeze, "", nil, "No freeze is on."},
		{bot.UnknownRequest, authz.See, "", nil, "lists what is open."},
		{bot.GaveUp, "", "", nil, "Nothing was changed."},
	} {
		var r *bot.Request
		v := View{Approvers: []string{bottest.Alice}, Wanted: row.wanted}
		if row.state != "" {
			s := newScene("", row.state)
			if row.change != nil {
				row.change(&s)
			}
			r, v = &s.r, s.v
			v.Wanted, v.Emergency = row.wanted, ""
		}
		if text := Refusal(row.reason, r, v).Text; !strings.HasSuffix(text, row.says) {
			t.Errorf("%s of %q does not end with %q: %s", row.reason, row.wanted, row.says, text)
		}
	}
}

// The first words name the person, except after a click that proves nothing.
func TestRefusal_NamesThePerson(t *testing.T) {
	s := newScene("", bot.Pending)
	for _, reason := range bot.Reasons {
		text := Refusal(reason, &s.r, s.v).Text
		if named := reason != bot.WrongPlace && reason != bot.NotNoted; named != strings.HasPrefix(text, "Carol Target: ") || named != strings.Contains(text, "Carol") {
			t.Errorf("%s names the person: %v, want %v: %s", reason, !named, named, text)
		}
		if text := Refusal(reason, &bot.Request{Drill: true}, s.v).Text; strings.Contains(text, "this account: ") {
			t.Errorf("%s names a person who is not known: %s", reason, text)
		}
	}
}

// "Today" is said of a limit for 24 hours only, and each limit says when there is room.
func TestRefusal_LimitSaysItsWindow(t *testing.T) {
	for _, row := range []struct {
		kind   string
		n      int
		within time.Duration
		says   string
	}{
		{bot.PerRequester, 5, 24 * time.Hour, "You have used all 5 of your requests for today. There is room again <!date^"},
		{bot.PerRequester, 5, time.Hour, "You have used all 5 of your requests in 1 hour. There is room again <!date^"},
		{bot.PerRequester, 1, 24 * time.Hour, "You have used your only request for today. There is room again <!date^"},
		{bot.PerApprover, 2, 48 * time.Hour, "You have used all 2 of your approvals in 2 days. Another approver can: <@U0ALICE>, <@U0DAVE>. There is room again <!date^"},
		{bot.PerTarget, 3, 24 * time.Hour, "The policy allows 3 revokes of one account in 1 day, and all 3 are used. There is room again <!date^"},
		{bot.Total, 9, time.Hour, "The policy allows 9 revokes in 1 hour altogether, and all 9 are used. There is room again <!date^"},
	} {
		v := newScene("", bot.Pending).v
		v.Limit = &bot.LimitError{Use: bot.Use{Kind: row.kind, Limit: authz.Limit{N: row.n, Within: row.within}}, Free: bottest.Today}
		if text := Refusal(bot.OverLimit, nil, v).Text; !strings.HasPrefix(text, row.says) {
			t.Errorf("%s: %s\nwant: %s", row.kind, text, row.says)
		}
	}
}

// Who may not approve their own report does not read that they can.
func TestRefusal_OwnReportSaysWhoCanApprove(t *testing.T) {
	for _, may := range []bool{true, false} {
		s := newScene("", bot.Pending, ofBob)
		s.v.Policy.Self.RequesterMayApprove = may
		if got := strings.Contains(Refusal(authz.TargetMayNotEnd, &s.r, s.v).Text, "You can approve it yourself"); got != may {
			t.Errorf("with a policy that lets requesters approve: %v, it says so: %v", may, got)
		}
	}
}

// Where nobody is known who could act, a refusal says so in a sentence.
func TestRefusal_SaysThatNobodyIsKnown(t *testing.T) {
	s := newScene("", bot.Pending, ofBob)
	s.v.Approvers, s.v.Deciders, s.v.Reader = []string{bottest.Alice}, []string{bottest.Alice}, bottest.Alice
	s.v.Limit = &bot.LimitError{Use: bot.Use{Kind: bot.PerApprover, Limit: authz.Limit{N: 2, Within: time.Hour}}, Free: bottest.Today}
	s.v.Changed = []bot.Difference{bot.Renamed}
	none := 0
	for _, reason := range bot.Reasons {
		text := Refusal(reason, &s.r, s.v).Text
		if strings.Contains(text, ": .") || strings.Contains(text, ": ,") || strings.Contains(text, "nobody") && reason != authz.TargetProtected {
			t.Errorf("%s: %s", reason, text)
		}
		if strings.Contains(text, ", but I can't find anybody.") {
			none++
		}
	}
	if none < 15 {
		t.Errorf("only %d refusals say that nobody is known", none)
	}
}

// A ticket is shown by the policy's example, and by the pattern only where it gives none.
func TestRefusal_ShowsTicketExample(t *testing.T) {
	s := newScene("", bot.Denied)
	s.v.Policy.ThirdParty.Ticket = regexp.MustCompile("SEC-[0-9]+")
	says := func() string { return Refusal(authz.TicketRequired, &s.r, s.v).Text }
	if got := says(); !strings.Contains(got, "name a ticket in the reason (it must match SEC-[0-9]+).") {
		t.Errorf("without an example: %s", got)
	}
	s.v.Policy.ThirdParty.TicketExample = "SEC-1234"
	if got := says(); !strings.Contains(got, "name a ticket in the reason, for example SEC-1234.") || strings.Contains(got, "[0-9]") {
		t.Errorf("with an example: %s", got)
	}
}
