package message

import (
	"strconv"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// Modal is Slack's type for a form.
type Modal = slack.ModalViewRequest

// DenyForm is the modal that asks an approver for the reason of a denial. It carries
// only the ID of the stored click.
func DenyForm(r *bot.Request, arrival int64) Modal {
	why := slack.NewPlainTextInputBlockElement(plainText("Bob is holding the phone in his hand"), bot.FormReasonAction)
	why.MaxLength = bot.MaxReason
	hint := plainText("Whoever asked reads this, and it stands on the card.")
	reason := slack.NewInputBlock(bot.FormReasonBlock, plainText("Why not?"), hint, why)
	reason.Optional = true
	p := &page{}
	p.add(begin(r).say("Deny %s about ", r.ID).typed(r.Name()).say("? Nothing will be revoked."))
	return Modal{
		Type: slack.VTModal, CallbackID: bot.DenyCallback, PrivateMetadata: strconv.FormatInt(arrival, 10),
		Title: plainText("Deny the request"), Submit: plainText("Deny"), Close: plainText("Go back"),
		Blocks: slack.Blocks{BlockSet: append(p.blocks(), reason)},
	}
}

// maxHint is Slack's limit for an input's hint, in characters.
// https://docs.slack.dev/reference/block-kit/blocks/input-block
const maxHint = 2000

// Form is the modal for a command without arguments. It carries only the ID of the
// stored command, and preselects the user.
func Form(userID string, arrival int64, p *authz.Policy) Modal {
	who := slack.NewOptionsSelectBlockElement(slack.OptTypeUser, plainText("Choose a person"), bot.FormTargetAction)
	who.InitialUser = userID
	why := slack.NewPlainTextInputBlockElement(plainText("Lost my phone on the train"), bot.FormReasonAction)
	why.MaxLength = bot.MaxReason
	hint := "The approvers read this."
	if t := p.ThirdParty.Ticket; t != nil {
		hint = bot.CutRunes("The approvers read this. About somebody else it must name a ticket: "+t.String(), maxHint)
	}
	reason := slack.NewInputBlock(bot.FormReasonBlock, plainText("What happened?"), plainText(hint), why)
	// The target is not known yet, and so neither is the lane's rule.
	reason.Optional = !p.Self.ReasonRequired || !p.ThirdParty.ReasonRequired
	return Modal{
		Type:            slack.VTModal,
		CallbackID:      bot.FormCallback,
		Title:           plainText("Revoke sessions"),
		Submit:          plainText("Send"),
		Close:           plainText("Close"),
		PrivateMetadata: strconv.FormatInt(arrival, 10),
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewRichTextBlock("", slack.NewRichTextSection(slack.NewRichTextSectionTextElement(
				"Choose yourself if your own device is lost. Nothing is revoked by sending this.", nil))),
			slack.NewInputBlock(bot.FormTargetBlock, plainText("Whose sessions?"), nil, who),
			reason,
		}},
	}
}
