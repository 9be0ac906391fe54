package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// cardsJudge asks whether the card in Slack shows what the rows say.
type cardsJudge struct{ complaints }

// posted is what the approvers' channel shows of a request.
type posted struct {
	message slacktest.Message
	found   bool
	others  int // further messages with buttons for the request
}

// cardWords identify the state of a card, which shows exactly one of them.
var cardWords = map[bot.State][]string{
	bot.Pending:       {"Nothing is revoked yet.", "Nothing is revoked for this request yet.", "This is a drill"},
	bot.Approved:      {"waiting for its turn", "asking Microsoft Entra", "waiting to ask Microsoft Entra", "held back by a freeze", "approved, but not carried out yet"},
	bot.Executing:     {"asking Microsoft Entra"},
	bot.Unknown:       {"not known yet whether"},
	bot.Revoked:       {"Reading the account to verify it"},
	bot.Verified:      {"Verified in Entra: sessions from before"},
	bot.NotVisibleYet: {"Not visible in the account yet", "Entra still counts sessions from", "For a guest, that says nothing"},
	bot.Unreachable:   {"I could not read the account since", "I cannot read it now"},
	bot.Failed: {"I could not reach Microsoft.", "Microsoft refused.", "Microsoft asked the bot to wait",
		"Microsoft did not take the call.", "I could not make the call.", "not tried again."},
	bot.Drilled:   {"rehearsed. Nothing"},
	bot.Denied:    {"denied by"},
	bot.Cancelled: {"cancelled the request"},
	bot.Expired:   {"nobody decided in", "approvals came in"},
	bot.Lost:      {"not known whether", "not known what became of this rehearsal"},
	bot.Void:      {"Changed since the card was made", "An approval no longer counts"},
}

// card compares what Slack shows with the history.
func (j cardsJudge) card(p *tracked, shown posted) {
	if !shown.found {
		j.complain(p, "it has no card")
		return
	}
	text, buttons := shown.message.Plain(), shown.message.Buttons()
	shows := func(words string) bool { return strings.Contains(text, words) }
	if !shows(p.id) || !slices.ContainsFunc(cardWords[p.state], shows) {
		j.complain(p, "it is %s, and its card says:\n%s", p.state, text)
	}
	doubtful := p.rows["unmoved_told"] > 0 && p.state != bot.Verified
	if doubtful != shows("Treat it as not done") || doubtful && shows("are revoked") {
		j.complain(p, "it is %s, people know that nothing has moved: %v, and its card says:\n%s", p.state, doubtful, text)
	}
	if p.drill != shows("DRILL") {
		j.complain(p, "drill %v, and its card says:\n%s", p.drill, text)
	}
	more := len(p.approvals)+1 < p.need // others must approve after the next one
	retry := p.state == bot.Failed || p.state == bot.Unknown
	may := map[string]bool{
		bot.ActionConfirm:      p.state == bot.Pending && !more,
		bot.ActionApprove:      p.state == bot.Pending && more,
		bot.ActionDeny:         p.state == bot.Pending || p.state == bot.Approved,
		bot.ActionRetry:        retry,
		bot.ActionApproveRetry: retry,
		bot.ActionDetails:      true,
	}
	for _, b := range buttons {
		if !may[b.ActionID] || b.Value != p.id {
			j.complain(p, "it is %s, and its card has the button %s for %s", p.state, b.ActionID, b.Value)
		}
	}
	if p.state == bot.Pending && len(buttons) < 2 {
		j.complain(p, "it is pending, and its card has %d buttons", len(buttons))
	}
	if shown.others > 0 {
		j.complain(p, "it has %d more cards with buttons", shown.others)
	}
}

func TestCardsJudge(t *testing.T) {
	card := func(text string, actions ...string) slacktest.Message {
		var buttons []string
		for _, action := range actions {
			buttons = append(buttons, fmt.Sprintf(`{"type": "button", "action_id": %q, "value": "REQ-A"}`, action))
		}
		return slacktest.Message{Text: text, Blocks: fmt.Appendf(nil, `[{"type": "actions", "elements": [%s]}]`, strings.Join(buttons, ","))}
	}
	confirm := card("", bot.ActionConfirm)
	pending := card("REQ-A Nothing is revoked yet.", bot.ActionConfirm, bot.ActionDeny)
	denied, unmoved := card("REQ-A denied by Alice"), card("REQ-A Not visible in the account yet")
	for name, x := range map[string]struct {
		state   bot.State
		message slacktest.Message
		forbid  func(*tracked, *posted)
		says    string
	}{
		"no card":       {bot.Denied, denied, func(_ *tracked, c *posted) { c.found = false }, "it has no card"},
		"state":         {bot.Denied, denied, func(p *tracked, _ *posted) { p.state = bot.Expired }, "it is expired, and its card says"},
		"another's":     {bot.Denied, denied, func(_ *tracked, c *posted) { c.message.Text = "REQ-B denied by Alice" }, "its card says"},
		"drill":         {bot.Denied, denied, func(p *tracked, _ *posted) { p.drill = true }, "drill true"},
		"more cards":    {bot.Denied, denied, func(_ *tracked, c *posted) { c.others = 1 }, "1 more cards"},
		"button":        {bot.Denied, denied, func(_ *tracked, c *posted) { c.message.Blocks = confirm.Blocks }, "button request.confirm"},
		"few buttons":   {bot.Pending, pending, func(_ *tracked, c *posted) { c.message.Blocks = nil }, "0 buttons"},
		"nothing moved": {bot.NotVisibleYet, unmoved, func(p *tracked, _ *posted) { p.rows["unmoved_told"] = 1 }, "nothing has moved: true"},
	} {
		t.Run(name, func(t *testing.T) {
			j, p, shown := newJudges(), newStep("requested", "BOB").request, posted{x.message, true, 0}
			p.state = x.state
			j.cards.card(p, shown)
			wantNothing(t, j)
			x.forbid(p, &shown)
			j.cards.card(p, shown)
			wantComplaint(t, j, "cards: REQ-A: ", x.says)
		})
	}
}
