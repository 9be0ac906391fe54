package message

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// HomeTab is Slack's type for a Home tab.
type HomeTab = slack.HomeTabViewRequest

// HomeContent is what one person may see in their Home tab. It shows nothing that is over:
// the reader may be somebody who found the phone.
type HomeContent struct {
	// View holds the emergency way, the time and the freeze.
	View View
	// Reports means that the reader may report a lost device. Without it the tab shows
	// the emergency way only.
	Reports bool
	// NotRead means that it could not be looked up who the reader is.
	NotRead bool
	// Own are the reader's open requests. MoreOwn means that there may be others.
	Own     []OpenRequest
	MoreOwn bool
	// Approver means that the reader is an approver. Unsure means that it could not be looked
	// up whether they are one.
	Approver, Unsure bool
	// Closed means that the tab is published for the last time until it is opened again.
	Closed bool
	// Waiting are the requests that the reader can decide now, the oldest first. MoreWaiting
	// means that there may be others.
	Waiting     []OpenRequest
	MoreWaiting bool
}

// Home returns a Home tab, and a digest of what it says without the time.
func Home(c HomeContent) (view HomeTab, digest string) {
	p := &page{}
	p.title((&line{}).say("Lost a device?"))
	switch {
	case c.NotRead:
		p.add((&line{}).say("I could not look you up, so I can't show more. I'll try again in a minute. Or type `/revoke-sessions`."))
	case !c.Reports:
		if c.View.Emergency == "" {
			p.add((&line{}).say("I can't take a report from this account."))
		}
	default:
		reportPart(p, c)
	}
	p.add(emergencyWay(c.View))
	switch {
	case c.Approver && c.Closed:
		p.add((&line{}).say("Open this tab again to see what waits for you."))
	case c.Approver:
		approverPart(p, c)
	}
	if c.Reports {
		ownPart(p, c)
	}
	if c.Unsure {
		p.add((&line{}).say("I could not check whether you are an approver, so this shows only what you asked for."))
	}
	sum := sha256.Sum256(encoded(p.blocks()))
	p.small((&line{}).say("As of ").whenExactly(c.View.Now).say(". I update this for %s after you open it.", Spell(bot.HomeLife)))
	p.fit()
	return HomeTab{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: p.blocks()}}, hex.EncodeToString(sum[:])
}

func reportPart(p *page, c HomeContent) {
	p.add((&line{}).say("Report it here. An approver decides. A button only opens a form."))
	p.buttons(
		button(bot.ActionHomeOwn, "I lost a device", "", slack.StyleDanger),
		button(bot.ActionHomeOther, "Report for somebody else", "", slack.StyleDefault),
	)
}

// ownPart lists the reader's open requests without the name of anybody.
func ownPart(p *page, c HomeContent) {
	if len(c.Own) == 0 {
		return
	}
	p.add((&line{}).bold("Your open requests"))
	for _, one := range c.Own {
		p.add(ownLine(one.Request, one.View))
		if one.Request.State != "" && cancellable(one.Request) {
			p.buttons(button(bot.ActionHomeCancel, "Cancel "+what(one.Request)+"…", one.Request.ID, slack.StyleDefault))
		}
	}
	if c.MoreOwn {
		p.add((&line{}).say("There may be more. Type `/revoke-sessions status`."))
	}
}

// ownLine says how one of the reader's requests goes on.
func ownLine(r *bot.Request, v View) *line {
	if r.State == "" {
		return (&line{}).say("%s %s · I can't read this request, so I can't say what became of it. Treat it as not done.", signUnknown, r.ID)
	}
	whose := "your own device"
	if r.Lane == authz.ThirdParty {
		whose = "somebody else's sessions"
	}
	l := mark(r).bold("%s", r.ID).say(" · %s, ", whose).when(r.CreatedAt).say(" · ")
	switch {
	case !r.StalledAt.IsZero():
		return l.say("I can't go on with it now. See my direct message to you.")
	case r.State == bot.Pending && r.OnlySelf():
		return l.say("Waiting for you: press the button in my direct message. %s ", nothingYet(r)).join(ifUndecided(r, &line{}, v))
	case r.State == bot.Pending && !r.CancelAskedAt.IsZero():
		return l.say("You asked to cancel. An approver phones you first. %s ", nothingYet(r)).join(ifUndecided(r, &line{}, v))
	case r.State == bot.Pending:
		return l.say("Waiting for an approver").join(statusCount(r)).say(". %s ", nothingYet(r)).join(ifUndecided(r, &line{}, v))
	case r.State == bot.Approved:
		if v.Freeze != nil {
			return l.say("Approved. It is checked again and carried out when the freeze ends.")
		}
		return l.say("Approved, and not carried out yet.")
	case r.State == bot.Executing && !r.Drill:
		return l.say("Asking Microsoft Entra to revoke the sessions.")
	case r.State == bot.Unknown:
		return l.say("It is not known yet whether the sessions were revoked. I'm checking.")
	}
	return l.say("See my direct message to you.")
}

// approverPart lists what waits for the reader.
func approverPart(p *page, c HomeContent) {
	if c.View.Freeze != nil {
		p.add(frozenLine(c.View.Freeze))
	}
	p.add((&line{}).bold("Waiting for you"))
	var lines []*line
	for _, one := range c.Waiting {
		lines = append(lines, waitingLine(one.Request, one.View))
	}
	p.some(paragraphs, func(n int) *line {
		return (&line{}).say("%d more wait. Type `/revoke-sessions status`.", n)
	}, lines...)
	switch {
	case c.MoreWaiting:
		p.add((&line{}).say("There may be more. Type `/revoke-sessions status`."))
	case len(lines) == 0:
		p.add((&line{}).say("Nothing waits for you."))
	}
}

// waitingLine is one request for somebody who can decide it. The decision is made on the
// card.
func waitingLine(r *bot.Request, v View) *line {
	return statusLine(r, v).say(" ").join(reasonLine(r.Words.Reason))
}

// CancelForm says what cancelling one request does, to the person who asked for it. It
// carries only the ID of the stored press. Without a way to cancel, it has no button.
func CancelForm(r *bot.Request, arrival int64) Modal {
	p := &page{}
	p.add((&line{}).bold("%s", r.ID).say(", made ").when(r.CreatedAt))
	label := "Cancel " + what(r)
	if !cancellable(r) {
		p.add((&line{}).say("This can't be cancelled here any more, so nothing was changed. Type `/revoke-sessions status %s` to read how it goes on.",
			r.ID))
		return closable(label, p.blocks())
	}
	p.add((&line{}).typed(whatCancelDoes(r)))
	return Modal{
		Type: slack.VTModal, CallbackID: bot.CancelCallback, PrivateMetadata: bot.FormMetadata{Opened: arrival}.String(),
		Title: plainText(label), Submit: plainText(label), Close: plainText("Go back"),
		Blocks: slack.Blocks{BlockSet: p.blocks()},
	}
}

// NotYoursToCancel answers a press of Cancel on a request that is not the reader's.
func NotYoursToCancel() Modal {
	p := &page{}
	p.add((&line{}).say("I can't find that request among yours, so nothing was cancelled."))
	return closable("Cancel", p.blocks())
}

// CancelFormTooOld answers the submission of a form whose press is not stored any more.
func CancelFormTooOld() bot.Message {
	return Note("This form is too old, so nothing was cancelled. Open the Home tab again, or type `/revoke-sessions cancel REQ-…`.")
}

// CancelNotOpened answers a press of Cancel in the Home tab whose form did not open; with
// unsure, it may have opened.
func CancelNotOpened(unsure bool) bot.Message {
	if unsure {
		return Note("I don't know whether the form opened. Nothing is cancelled yet. If you see no form, press the button again.")
	}
	return Note("The form did not open. Nothing was cancelled. Press the button again, or type `/revoke-sessions cancel REQ-…`.")
}
