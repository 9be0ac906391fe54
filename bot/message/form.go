package message

import (
	"cmp"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// Modal is Slack's type for a form.
type Modal = slack.ModalViewRequest

// FormError is what is wrong with a submitted form.
type FormError struct {
	// Block is the block_id of the field; "" if it concerns no field.
	Block string
	// Words are our own. Slack shows the text and the blocks of a form, but no buttons.
	Words bot.Message
	// Head is the first sentence in place of "Not sent yet."; empty for that.
	Head string
}

// DenyForm is the modal that asks an approver for the reason of a denial. It carries
// only the ID of the stored click.
func DenyForm(r *bot.Request, arrival int64) Modal {
	return DenyFormAgain(r, bot.FormMetadata{Opened: arrival}, "", nil)
}

// DenyFormAgain is the DenyForm with the reason that was typed, and why nothing is denied
// yet.
func DenyFormAgain(r *bot.Request, meta bot.FormMetadata, reason string, wrong *FormError) Modal {
	why := textInput("Bob is holding the phone in his hand", bot.FormReasonAction, reason, bot.MaxReason)
	hint := plainText("The person who asked reads this. It is also on the card.")
	input := slack.NewInputBlock(bot.FormReasonBlock, plainText("Why not?"), hint, why)
	input.Optional = true
	p := &page{}
	p.add(begin(r).say("Deny %s about ", r.ID).typed(r.Name()).say("? Nothing will be revoked."))
	return Modal{
		Type: slack.VTModal, CallbackID: bot.DenyCallback, PrivateMetadata: meta.String(),
		Title: formTitle(bot.DenyCallback), Submit: plainText("Deny"), Close: plainText("Go back"),
		Blocks: withError("Not denied yet.", wrong, append(p.blocks(), input)),
	}
}

// maxHint is Slack's limit for an input's hint, in characters.
// https://docs.slack.dev/reference/block-kit/blocks/input-block
const maxHint = 2000

// FormFor is the modal for a request, filled in, with what is wrong with it, if anything.
// It asks for an account in place of a person if one was typed: Slack can offer no
// account outside Slack.
func FormFor(meta bot.FormMetadata, f bot.Filled, p *authz.Policy, wrong *FormError) Modal {
	intro := slack.NewRichTextBlock("", slack.NewRichTextSection(slack.NewRichTextSectionTextElement(
		"Lost your own device? Choose yourself. Sending this revokes nothing.", nil)))
	blocks := []slack.Block{intro}
	if f.Link != "" {
		page := &page{}
		page.add((&line{}).bold("Message: ").link(f.Link, "the message you chose"))
		blocks = append(blocks, page.blocks()...)
	}
	blocks = append(blocks, targetInput(f), reasonInput(f, p))
	return Modal{
		Type:            slack.VTModal,
		CallbackID:      bot.FormCallback,
		Title:           formTitle(bot.FormCallback),
		Submit:          plainText("Send"),
		Close:           plainText("Close"),
		PrivateMetadata: meta.String(),
		Blocks:          withError("Not sent yet.", wrong, blocks),
	}
}

// FormNote is what a form says that opened because a command was not understood, or nil.
func FormNote(c bot.Command) *FormError {
	p := &page{}
	switch {
	case c.Several:
		p.add((&line{}).say("You named several people, and one form is for one person. Please choose the person."))
		return &FormError{Block: bot.FormTargetBlock, Words: p.message()}
	case c.After != "":
		note := afterVerb[c.After]
		p.add((&line{}).say("%s", note.then))
		return &FormError{Head: note.head, Words: p.message()}
	case c.Unknown != "":
		p.add((&line{}).say("I can't tell who “").typed(c.Unknown).say("” is. Please choose the person. Not in Slack? Type `/revoke-sessions name@example.com`."))
		return &FormError{Block: bot.FormTargetBlock, Words: p.message()}
	}
	return nil
}

// afterVerb says what a verb takes, after it was typed with other words.
var afterVerb = map[bot.Verb]struct{ head, then string }{
	bot.HelpVerb:     {"Lost a device? Send this form.", "`/revoke-sessions help` alone lists the commands."},
	bot.StatusVerb:   {"Lost a device? Send this form.", "`/revoke-sessions status` alone lists what is open."},
	bot.CancelVerb:   {"This form makes a new report.", "To take one back, type `/revoke-sessions cancel REQ-…`, with its ID."},
	bot.DrillVerb:    {"This form asks for a real revoke.", "For a rehearsal, type `/revoke-sessions drill @name`."},
	bot.UnfreezeVerb: {"This form makes a new report.", "To ask for the end of a freeze, type `/revoke-sessions unfreeze` alone."},
}

// NobodyChosen is what the form says if nobody can tell who a message is about.
func NobodyChosen() *FormError {
	return &FormError{Block: bot.FormTargetBlock, Words: Note("I can't tell who this message is about. Please choose the person.")}
}

func targetInput(f bot.Filled) *slack.InputBlock {
	if f.Account != "" {
		account := textInput("bob@contoso.com", bot.FormAccountAction, bot.CutRunes(f.Account, bot.MaxAddress), bot.MaxAddress)
		return slack.NewInputBlock(bot.FormAccountBlock, plainText("Whose sessions? (required)"),
			plainText("A user principal name, an e-mail address or an object ID."), account)
	}
	who := slack.NewOptionsSelectBlockElement(slack.OptTypeUser, plainText("Choose a person"), bot.FormTargetAction)
	if bot.SlackUser.MatchString(f.PickedUser) {
		who.InitialUser = f.PickedUser
	}
	return slack.NewInputBlock(bot.FormTargetBlock, plainText("Whose sessions? (required)"), nil, who)
}

// reasonInput demands a reason where both lanes do. Who is meant is not known yet, and so
// neither is the lane.
func reasonInput(f bot.Filled, p *authz.Policy) *slack.InputBlock {
	why := textInput("Lost my phone on the train", bot.FormReasonAction, f.Reason, bot.MaxReason)
	own, other := needsReason(p.Self), needsReason(p.ThirdParty)
	label := "What happened?"
	if own && other {
		label += " (required)"
	}
	hint := []string{"The approvers read this."}
	if p.Self.Ticket != nil && p.ThirdParty.Ticket != nil && p.Self.Ticket.String() == p.ThirdParty.Ticket.String() {
		hint = append(hint, "Name a ticket"+ticketLike(p.Self).plain()+".")
	} else {
		hint = append(append(hint, demands(p.Self, "your own device", other)...), demands(p.ThirdParty, "somebody else", own)...)
	}
	input := slack.NewInputBlock(bot.FormReasonBlock, plainText(label), plainText(bot.CutRunes(strings.Join(hint, " "), maxHint)), why)
	input.Optional = !own || !other
	return input
}

// demands says what one lane demands of a reason, unless the label says it of both.
func demands(rule authz.Rule, about string, label bool) []string {
	switch {
	case rule.Ticket != nil:
		return []string{"For " + about + ", name a ticket" + ticketLike(rule).plain() + "."}
	case rule.ReasonRequired && !label:
		return []string{"It is required for " + about + "."}
	}
	return nil
}

func needsReason(rule authz.Rule) bool { return rule.ReasonRequired || rule.Ticket != nil }

func textInput(placeholder, actionID, value string, limit int) *slack.PlainTextInputBlockElement {
	e := slack.NewPlainTextInputBlockElement(plainText(placeholder), actionID)
	e.MaxLength, e.InitialValue = limit, value
	return e
}

// formTitles are the titles of the forms, which the answers keep.
var formTitles = map[string]string{
	bot.FormCallback: "Revoke sessions", bot.DenyCallback: "Deny the request", bot.UnfreezeCallback: "Freeze", bot.CancelCallback: "Cancel",
}

func formTitle(callback string) *slack.TextBlockObject { return plainText(formTitles[callback]) }

// withError puts an error right after its field, or first if it concerns none. not says
// what has not happened.
func withError(not string, wrong *FormError, blocks []slack.Block) slack.Blocks {
	if wrong == nil {
		return slack.Blocks{BlockSet: blocks}
	}
	p := &page{}
	p.add((&line{}).say("⚠ ").bold("%s", cmp.Or(wrong.Head, not)))
	says := append(p.blocks(), withoutButtons(wrong.Words)...)
	at := 0
	for i, b := range blocks {
		if input, ok := b.(*slack.InputBlock); ok && input.BlockID == wrong.Block {
			at = i + 1
		}
	}
	return slack.Blocks{BlockSet: slices.Insert(slices.Clone(blocks), at, says...)}
}

// withoutButtons leaves out the buttons: a click in a modal is no click on a message, and
// listen drops it.
func withoutButtons(m bot.Message) []slack.Block {
	return slices.DeleteFunc(blocksOf(m), func(b slack.Block) bool { return b.BlockType() == slack.MBTAction })
}

// FormChecking takes the place of a submitted form until its answer is known. name is its
// external_id. It is small, as it goes with the ack. Its last sentence is for a bot that
// dies before the answer.
func FormChecking(callback, name string) Modal {
	p := &page{}
	p.add((&line{}).say("⏳ ").bold("Checking…"))
	p.add((&line{}).say("The answer comes here in a few seconds. If it does not, `/revoke-sessions status` lists what is open."))
	view := formSays(callback, p.blocks())
	view.ExternalID = name
	return view
}

// FormAnswer takes the place of a submitted form: the message, and nothing to fill in.
func FormAnswer(callback string, m bot.Message) Modal { return formSays(callback, withoutButtons(m)) }

func formSays(callback string, blocks []slack.Block) Modal {
	m := closable(formTitles[callback], blocks)
	m.CallbackID = callback
	return m
}

// closable is a modal without fields to fill in.
func closable(title string, blocks []slack.Block) Modal {
	return Modal{Type: slack.VTModal, Title: plainText(title), Close: plainText("Close"), Blocks: slack.Blocks{BlockSet: blocks}}
}

// FormNotOpened answers somebody whose form did not open; with unsure, it may have opened.
// tooOften means that Slack asked the bot to wait. The buttons open the form, filled in
// with what the stored arrival holds; typed means that it holds a reason.
func FormNotOpened(unsure, tooOften, typed bool, arrival int64) bot.Message {
	says := "The form did not open. Nothing was sent."
	switch {
	case tooOften:
		says = "Slack asked the bot to wait, so the form did not open. Nothing was sent."
	case unsure:
		says = "I don't know whether the form opened. If you don't see it, press a button."
	}
	keeps := "."
	if typed {
		keeps = " with what you typed."
	}
	p := &page{}
	p.add((&line{}).say("%s Whose device is it? A button opens the form%s", says, keeps))
	if tooOften {
		p.add((&line{}).say("Commands work without a form. %s", bot.TypeInstead))
	}
	value := bot.FormMetadata{Opened: arrival}.String()
	p.buttons(
		button(bot.ActionFormOwn, "It's my own device", value, slack.StyleDefault),
		button(bot.ActionFormOther, "Somebody else's…", value, slack.StyleDefault),
	)
	return p.message()
}

// NotYourButton answers a press of Open the form by somebody else than who typed.
func NotYourButton() bot.Message {
	return Note("This button belongs to a command that is not yours, so no form opened. %s", bot.TypeInstead)
}

// DenyFormTooOld answers a form for the reason of a Deny whose click is not stored any more.
func DenyFormTooOld() bot.Message {
	return Note("This form is too old, so nothing was denied. Press Deny on the card again.")
}

// UpdateAck is the ack of a form that replaces it.
func UpdateAck(view Modal) any { return slack.NewUpdateViewSubmissionResponse(&view) }

// ErrorsAck is the ack of a form that shows an error under a field. Slack shows plain text
// there.
func ErrorsAck(e FormError) any {
	return slack.NewErrorsViewSubmissionResponse(map[string]string{e.Block: bot.CutRunes(wordsOf(e.Words), maxFormError)})
}

// maxFormError keeps the ack small: a pattern of the policy may be long.
const maxFormError = 300

// wordsOf are the words of a message of one paragraph.
func wordsOf(m bot.Message) string {
	var words strings.Builder
	for _, b := range blocksOf(m) {
		text, ok := b.(*slack.RichTextBlock)
		if !ok {
			continue
		}
		for _, section := range text.Elements {
			s, ok := section.(*slack.RichTextSection)
			if !ok {
				continue
			}
			for _, e := range s.Elements {
				if t, ok := e.(*slack.RichTextSectionTextElement); ok {
					words.WriteString(t.Text)
				}
			}
		}
	}
	return words.String()
}

// What is wrong with a form that nobody must be looked up for.

// ReasonMissing, TicketMissing, ReasonTooLong, TargetMissing and AccountUnclear say it
// under a field.
func ReasonMissing() bot.Message { return Note("Please say what happened.") }

// TicketMissing shows what a ticket looks like in this lane.
func TicketMissing(rule authz.Rule) bot.Message {
	p := &page{}
	p.add((&line{}).say("Please name a ticket").join(ticketLike(rule)).say("."))
	return p.message()
}

// ReasonTooLong says how long a reason may be.
func ReasonTooLong() bot.Message { return Note("At most %d characters, please.", bot.MaxReason) }

// TargetMissing asks for a person.
func TargetMissing() bot.Message { return Note("Please choose a person.") }

// AccountUnclear asks for an account.
func AccountUnclear() bot.Message {
	return Note("Please give one user principal name, e-mail address or object ID.")
}

// Sent answers a form that has led to a request before. id is empty if it is not known
// any more.
func Sent(id string) bot.Message {
	if id == "" {
		return Note("You sent this form before, so it was not sent again. `/revoke-sessions status` lists what is open.")
	}
	return Note("You sent this form before: it led to %s, and was not sent again. `/revoke-sessions status %s` says how that goes on.", id, id)
}

// EndedInForm answers the form by which the reader has denied or cancelled a request.
func EndedInForm(r *bot.Request) bot.Message {
	p := &page{}
	did := "denied"
	if r.State == bot.Cancelled {
		did = "cancelled"
	}
	p.add(markAs(r, signEnded).bold("You %s %s.", did, r.ID).say(" %s", nothingDone(r)))
	return p.message()
}

// TypedIsGone opens the form if what was typed was erased.
func TypedIsGone() *FormError {
	return &FormError{Words: Note("What you typed was erased after %s. Please fill in the form.", Spell(bot.TypedLife))}
}

// FormButton adds a button to a private answer. It opens the form, filled in with what
// the stored arrival holds. The value names the arrival and gives no right: only the
// person who typed it may open it.
func FormButton(m bot.Message, arrival int64) bot.Message {
	p := &page{}
	p.buttons(button(bot.ActionForm, "Open the form", bot.FormMetadata{Opened: arrival}.String(), slack.StyleDefault))
	m.Blocks = encoded(append(blocksOf(m), p.blocks()...))
	return m
}
