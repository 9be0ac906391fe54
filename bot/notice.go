package bot

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"revoke-sessions/authz"
)

// frozenLine says on a card that a freeze is on, and how it ends.
func frozenLine(f *Freeze) *line {
	l := (&line{}).say("⚠ ").bold("Frozen by ").person(f.By.SlackID).bold(": no revoke is begun.")
	return ends(l.say(" "), f)
}

// ends says when and how a freeze ends.
func ends(l *line, f *Freeze) *line {
	return l.say("It ends by itself (").when(f.Until).say("), or when enough approvers type `/revoke-sessions unfreeze`.")
}

// because adds what whoever pulled the brake typed.
func (f *Freeze) because(p *page) {
	if f.Reason != "" {
		p.add((&line{}).say("Reason: ").typed(f.Reason))
	}
}

// FrozenNotice tells the channel that the brake was pulled, and mentions all
// approvers.
func FrozenNotice(f *Freeze, v View) Message {
	p := &page{}
	p.add((&line{}).person(f.By.SlackID).bold(" has frozen every revoke.").
		say(" Nothing that was asked for is lost: requests, looking things up and verifying go on, and no request expires. Nobody can confirm anything."))
	f.because(p)
	p.add(ends((&line{}).everyone(v.Approvers).say(", please look. "), f))
	if v.Emergency != "" {
		p.add((&line{}).say("A device is lost meanwhile? ").typed(v.Emergency))
	}
	return p.message()
}

// VoteNotice tells the channel that somebody wants the freeze to end.
func VoteNotice(f *Freeze, d authz.Decision, v View) Message {
	p := &page{}
	p.add((&line{}).person(f.Votes[len(f.Votes)-1].SlackID).say(" asks to end the freeze: %d of %d. It goes on until ", d.Have, d.Need).
		say("another approver types `/revoke-sessions unfreeze` too, or ").when(f.Until).say(". ").people(v.Approvers))
	return p.message()
}

// ThawedNotice tells the channel that the freeze is over.
func ThawedNotice(f *Freeze, d authz.Decision) Message {
	p := &page{}
	l := (&line{}).bold("The freeze is over.")
	if len(f.Votes) > 0 && d.Allowed {
		l.say(" It was asked for by ")
		for i, vote := range f.Votes {
			if i > 0 {
				l.say(", ")
			}
			l.person(vote.SlackID)
		}
		l.say(".")
	} else {
		l.say(" Its time was up.")
	}
	p.add(l.say(" What was approved before it goes on now; everything else waits for a decision again, with the time that was left. Deny what should not go on."))
	return p.message()
}

// CoverageNotice tells the channel that too few approvers could decide, that
// they cannot be read, or that others read along.
func CoverageNotice(problems []string, able int, blind bool, channel ChannelProblem, v View) Message {
	p := &page{}
	var items []*line
	for _, problem := range problems {
		items = append(items, (&line{}).say("%s", problem))
	}
	switch {
	case blind:
		p.add((&line{}).bold("I cannot read a group that the policy names.").say(" Whoever is in it can do nothing here until this is mended:"))
	case len(problems) > 0:
		p.add((&line{}).bold("Too few approvers: I know of %d who could decide.", able).
			say(" An approver must be a full member of this workspace whose Slack account leads to exactly one Entra account that may sign in. Whoever runs the bot must name more, or ask for fewer approvals:"))
	}
	if len(problems) > 0 {
		p.list(items...)
		p.add((&line{}).say("Named are: ").people(v.Approvers).say("."))
	}
	if channel != "" {
		p.add((&line{}).bold("About this channel: ").say("%s.", channel.Says()))
	}
	return p.message()
}

// PassedOverNotice tells the channel that somebody at a command line has passed
// over the policy. What comes of it is not known yet.
func PassedOverNotice(r *Request) Message {
	p := &page{}
	l := r.begin()
	what := "revoke all sessions of "
	if r.Drill {
		what = "rehearse the end of all sessions of "
	}
	l.boldTyped(strings.TrimPrefix(r.Askers[0].SlackID, operatorPrefix)).bold(" passed over the policy at the command line").say(", to %s", what).typed(r.name())
	if r.Words.UPN != "" && r.Words.UPN != r.name() {
		l.say(" (").typed(r.Words.UPN).say(")")
	}
	p.add(l.say("."))
	var rules []string
	for _, rule := range r.PassedOver {
		rules = append(rules, reasons[rule])
	}
	p.add((&line{}).say("What was passed over: %s.", strings.Join(rules, "; ")))
	p.add((&line{}).say("Reason: ").typed(r.Words.Override))
	p.add((&line{}).say("No approver was asked. What comes of it is in the audit chain: `revoke-sessions audit show %s`. "+
		"Whoever did this can use the bot's credential: if nobody here knows of it, have that credential renewed.", r.ID))
	return p.message()
}

// announce posts a notice and notes that it stands.
func (b *Bot) announce(ctx context.Context, n Notice) {
	n.To = cmp.Or(n.To, b.cfg.Channel)
	ctx, cancel := context.WithTimeout(ctx, stepDeadline)
	defer cancel()
	var retry Retry
	if wait := b.slack.pace.post(n.To, false, b.now()); wait > 0 {
		retry = Retry{b.now().Add(wait), true}
	} else if _, _, err := b.post(ctx, "notice", n.To, "", n.Message); err != nil {
		b.log.Warn("announce", "notice", n.Key, "error", err)
		retry = Retry{At: b.now().Add(doubled(tellRetry, n.Tries))}
		if e, ok := errors.AsType[*SlackError](err); ok {
			if asked := b.slack.pace.obey(e, b.now()); asked > 0 {
				retry = Retry{b.now().Add(asked), true}
			}
		}
	}
	log, what := b.log.With("notice", n.Key), "note what was announced"
	note := func(ctx context.Context) error { return b.store.Announced(ctx, n, retry) }
	if retry.At.IsZero() {
		_ = b.insist(b.work, log, what, note)
	} else {
		_ = b.insistClaimed(ctx, log, what, note)
	}
}
