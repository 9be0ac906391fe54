package bot

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestClean(t *testing.T) {
	for _, row := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 10, ""},
		{"  ", 10, ""},
		{"lost my phone", 500, "lost my phone"},
		{" a\tb\r\nc\u2028d\u00a0e ", 500, "a b c d e"},
		{"a\x00b\x1b[31mc\x7fd\u0085e", 500, "ab[31mcd e"},
		{"\u202eevil\u202c \u2066x\u2069", 500, "evil x"},
		{"a\u200bb\ufeffc\u2060d\u00ade", 500, "abcde"},
		{"a\u3164\u115f\u1160\uffa0b", 500, "ab"},
		{"a\U000e0041\ue000b", 500, "ab"},
		{"a \u200b b", 500, "a b"},
		{"क\u094d\u200dष \u200cx", 500, "क\u094d\u200dष \u200cx"}, // joiners belong to scripts
		{"👩\u200d👧 ⚠\ufe0f", 500, "👩\u200d👧 ⚠\ufe0f"},
		{"a\xffb", 500, "a\ufffdb"},
		{"abcdef", 6, "abcdef"},
		{"abcdefg", 6, "abcdef…"},
		{"äöüäöü", 6, "äöüäöü"},
		{"äöüäöüä", 6, "äöüäöü…"},
		{"abcdef \n\u200b", 6, "abcdef"}, // nothing was cut that shows
		{"abcde fgh", 6, "abcde…"},
		{"abcd fgh", 6, "abcd f…"},
		{"abcdef gh", 6, "abcdef…"},
	} {
		if got := Clean(row.in, row.limit); got != row.want {
			t.Errorf("Clean(%q, %d) = %q, want %q", row.in, row.limit, got, row.want)
		}
	}
}

func TestCleanIsClean(t *testing.T) {
	nasty := rapid.SliceOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune(" \t\n\u202e\u200b\u200d\u3164\u00a0\x00\ufeffé&<*"))))
	rapid.Check(t, func(t *rapid.T) {
		s, limit := string(nasty.Draw(t, "s")), rapid.IntRange(1, 40).Draw(t, "limit")
		once := Clean(s, limit)
		if problem := uncleanProblem(once, limit); problem != "" {
			t.Fatalf("Clean(%q, %d) = %q %s", s, limit, once, problem)
		}
		if again := Clean(once, limit); again != once {
			t.Fatalf("Clean(%q, %d) = %q and then %q", s, limit, once, again)
		}
	})
}

func TestAsTyped(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                               "plain",
		"a &amp; b &lt;!here&gt;":             "a & b <!here>",
		"<@U1>":                               "@U1",
		"<@U1|bob>":                           "@bob",
		"<#C1|general>":                       "#general",
		"<#C1|>":                              "#C1",
		"<!here>":                             "@here",
		"<!channel|channel>":                  "@channel",
		"<!subteam^S1|@sec>":                  "@sec",
		"<https://x.example>":                 "https://x.example",
		"<https://x.example/?a=1&amp;b=2>":    "https://x.example/?a=1&b=2",
		"<https://x.example|x.example>":       "x.example",
		"<https://evil.example|good.example>": "good.example (https://evil.example)",
		"<mailto:a@b.example|a@b.example>":    "a@b.example",
		"<mailto:evil@x.example|a@b.example>": "a@b.example (evil@x.example)",
		"a < b":                               "a < b",
		"<>":                                  "",
	} {
		if got := asTyped(in); got != want {
			t.Errorf("asTyped(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSpell(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                  "less than a second",
		0:                             "less than a second",
		499 * time.Millisecond:        "less than a second",
		500 * time.Millisecond:        "1 second",
		time.Second:                   "1 second",
		48 * time.Second:              "48 seconds",
		59500 * time.Millisecond:      "1 minute",
		time.Minute:                   "1 minute",
		61 * time.Second:              "1 minute 1 second",
		150 * time.Second:             "2 minutes 30 seconds",
		time.Hour:                     "1 hour",
		time.Hour + time.Second:       "1 hour",
		time.Hour + 90*time.Second:    "1 hour 1 minute",
		8 * time.Hour:                 "8 hours",
		24 * time.Hour:                "1 day",
		24*time.Hour + time.Minute:    "1 day",
		50*time.Hour + 59*time.Minute: "2 days 2 hours",
		365 * 24 * time.Hour:          "365 days",
	} {
		if got := spell(d); got != want {
			t.Errorf("spell(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestNewID(t *testing.T) {
	drawn, letters := map[string]bool{}, map[rune]int{}
	const draws = 10_000
	for range draws {
		id := newID()
		if m := requestID.FindStringSubmatch(id); m == nil || id != "REQ-"+m[1] {
			t.Fatalf("%q is no ID", id)
		}
		drawn[id] = true
		for _, r := range id[4:] {
			letters[r]++
		}
	}
	// 10,000 of 148 million: a third of all runs would have one repeat, so a
	// few are allowed; a generator with a fault has thousands.
	if len(drawn) < draws-5 {
		t.Errorf("%d IDs of %d were drawn before", draws-len(drawn), draws)
	}
	if len(letters) != len(idLetters) {
		t.Errorf("%d letters occur, want %d", len(letters), len(idLetters))
	}
	for letter, n := range letters {
		if want := draws * 6 / len(idLetters); n < want*7/8 || n > want*9/8 {
			t.Errorf("%c occurs %d times, about %d expected", letter, n, want)
		}
	}
	if found := strings.IndexAny(idLetters, "0O1IL8B5S2ZUV"); found >= 0 {
		t.Errorf("%c is misread or misheard", idLetters[found])
	}
}

func TestPage(t *testing.T) {
	p := &page{}
	p.add((&line{}).bold("Head of ").boldTyped("a*b").say(". Type `x < y` or "))
	p.add(&line{})
	p.list((&line{}).say("one"), (&line{}).say("two").person("U1").people([]string{"U2", "U3"}))
	p.buttons()
	m := p.message()
	want := "Head of a＊b. Type `x &lt; y` or \n• one\n• two<@U1><@U2>, <@U3>"
	if m.Text != want {
		t.Errorf("text %q, want %q", m.Text, want)
	}
	blocks := `[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[` +
		`{"type":"text","text":"Head of ","style":{"bold":true}},{"type":"text","text":"a*b","style":{"bold":true}},{"type":"text","text":". Type "},` +
		`{"type":"text","text":"x < y","style":{"code":true}},{"type":"text","text":" or "}]}]},` +
		`{"type":"rich_text","elements":[{"type":"rich_text_list","elements":[` +
		`{"type":"rich_text_section","elements":[{"type":"text","text":"one"}]},` +
		`{"type":"rich_text_section","elements":[{"type":"text","text":"two"},{"type":"user","user_id":"U1"},{"type":"user","user_id":"U2"},{"type":"text","text":", "},{"type":"user","user_id":"U3"}]}` +
		`],"style":"bullet","indent":0,"border":0,"offset":0}]}]`
	if got := strings.TrimSpace(shownBlocks(t, m)); got != blocks {
		t.Errorf("blocks\n%s\nwant\n%s", got, blocks)
	}
}

func TestDatesAndLinks(t *testing.T) {
	l := (&line{}).when(askedAt).say(" ").whenExactly(askedAt).say(" ").when(time.Time{}).say(" ").link("https://x.example/?a=1&b=2", "a <b>")
	want := "<!date^1772620879^{date_short_pretty}, {time}|2026-03-04 10:41:19 UTC> <!date^1772620879^{date_short_pretty}, {time_secs}|2026-03-04 10:41:19 UTC> unknown " +
		"<https://x.example/?a=1&amp;b=2|a &lt;b&gt;>"
	if got := l.text(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTheTextFitsAnEdit(t *testing.T) {
	p := &page{}
	for range 50 {
		p.add((&line{}).typed(strings.Repeat("ü", 100)))
	}
	m := p.message()
	if n := utf8.RuneCountInString(m.Text); n != maxText || !strings.HasSuffix(m.Text, "…") || !utf8.ValidString(m.Text) {
		t.Errorf("%d characters", n)
	}
	if got := cutRunes("äöü", 3); got != "äöü" {
		t.Errorf("what fits became %q", got)
	}
}

// A message is sent again only when it says something else.
func TestDigest(t *testing.T) {
	s := newScene("", Pending)
	first := Card(&s.r, s.v).digest()
	if again := Card(&s.r, s.v).digest(); again != first {
		t.Error("the same card has two digests")
	}
	s.r.Words.Reason += "."
	if Card(&s.r, s.v).digest() == first {
		t.Error("another reason has the same digest")
	}
	m := Card(&s.r, s.v)
	before := m.digest()
	m.Text += " "
	if m.digest() == before {
		t.Error("another text has the same digest")
	}
}
