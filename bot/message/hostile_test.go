package message

import (
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/slacktest"
)

// hostileScenes are all scenes with hostile text in every place for words, cleaned as
// in a new request.
func hostileScenes(text string) []scene {
	all := scenes()
	for i := range all {
		r := &all[i].r
		r.Words = bot.Words{
			Reason: bot.Clean(text, bot.MaxReason), DisplayName: bot.Clean(text, bot.MaxName), UPN: bot.Clean(text, bot.MaxAddress),
			Also: map[string]string{bottest.Erin: bot.Clean(text, bot.MaxReason)},
		}
		r.Attempts = slices.Clone(r.Attempts)
		for j := range r.Attempts {
			r.Attempts[j].Code, r.Attempts[j].RequestID = bot.Clean(text, bot.MaxName), bot.Clean(text, bot.MaxName)
		}
	}
	return all
}

// element is one piece of rich text.
type element struct {
	Type, Text, URL string
	UserID          string          `json:"user_id"`
	Style           json.RawMessage // formats of a text, or a word for a list
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

func elementsOf(t testing.TB, m bot.Message) []element {
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
		var kind struct{ Type string }
		if err := json.Unmarshal(block, &kind); err != nil {
			t.Fatal(err)
		}
		switch kind.Type {
		case "actions", "header", "context":
			continue // see checkTextObjects
		case "rich_text":
		default:
			t.Fatalf("a block of a type that this test does not know: %s", block)
		}
		if err := json.Unmarshal(block, &b); err != nil {
			t.Fatal(err)
		}
		walk(b.Elements)
	}
	return flat
}

// shownBySlack posts a message and returns it as Slack shows it.
func shownBySlack(t testing.TB, s *slacktest.Server, a *slackapi.Client, m saying) slacktest.Message {
	t.Helper()
	channel, ts := postAndEdit(t, a, m)
	versions := s.History(channel, ts)
	return versions[len(versions)-1]
}

// inertProblem says which hostile words in a message mention, link or format. own are
// the mentions that the message itself may make.
func inertProblem(s *slacktest.Server, m slacktest.Message, own []string) string {
	for _, who := range s.Mentions(m) {
		if !slices.Contains(own, who) {
			return "mentions " + who
		}
	}
	for _, link := range s.Links(m) {
		if !slices.Contains([]string{bottest.LiveCard, bottest.Alert, signOutMember, signOutEveryone, bottest.SlackSettings}, link) {
			return "links to " + link
		}
	}
	// In the top-level text, only our own code and mentions may format.
	bare := regexp.MustCompile("`/?revoke-sessions[^`]*`").ReplaceAllString(m.Text, "")
	ours := regexp.MustCompile(`<!date\^\d+\^[^|<>]*\|[^<>]*>|<@U0[A-Z]+>|<!subteam\^S0[A-Z]+>|<https://slack(test|\.com/help)[^<>|]*\|[^<>|]*>`)
	bare = ours.ReplaceAllString(bare, "")
	if strings.ContainsAny(bare, "*_~`<>") {
		return "formats: " + bare
	}
	return ""
}

func TestHostileText_StaysInert(t *testing.T) {
	own := []string{bottest.Alice, bottest.Dave, bottest.Bob, bottest.Erin, bottest.Carol, "S0SECURITY", "S0MANAGERS"}
	for name, text := range bottest.Hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := bottest.PostedAll(t)
			a := connected(t, s)
			for _, scene := range hostileScenes(text) {
				for _, m := range sayings(scene) {
					if problem := inertProblem(s, shownBySlack(t, s, a, m), own); problem != "" {
						t.Fatalf("%s %s", m, problem)
					}
					checkTypedElements(t, m)
					checkTextObjects(t, m.String(), shownBlocks(t, m.m), typedIn(&scene.r))
				}
				for name, form := range modalsOf(scene) {
					shown, err := json.Marshal(form)
					if err != nil {
						t.Fatal(err)
					}
					checkTextObjects(t, name, string(shown), typedIn(&scene.r))
				}
			}
		})
	}
}

// typedIn are the words of a request that people typed or directories hold.
func typedIn(r *bot.Request) []string {
	all := []string{r.Words.Reason, r.Words.DisplayName, r.Words.UPN, r.Words.Denied}
	for _, words := range r.Words.Also {
		all = append(all, words)
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// modalsOf are the modals about a request.
func modalsOf(s scene) map[string]Modal {
	return map[string]Modal{
		"details for an approver": Details(&s.r, s.v, true), "details for an asker": Details(&s.r, s.v, false),
		"details refused": DetailsInstead(Status(&s.r, s.v)), "the form of a Deny": DenyForm(&s.r, 42),
	}
}

// checkTextObjects checks every text object in some blocks, dialogs included: plain text
// shows emoji codes as typed, and mrkdwn holds nothing that was typed.
func checkTextObjects(t *testing.T, name, blocks string, typed []string) {
	t.Helper()
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			text, _ := v["text"].(string)
			switch v["type"] {
			case "plain_text":
				if v["emoji"] != false {
					t.Errorf("%s: plain text that shows emoji codes as pictures: %q", name, text)
				}
			case "mrkdwn":
				for _, words := range typed {
					if strings.Contains(text, words) || strings.Contains(text, escape.Replace(words)) || strings.Contains(text, inert.Replace(words)) {
						t.Errorf("%s: typed words in mrkdwn: %q", name, text)
					}
				}
			}
			for _, one := range v {
				walk(one)
			}
		}
	}
	var all any
	if err := json.Unmarshal([]byte(blocks), &all); err != nil {
		t.Fatal(err)
	}
	walk(all)
}

// checkTypedElements checks that the blocks show the request's words unchanged, each in
// one piece of text, and at most bold.
func checkTypedElements(t *testing.T, m saying) {
	t.Helper()
	r := &m.scene.r
	for _, e := range elementsOf(t, m.m) {
		if !utf8.ValidString(e.Text) || strings.ContainsAny(e.Text, "\n\r\t\x00\x1b\u202e\u2066\u200b") {
			t.Errorf("%s holds %q", m, e.Text)
		}
		if code := e.formats(t)["code"]; code && !strings.HasPrefix(strings.TrimPrefix(e.Text, "/"), "revoke-sessions ") && e.Text != "/revoke-sessions" {
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
		if r.State == bot.Pending || r.State == bot.Approved || r.State == bot.Executing {
			want = []string{r.Words.Reason}
		}
	case "joined":
		want = []string{r.Words.Also[bottest.Erin]}
	case "status":
		want = []string{r.Words.DisplayName}
	}
	for _, word := range want {
		if word != "" && !holds(word) {
			t.Errorf("%s does not show what was typed: %q", m, word)
		}
	}
}

// Screen readers read the typed text, except for the four formatting characters.
func TestHostileText_IsReadAsTyped(t *testing.T) {
	asRead := strings.NewReplacer("＊", "*", "＿", "_", "～", "~", "ˋ", "`")
	for name, text := range bottest.Hostile {
		if len(text) > 1000 {
			continue // the card cuts it
		}
		s := newScene(name, bot.Pending)
		s.r.Words.Reason = bot.Clean(text, bot.MaxReason)
		got := html.UnescapeString(asRead.Replace(card(&s.r, s.v).Text))
		if !strings.Contains(got, "Reason: "+s.r.Words.Reason+"\n") {
			t.Errorf("%s: %q is read as\n%s", name, s.r.Words.Reason, got)
		}
	}
}

// An answer to a command that is not carried out.
func TestUsage_HostileTextStaysInert(t *testing.T) {
	s := bottest.PostedAll(t)
	a := connected(t, s)
	tokens := []string{
		"*bold*", "_i_", "~s~", "`code`", "`", "@victim", "@here", "<!channel>", "<https://evil.example|x>", "https://evil.example",
		"&lt;!channel&gt;", "&lt;@U0VICTIM&gt;", "@*bold*", "\u202eevil", "%s%d",
	}
	for _, text := range bottest.Hostile {
		tokens = append(tokens, strings.Fields(text)...)
	}
	slices.Sort(tokens)
	refused := 0
	for _, token := range slices.Compact(tokens) {
		for _, text := range []string{
			"<@U0CAROL> <@U0BOB> " + token, "drill <@U0CAROL>, <@U0BOB> " + token, "status REQ-7F3K4M x" + token, "cancel REQ-7F3K4M x" + token,
		} {
			_, err := bot.ParseCommand(text)
			usage, ok := err.(*bot.UsageError)
			if !ok {
				continue
			}
			refused++
			m := Usage(usage)
			if problem := inertProblem(s, shownBySlack(t, s, a, saying{key: text, m: m}), nil); problem != "" {
				t.Errorf("%q: %s", text, problem)
			}
			for _, e := range elementsOf(t, m) {
				if e.formats(t)["code"] && !strings.HasPrefix(e.Text, "/revoke-sessions") {
					t.Errorf("%q makes %q code", text, e.Text)
				}
			}
			way := usage.Instead[:10]
			if text, shown := read(t, m); !strings.Contains(text, way) && !strings.Contains(shown, way) {
				t.Errorf("%q is not told what to type instead:\n%s", text, shown)
			}
		}
	}
	if refused < 40 {
		t.Errorf("only %d texts were refused", refused)
	}
}

func TestTargetRefusal_HostileTextStaysInert(t *testing.T) {
	s := bottest.PostedAll(t)
	a := connected(t, s)
	for name, text := range bottest.Hostile {
		for _, reason := range bot.TargetReasons {
			m := TargetRefusal(reason, &bot.Request{}, bot.Whom{Address: text})
			if problem := inertProblem(s, shownBySlack(t, s, a, saying{key: name, m: m}), nil); problem != "" {
				t.Errorf("%s, %s: %s", name, reason, problem)
			}
		}
	}
}

// A refusal begins with a name from the directory.
func TestRefusal_HostileNameStaysInert(t *testing.T) {
	s := bottest.PostedAll(t)
	a := connected(t, s)
	for name, text := range bottest.Hostile {
		scene := newScene(name, bot.Pending)
		scene.r.Words.DisplayName = bot.Clean(text, bot.MaxName)
		answers := map[string]bot.Message{"not opened": NotOpened(&scene.r, true, true)}
		for _, reason := range bot.Reasons {
			answers[string(reason)] = Refusal(reason, &scene.r, scene.v)
		}
		for reason, m := range answers {
			own := []string{bottest.Alice, bottest.Dave}
			if problem := inertProblem(s, shownBySlack(t, s, a, saying{scene, reason, m}), own); problem != "" {
				t.Errorf("%s, %s: %s", name, reason, problem)
			}
			checkTypedElements(t, saying{scene, reason, m})
		}
	}
}

// The dialog is plain text, so that all words are inert; it must still fit.
func TestDialog_FitsHostileText(t *testing.T) {
	for name, text := range bottest.Hostile {
		for _, s := range hostileScenes(text) {
			if s.r.State != bot.Pending {
				continue
			}
			b := buttonsOf(t, card(&s.r, s.v))[0]
			if b.Confirm == nil {
				continue // a frozen card has no button with a dialog
			}
			if n := utf8.RuneCountInString(b.Confirm.Text); n > maxDialogText || !utf8.ValidString(b.Confirm.Text) {
				t.Errorf("%s: a dialog of %d characters: %q", name, n, b.Confirm.Text)
			}
		}
	}
}
