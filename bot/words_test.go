package bot

import (
	"strings"
	"testing"

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
		{"abcdef \n\u200b", 6, "abcdef"}, // only invisible text was cut
		{"abcde fgh", 6, "abcde…"},
		{"abcd fgh", 6, "abcd f…"},
		{"abcdef gh", 6, "abcdef…"},
	} {
		if got := Clean(row.in, row.limit); got != row.want {
			t.Errorf("Clean(%q, %d) = %q, want %q", row.in, row.limit, got, row.want)
		}
	}
}

func TestClean_ResultIsClean(t *testing.T) {
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

func TestNewID(t *testing.T) {
	drawn, letters := map[string]bool{}, map[rune]int{}
	const draws = 10_000
	for range draws {
		id := NewID()
		if m := RequestID.FindStringSubmatch(id); m == nil || id != "REQ-"+m[1] {
			t.Fatalf("%q is no ID", id)
		}
		drawn[id] = true
		for _, r := range id[4:] {
			letters[r]++
		}
	}
	// 10,000 of 148 million: a third of all runs have a repeat, so a few are
	// allowed. A faulty generator has thousands.
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
