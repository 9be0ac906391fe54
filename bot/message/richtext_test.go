package message

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

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
		if got := Spell(d); got != want {
			t.Errorf("spell(%s) = %q, want %q", d, got, want)
		}
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
		`{"type":"text","text":"Head of ","style":{"bold":true}},{"type":"text","text":"a*b","style":{"bold":true}},` +
		`{"type":"text","text":". Type "},` +
		`{"type":"text","text":"x < y","style":{"code":true}},{"type":"text","text":" or "}]}]},` +
		`{"type":"rich_text","elements":[{"type":"rich_text_list","elements":[` +
		`{"type":"rich_text_section","elements":[{"type":"text","text":"one"}]},` +
		`{"type":"rich_text_section","elements":[{"type":"text","text":"two"},{"type":"user","user_id":"U1"},` +
		`{"type":"user","user_id":"U2"},{"type":"text","text":", "},{"type":"user","user_id":"U3"}]}` +
		`],"style":"bullet","indent":0,"border":0,"offset":0}]}]`
	if got := strings.TrimSpace(shownBlocks(t, m)); got != blocks {
		t.Errorf("blocks\n%s\nwant\n%s", got, blocks)
	}
}

func TestLine_DatesAndLinks(t *testing.T) {
	l := (&line{}).when(bottest.AskedAt).say(" ").whenExactly(bottest.AskedAt).say(" ").when(time.Time{}).say(" ").
		link("https://x.example/?a=1&b=2", "a <b>")
	want := "<!date^1772620879^{date_short_pretty}, {time}|2026-03-04 10:41:19 UTC> " +
		"<!date^1772620879^{date_short_pretty}, {time_secs}|2026-03-04 10:41:19 UTC> unknown " +
		"<https://x.example/?a=1&amp;b=2|a &lt;b&gt;>"
	if got := l.text(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPage_TextFitsAnEdit(t *testing.T) {
	p := &page{}
	for range 50 {
		p.add((&line{}).typed(strings.Repeat("ü", 100)))
	}
	m := p.message()
	if n := utf8.RuneCountInString(m.Text); n != maxText || !strings.HasSuffix(m.Text, "…") || !utf8.ValidString(m.Text) {
		t.Errorf("%d characters", n)
	}
	if got := bot.CutRunes("äöü", 3); got != "äöü" {
		t.Errorf("what fits became %q", got)
	}
}

// A message is sent again only if its content changed.
func TestMessage_DigestFollowsContent(t *testing.T) {
	s := newScene("", bot.Pending)
	first := card(&s.r, s.v).Digest()
	if again := card(&s.r, s.v).Digest(); again != first {
		t.Error("the same card has two digests")
	}
	s.r.Words.Reason += "."
	if card(&s.r, s.v).Digest() == first {
		t.Error("another reason has the same digest")
	}
	m := card(&s.r, s.v)
	before := m.Digest()
	m.Text += " "
	if m.Digest() == before {
		t.Error("another text has the same digest")
	}
}
