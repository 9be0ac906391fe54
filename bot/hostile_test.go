package bot

import (
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"revoke-sessions/bot/slacktest"
)

// hostile is what somebody may type, or be called in a directory.
var hostile = map[string]string{
	"syntax":        "<!channel> <@U0VICTIM> <!subteam^S0ALL> @here @everyone @victim <https://evil.example|Entra> https://evil.example victim@evil.example",
	"formatting":    "*bold* _i_ ~s~ `code` ```block``` **x** __y__",
	"entities":      "&lt;!channel&gt; &amp; <<@U0VICTIM>> <!date^1^{date}^https://evil.example|x>",
	"bidi":          "\u202ecilbup si siht\u202c \u2066x\u2069 \u200e\u200f\u061c",
	"invisible":     "in\u200bvi\u2060si\ufeffble\u00ad \u3164\u115f\U000e0041\ue000",
	"lines":         "one\ntwo\r\n\ttabbed\u2028three\u2029\x00\x1b[31m\x7f\u0085four",
	"long":          strings.Repeat("<!here>&*_ ", 500),
	"long word":     strings.Repeat("ŵ", 5000),
	"invalid utf-8": "a\xff\xfe\xc3\x28 <!here>",
	"emoji":         "👩\u200d👩\u200d👧 🏴 नमस\u094dत\u0947 :skull:",
	"json":          `"},{"type":"user","user_id":"U0VICTIM"}`,
	"dialog":        "%s %d %! \\n ${x} </button>",
}

// hostileScenes are all scenes with hostile words in every place for words,
// cleaned as they are when a request is made.
func hostileScenes(text string) []scene {
	all := scenes()
	for i := range all {
		r := &all[i].r
		r.Words = Words{
			Reason: Clean(text, maxReason), DisplayName: Clean(text, maxName), UPN: Clean(text, maxAddress),
			Also: map[string]string{erin: Clean(text, maxReason)},
		}
		r.Attempts = slices.Clone(r.Attempts)
		for j := range r.Attempts {
			r.Attempts[j].Code, r.Attempts[j].RequestID = Clean(text, maxName), Clean(text, maxName)
		}
	}
	return all
}

// element is one piece of rich text.
type element struct {
	Type, Text, URL string
	UserID          string          `json:"user_id"`
	Style           json.RawMessage // of a text its formats, of a list a word
	Elements        []element
}

func (e element) formats(t testing.TB) map[string]bool {
	t.Helper()
	var formats map[string]bool
	if e.Type == "text" && e.Style != nil {
		if err := json.Unmarshal(e.Style, &formats); err != nil {
			t.Fatal(err)
		}
	}
	return formats
}

func elementsOf(t testing.TB, m Message) []element {
	t.Helper()
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(shownBlocks(t, m)), &raw); err != nil {
		t.Fatal(err)
	}
	var flat []element
	var walk func([]element)
	walk = func(all []element) {
		for _, e := range all {
			flat = append(flat, e)
			walk(e.Elements)
		}
	}
	for _, block := range raw {
		var b element
		if strings.Contains(string(block), `"type":"actions"`) {
			continue // whose texts are plain_text
		}
		if err := json.Unmarshal(block, &b); err != nil || b.Type != "rich_text" {
			t.Fatalf("a block that is neither buttons nor rich text: %v %s", err, block)
		}
		walk(b.Elements)
	}
	return flat
}

// standing posts a message and answers how Slack shows it.
func standing(t testing.TB, s *slacktest.Server, a *Slack, m saying) slacktest.Message {
	t.Helper()
	channel, ts := stand(t, a, m)
	versions := s.History(channel, ts)
	return versions[len(versions)-1]
}

// inertProblem says what of a message that somebody else's words are in comes
// alive; allowed is whom and where the message itself may mention and link.
func inertProblem(s *slacktest.Server, m slacktest.Message, own []string) string {
	for _, who := range s.Mentions(m) {
		if !slices.Contains(own, who) {
			return "mentions " + who
		}
	}
	for _, link := range s.Links(m) {
		if link != liveCard {
			return "links to " + link
		}
	}
	// What may format in the top-level text: our own code, and nothing else.
	bare := regexp.MustCompile("`/revoke-sessions[^`]*`").ReplaceAllString(m.Text, "")
	bare = regexp.MustCompile(`<!date\^\d+\^[^|<>]*\|[^<>]*>|<@U0[A-Z]+>|<!subteam\^S0[A-Z]+>|<https://slacktest[^<>|]*\|[^<>|]*>`).ReplaceAllString(bare, "")
	if strings.ContainsAny(bare, "*_~`<>") {
		return "formats: " + bare
	}
	return ""
}

func TestNothingTypedComesAlive(t *testing.T) {
	own := []string{alice, dave, bob, erin, carol, "S0SECURITY", "S0MANAGERS"}
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := postedAll(t)
			a := connected(t, s)
			for _, scene := range hostileScenes(text) {
				for _, m := range sayings(scene) {
					if problem := inertProblem(s, standing(t, s, a, m), own); problem != "" {
						t.Fatalf("%s %s", m, problem)
					}
					checkTypedElements(t, m)
				}
			}
		})
	}
}

// checkTypedElements proves that every word of the request's stands in the
// blocks as one piece of text, whole, as it was typed, and at most bold.
func checkTypedElements(t *testing.T, m saying) {
	t.Helper()
	r := &m.scene.r
	for _, e := range elementsOf(t, m.m) {
		if !utf8.ValidString(e.Text) || strings.ContainsAny(e.Text, "\n\r\t\x00\x1b\u202e\u2066\u200b") {
			t.Errorf("%s holds %q", m, e.Text)
		}
		if code := e.formats(t)["code"]; code && !strings.HasPrefix(e.Text, "/revoke-sessions") {
			t.Errorf("%s shows %q as code", m, e.Text)
		}
		for style := range e.formats(t) {
			if style != "bold" && style != "code" {
				t.Errorf("%s shows %q in %s", m, e.Text, style)
			}
		}
	}
	holds := func(word string) bool {
		return slices.ContainsFunc(elementsOf(t, m.m), func(e element) bool { return e.Type == "text" && e.Text == word })
	}
	var want []string
	switch m.kind() {
	case "card":
		want = []string{r.Words.UPN, r.Words.Reason}
	case "receipt":
		want = []string{r.Words.Reason}
	case "joined":
		want = []string{r.Words.Also[erin]}
	case "status":
		want = []string{r.Words.DisplayName}
	}
	for _, word := range want {
		if word != "" && !holds(word) {
			t.Errorf("%s does not show what was typed: %q", m, word)
		}
	}
}

// What screen readers get is what was typed, but for the four characters that
// format.
func TestTheTextSaysWhatWasTyped(t *testing.T) {
	asRead := strings.NewReplacer("＊", "*", "＿", "_", "～", "~", "ˋ", "`")
	for name, text := range hostile {
		if len(text) > 1000 {
			continue // cut
		}
		s := newScene(name, Pending)
		s.r.Words.Reason = Clean(text, maxReason)
		got := html.UnescapeString(asRead.Replace(Card(&s.r, s.v).Text))
		if !strings.Contains(got, "Reason: "+s.r.Words.Reason+"\n") {
			t.Errorf("%s: %q is read as\n%s", name, s.r.Words.Reason, got)
		}
	}
}

// The answers to what was not understood repeat it.
func TestWhatWasNotUnderstoodStaysDead(t *testing.T) {
	s := postedAll(t)
	a := connected(t, s)
	tokens := []string{"*bold*", "_i_", "~s~", "`code`", "`", "@victim", "@here", "<!channel>", "<https://evil.example|x>", "https://evil.example",
		"&lt;!channel&gt;", "&lt;@U0VICTIM&gt;", "@*bold*", "\u202eevil", "%s%d"}
	for _, text := range hostile {
		tokens = append(tokens, strings.Fields(text)...)
	}
	slices.Sort(tokens)
	refused := 0
	for _, token := range slices.Compact(tokens) {
		for _, text := range []string{token, "drill " + token, "status " + token, "cancel " + token} {
			_, err := ParseCommand(text)
			usage, ok := err.(*UsageError)
			if !ok {
				continue
			}
			refused++
			m := Usage(usage)
			if problem := inertProblem(s, standing(t, s, a, saying{key: text, m: m}), nil); problem != "" {
				t.Errorf("%q: %s", text, problem)
			}
			for _, e := range elementsOf(t, m) {
				if e.formats(t)["code"] && !strings.HasPrefix(e.Text, "/revoke-sessions") {
					t.Errorf("%q makes %q code", text, e.Text)
				}
			}
			if text, shown := read(t, m); !strings.Contains(text, usage.Instead[:10]) && !strings.Contains(shown, usage.Instead[:10]) {
				t.Errorf("%q is not told what to type instead:\n%s", text, shown)
			}
		}
	}
	if refused < 40 {
		t.Errorf("only %d texts were refused", refused)
	}
}

func TestTargetRefusalsStayDead(t *testing.T) {
	s := postedAll(t)
	a := connected(t, s)
	for name, text := range hostile {
		for _, reason := range targetReasons {
			m := targetRefusal(reason, &Request{}, Whom{Address: text})
			if problem := inertProblem(s, standing(t, s, a, saying{key: name, m: m}), nil); problem != "" {
				t.Errorf("%s, %s: %s", name, reason, problem)
			}
		}
	}
}

// The dialog is plain text, where nothing lives; it must fit all the same.
func TestTheDialogFits(t *testing.T) {
	for name, text := range hostile {
		for _, s := range hostileScenes(text) {
			if s.r.State != Pending {
				continue
			}
			b := buttonsOf(t, Card(&s.r, s.v))[0]
			if n := utf8.RuneCountInString(b.Confirm.Text); n > maxDialogText || !utf8.ValidString(b.Confirm.Text) {
				t.Errorf("%s: a dialog of %d characters: %q", name, n, b.Confirm.Text)
			}
		}
	}
}
