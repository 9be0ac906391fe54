package bot

import (
	"context"
	"errors"
	"strconv"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
)

// statusLimit is how many open requests one answer lists.
const statusLimit = 15

// note is a private answer of one paragraph in our own words.
func note(format string, args ...any) Message {
	p := &page{}
	p.add((&line{}).say(format, args...))
	return p.message()
}

// Help says what can be typed.
func Help(v View) Message {
	p := &page{}
	p.add((&line{}).bold("Lost a device, or seen a stolen account?"))
	p.list(
		(&line{}).say("`/revoke-sessions me lost my phone` — report your own device"),
		(&line{}).say("`/revoke-sessions @name stolen laptop` — ask for someone else; an e-mail address, user principal name or object ID works too"),
		(&line{}).say("`/revoke-sessions` — the same as a form"),
		(&line{}).say("`/revoke-sessions status` — what is open; with an ID, one request"),
		(&line{}).say("`/revoke-sessions cancel REQ-…` — take back what you asked for"),
		(&line{}).say("`/revoke-sessions drill @name` — rehearse; nothing is changed"),
		(&line{}).say("`/revoke-sessions freeze reason` — for approvers: hold every revoke back; `unfreeze` ends that"),
	)
	l := (&line{}).say("Approvers decide: ").people(v.Approvers).say(". You read the outcome in a direct message, approvers in the card's thread.")
	if v.Emergency != "" {
		l.say(" Nobody answers? ").typed(v.Emergency)
	}
	p.add(l)
	return p.message()
}

// Usage answers what was not understood. The problem repeats what was typed,
// so it counts as typed text.
func Usage(e *UsageError) Message {
	p := &page{}
	p.add((&line{}).typed(e.Problem).say(" %s", e.Instead))
	return p.message()
}

// Received answers whoever has just made a request.
func Received(r *Request, v View) Message {
	p := &page{}
	l := r.begin().bold("Stored as %s.", r.ID).say(" Nothing has been done yet.")
	if r.onlySelf() {
		l.say(" To end your sessions, press the button in the direct message that I am sending you.")
	} else {
		l.say(" I ask the approvers now, and write to you when they have decided.")
	}
	if v.Emergency != "" {
		l.say(" Nobody answers? ").typed(v.Emergency)
	}
	p.add(l)
	if r.TargetLeft != "" {
		p.add((&line{}).person(r.TargetLeft).say(" is deactivated in Slack. I go by what Slack and the policy still say of the account, and the approvers see which it is."))
	}
	p.add(obstacles(r, v))
	return p.message()
}

// Joined answers whoever asked for what was asked for already.
func Joined(r *Request, v View, slackID string, added bool) Message {
	p := &page{}
	l := r.begin()
	if added {
		l.bold("This was asked for already, so you were added to %s.", r.ID)
	} else {
		l.bold("You asked for this already: %s.", r.ID)
	}
	if r.onlySelf() {
		l.say(" It waits for you: press the button in my direct message. Nothing has been done yet. ")
	} else {
		l.say(" It waits for an approver: ").deciders(v).say(". Nothing has been done yet. ")
	}
	if need := v.Policy.Require(r.matter()); !need.RequesterMayApprove {
		l.say("Whoever asked cannot approve it, too. ")
	}
	if v.CardLink != "" {
		l.link(v.CardLink, "The card").say(".")
	}
	p.add(l)
	p.add(obstacles(r, v))
	if also := r.Words.Also[slackID]; also != "" {
		p.add((&line{}).say("I'm passing on to the approvers what you wrote: ").typed(also))
	}
	return p.message()
}

// CancelAsked answers the account that wants to cancel its own report.
func CancelAsked(r *Request, v View) Message {
	p := &page{}
	p.add(r.begin().bold("I'm asking the approvers to cancel %s.", r.ID).
		say(" It stays open until an approver denies it, because whoever found the device could have asked. They will phone first: ").enders(r, v).
		say(". Your own message says whether I reached them."))
	return p.message()
}

// tellingChannel is all that is known when a step of a freeze is stored. Where the
// channel cannot be posted to, whoever took the step reads that by direct message.
const tellingChannel = " I'm telling the approvers' channel now."

// FrozenNow answers whoever pulled the brake.
func FrozenNow(f *Freeze) Message {
	p := &page{}
	p.add(ends((&line{}).bold("Every revoke is held back now.").say(tellingChannel+" "), f))
	p.add((&line{}).say("You may freeze again %s after it has ended, not before.", spell(authz.Rest)))
	return p.message()
}

// ThawAnswer answers whoever typed unfreeze.
func ThawAnswer(f *Freeze, d authz.Decision) Message {
	if d.Enough() {
		return note("The freeze is over. What was approved before it is checked again now, and goes on where that still holds." + tellingChannel)
	}
	p := &page{}
	p.add((&line{}).say("Noted: %d of %d. The freeze goes on until another approver types `/revoke-sessions unfreeze` too, or ", d.Have, d.Need).when(f.Until).say("." + tellingChannel))
	return p.message()
}

// status answers what is open, or how one request stands. A request is shown
// to those who asked for it and to approvers; to everybody else it does not exist.
func (b *Bot) status(ctx context.Context, a Arrival, id string) error {
	who, err := b.people.who(ctx, a.UserID)
	if err != nil {
		return b.refuseLookup(ctx, a, Entry{Wanted: string(authz.See)}, err, nil)
	}
	// Who is no member, or nobody in particular, is told so instead of "nothing".
	if d := b.check(authz.Ask, who.actor, authz.Matter{}); !d.Allowed {
		return b.refuse(ctx, a, withReason(Entry{Wanted: string(authz.See)}, d.Reason), Refusal(d.Reason, nil, b.viewFor(ctx, a, nil)))
	}
	sees := func(r *Request) authz.Decision {
		return b.check(authz.See, who.actor, r.matter())
	}
	if id != "" {
		r, err := b.store.Request(ctx, id)
		if err != nil && !errors.Is(err, ErrNoRequest) {
			return err
		}
		d := sees(&r)
		if d.Reason == authz.MembershipUnknown { // whether there is such a request or not
			return b.refuseUnsure(ctx, a, Entry{Wanted: string(authz.See), ActorEntraID: who.actor.EntraID}, d.Reason, nil, who)
		}
		if err != nil || !d.Allowed {
			e := Entry{Wanted: string(authz.See), Request: r.ID, ActorEntraID: who.actor.EntraID, Reason: string(UnknownRequest)}
			return b.refuse(ctx, a, e, Refusal(UnknownRequest, nil, b.view(ctx, nil, "")))
		}
		return b.reply(ctx, a, Status(&r, b.statusView(ctx, &r)))
	}
	// Approvers see all that is open, everybody else what they asked for.
	mine := a.UserID
	if sees(&Request{}).Allowed {
		mine = ""
	}
	open, err := b.store.Open(ctx, mine, statusLimit)
	if err != nil {
		return err
	}
	list := OpenList{Own: mine != "", Unsure: sees(&Request{}).Reason == authz.MembershipUnknown, More: len(open) == statusLimit, Freeze: b.view(ctx, nil, "").Freeze}
	for _, r := range open {
		if r.State == "" || sees(&r).Allowed {
			list.All = append(list.All, OpenRequest{&r, b.statusView(ctx, &r)})
		}
	}
	return b.reply(ctx, a, StatusOfAll(list))
}

// statusView is the view of whoever asks how a request stands: they read what is
// in the way of its card, too.
func (b *Bot) statusView(ctx context.Context, r *Request) View {
	v := b.view(ctx, r, b.cardLink(ctx, r.ID))
	v.Shut = b.shutTo(r, v)
	return v
}

// Status is one request as its askers and approvers may read it.
func Status(r *Request, v View) Message {
	p := &page{}
	p.add(statusLine(r, v))
	return p.message()
}

// OpenRequest is one line of a list of what is open. A request whose row cannot be
// read has no State.
type OpenRequest struct {
	Request *Request
	View    View
}

// OpenList is what somebody who asks for it reads of all that is open.
type OpenList struct {
	All []OpenRequest
	// Own: it is only what the reader asked for. Unsure: whether that is so, could not
	// be looked up.
	Own, Unsure bool
	// More: there may be more than these.
	More   bool
	Freeze *Freeze // that is on, or nil
}

// StatusOfAll lists what is open.
func StatusOfAll(list OpenList) Message {
	p := &page{}
	var lines []*line
	for _, one := range list.All {
		if one.Request.State == "" {
			lines = append(lines, (&line{}).bold("%s", one.Request.ID).say(" · I cannot read what is stored of it, so I cannot say what became of it. Treat it as not done."))
		} else {
			lines = append(lines, statusLine(one.Request, one.View))
		}
	}
	p.some(false, func(n int) *line {
		return (&line{}).say("%d more are open; name one with `/revoke-sessions status REQ-…`.", n)
	}, lines...)
	if list.Unsure {
		p.add((&line{}).say("I could not look up whether you are an approver, so this is only what you asked for yourself."))
	}
	switch {
	case len(p.groups) == 0 && !list.Own:
		p.add((&line{}).say("Nothing is open."))
	case len(p.groups) == 0:
		p.add((&line{}).say("Nothing of yours is open."))
	case list.More:
		p.add((&line{}).say("There may be more; name one with `/revoke-sessions status REQ-…`."))
	}
	if list.Freeze != nil {
		p.add(frozenLine(list.Freeze))
	}
	return p.message()
}

func statusLine(r *Request, v View) *line {
	l := r.begin().bold("%s", r.ID).say(" · ").typed(r.name()).say(" · ")
	switch {
	case r.State == Pending:
		waits := "waits for an approver"
		if r.onlySelf() {
			waits = "waits for its owner, or for an approver"
		}
		l.say("%s", waits).join(statusCount(r)).say(". Nothing has been done yet. ").join(ahead(r, &line{}, v)).say(" ").join(refusedHere(v))
	case r.State.Accepted():
		acceptedLine(r, l).say(" ") // the stamps stand on the card only
	default:
		headline(r, l, v).say(" ")
	}
	if v.CardLink != "" {
		l.link(v.CardLink, "Card")
	}
	if !r.StalledAt.IsZero() {
		l.say(" ").join(stalledLine(r))
	}
	return l
}

func statusCount(r *Request) *line {
	if r.Need < 2 {
		return &line{}
	}
	return (&line{}).say(": %d of %d approvals", len(r.Approvals), r.Need)
}

// DenyForm is the modal that asks an approver why not. It carries the ID of
// the stored click and nothing else.
func DenyForm(r *Request, arrival int64) slack.ModalViewRequest {
	why := slack.NewPlainTextInputBlockElement(plainText("Bob is holding the phone in his hand"), FormReasonAction)
	why.MaxLength = maxReason
	reason := slack.NewInputBlock(FormReasonBlock, plainText("Why not?"), plainText("Whoever asked reads this, and it stands on the card."), why)
	reason.Optional = true
	p := &page{}
	p.add(r.begin().say("Deny %s about ", r.ID).typed(r.name()).say("? Nothing will be revoked."))
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: DenyCallback, PrivateMetadata: strconv.FormatInt(arrival, 10),
		Title: plainText("Deny the request"), Submit: plainText("Deny"), Close: plainText("Go back"),
		Blocks: slack.Blocks{BlockSet: append(p.blocks(), reason)},
	}
}

// maxHint is what Slack takes as an input's hint, in characters.
// https://docs.slack.dev/reference/block-kit/blocks/input-block
const maxHint = 2000

// Form is the modal for whoever typed no argument. It carries the ID of the
// stored command and nothing else; the person themself is picked to begin with.
func Form(userID string, arrival int64, p *authz.Policy) slack.ModalViewRequest {
	who := slack.NewOptionsSelectBlockElement(slack.OptTypeUser, plainText("Choose a person"), FormTargetAction)
	who.InitialUser = userID
	why := slack.NewPlainTextInputBlockElement(plainText("Lost my phone on the train"), FormReasonAction)
	why.MaxLength = maxReason
	hint := "The approvers read this."
	if t := p.ThirdParty.Ticket; t != nil {
		hint = cutRunes("The approvers read this. About somebody else it must name a ticket: "+t.String(), maxHint)
	}
	reason := slack.NewInputBlock(FormReasonBlock, plainText("What happened?"), plainText(hint), why)
	// Who is meant, and so which lane's rule holds, is not known yet.
	reason.Optional = !p.Self.ReasonRequired || !p.ThirdParty.ReasonRequired
	return slack.ModalViewRequest{
		Type:            slack.VTModal,
		CallbackID:      FormCallback,
		Title:           plainText("Revoke sessions"),
		Submit:          plainText("Send"),
		Close:           plainText("Close"),
		PrivateMetadata: strconv.FormatInt(arrival, 10),
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewRichTextBlock("", slack.NewRichTextSection(slack.NewRichTextSectionTextElement(
				"Choose yourself if your own device is lost. Nothing is revoked by sending this.", nil))),
			slack.NewInputBlock(FormTargetBlock, plainText("Whose sessions?"), nil, who),
			reason,
		}},
	}
}
