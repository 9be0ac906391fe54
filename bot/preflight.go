package bot

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
)

// preflightEvery is how often the bot looks whether a request could be decided
// at all; the first time is when it starts, and each request looks for itself.
const preflightEvery = 24 * time.Hour

// preflightAgain is when it looks again where somebody could not be asked. A crowd
// that is too large to look at everybody is no such case: it stays one.
const preflightAgain = time.Minute

// preflight finds out before the incident that nobody could approve, or that
// the approvers would read nothing, and says so in the log and in the channel.
func (b *Bot) preflight(ctx context.Context) {
	ctx, cancel := context.WithTimeout(nobodyWaits(ctx), 30*time.Second)
	defer cancel()
	known := b.approvers.refresh(ctx)
	b.redraw(ctx, known)
	defer b.lookAtReach(ctx)
	c := b.cover(ctx)
	acting, out := known.acting(b.check)
	able := headcount(acting)
	if c.Channel != "" {
		b.log.Error("REVOKE_CHANNEL cannot do its work until this is mended", "channel", b.cfg.Channel, "problem", c.Channel.Says())
	}
	var problems []string
	unread := b.approvers.unreadable(ctx, b.people.circle)
	trouble, unsure := cmp.Or(known.trouble, cmp.Or(unread...)), false
	unable, remedies := unableTo(slices.Concat(known.troubles, unread))
	if trouble != nil {
		out = nil // the roster may be an older one's
	}
	switch {
	case unable != "":
		b.log.Error("what the policy depends on cannot be read", "problem", unable, "error", trouble, "remedy", strings.Join(remedies, " "))
		problems = remedies
	case trouble != nil:
		b.log.Warn("the approvers could not all be looked up, so it is not known whether enough of them could decide", "found", able, "error", trouble)
		b.lastPreflight.Store(b.now().Add(preflightAgain - preflightEvery).UnixNano())
	case known.crowd && len(Shortfalls(&b.cfg.Policy, able)) > 0:
		unsure = true
		b.log.Warn("there are more approvers than the bot looks up, and among those that it did too few could decide: check that the others can",
			"approvers", known.size, "looked_up", known.looked, "able", able)
	case known.crowd:
		b.log.Info("there are more approvers than the bot looks up; those that it did are enough", "approvers", known.size, "looked_up", known.looked, "able", able)
	default:
		problems = Shortfalls(&b.cfg.Policy, able)
		b.log.Info("looked whether approvers could decide", "approvers", able, "problems", len(problems))
		for _, u := range out {
			b.log.Warn("an approver who is named could not decide", "user", u.SlackID, "reason", string(u.Reason), "remedy", Unmapped([]Unable{u}))
		}
		for _, p := range problems {
			b.log.Error("too few approvers could decide", "able", able, "problem", p)
		}
	}
	if len(problems) == 0 && c.Channel != ChannelShared {
		if trouble == nil && !unsure {
			b.withdrawCoverage(ctx, "")
		}
		return
	}
	said := sha256.Sum256(fmt.Appendf(nil, "%s%s%s%v", strings.Join(problems, "\n"), c.Channel, unable, out))
	n := Notice{
		Key:     fmt.Sprintf("coverage:%s:%x", b.now().UTC().Format(time.DateOnly), said[:4]),
		Message: CoverageNotice(problems, able, unable, out, c.Channel, b.view(ctx, nil, "")),
	}
	e := Entry{Action: "coverage", Actor: "clock", Have: able, Code: string(c.Channel)}
	switch {
	case unable != "":
		e.Reason = string(LookupFailed)
	case len(problems) > 0:
		e.Reason = string(TooFewApprovers)
	}
	b.withdrawCoverage(ctx, n.Key)
	if _, err := b.store.Announce(ctx, n, e); err != nil {
		b.log.Error("store what is to be announced", "error", err)
	}
}

// unableTo gathers what the bot cannot read until its set-up is mended, and what
// to do about it. Where it cannot sign in, nothing else counts.
func unableTo(troubles []error) (unable string, remedies []string) {
	var says []string
	for _, trouble := range troubles {
		lookup, ok := errors.AsType[*LookupError](trouble)
		if !ok || lookup.Remedy == "" {
			continue
		}
		if signInRefused(lookup.Err) {
			return lookup.unable(), []string{lookup.Remedy}
		}
		if !slices.Contains(says, lookup.unable()) {
			says = append(says, lookup.unable())
		}
		if !slices.Contains(remedies, lookup.Remedy) {
			remedies = append(remedies, lookup.Remedy)
		}
	}
	return strings.Join(says, " "), remedies
}

// withdrawCoverage takes back what earlier looks had to say and could not post:
// only the last one is true.
func (b *Bot) withdrawCoverage(ctx context.Context, but string) {
	if err := b.store.Withdraw(ctx, "coverage", but); err != nil {
		b.log.Error("withdraw what is not so any more", "error", err)
	}
}

// unreadable are the reasons why groups cannot be read: also of those that do not
// name approvers.
func (s *rosters) unreadable(ctx context.Context, groups authz.Circle) []error {
	_, errs := each(groups, func(name string) (struct{}, error) {
		if id, ok := strings.CutPrefix(name, authz.EntraGroup); ok {
			_, _, err := s.people.entraGroup.get(ctx, id)
			return struct{}{}, err
		}
		_, _, err := s.people.slackGroup.get(ctx, name)
		return struct{}{}, err
	})
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// Shortfalls names the kinds of request that so many approvers could not
// decide, who may be the requester or the target themselves.
func Shortfalls(p *authz.Policy, able int) []string {
	var all []string
	look := func(what string, need, barred int) {
		if able-barred >= need {
			return
		}
		of := countApprovals(need)
		if barred > 0 {
			of += ", and they may not give one"
		}
		all = append(all, what+" needs "+of)
	}
	self, third := p.Self, p.ThirdParty
	look("a report of one's own device", self.Approvals, 0)
	look("a request about somebody else", third.Approvals, 0)
	look("a request about one of the approvers", third.Approvals, 1)
	if !self.RequesterMayApprove {
		look("an approver's report of their own device", self.Approvals, 1)
	}
	if !third.RequesterMayApprove {
		look("a request that an approver makes", third.Approvals, 1)
	}
	for i, x := range p.Protected {
		if !x.Block {
			look(fmt.Sprintf("a target of rule %d under protected", i+1), x.Approvals, 0)
		}
	}
	return all
}
