package intake

import (
	"context"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
)

// shortcut opens the form: about the person who ran it, or about the person to whom the
// message points. Nobody is looked up for it; the submission is.
func (h *Handler) shortcut(ctx context.Context, a act) error {
	filled, ok := bot.FilledFrom(a.Arrival)
	if !ok { // of a version of the bot that is not this one
		return h.reply(ctx, a, message.OtherVersions())
	}
	filled.Link = h.cfg.Home.SourceLink(sourceOf(a.Arrival))
	var note *message.FormError
	if filled.PickedUser == "" {
		note = message.NobodyChosen()
	}
	return h.openForm(ctx, a, a.ID, filled, note)
}
