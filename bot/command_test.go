package bot

import (
	"errors"
	"html"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

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
		{"me seen by <@U0BOB|bob> in <#C1|general> and <#C2>", askFor(me, "seen by @bob in #general and #C2")},
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

// Free text opens the form, and nothing that was typed is lost.
func TestParseCommand_FreeText(t *testing.T) {
	me, carol, nobody := Whom{Me: true}, Whom{SlackID: "U0CAROL"}, Whom{}
	for _, row := range []struct {
		text   string
		whom   Whom
		reason string // the text itself if empty
		also   Command
	}{
		// Oneself, by a word of one's own.
		{text: "lost my phone", whom: me},
		{text: "I lost the phone", whom: me},
		{text: "i’ve lost it", whom: me},
		{text: "I'm locked out", whom: me},
		{text: "phone stolen, it is mine", whom: me},
		{text: "someone took it from me", whom: me},
		{text: "LOST MY PHONE", whom: me},
		{text: "stolen: my laptop", whom: me},
		{text: "— lost my phone", whom: me, reason: "lost my phone"},
		{text: "“lost my phone”", whom: me},
		{text: "/revoke-sessions lost my phone", whom: me, reason: "lost my phone"},
		// Nobody.
		{text: "lost phone"},
		{text: "phone"},
		{text: "mine"}, // a single word
		{text: "stolen laptop in the office"},
		{text: "lost i-phone"},
		{text: "some army property"},
		{text: "<!here> stolen", reason: "@here stolen"},
		{text: "<#C1|general>", reason: "#general"},
		{text: "<https://x.example/me>", reason: "https://x.example/me"},
		{text: "<@U0CAROL", reason: "<@U0CAROL", also: Command{Unknown: "@U0CAROL"}},
		{text: "...", reason: ""},
		// A name that nobody has.
		{text: "@carol stolen", also: Command{Unknown: "@carol"}},
		{text: "@carol took my phone", also: Command{Unknown: "@carol"}},
		{text: "“@carol” stolen", also: Command{Unknown: "@carol"}},
		{text: "carol@", also: Command{Unknown: "carol@"}},
		{text: "a@b@c", also: Command{Unknown: "a@b@c"}},
		{text: "@", also: Command{Unknown: "@"}},
		// One person, first or somewhere.
		{text: "stolen laptop of <@U0CAROL>", reason: "stolen laptop of @U0CAROL"}, // or the thief
		{text: "phone stolen, tell <@U0CAROL|carol>", reason: "phone stolen, tell @carol"},
		{text: "<@U0CAROL|carol>'s phone is gone", whom: carol, reason: "@carol's phone is gone"},
		{text: "carol@contoso.example's phone", whom: nobody, also: Command{Unknown: "carol@contoso.example's"}},
		{text: "carol@contoso.example:stolen", whom: Whom{Address: "carol@contoso.example"}},
		{text: "carol@contoso.example—stolen laptop", whom: Whom{Address: "carol@contoso.example"}},
		{text: "a–b@contoso.example—stolen", whom: Whom{Address: "a–b@contoso.example"}},
		// The end of an address is somebody else's.
		{text: "R&amp;D@contoso.example,stolen", whom: Whom{Address: "R&D@contoso.example"}, reason: "R&D@contoso.example,stolen"},
		{text: "carol+vip@contoso.example:stolen", whom: Whom{Address: "carol+vip@contoso.example"}},
		{text: "carol+vip@contoso.example/stolen", whom: Whom{Address: "carol+vip@contoso.example"}},
		{text: "user 0c0c0c0c-1111-4222-8333-4444abcdef00 phished"},
		{text: "<mailto:carol@contoso.example|bob@contoso.example> x", reason: "bob@contoso.example (carol@contoso.example) x"},
		{text: "lost my phone, <@U0CAROL|carol> saw it", reason: "lost my phone, @carol saw it"}, // mine or hers
		// Several people: nobody.
		{text: "<@U0CAROL|carol> plus <@U0BOB|bob>", reason: "@carol plus @bob", also: Command{Several: true}},
		{text: "<@U0CAROL|carol> and @bob phished", reason: "@carol and @bob phished", also: Command{Several: true}},
		{text: "<@U0CAROL|carol> phished, then <@U0BOB|bob>", reason: "@carol phished, then @bob", also: Command{Several: true}},
		{text: "phished: <@U0CAROL|carol> <@U0BOB|bob>", reason: "phished: @carol @bob", also: Command{Several: true}},
		{text: "stolen from <@U0CAROL|carol> and carol@contoso.example", reason: "stolen from @carol and carol@contoso.example", also: Command{Several: true}},
		// A verb with words that it does not take.
		{text: "help I lost my phone", whom: me, also: Command{After: HelpVerb}},
		{text: "help me", whom: me, also: Command{After: HelpVerb}},
		{text: "Help! lost phone", also: Command{After: HelpVerb}},
		{text: "status of my phone", whom: me, also: Command{After: StatusVerb}},
		{text: "status mine", whom: me, also: Command{After: StatusVerb}},
		{text: "cancel my report", whom: me, also: Command{After: CancelVerb}},
		{text: "cancel REQ-7F3K4", also: Command{After: CancelVerb}},
		{text: "cancel REQ-7F3K2M", also: Command{After: CancelVerb}},     // no 2 in an ID
		{text: "status hacked account", also: Command{After: StatusVerb}}, // looks like an ID
		{text: "unfreeze now", also: Command{After: UnfreezeVerb}},
		{text: "drill lost my phone", also: Command{After: DrillVerb}},
		{text: "drill phone of <@U0CAROL|carol>", reason: "drill phone of @carol", also: Command{After: DrillVerb}},
	} {
		want := row.also
		want.Verb, want.Whom, want.Reason = FormVerb, row.whom, row.reason
		if row.reason == "" && row.text != "..." {
			want.Reason = row.text
		}
		got, err := ParseCommand(row.text)
		if err != nil {
			t.Errorf("%q: %v", row.text, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", row.text, diff)
		}
	}
}

func TestParseCommand_RefusalSaysWhatToType(t *testing.T) {
	const one = "One person per command, please. Nothing was sent."
	several := []string{
		"<@U0CAROL><@U0BOB>", "<@U0CAROL|carol>,<@U0BOB|bob> stolen", "<@U0CAROL>, <@U0BOB> stolen", "<@U0CAROL> and <@U0BOB> stolen",
		"<@U0CAROL> &amp; <@U0BOB>, stolen", "<@U0CAROL> ,<@U0BOB> stolen", "<@U0CAROL> <@U0BOB>,<@U0OLGA>", "<@U0CAROL>/<@U0BOB> stolen",
		"<@U0CAROL> &amp; b@x.example", "<@U0CAROL>; <@U0BOB>", "<@U0CAROL>\n<@U0BOB>", "<@U0CAROL> + <@U0BOB>", "<@U0CAROL> or <@U0BOB>",
		"“<@U0CAROL>”, “<@U0BOB>” stolen", "(<@U0CAROL>) (<@U0BOB>)", "<@U0CAROL> - <@U0BOB>", "<@U0CAROL> <@U0CAROL> <@U0BOB>",
		"carol@contoso.example;bob@contoso.example stolen", "carol@contoso.example/bob@contoso.example", "a@b.example&amp;c@d.example",
		"<mailto:carol@contoso.example|carol@contoso.example>,<mailto:b@x|b@x>", "carol@contoso.example bob@contoso.example",
		"carol@contoso.example, bob@contoso.example. stolen", "{0c0c0c0c-1111-4222-8333-4444abcdef00},{0c0c0c0c-1111-4222-8333-4444abcdef01}",
		"<@U0CAROL> 0c0c0c0c-1111-4222-8333-4444abcdef00", "me and <@U0BOB>", "me, <@U0BOB> has my phone", "me/<@U0BOB>", "<@U0BOB> and me", "me\n<@U0BOB>", "<@U0BOB>\nme",
		"<@U0CAROL> ca\u200brol@contoso.example", "drill <@U0CAROL> <@U0BOB>", "drill a@x,b@x",
	}
	for _, text := range several {
		_, err := ParseCommand(text)
		if usage, ok := errors.AsType[*UsageError](err); !ok || usage.Problem != one {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"drill":                         "Who should the drill be about? Type `/revoke-sessions drill @name`. It revokes nothing.",
		"drill ...":                     "Who should the drill be about? Type `/revoke-sessions drill @name`. It revokes nothing.",
		"cancel":                        "Please type the ID of one request after \"cancel\". It looks like REQ-7F3K4M. `/revoke-sessions status` lists the open ones.",
		"Cancel!":                       "Please type the ID of one request after \"cancel\". It looks like REQ-7F3K4M. `/revoke-sessions status` lists the open ones.",
		"cancel REQ-7F3K4M please":      "Please type only the ID of one request after \"cancel\". Type `/revoke-sessions cancel REQ-7F3K4M` alone.",
		"status req-7f3k4m, REQ-ACDEFG": "Please type only the ID of one request after \"status\". Type `/revoke-sessions status REQ-7F3K4M` alone.",
	} {
		got, err := ParseCommand(text)
		if usage, ok := errors.AsType[*UsageError](err); !ok || usage.Error() != want || got != (Command{}) {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
}

// wrappers are what people, phones and mail programs put around a word; %s is the word.
var wrappers = []string{
	"%s", "%s,", "%s.", "%s:", "%s;", "%s!", "%s?", "“%s”", "‘%s’", "„%s“", "«%s»", "‹%s›", "\"%s\"", "'%s'", "`%s`", "{%s}", "[%s]", "(%s)", "(%s),",
	"*%s*", "\u200b%s\u200b", "\ufeff%s", "\u2068%s\u2069", "%s\ufe0f", "• %s", "- %s", "— %s", "%s…", "“%s,”", "–%s–", "—%s", "%s\U000e0100", "&lt;%s&gt;", "&quot;%s&quot;",
}

// What is around a name, an address, a verb or an ID does not belong to it.
func TestParseCommand_WrappedWords(t *testing.T) {
	const id = "0c0c0c0c-1111-4222-8333-4444abcdef00"
	people := map[string]Whom{
		"<@U0CAROL>": {SlackID: "U0CAROL"}, "<@U0CAROL|carol>": {SlackID: "U0CAROL"}, "me": {Me: true}, "ME": {Me: true}, "Me": {Me: true},
		"carol@contoso.example": {Address: "carol@contoso.example"}, "mailto:carol@contoso.example": {Address: "carol@contoso.example"},
		"<mailto:carol@contoso.example|carol@contoso.example>": {Address: "carol@contoso.example"}, "o’neill@contoso.example": {Address: "o'neill@contoso.example"},
		"first.last-name+x@contoso.example": {Address: "first.last-name+x@contoso.example"}, "R&amp;D@contoso.example": {Address: "R&D@contoso.example"},
		id: {ObjectID: id}, strings.ToUpper(id): {ObjectID: id}, strings.ReplaceAll(id, "-", "–"): {ObjectID: id}, strings.ReplaceAll(id, "-", "\u2011"): {ObjectID: id},
	}
	check := func(text string, want Command) {
		t.Helper()
		if got, err := ParseCommand(text); err != nil || got != want {
			t.Errorf("%q is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, around := range wrappers {
		wrap := func(word string) string { return strings.Replace(around, "%s", word, 1) }
		for name, whom := range people {
			for _, between := range []string{" ", "\u00a0", "\n", " - ", " – ", ": ", " , "} {
				if whom.Me && strings.ContainsAny(between, ",") || strings.HasPrefix(around, "mailto") {
					continue
				}
				check(wrap(name)+between+"stolen laptop", askFor(whom, "stolen laptop"))
			}
			check(wrap(name), askFor(whom, ""))
			for _, verb := range []string{"drill", "Drill", "DRILL", "drill:"} {
				check(verb+" "+wrap(name)+" rehearsal", Command{Verb: DrillVerb, Whom: whom, Reason: "rehearsal"})
			}
		}
		for _, verb := range []Verb{HelpVerb, StatusVerb, UnfreezeVerb, FreezeVerb} {
			for _, typed := range []string{string(verb), strings.ToUpper(string(verb)), strings.ToUpper(string(verb[:1])) + string(verb[1:])} {
				check(wrap(typed), Command{Verb: verb})
			}
		}
		check(wrap("freeze")+" phishing", Command{Verb: FreezeVerb, Reason: "phishing"})
		for _, request := range []string{"REQ-7F3K4M", "req–7f3k4m", "REQ—7F3K4M", "REQ\u20117F3K4M", "7f3k4m"} {
			check("status "+wrap(request), Command{Verb: StatusVerb, RequestID: "REQ-7F3K4M"})
			check("cancel "+wrap(request), Command{Verb: CancelVerb, RequestID: "REQ-7F3K4M"})
		}
	}
	for _, text := range []string{"—help", "–help", "-help", "--HELP", "–h", "??"} {
		check(text, Command{Verb: HelpVerb})
	}
	check("-me- lost", askFor(Whom{Me: true}, "lost"))
	check("-status", Command{Verb: StatusVerb})
	check("-carol@contoso.example x", askFor(Whom{Address: "-carol@contoso.example"}, "x")) // an address may begin so
	check("/revoke-sessions me lost my phone", askFor(Whom{Me: true}, "lost my phone"))
	check("/revoke–sessions", Command{Verb: FormVerb})
	check("<@U0CAROL>:stolen", askFor(Whom{SlackID: "U0CAROL"}, "stolen"))
	check("<@U0CAROL>…stolen laptop", askFor(Whom{SlackID: "U0CAROL"}, "stolen laptop"))
	check("<@U0CAROL>—stolen laptop", askFor(Whom{SlackID: "U0CAROL"}, "stolen laptop"))
	check("<@U0CAROL> <@U0CAROL|carol> stolen", askFor(Whom{SlackID: "U0CAROL"}, "@carol stolen")) // one person twice
	check("carol@contoso.example,carol@contoso.example x", askFor(Whom{Address: "carol@contoso.example"}, "x"))
	check("<@U0CAROL> and a thief", askFor(Whom{SlackID: "U0CAROL"}, "and a thief"))
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

func FuzzParseCommand(f *testing.F) {
	for _, seed := range []string{
		"", " ", "help", "me", "me lost my phone", "<@U0CAROL> stolen", "<@U0CAROL|carol> stolen & gone", "drill me", "status", "cancel REQ-7F3K4M",
		"<mailto:a@b|a@b> x", "a@b <@U1>", "a@b a\u200b@b", "me &amp;lt;!here&gt;", "me <https://a|b> <!date^1^x|y>", "0c0c0c0c-1111-4222-8333-4444abcdef00 x",
		"o’neill@x", "me \u202e\u2066\xff", "me " + strings.Repeat("a ", 600), "drill <@U1> <@U2>", "@bob", "freeze", "< 1|2>",
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
		named := whomFields(c.Whom)
		if ask := c.Verb == AskVerb || c.Verb == DrillVerb; named > 1 || ask != (named == 1) && c.Verb != FormVerb {
			t.Fatalf("%q names %+v", text, c.Whom)
		}
		neverAStranger(t, text, c)
		neverALostReason(t, text, c)
		if c.RequestID != "" && !id.MatchString(c.RequestID) {
			t.Fatalf("%q is about %q", text, c.RequestID)
		}
		if problem := uncleanProblem(c.Reason, MaxReason); problem != "" {
			t.Fatalf("%q: the reason %q %s", text, c.Reason, problem)
		}
	})
}

// neverAStranger: who is meant was named in the text.
func neverAStranger(t *testing.T, text string, c Command) {
	seen := strings.ReplaceAll(strings.ToLower(hyphens.Replace(html.UnescapeString(visible(text)))), "’", "'")
	for _, name := range []string{c.Whom.SlackID, c.Whom.ObjectID, c.Whom.Address} {
		if name != "" && !strings.Contains(seen, strings.ToLower(hyphens.Replace(name))) {
			t.Fatalf("%q is about %q, who is not named", text, name)
		}
	}
	if c.Whom.Me && c.Verb != FormVerb && !strings.Contains(seen, "me") {
		t.Fatalf("%q is about who typed it", text)
	}
}

// neverALostReason: the form holds each letter and digit that was typed.
func neverALostReason(t *testing.T, text string, c Command) {
	if c.Verb != FormVerb || strings.Contains(hyphens.Replace(strings.ToLower(text)), "revoke-sessions") {
		return
	}
	text = asTyped(fromWord(text)) // Slack's entities are shown by their labels, and "< 1|2>" is none without its "<"
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) && !hidden(r) || unicode.IsDigit(r) {
				return r
			}
			return -1
		}, s)
	}
	want, got := letters(strings.ToValidUTF8(text, "\ufffd")), letters(c.Reason)
	if want != got && !(strings.HasPrefix(want, got) && utf8.RuneCountInString(c.Reason) >= MaxReason) {
		t.Fatalf("%q leaves %q in the form", text, c.Reason)
	}
}

// A person in any form, any wrapper and any text: never another person, and of several
// people none.
func TestParseCommand_NeverAnother(t *testing.T) {
	const id = "0c0c0c0c-1111-4222-8333-4444abcdef0"
	rapid.Check(t, func(t *rapid.T) {
		person := func(label string) string {
			n := rapid.IntRange(0, 3).Draw(t, label)
			form := rapid.SampledFrom([]string{"<@U0P%d>", "<@U0P%d|p%d>", "p%d@contoso.example", "<mailto:p%d@contoso.example|p%d@contoso.example>", id + "%d"}).Draw(t, label+" form")
			return strings.Replace(rapid.SampledFrom(wrappers).Draw(t, label+" in"), "%s", strings.ReplaceAll(form, "%d", strconv.Itoa(n)), 1)
		}
		first := person("first")
		if alone, err := ParseCommand(first + " stolen laptop"); err != nil || alone.Verb != AskVerb || alone.Reason != "stolen laptop" {
			t.Fatalf("%q is %+v, %v", first, alone, err)
		}
		alone, _ := ParseCommand(first)
		second := person("second")
		other, _ := ParseCommand(second)
		between := rapid.SampledFrom([]string{" ", ", ", ",", " and ", " &amp; ", "\n", ";", " + ", " or ", "/", " - "}).Draw(t, "between")
		both, err := ParseCommand(first + between + second + " stolen laptop")
		switch {
		case alone.Whom == other.Whom && err == nil:
			if both.Verb == AskVerb && both.Whom != alone.Whom {
				t.Fatalf("%+v", both)
			}
		case alone.Whom != other.Whom && (err != onePerson && (both.Verb != FormVerb || both.Whom != Whom{})):
			t.Fatalf("%q and %q by %q is %+v, %v", first, second, between, both, err)
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
