package bot

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"revoke-sessions/authz"
)

// preflightEvery is how often the bot looks whether a request could be decided
// at all; the first time is when it starts, and each request looks for itself.
const preflightEvery = 24 * time.Hour

// preflightAgain is when it looks again where somebody could not be asked.
const preflightAgain = time.Minute

// preflight finds out before the incident that nobody could approve, or that
// the approvers would read nothing, and says so in the log and in the channel.
func (b *Bot) preflight(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	known := b.approvers.refresh(ctx)
	c := b.cover(ctx)
	able := known.count(b.check)
	if c.Channel != "" {
		b.log.Error("REVOKE_CHANNEL cannot do its work until this is mended", "channel", b.cfg.Channel, "problem", c.Channel.Says())
	}
	var problems []string
	trouble := cmp.Or(known.trouble, b.approvers.unreadable(ctx, b.people.circle))
	remedy := remedyOf(trouble)
	switch {
	case remedy != "":
		b.log.Error("a group that the policy names cannot be read: whoever is in it can do nothing until this is mended", "error", trouble, "remedy", remedy)
		problems = []string{remedy}
	case trouble != nil || !known.whole:
		b.log.Warn("the approvers could not all be looked up, so it is not known whether enough of them could decide", "found", able, "error", trouble)
		b.lastPreflight.Store(b.now().Add(preflightAgain - preflightEvery).UnixNano())
	default:
		problems = shortfalls(&b.cfg.Policy, able)
		b.log.Info("looked whether approvers could decide", "approvers", able, "problems", len(problems))
	}
	for _, p := range problems {
		b.log.Error("too few approvers could decide", "able", able, "problem", p)
	}
	if len(problems) == 0 && c.Channel != ChannelShared {
		return
	}
	said := sha256.Sum256([]byte(strings.Join(problems, "\n") + string(c.Channel)))
	n := Notice{
		Key: fmt.Sprintf("coverage:%s:%x", b.now().UTC().Format(time.DateOnly), said[:4]), To: b.cfg.Channel,
		Message: CoverageNotice(problems, able, remedy != "", c.Channel, b.view(ctx, nil, "")),
	}
	e := Entry{Action: "coverage", Actor: "clock", Have: able, Code: string(c.Channel)}
	if len(problems) > 0 {
		e.Reason = string(TooFewApprovers)
	}
	if _, err := b.store.Announce(ctx, n, e); err != nil {
		b.log.Error("store what is to be announced", "error", err)
	}
}

// unreadable is why one of the groups cannot be read, or nil: also of those
// that do not name approvers.
func (s *rosters) unreadable(ctx context.Context, groups authz.Circle) error {
	_, errs := each(groups, func(name string) (struct{}, error) {
		if id, ok := strings.CutPrefix(name, authz.EntraGroup); ok {
			_, _, err := s.people.entraGroup.get(ctx, id)
			return struct{}{}, err
		}
		_, _, err := s.people.slackGroup.get(ctx, name)
		return struct{}{}, err
	})
	return cmp.Or(errs...)
}

// shortfalls names the kinds of request that so many approvers could not
// decide, who may be the requester or the target themselves.
func shortfalls(p *authz.Policy, able int) []string {
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
