package message

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

// strict is a policy whose lanes demand the same ticket.
func strict() *authz.Policy {
	p := authz.New(bottest.Alice)
	rule := authz.Rule{Approvals: 1, ReasonRequired: true, Ticket: regexp.MustCompile(`INC-[0-9]+`)}
	p.Self, p.ThirdParty = rule, rule
	return &p
}

// goldenView is a modal in a golden file.
type goldenView struct {
	Name string `json:"name"`
	View Modal  `json:"view"`
}

// formViews are all modals of the forms in their variants, with typed in every field.
func formViews(typed string) []goldenView {
	s := newScene("form", bot.Pending)
	cancelled := newScene("cancelled form", bot.Cancelled)
	s.r.Words.DisplayName = bot.Clean(typed, bot.MaxName)
	meta := bot.FormMetadata{Opened: 42, Refused: 57}
	picked := bot.Filled{PickedUser: bottest.Carol, Reason: bot.FieldText(typed)}
	account := bot.Filled{Account: "carol@contoso.example", Reason: bot.FieldText(typed)}
	fromMessage := bot.Filled{PickedUser: bottest.Carol, Link: bottest.Alert}
	nobody := bot.Filled{Reason: bot.FieldText(typed)}
	differ := authz.New(bottest.Alice)
	differ.ThirdParty.ReasonRequired, differ.ThirdParty.Ticket = true, regexp.MustCompile(`INC-[0-9]+`)
	required := authz.New(bottest.Alice)
	required.Self.ReasonRequired, required.ThirdParty.ReasonRequired = true, true
	refused := func(block string, reason authz.Reason) *FormError {
		return &FormError{Block: block, Words: Refusal(reason, &s.r, s.v)}
	}
	return []goldenView{
		{"one ticket in both lanes", FormFor(bot.FormMetadata{Opened: 42}, picked, strict(), nil)},
		{"a reason in both lanes", FormFor(bot.FormMetadata{Opened: 42}, bot.Filled{PickedUser: bottest.Bob}, &required, nil)},
		{"a ticket in one lane", FormFor(bot.FormMetadata{Opened: 42}, account, &differ, nil)},
		{"nobody picked", FormFor(bot.FormMetadata{Opened: 42}, bot.Filled{Reason: bot.FieldText(typed)}, &differ, nil)},
		{"typed text is gone", FormFor(bot.FormMetadata{Opened: 42}, bot.Filled{PickedUser: bottest.Bob}, &differ, TypedIsGone())},
		{"refused for the target", FormFor(meta, picked, &differ, refused(bot.FormTargetBlock, authz.TargetProtected))},
		{"refused for the account", FormFor(meta, account, &differ, refused(bot.FormAccountBlock, bot.OwnAccount))},
		{"refused for the reason", FormFor(meta, picked, &differ, refused(bot.FormReasonBlock, authz.TicketRequired))},
		{"refused for no field", FormFor(meta, picked, &differ, refused("", bot.LookupFailed))},
		{"from a message", FormFor(bot.FormMetadata{Opened: 42}, fromMessage, &differ, nil)},
		{"from a message about nobody", FormFor(bot.FormMetadata{Opened: 42}, bot.Filled{Link: fromMessage.Link}, &differ, NobodyChosen())},
		{"a name nobody has", FormFor(bot.FormMetadata{Opened: 42}, nobody, &differ, FormNote(bot.Command{Verb: bot.FormVerb, Unknown: bot.Clean(typed, 40)}))},
		{"several people", FormFor(bot.FormMetadata{Opened: 42}, nobody, &differ, FormNote(bot.Command{Verb: bot.FormVerb, Several: true}))},
		{"after help", FormFor(bot.FormMetadata{Opened: 42}, nobody, &differ, FormNote(bot.Command{Verb: bot.FormVerb, After: bot.HelpVerb}))},
		{"after status", FormFor(bot.FormMetadata{Opened: 42}, nobody, &differ, FormNote(bot.Command{Verb: bot.FormVerb, After: bot.StatusVerb}))},
		{"after cancel", FormFor(bot.FormMetadata{Opened: 42}, nobody, &differ, FormNote(bot.Command{Verb: bot.FormVerb, After: bot.CancelVerb}))},
		{"after drill", FormFor(bot.FormMetadata{Opened: 42}, nobody, &differ, FormNote(bot.Command{Verb: bot.FormVerb, After: bot.DrillVerb}))},
		{"after unfreeze", FormFor(bot.FormMetadata{Opened: 42}, nobody, &differ, FormNote(bot.Command{Verb: bot.FormVerb, After: bot.UnfreezeVerb}))},
		{"cancel, checking", FormChecking(bot.CancelCallback, "checking-3")},
		{"checking", FormChecking(bot.FormCallback, "checking-1")},
		{"received", FormAnswer(bot.FormCallback, Received(&s.r, s.v))},
		{"joined", FormAnswer(bot.FormCallback, Joined(&s.r, s.v, bottest.Erin, true))},
		{"sent before", FormAnswer(bot.FormCallback, Sent(s.r.ID))},
		{"sent before, long ago", FormAnswer(bot.FormCallback, Sent(""))},
		{"deny", DenyForm(&s.r, 42)},
		{"deny again", DenyFormAgain(&s.r, meta, bot.FieldText(typed), refused("", bot.LookupFailed))},
		{"deny, checking", FormChecking(bot.DenyCallback, "checking-2")},
		{"denied", FormAnswer(bot.DenyCallback, EndedInForm(&s.r))},
		{"cancelled", FormAnswer(bot.CancelCallback, EndedInForm(&cancelled.r))},
	}
}

// Slack opens each form, and puts each in the place of another.
func TestForms_SlackTakesEach(t *testing.T) {
	s := bottest.PostedAll(t)
	a := connected(t, s)
	texts := map[string]string{"ordinary": "stolen laptop", "none": ""}
	for name, text := range bottest.Hostile {
		texts[name] = text
	}
	for name, text := range texts {
		for _, v := range formViews(text) {
			trigger, _ := bottest.Typed(t, s, bottest.Bob, "")
			id, err := a.OpenForm(bottest.Deadline(t), bot.Secret(trigger), v.View)
			if err != nil {
				t.Fatalf("open %s, %s: %v", v.Name, name, explain(err))
			}
			if err := a.UpdateForm(bottest.Deadline(t), id, v.View); err != nil {
				t.Errorf("update %s, %s: %v", v.Name, name, explain(err))
			}
		}
	}
}

// What people typed and directories say is text without format in a form, too: in rich
// text, or plain text without emoji.
func TestForms_HostileTextStaysInert(t *testing.T) {
	for name, text := range bottest.Hostile {
		for _, v := range formViews(text) {
			for _, b := range v.View.Blocks.BlockSet {
				switch b := b.(type) {
				case *slack.RichTextBlock:
					checkInertRichText(t, name+", "+v.Name, b)
				case *slack.InputBlock:
					for _, text := range []*slack.TextBlockObject{b.Label, b.Hint} {
						if text != nil && (text.Type != slack.PlainTextType || text.Emoji == nil || *text.Emoji) {
							t.Errorf("%s, %s: %q is no plain text without emoji", name, v.Name, text.Text)
						}
					}
				default:
					t.Errorf("%s, %s: a block of type %s", name, v.Name, b.BlockType())
				}
			}
		}
	}
}

func checkInertRichText(t *testing.T, where string, b *slack.RichTextBlock) {
	t.Helper()
	known := map[string]bool{bottest.Alice: true, bottest.Dave: true, bottest.Carol: true}
	raw, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range elementsOf(t, bot.Message{Blocks: json.RawMessage("[" + string(raw) + "]")}) {
		if e.UserID != "" && !known[e.UserID] || e.URL != "" && e.URL != bottest.LiveCard && e.URL != bottest.Alert {
			t.Errorf("%s mentions or links %s%s", where, e.UserID, e.URL)
		}
		if e.formats(t)["code"] && !strings.HasPrefix(strings.TrimPrefix(e.Text, "/")+" ", "revoke-sessions ") {
			t.Errorf("%s shows %q as code", where, e.Text)
		}
		if strings.ContainsAny(e.Text, "\n\r\t\x00\x1b\u202e\u2066\u200b") {
			t.Errorf("%s holds %q", where, e.Text)
		}
	}
}

// An error stands right after its field; one of no field stands first. The fields hold what
// was typed, and no button stands in a form.
func TestFormFor_ErrorIsNextToItsField(t *testing.T) {
	withButton := FormButton(Note("Not so."), 7)
	for block, want := range map[string]string{
		"":                   "rich_text rich_text rich_text target reason",
		bot.FormTargetBlock:  "rich_text target rich_text rich_text reason",
		bot.FormReasonBlock:  "rich_text target reason rich_text rich_text",
		bot.FormAccountBlock: "rich_text rich_text rich_text target reason", // the form has no such field
	} {
		view := FormFor(bot.FormMetadata{Opened: 42, Refused: 57}, bot.Filled{PickedUser: bottest.Carol, Reason: "stolen"}, strict(),
			&FormError{Block: block, Words: withButton})
		var got []string
		for _, b := range view.Blocks.BlockSet {
			if input, ok := b.(*slack.InputBlock); ok {
				got = append(got, input.BlockID)
			} else {
				got = append(got, string(b.BlockType()))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("error of %q: %s, want %s", block, strings.Join(got, " "), want)
		}
		text, _ := json.Marshal(view)
		if !strings.Contains(string(text), `"initial_value":"stolen"`) || !strings.Contains(string(text), `"initial_user":"`+bottest.Carol+`"`) {
			t.Errorf("the form has lost what was typed: %s", text)
		}
		if view.PrivateMetadata != "42 57" {
			t.Errorf("metadata %q", view.PrivateMetadata)
		}
	}
}

// A reason is demanded, and the label says so, only where both lanes demand it.
func TestFormFor_RequiredWhereBothLanesAgree(t *testing.T) {
	ticket := regexp.MustCompile("INC")
	for name, test := range map[string]struct {
		own, other authz.Rule
		required   bool
	}{
		"neither":              {},
		"one":                  {authz.Rule{ReasonRequired: true}, authz.Rule{}, false},
		"the other":            {authz.Rule{}, authz.Rule{ReasonRequired: true}, false},
		"both":                 {authz.Rule{ReasonRequired: true}, authz.Rule{ReasonRequired: true}, true},
		"a reason, a ticket":   {authz.Rule{ReasonRequired: true}, authz.Rule{Ticket: ticket}, true},
		"a ticket of one lane": {authz.Rule{Ticket: ticket}, authz.Rule{}, false},
	} {
		p := authz.Policy{Self: test.own, ThirdParty: test.other}
		input := FormFor(bot.FormMetadata{Opened: 1}, bot.Filled{PickedUser: bottest.Bob}, &p, nil).Blocks.BlockSet[2].(*slack.InputBlock)
		if input.Optional == test.required || strings.HasSuffix(input.Label.Text, "(required)") != test.required {
			t.Errorf("%s: optional %v, label %q", name, input.Optional, input.Label.Text)
		}
	}
}

// Each form that listen reads has the field at which it shows an error without a look.
func TestForms_HaveTheBlockForErrors(t *testing.T) {
	forms := map[string][]Modal{}
	for _, v := range formViews("x") {
		if v.View.Submit != nil {
			forms[v.View.CallbackID] = append(forms[v.View.CallbackID], v.View)
		}
	}
	for callback, block := range bot.FormErrorBlocks {
		if block != "" && len(forms[callback]) == 0 || formTitles[callback] == "" {
			t.Errorf("no form %s, or no title", callback)
		}
		for _, view := range forms[callback] {
			found := false
			for _, b := range view.Blocks.BlockSet {
				input, ok := b.(*slack.InputBlock)
				found = found || ok && input.BlockID == block
			}
			if block != "" && !found {
				t.Errorf("a form %s has no field %s", callback, block)
			}
		}
	}
}

// slack-go sends no ack of 20,480 bytes or more.
func TestAcks_AreSmall(t *testing.T) {
	rule := authz.Rule{Ticket: regexp.MustCompile(strings.Repeat("é", 5000))}
	for name, ack := range map[string]any{
		"errors": ErrorsAck(FormError{Block: bot.FormReasonBlock, Words: TicketMissing(rule)}), "checking": UpdateAck(FormChecking(bot.FormCallback, "checking-1")),
	} {
		text, err := json.Marshal(ack)
		if err != nil || len(text) > 2000 {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
	text, _ := json.Marshal(ErrorsAck(FormError{Block: bot.FormReasonBlock, Words: TicketMissing(strict().Self)}))
	if want := `{"response_action":"errors","errors":{"reason":"Please name a ticket (it must match INC-[0-9]+)."}}`; string(text) != want {
		t.Errorf("ack %s, want %s", text, want)
	}
}

// The button carries a number and nothing that was typed.
func TestFormButton(t *testing.T) {
	m := FormButton(Usage(&bot.UsageError{Problem: "I do not understand \"<@U0VICTIM>\".", Instead: bot.TypeInstead}), 17)
	b := buttonsOf(t, m)
	if len(b) != 1 || b[0].ActionID != bot.ActionForm || b[0].Value != "17" || b[0].Confirm != nil {
		t.Errorf("%+v", b)
	}
	s := bottest.PostedAll(t)
	postAndEdit(t, connected(t, s), saying{key: "usage", m: m})
}
