package bot

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot/bottest"
)

func askFor(w Whom, reason string) Command { return Command{Verb: AskVerb, Whom: w, Reason: reason} }

func TestParseCommand(t *testing.T) {
	me, carolSlack := Whom{Me: true}, Whom{SlackID: "U0CAROL"}
	object := Whom{ObjectID: "0c0c0c0c-1111-4222-8333-4444abcdef00"}
	address := func(s string) Whom { return Whom{Address: s} }
	for _, row := range []struct {
		text string
		want Command
	}{
		// A form.
		{"", Command{Verb: FormVerb}},
		{"   ", Command{Verb: FormVerb}},
		{" \t\r\n\u00a0", Command{Verb: FormVerb}},

		// Help.
		{"help", Command{Verb: HelpVerb}},
		{" HELP ", Command{Verb: HelpVerb}},
		{"help me", Command{Verb: HelpVerb}},
		{"?", Command{Verb: HelpVerb}},
		{"-h", Command{Verb: HelpVerb}},
		{"--help", Command{Verb: HelpVerb}},

		// Oneself.
		{"me", askFor(me, "")},
		{"ME lost my phone", askFor(me, "lost my phone")},
		{"\tme\nlost my\n\nphone ", askFor(me, "lost my phone")},
		{"me <@U0CAROL> saw it", askFor(me, "@U0CAROL saw it")},
		{"me bob@contoso.example was phished", askFor(me, "bob@contoso.example was phished")},

		// Mentions, in every form of Slack's.
		{"<@U0CAROL>", askFor(carolSlack, "")},
		{"<@U0CAROL> stolen laptop", askFor(carolSlack, "stolen laptop")},
		{"<@U0CAROL|carol> stolen laptop", askFor(carolSlack, "stolen laptop")},
		{"<@U0CAROL|> stolen", askFor(carolSlack, "stolen")},
		{"<@W0CAROL|carol.t_1> stolen", askFor(Whom{SlackID: "W0CAROL"}, "stolen")},
		{"<@U0CAROL> me too", askFor(carolSlack, "me too")},

		// Addresses.
		{"carol@contoso.example stolen", askFor(address("carol@contoso.example"), "stolen")},
		{"<mailto:carol@contoso.example|carol@contoso.example> stolen", askFor(address("carol@contoso.example"), "stolen")},
		{"<mailto:carol@contoso.example> stolen", askFor(address("carol@contoso.example"), "stolen")},
		{"carol_gmail.com#EXT#@contoso.example", askFor(address("carol_gmail.com#EXT#@contoso.example"), "")},
		{"o'neill@contoso.example x", askFor(address("o'neill@contoso.example"), "x")},
		{"o’neill@contoso.example x", askFor(address("o'neill@contoso.example"), "x")},
		{"<mailto:o’neill@contoso.example|o’neill@contoso.example> x", askFor(address("o'neill@contoso.example"), "x")},
		{"R&amp;D@contoso.example x", askFor(address("R&D@contoso.example"), "x")},
		{"jörg@müller.example", askFor(address("jörg@müller.example"), "")},
		{"Carol@Contoso.Example", askFor(address("Carol@Contoso.Example"), "")},

		// Characters that people and mail programs put around a name.
		{"<@U0CAROL>, stolen", askFor(carolSlack, "stolen")},
		{"me, I lost my phone", askFor(me, "I lost my phone")},
		{"carol@contoso.example; stolen", askFor(address("carol@contoso.example"), "stolen")},
		{"&lt;<mailto:carol@contoso.example|carol@contoso.example>&gt; stolen", askFor(address("carol@contoso.example"), "stolen")},
		{"&lt;carol@contoso.example&gt;", askFor(address("carol@contoso.example"), "")},
		{"<@U0CAROL> and a thief", askFor(carolSlack, "and a thief")},

		// Object IDs.
		{"0C0C0C0C-1111-4222-8333-4444ABCDEF00 stolen", askFor(object, "stolen")},
		{"0c0c0c0c-1111-4222-8333-4444abcdef00", askFor(object, "")},

		// Reasons, as they were typed.
		{"me a &amp; b &lt;c&gt; &quot;d&quot;", askFor(me, `a & b <c> "d"`)},
		{"me &amp;lt;", askFor(me, "&lt;")},
		{"<@U0CAROL> seen by <@U0BOB|bob> in <#C1|general> and <#C2>", askFor(carolSlack, "seen by @bob in #general and #C2")},
		{"me see <https://x.example/a?b=1&amp;c=2>", askFor(me, "see https://x.example/a?b=1&c=2")},
		{"me <!here> <!subteam^S1|@sec> <!subteam^S2>", askFor(me, "@here @sec @subteam^S2")},
		{"me wrote <mailto:x@y.example|x@y.example>", askFor(me, "wrote x@y.example")},
		{"me <https://evil.example|microsoft.com>", askFor(me, "microsoft.com (https://evil.example)")},
		{"me lost\u202e my\u200b phone\u00a0today", askFor(me, "lost my phone today")},
		{"me *bold* _i_ `code`", askFor(me, "*bold* _i_ `code`")},

		// Drills.
		{"drill <@U0CAROL> the quarterly one", Command{Verb: DrillVerb, Whom: carolSlack, Reason: "the quarterly one"}},
		{"DRILL me", Command{Verb: DrillVerb, Whom: me}},
		{"drill carol@contoso.example", Command{Verb: DrillVerb, Whom: address("carol@contoso.example")}},

		// About one request.
		{"status", Command{Verb: StatusVerb}},
		{"Status REQ-7F3K4M", Command{Verb: StatusVerb, RequestID: "REQ-7F3K4M"}},
		{"status req-7f3k4m", Command{Verb: StatusVerb, RequestID: "REQ-7F3K4M"}},
		{"status 7f3K4m", Command{Verb: StatusVerb, RequestID: "REQ-7F3K4M"}},
		{"cancel REQ7F3K4M", Command{Verb: CancelVerb, RequestID: "REQ-7F3K4M"}},
		{"cancel  Req-ACDEFG ", Command{Verb: CancelVerb, RequestID: "REQ-ACDEFG"}},
	} {
		got, err := ParseCommand(row.text)
		if err != nil {
			t.Errorf("%q: %v", row.text, err)
			continue
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", row.text, diff)
		}
	}
}

func TestParseCommand_RefusalSaysWhatToType(t *testing.T) {
	for _, row := range []struct{ text, problem, instead string }{
		{"lost my phone", `I don't understand "lost"`, "`/revoke-sessions me lost my phone`"},
		{"unfreeze now", `type nothing after "unfreeze"`, "`/revoke-sessions unfreeze` alone"},
		{"revoke <@U0CAROL>", `I don't understand "revoke"`, "`/revoke-sessions @name stolen laptop`"},
		{"@carol stolen", `I can't tell who "@carol" is`, "Pick the name from the list"},
		{"<!here> stolen", "That is not a person", "`/revoke-sessions @name stolen laptop`"},
		{"<#C1|general>", "That is not a person", "`/revoke-sessions @name"},
		{"<!subteam^S1|@sec> stolen", "That is not a person", "`/revoke-sessions @name"},
		{"<https://x.example>", "That is not a person", "`/revoke-sessions @name"},
		{"<@U0CAROL", "That is not a person", "`/revoke-sessions @name"},
		{"<@u0carol>", "That is not a person", "`/revoke-sessions @name"},
		{"<@U0CAROL><@U0BOB>", "One person per command", "Type one command for each"},
		{"<@U0CAROL|carol>,<@U0BOB|bob> stolen", "One person per command", "Type one command for each"},
		{"<@U0CAROL>, <@U0BOB> stolen", "One person per command", "Type one command for each"},
		{"<@U0CAROL> and <@U0BOB> stolen", "One person per command", "Type one command for each"},
		{"<@U0CAROL> &amp; <@U0BOB>, stolen", "One person per command", "Type one command for each"},
		{"<@U0CAROL> ,<@U0BOB> stolen", "One person per command", "Type one command for each"},
		{"<@U0CAROL> <@U0BOB>,<@U0OLGA>", "One person per command", "Type one command for each"},
		{"carol@contoso.example;bob@contoso.example stolen", "One person per command", "Type one command for each"},
		{"<mailto:carol@contoso.example|carol@contoso.example>,<mailto:b@x|b@x>", "One person per command", "Type one command for each"},
		{"drill a@x,b@x", "One person per command", "Type one command for each"},
		{"<@U0CAROL> <@U0BOB> stolen", "One person per command", "Type one command for each"},
		{"carol@contoso.example bob@contoso.example", "One person per command", "Type one command for each"},
		{"<@U0CAROL> 0c0c0c0c-1111-4222-8333-4444abcdef00", "One person per command", "Type one command for each"},
		{"drill <@U0CAROL> <@U0BOB>", "One person per command", "Type one command for each"},
		{"drill", "Who should the drill be about?", "`/revoke-sessions drill @name`"},
		{"drill lost", `I don't understand "lost"`, "`/revoke-sessions"},
		{"cancel", "Please type the ID of one request", "`/revoke-sessions status`"},
		{"cancel REQ-7F3K4", "Please type the ID of one request", "`/revoke-sessions status`"},
		{"cancel REQ-7F3K4MM", "Please type the ID of one request", "`/revoke-sessions status`"},
		{"cancel REQ-7F3K2M", "Please type the ID of one request", "`/revoke-sessions status`"}, // no 2 in an ID
		{"cancel REQ-7F3K4M please", "Please type the ID of one request", "`/revoke-sessions status`"},
		{"status mine", "Please type the ID of one request", "`/revoke-sessions status`"},
		{"0c0c0c0c-1111-4222-8333-4444abcdef0", "I don't understand", "`/revoke-sessions"},
		{"@", "I can't tell who", "Pick the name"},
		{"carol@", `"carol@": an address has something before and after the @. Nothing was sent.`, "`/revoke-sessions"},
		{"a@b@c", `"a@b@c": it has more than one @. Nothing was sent.`, "`/revoke-sessions"},
		{"ca\u200brol@contoso.example", "I don't understand", "`/revoke-sessions"},
		{`"carol"@contoso.example`, "I don't understand", "`/revoke-sessions"},
		{"a@\xff", "I don't understand", "`/revoke-sessions"},
		{strings.Repeat("a", 400) + "@contoso.example", "it has 416 bytes; 320 are the most.", "`/revoke-sessions"},
	} {
		got, err := ParseCommand(row.text)
		usage, ok := errors.AsType[*UsageError](err)
		if !ok {
			t.Errorf("%q is %+v, %v", row.text, got, err)
			continue
		}
		if got != (Command{}) {
			t.Errorf("%q is an error and %+v", row.text, got)
		}
		if !strings.Contains(usage.Problem, row.problem) || !strings.Contains(usage.Instead, row.instead) {
			t.Errorf("%q: %q / %q, want %q / %q", row.text, usage.Problem, usage.Instead, row.problem, row.instead)
		}
		if text := usage.Problem + " " + usage.Instead; !strings.Contains(text, row.instead) || strings.Contains(text, "!") {
			t.Errorf("%q is answered %q", row.text, text)
		}
	}
}

// whomFields counts the fields that name somebody.
func whomFields(w Whom) (n int) {
	v := reflect.ValueOf(w)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			n++
		}
	}
	return n
}

// escaped is text as Slack sends it.
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// rendered is a command as somebody could type it again, with the three characters that
// should_escape turns into entities.
func rendered(c Command) string {
	var words []string
	switch c.Verb {
	case FormVerb:
		return ""
	case DrillVerb, HelpVerb, StatusVerb, CancelVerb:
		words = append(words, string(c.Verb))
	}
	switch {
	case c.Whom.Me:
		words = append(words, "me")
	case c.Whom.SlackID != "":
		words = append(words, "<@"+c.Whom.SlackID+">")
	default:
		words = append(words, escaped.Replace(c.Whom.ObjectID+c.Whom.Address))
	}
	return strings.Join(append(words, c.RequestID, escaped.Replace(c.Reason)), " ")
}

func FuzzParseCommand(f *testing.F) {
	for _, seed := range []string{
		"", " ", "help", "me", "me lost my phone", "<@U0CAROL> stolen", "<@U0CAROL|carol> stolen & gone", "drill me", "status", "cancel REQ-7F3K4M",
		"<mailto:a@b|a@b> x", "a@b <@U1>", "a@b a\u200b@b", "me &amp;lt;!here&gt;", "me <https://a|b> <!date^1^x|y>", "0c0c0c0c-1111-4222-8333-4444abcdef00 x",
		"o’neill@x", "me \u202e\u2066\xff", "me " + strings.Repeat("a ", 600), "drill <@U1> <@U2>", "@bob", "freeze",
	} {
		f.Add(seed)
	}
	for _, text := range bottest.Hostile {
		f.Add("me " + text)
		f.Add(text)
	}
	id := regexp.MustCompile(`^REQ-[` + idLetters + `]{6}$`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCommand(text)
		if err != nil {
			usage, ok := errors.AsType[*UsageError](err)
			if !ok || usage.Problem == "" || usage.Instead == "" || c != (Command{}) {
				t.Fatalf("%q: %+v %v", text, c, err)
			}
			if n := utf8.RuneCountInString(usage.Error()); n > 500 {
				t.Fatalf("%q is answered with %d characters", text, n)
			}
			return
		}
		named := 0
		if c.Verb == AskVerb || c.Verb == DrillVerb {
			named = 1
		}
		if whomFields(c.Whom) != named {
			t.Fatalf("%q names %+v", text, c.Whom)
		}
		if c.RequestID != "" && !id.MatchString(c.RequestID) {
			t.Fatalf("%q is about %q", text, c.RequestID)
		}
		if problem := uncleanProblem(c.Reason, MaxReason); problem != "" {
			t.Fatalf("%q: the reason %q %s", text, c.Reason, problem)
		}
		if c.Verb == FreezeVerb {
			return // a freeze has nothing but a reason
		}
		if second, _ := cut(c.Reason); second != "" && !c.Whom.Me {
			if _, err := parseWhom(escaped.Replace(second)); err == nil {
				return // a reason that would be a second person if typed bare
			}
		}
		again, err := ParseCommand(rendered(c))
		if err != nil || again != c {
			t.Fatalf("%q is %+v, and %q is %+v, %v", text, c, rendered(c), again, err)
		}
	})
}

// uncleanProblem says what Clean should not have let through.
func uncleanProblem(s string, limit int) string {
	if !utf8.ValidString(s) {
		return "is not UTF-8"
	}
	if n := utf8.RuneCountInString(s); n > limit+1 || n == limit+1 && !strings.HasSuffix(s, "…") {
		return "is too long"
	}
	if s != strings.TrimSpace(s) || strings.Contains(s, "  ") {
		return "has spaces that show nothing"
	}
	for _, r := range s {
		if unicode.IsControl(r) || hidden(r) || unicode.IsSpace(r) && r != ' ' || unicode.Is(unicode.Bidi_Control, r) {
			return "holds " + string(r)
		}
	}
	return ""
}
