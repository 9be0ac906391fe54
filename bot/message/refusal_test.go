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
		authz.NotAMember:          "Only people of this workspace",
		authz.Guest:               "Ask a full member",
		authz.OutsideWorkspace:    "Only members of this workspace",
		authz.EmailMissing:        approvers,
		authz.EmailUnconfirmed:    approvers,
		authz.NoAccount:           approvers,
		authz.SeveralAccounts:     approvers,
		authz.NotApprover:         approvers,
		authz.AccountBlocked:      approvers,
		authz.TargetMayNotDecide:  approvers,
		authz.TargetMayNotEnd:     "another approver must deny it",
		authz.NotRequester:        "Approvers can deny it",
		authz.OthersAskedToo:      approvers,
		authz.CancelNeedsApprover: approvers,
		bot.AlreadyDecided:        "denied by <@" + bottest.Alice + ">",
		bot.TooLate:               "Report again with `/revoke-sessions`",
		bot.NotRetryable:          "denied by <@" + bottest.Alice + ">",
		bot.UnknownRequest:        "`/revoke-sessions status` lists",
		bot.WrongPlace:            "<" + bottest.LiveCard + "|The live card is here>",
		bot.NotNoted:              "Press again in a few seconds",
		bot.LookupFailed:          "Microsoft Entra did not answer",
		bot.TargetIsApp:           "an app, not a person",
		bot.OwnAccount:            "Do it in the Entra portal, and have whoever runs the bot run `revoke-sessions login` afterwards",
		bot.GaveUp:                "Please try again",
		bot.OtherRules:            "Whoever runs the bot must restart every copy",
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
		bot.IsVoid:                  "REQ-9GHJKM took its place",
		bot.TargetChanged:           "Ask again with `/revoke-sessions`",
		bot.OverLimit:               "Another approver can: " + approvers,
		bot.TooFewApprovers:         "Too few approvers",
		bot.NotOnRecord:             "Whoever runs the bot should look at the database. Ask again with `/revoke-sessions`",
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
		if reason == authz.CancelNeedsApprover {
			continue // not a refusal: the approvers get the wish
		}
		nothing := strings.Contains(text, "Nothing was changed") || strings.Contains(text, "did nothing")
		if !nothing || !strings.Contains(text, "was recorded") {
			t.Errorf("%s does not say that nothing was changed and that it was recorded: %s", reason, text)
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
			if text := Refusal(reason, &s.r, s.v).Text; strings.Contains(text, "revoked") || strings.Contains(text, "verified") {
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
		bot.Pending: "still waiting", bot.Approved: "approved by <@U0ALICE>", bot.Executing: "approved by", bot.Unknown: "approved by",
		bot.Verified: "approved by", bot.Failed: "approved by", bot.Denied: "denied by <@U0ALICE>", bot.Cancelled: "cancelled by <@U0BOB>",
		bot.Expired: "expired",
	} {
		s := newScene("", state)
		text := Refusal(bot.AlreadyDecided, &s.r, s.v).Text
		if !strings.Contains(text, want) || state != bot.Pending && !strings.Contains(text, "<!date^") {
			t.Errorf("%s: %q, want a date and %q", state, text, want)
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
			if !strings.HasSuffix(text, "Nothing was asked for.") {
				t.Errorf("%s does not say that nothing was asked for: %s", reason, text)
			}
			way := strings.Contains(text, "Use the user principal name or the object ID") || strings.Contains(text, "Check the address")
			if reason != bot.TargetIsApp && !way {
				t.Errorf("%s does not say what to type instead: %s", reason, text)
			}
		}
	}
}
