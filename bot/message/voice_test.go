package message

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph"
)

// shownBlocks is a message's blocks as sent to Slack, without HTML escapes.
func shownBlocks(t testing.TB, m bot.Message) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(blocksOf(m)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// everything is a message's text and blocks, dialogs included.
func everything(t testing.TB, m bot.Message) string { return m.Text + "\n" + shownBlocks(t, m) }

// read is what a reader sees: first the top-level text, then the blocks.
func read(t testing.TB, m bot.Message) (text, shown string) {
	t.Helper()
	text = slacktest.Message{Text: m.Text}.Plain()
	shown = slacktest.Message{Blocks: json.RawMessage(shownBlocks(t, m))}.Plain()
	return text, shown
}

func buttonsOf(t testing.TB, m bot.Message) []slacktest.Button {
	t.Helper()
	return slacktest.Message{Blocks: json.RawMessage(shownBlocks(t, m))}.Buttons()
}

func TestDrill_SaysSoAndClaimsNothing(t *testing.T) {
	for _, s := range everySaying() {
		if !s.scene.r.Drill {
			if strings.Contains(strings.ToLower(everything(t, s.m)), "drill") {
				t.Errorf("%s is real and speaks of a drill", s)
			}
			continue
		}
		text, shown := read(t, s.m)
		spoken := s.kind() == "result" // its blocks stand under the card, which says so
		if !strings.HasPrefix(text, "🧪 DRILL: ") || len(s.m.Blocks) > 0 && !spoken && !strings.HasPrefix(shown, "🧪 DRILL: ") {
			t.Errorf("%s does not begin with DRILL:\n%s\n%s", s, text, shown)
		}
		for _, b := range buttonsOf(t, s.m) {
			if b.Confirm != nil && !strings.HasPrefix(b.Confirm.Text, "DRILL: ") {
				t.Errorf("%s: the dialog of %s does not begin with DRILL", s, b.ActionID)
			}
		}
		for _, claim := range []string{"revoked", "verified"} {
			if strings.Contains(strings.ToLower(everything(t, s.m)), claim) {
				t.Errorf("%s says %q:\n%s", s, claim, everything(t, s.m))
			}
		}
	}
}

// denials may say "revoked" before Microsoft accepted a call.
var denials = []*regexp.Regexp{
	regexp.MustCompile(`Nothing (was|is) revoked( yet)?`),
	regexp.MustCompile(`([Ii]t is not known|I do not know) whether anything was revoked`),
	regexp.MustCompile(`[Nn]ot known (yet )?whether the sessions were revoked`),
	regexp.MustCompile(`[Nn]ot known (yet )?whether .*'s sessions were revoked`),
	regexp.MustCompile(`⚠ Already revoked for another request`),
	regexp.MustCompile(`Already revoked \d+ minutes before this request`), // an earlier one
}

func TestRevoked_SaidOnlyAfterMicrosoft(t *testing.T) {
	for _, s := range everySaying() {
		text, shown := read(t, s.m)
		if s.scene.r.State.Accepted() {
			certain := s.scene.r.Target.Guest != graph.Yes && !s.scene.r.Doubtful()
			if certain && s.kind() == "card" && !strings.Contains(text, "sessions are revoked") {
				t.Errorf("%s keeps quiet about the revoke:\n%s", s, text)
			}
			claims := strings.Contains(text, "re revoked") || strings.Contains(text, "ended your sessions") || strings.Contains(text, "were revoked")
			if s.scene.r.Doubtful() && claims {
				t.Errorf("%s claims what the account does not show:\n%s", s, text)
			}
			if s.scene.r.Target.Guest == graph.Yes && strings.Contains(text, "sessions are revoked") {
				t.Errorf("%s claims a revoke that a guest's home alone can make:\n%s", s, text)
			}
			if strings.Contains(text, "Verified") && s.scene.r.State != bot.Verified {
				t.Errorf("%s claims that somebody has seen it:\n%s", s, text)
			}
			continue
		}
		for _, sentence := range regexp.MustCompile(`[.;\n]`).Split(text+"\n"+shown, -1) {
			for _, d := range denials {
				sentence = d.ReplaceAllString(sentence, "")
			}
			if claim := strings.ToLower(sentence); strings.Contains(claim, "revoked") || strings.Contains(claim, "verified") {
				t.Errorf("%s claims: %q", s, sentence)
			}
		}
	}
}

// The refusal of a second call says nothing about the first one, whose outcome is
// unknown.
func TestNothingRevoked_SaidOnlyIfKnown(t *testing.T) {
	checked := 0
	for _, s := range allSayings() {
		if (s.scene.r.State != bot.Failed && s.scene.r.State != bot.Approved) || !s.scene.r.Attempts.Of(1).WereUnclear() || s.kind() == "unknown" || s.pointsBelow() {
			continue
		}
		checked++
		if strings.Contains(s.m.Text, "Nothing was revoked") || strings.Contains(s.m.Text, "Nothing is revoked") || !strings.Contains(s.m.Text, "I do not know whether anything was revoked") {
			t.Errorf("%s denies what nobody knows:\n%s", s, s.m.Text)
		}
	}
	if checked == 0 {
		t.Error("no scene has a refusal after a call of unknown outcome")
	}
}

// A card that tells of another request's revoke says to press Deny exactly if it has the
// button.
func TestMeanwhile_AsksOnlyForExistingButton(t *testing.T) {
	checked := map[bool]int{}
	for _, s := range allSayings() {
		if s.kind() != "card" || !strings.Contains(s.m.Text, "Is once enough?") {
			continue
		}
		has := slices.ContainsFunc(buttonsOf(t, s.m), func(b slacktest.Button) bool { return b.ActionID == bot.ActionDeny })
		if asks := strings.Contains(s.m.Text, "Is once enough? Then press Deny"); asks != has {
			t.Errorf("%s asks to press Deny: %t; has the button: %t\n%s", s, asks, has, s.m.Text)
		}
		checked[has]++
	}
	if checked[true] == 0 || checked[false] == 0 {
		t.Errorf("not each kind of card is in a scene: %v", checked)
	}
}

// A press of Deny counts before its form is submitted, and messages may not know about
// it yet: none promises a revoke without that exception.
func TestDenyPressed_NothingPromisesARevoke(t *testing.T) {
	kinds := map[string]bool{}
	for _, s := range everySaying() {
		text, _ := read(t, s.m)
		if !strings.Contains(text, "If nobody decides by") {
			continue
		}
		kinds[s.kind()] = true
		if !strings.Contains(text, "I ask Microsoft Entra to revoke the sessions, unless an approver presses Deny first") {
			t.Errorf("%s promises a revoke that a press of Deny stops:\n%s", s, text)
		}
	}
	for _, kind := range []string{"card", "receipt", "status", "reminder"} {
		if !kinds[kind] {
			t.Errorf("no scene has a %s that says so, only %v", kind, kinds)
		}
	}
}

// Scenes of approved requests that wait, and of unknown outcomes that are stuck.
var (
	approvedWaits = regexp.MustCompile(`^approved_(waits|queued|frozen|other_rules$|unasked)`)
	stuck         = regexp.MustCompile(`^unknown_(stuck|withheld_stuck$)`)
)

func TestButtons(t *testing.T) {
	for _, s := range allSayings() {
		var ids []string
		for _, b := range buttonsOf(t, s.m) {
			ids = append(ids, b.ActionID)
			if b.Value != s.scene.r.ID {
				t.Errorf("%s: %s carries %q and not just the request's ID", s, b.ActionID, b.Value)
			}
			if (b.URL != "") != (b.ActionID == bot.ActionOpenSettings) || regexp.MustCompile(`(?i)^(ok|yes|no|confirm)$`).MatchString(b.Text) {
				t.Errorf("%s: %s is called %q", s, b.ActionID, b.Text)
			}
		}
		var want []string
		state := s.scene.r.State
		switch {
		case s.key == bot.CardKey && state == bot.Pending && s.scene.v.Freeze != nil:
			want = []string{"request.deny"}
		case s.key == bot.CardKey && state == bot.Pending && len(s.scene.r.Approvals)+1 < s.scene.r.Need:
			want = []string{"request.approve", "request.deny"}
		case s.key == bot.CardKey && state == bot.Pending:
			want = []string{"request.confirm", "request.deny"}
		case s.kind() == "receipt" && state == bot.Pending && s.scene.r.Need == 0:
			want = []string{"request.confirm", "request.cancel"}
		case s.kind() == "receipt" && state == bot.Failed && s.scene.r.Need == 0:
			want = []string{"request.retry"}
		case s.kind() == "receipt" && state == bot.Pending && s.scene.name != "pending_joined":
			want = []string{"request.cancel"}
			if !s.scene.r.CancelAskedAt.IsZero() {
				want = nil
			}
		case s.key == bot.CardKey && state == bot.Approved && approvedWaits.MatchString(s.scene.name) && !s.scene.r.Attempts.Of(1).WereUnclear():
			want = []string{"request.deny"}
		case s.key == bot.CardKey && (state == bot.Failed || stuck.MatchString(s.scene.name)) && !strings.HasSuffix(s.scene.name, "next_day"):
			want = []string{"request.retry"}
			if len(s.scene.r.Approvals)+1 < s.scene.r.Need {
				want = []string{"request.approve_retry"}
			}
			if s.scene.v.Freeze != nil {
				want = nil
			}
		}
		if s.key == bot.CardKey {
			want = append(want, "request.details")
		}
		if s.kind() == "receipt" && adviceOnSlack(&s.scene.r) && !s.pointsBelow() {
			at := slices.Index(want, "request.cancel")
			if at < 0 {
				at = len(want)
			}
			want = slices.Insert(slices.Clone(want), at, bot.ActionOpenSettings)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s has the buttons %q, want %q", s, ids, want)
		}
	}
}

// TestCardButtons_SayWhatTheyDo: the last approval has a red button, and its dialog says
// that it cannot be undone. An approval that others must follow says that nothing is
// revoked yet. A drill has no red button.
func TestCardButtons_SayWhatTheyDo(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range allSayings() {
		if s.key != bot.CardKey {
			continue
		}
		r := &s.scene.r
		for _, b := range buttonsOf(t, s.m) {
			if b.ActionID == bot.ActionDeny || b.ActionID == bot.ActionDetails {
				if b.Confirm != nil || b.Style != "" {
					t.Errorf("%s: %+v has a dialog or a colour", s, b)
				}
				continue
			}
			seen[b.ActionID] = true
			if b.Confirm == nil || b.Confirm.Confirm != b.Text || b.Confirm.Style != b.Style || b.Confirm.Deny != "Go back" {
				t.Fatalf("%s: the dialog of %+v is %+v", s, b, b.Confirm)
			}
			last := b.ActionID == bot.ActionConfirm || b.ActionID == bot.ActionRetry
			if red := b.Style == string(slack.StyleDanger); red != (last && !r.Drill) {
				t.Errorf("%s: red is %v: %+v", s, red, b)
			}
			if final := strings.Contains(b.Confirm.Text, "This cannot be undone."); final != (last && !r.Drill) {
				t.Errorf("%s: %s says %q", s, b.Text, b.Confirm.Text)
			}
			alone := strings.Contains(b.Confirm.Text, "Nothing is revoked yet.") && r.State == bot.Pending && s.scene.v.Meanwhile == nil ||
				strings.Contains(b.Confirm.Text, aloneRevokesNothing)
			if alone != (!last && !r.Drill) {
				t.Errorf("%s: %s says %q", s, b.Text, b.Confirm.Text)
			}
			if counts := strings.Contains(b.Text, fmt.Sprintf("(%d of %d)", len(r.Approvals)+1, r.Need)); counts == last {
				t.Errorf("%s: the button is called %q", s, b.Text)
			}
			for _, name := range []string{r.Words.DisplayName, r.Words.UPN} {
				if !strings.Contains(b.Confirm.Text, name) && !(r.Drill && b.ActionID == bot.ActionRetry) {
					t.Errorf("%s: the dialog does not name %s: %s", s, name, b.Confirm.Text)
				}
			}
		}
	}
	for _, id := range []string{bot.ActionConfirm, bot.ActionApprove, bot.ActionRetry, bot.ActionApproveRetry} {
		if !seen[id] {
			t.Errorf("no card has the button %s", id)
		}
	}
}

// facts matches what only approvers may read: object IDs, stamps, facts, calls to Graph.
var facts = regexp.MustCompile(`0[bc]0[bc]0[bc]0[bc]-|@contoso\.example|2026-01-05|valid since|member of this tenant|` +
	`sign-in allowed|sign-in blocked|on-premises|in the cloud|request-id|invalidateAllRefreshTokens|` +
	`unknown whether|Entra still counts|Verified in Entra|sign-in unknown|sign-in on record|privileged role|management unit`)

// modalText is what a reader sees in a modal.
func modalText(t testing.TB, m Modal) string {
	t.Helper()
	blocks, err := json.Marshal(m.Blocks.BlockSet)
	if err != nil {
		t.Fatal(err)
	}
	return slacktest.Message{Blocks: blocks}.Plain()
}

func TestAccountFacts_OnlyOnCard(t *testing.T) {
	for _, s := range allSayings() {
		switch s.kind() {
		case "card":
			if details := modalText(t, Details(&s.scene.r, s.scene.v, true)); len(facts.FindAllString(details, -1)) < 5 {
				t.Errorf("%s: its details lack facts:\n%s", s, details)
			}
			if found := facts.FindString(modalText(t, Details(&s.scene.r, s.scene.v, false))); found != "" {
				t.Errorf("%s: its details tell an asker %q", s, found)
			}
			continue
		case "result", "unknown", "unmoved", "unread", "elsewhere": // for approvers only
			continue
		}
		if found := facts.FindString(everything(t, s.m)); found != "" {
			t.Errorf("%s tells %q to a possible thief:\n%s", s, found, s.m.Text)
		}
	}
}

func TestReceipt_HoldsWhatItsReaderTyped(t *testing.T) {
	for _, s := range allSayings() {
		if s.kind() != "receipt" {
			continue
		}
		own := s.scene.r.Words.Reason
		if s.key == bot.ReceiptKey(bottest.Erin) {
			own = s.scene.r.Words.Also[bottest.Erin]
			if strings.Contains(s.m.Text, s.scene.r.Words.Reason) {
				t.Errorf("%s shows what somebody else wrote", s)
			}
		} else if also := s.scene.r.Words.Also[bottest.Erin]; also != "" && strings.Contains(s.m.Text, also) {
			t.Errorf("%s shows what somebody else wrote", s)
		}
		r := &s.scene.r
		open := r.State == bot.Pending || r.State == bot.Approved || r.State == bot.Executing || r.State == bot.Unknown && !r.Stuck(s.scene.v.Now)
		if wrote := strings.Contains(s.m.Text, "You wrote: "+own); own != "" && wrote != open {
			t.Errorf("%s shows what its reader wrote: %v:\n%s", s, wrote, s.m.Text)
		}
		if first, _, _ := strings.Cut(s.m.Text, "\n"); r.Lane == authz.ThirdParty && !s.pointsBelow() && !strings.Contains(first, r.Name()) {
			t.Errorf("%s does not name the target:\n%s", s, s.m.Text)
		}
	}
}

func TestTargetNote_TellsOnlyTheOutcome(t *testing.T) {
	told := 0
	for _, s := range allSayings() {
		if s.kind() != "target" {
			continue
		}
		told++
		if s.scene.r.Lane != authz.ThirdParty || !s.scene.r.State.Accepted() && s.scene.r.State != bot.Drilled {
			t.Errorf("%s should not exist", s)
		}
		for _, secret := range []string{
			bottest.Alice, bottest.Dave, bottest.Bob, bottest.Erin, "Bob", "Alice", reason, "http", "archives", "/revoke-sessions",
		} {
			if strings.Contains(everything(t, s.m), secret) {
				t.Errorf("%s gives away %q:\n%s", s, secret, s.m.Text)
			}
		}
		if !strings.Contains(s.m.Text, s.scene.r.ID) {
			t.Errorf("%s does not give the ID to ask about", s)
		}
	}
	if told == 0 {
		t.Error("no scene has a note to the target")
	}
}

// goesOn matches words that say what happens next, or who does what.
var goesOn = regexp.MustCompile(`Expires|I'll update this message|I keep trying|asking Microsoft Entra|` +
	`Next try: |next answer here|Reading the account to verify|I look again|I try again|` +
	`stopped checking.*Entra portal|Entra portal.*stopped checking|If it cannot wait, revoke in the Entra portal|my message below|` +
	`[Ww]aiting for|will message you|when the freeze (is over|ends)|Your report waits|your request waits|Your drill waits|` +
	`goes on once|I check it again when the freeze is over|[Aa]n approver must (still )?decide|` +
	`I'm asking the approvers again|I keep trying until|[Pp]ress the button in|ends by itself|` +
	`[Pp]lease decide on the card|Do not wait for it|please get one of the approvers|Somebody else must|should phone you first|` +
	`Now only an approver can end it|[Aa]n approver decides|If nobody decides by|Approvers who can deny it|An approver phones you first|The card says`)

func TestMessage_SaysWhatHappensNext(t *testing.T) {
	for _, s := range allSayings() {
		r := &s.scene.r
		open := r.State == bot.Pending || r.State == bot.Approved || r.State == bot.Executing || r.State == bot.Unknown
		if r.State == bot.Revoked || r.State == bot.NotVisibleYet || r.State == bot.Unreachable {
			open = r.Target.Guest != graph.Yes && s.kind() == "card"
		}
		if s.scene.name == "unknown_stuck_next_day" {
			open = s.kind() == "card" // its headline still says what to do
		}
		if open && !goesOn.MatchString(s.m.Text) {
			t.Errorf("%s does not say what happens next:\n%s", s, s.m.Text)
		}
	}
}

// A failure is the end unless somebody acts, so it says who and how.
func TestFailure_SaysWhatToDo(t *testing.T) {
	for _, s := range allSayings() {
		remedy := "An approver can press “Try again” on the card."
		if s.scene.r.State == bot.Failed && reopening(&s.scene.r) == nil {
			if remedy = s.scene.r.Attempts.Last().Remedy; s.scene.r.Attempts.Last().Asked {
				remedy = "Try again after " // Microsoft has said when
			}
		}
		if s.scene.r.State == bot.Failed && s.kind() != "unknown" && s.kind() != "approval" && !s.pointsBelow() && !strings.Contains(s.m.Text, remedy) {
			t.Errorf("%s does not say what to do:\n%s", s, s.m.Text)
		}
		if s.scene.r.State == bot.Expired && !s.pointsBelow() && !strings.Contains(s.m.Text, " again with `/revoke-sessions`") {
			t.Errorf("%s does not say what to do:\n%s", s, s.m.Text)
		}
		waiting := slices.Contains([]bot.State{bot.Pending, bot.Failed, bot.Unknown, bot.Expired, bot.Denied, bot.Lost}, s.scene.r.State)
		if s.kind() != "receipt" && s.kind() != "outcome" && s.kind() != "stuck" || !waiting || s.pointsBelow() {
			continue
		}
		want := 1
		if s.scene.r.Drill {
			want = 0
		}
		if n := strings.Count(s.m.Text, bottest.Emergency); n != want {
			t.Errorf("%s says %d times what to do when nobody answers:\n%s", s, n, s.m.Text)
		}
	}
}

// A new card must notify somebody: only a mention in a new message does.
func TestCard_FirstPostMentionsApprovers(t *testing.T) {
	for _, s := range allSayings() {
		if s.key != bot.CardKey || s.scene.r.State != bot.Pending {
			continue
		}
		for _, name := range s.scene.v.Deciders {
			mention := "<@" + name + ">"
			if strings.HasPrefix(name, "S") {
				mention = "<!subteam^" + name + ">"
			}
			if !strings.Contains(s.m.Text, mention) {
				t.Errorf("%s does not wake %s:\n%s", s, name, s.m.Text)
			}
		}
		if len(s.scene.v.Deciders) == 0 && !strings.Contains(s.m.Text, "nobody I can find") {
			t.Errorf("%s does not say that nobody can decide it:\n%s", s, s.m.Text)
		}
	}
}

// pointsBelow reports whether this is a receipt that only points to the message with
// the outcome.
func (s saying) pointsBelow() bool {
	return s.kind() == "receipt" && strings.HasSuffix(strings.SplitN(s.m.Text, "\n", 2)[0], "ee my message below.")
}

func TestFirstLine_NamesThePerson(t *testing.T) {
	for _, s := range allSayings() {
		first, _, _ := strings.Cut(s.m.Text, "\n")
		named := strings.Contains(first, s.scene.r.Name())
		switch {
		case s.key == bot.CardKey && (s.scene.r.State == bot.Pending || s.scene.r.State.Accepted() || s.scene.r.State == bot.Executing) && !named:
			t.Errorf("%s does not begin with the person's name:\n%s", s, first)
		case strings.HasPrefix(first, "REQ-") && s.kind() != "status" && !s.pointsBelow():
			t.Errorf("%s begins with an ID", s)
		}
	}
}

// Screen readers and notifications read the top-level text and nothing else.
func TestMessage_TextAndBlocksSayTheSame(t *testing.T) {
	bare := strings.NewReplacer("•", "", "`", "", "\n", "", " ", "")
	for _, s := range allSayings() {
		text, shown := read(t, s.m)
		for _, b := range buttonsOf(t, s.m) {
			shown = strings.Replace(shown, "["+b.Text+"]", "", 1)
		}
		if s.kind() == "result" || s.kind() == "unknown" && s.scene.r.State == bot.Unknown {
			_, text, _ = strings.Cut(text, "\n") // what the card says
		}
		// They differ only in the formatting characters.
		text = strings.NewReplacer("＿", "_", "＊", "*").Replace(text)
		if bare.Replace(text) != bare.Replace(shown) {
			t.Errorf("%s:\ntext   %s\nblocks %s", s, text, shown)
		}
	}
}

func TestMessage_HasNoShoutingAndNoPictures(t *testing.T) {
	for _, s := range everySaying() {
		text, shown := read(t, s.m)
		all := text + "\n" + shown
		for _, b := range buttonsOf(t, s.m) {
			if b.Confirm != nil {
				all += b.Confirm.Title + b.Confirm.Text
			}
		}
		if strings.Contains(all, "!") {
			t.Errorf("%s shouts:\n%s", s, all)
		}
		if code := regexp.MustCompile(`:[a-z_+-][a-z0-9_+-]*:`).FindString(all); code != "" {
			t.Errorf("%s has the emoji %s", s, code)
		}
		for _, r := range all {
			if !strings.ContainsRune("⚠✅⛔⏳❓🧪", r) && (unicode.Is(unicode.So, r) || r > 0xffff || unicode.Is(unicode.Variation_Selector, r)) {
				t.Errorf("%s has the picture %q", s, r)
			}
		}
		// Jargon.
		for _, word := range []string{"refresh token", "principal", "Graph ", "null", "%!"} {
			if !slices.Contains([]string{"result", "unknown", "elsewhere"}, s.kind()) && strings.Contains(all, word) {
				t.Errorf("%s says %q:\n%s", s, word, all)
			}
		}
	}
}

// Readers live in different time zones: every time of day is one of Slack's dates.
func TestTimes_ShownInEachReadersZone(t *testing.T) {
	clock := regexp.MustCompile(`\d{1,2}:\d{2}`)
	for _, s := range allSayings() {
		bare := regexp.MustCompile(`<!date\^[^>]*>`).ReplaceAllString(s.m.Text, "")
		if found := clock.FindString(bare); found != "" {
			t.Errorf("%s shows the bare time %s:\n%s", s, found, s.m.Text)
		}
		if dates := strings.Count(s.m.Text, "<!date^"); dates != strings.Count(shownBlocks(t, s.m), `"type":"date"`) {
			t.Errorf("%s has %d dates in its text and others in its blocks", s, dates)
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, row := range []struct {
		scene string
		want  []string
	}{
		{"pending_third_party", nil},
		{"pending_guest", []string{"⚠ Guest account."}},
		{"pending_disabled_and_synced", []string{"⚠ Sign-in is blocked already."}},
		{"pending_facts_unknown", []string{"⚠ I could not read whether the account holds a privileged role, or is a guest, or may sign in, or "}},
		{"pending_no_sign_in", nil},
		{"pending_restricted", []string{"⚠ Restricted management unit."}},
		{"pending_left", []string{"⚠ Deactivated in Slack: <@U0CAROL>. " +
			"I found this account by the e-mail address that Slack still shows. The address may be old."}},
		{"pending_left_mapped", []string{"⚠ Deactivated in Slack: <@U0CAROL>. The policy's map names this account."}},
		{"pending_holds_role", []string{"⚠ Holds a privileged role."}},
		{"pending_holds_role_protected", []string{
			"⚠ Protected account. The policy asks for 2 approvals.\n", "⚠ Holds a privileged role.",
		}},
		{"pending_privileged", []string{
			"⚠ Protected account. The policy asks for 2 approvals, because the account holds a privileged role.",
		}},
		{"pending_just_accepted", []string{"⚠ Microsoft accepted a revoke 3 minutes before this request, but the account does not show it."}},
		{"pending_just_accepted_unread", []string{"⚠ I could not read", "⚠ Microsoft already accepted a revoke 3 minutes before this request."}},
		{"pending_just_stamped", []string{"⚠ Sessions were already ended 3 minutes before this request."}},
		{"pending_just_revoked", []string{"⚠ Already revoked 3 minutes before this request."}},
		{"pending_just_revoked_drill", []string{"⚠ Sessions were already ended 3 minutes before this request."}},
		{"pending_self_cancel_asked", []string{"⚠ Bob Borrower's Slack account asks to cancel"}},
	} {
		for _, s := range scenes() {
			if s.name != row.scene {
				continue
			}
			text := card(&s.r, s.v).Text
			if strings.Count(text, "⚠") != len(row.want) {
				t.Errorf("%s warns %d times, want %d:\n%s", s.name, strings.Count(text, "⚠"), len(row.want), text)
			}
			for _, want := range row.want {
				if !strings.Contains(text, want) {
					t.Errorf("%s lacks %q:\n%s", s.name, want, text)
				}
			}
		}
	}
	s := newScene("", bot.Pending, unread)
	for _, want := range []string{"is a guest", "may sign in", "is synced", "holds a privileged role", "is in a restricted management unit"} {
		if !strings.Contains(unknownFacts(&s.r).plain(), want) {
			t.Errorf("the card leaves out a fact that could not be read: %q", want)
		}
	}
	for _, ago := range []time.Duration{5 * time.Minute, time.Hour} {
		s := newScene("", bot.Pending)
		s.r.RevokedBefore = s.r.CreatedAt.Add(-ago)
		if strings.Contains(card(&s.r, s.v).Text, "⚠") {
			t.Errorf("a revoke %s ago is still a warning", ago)
		}
	}
}
