package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/graph"
)

// preflightEvery is how often the bot checks whether a request could be decided at all.
// The first check is at the start; each request is also checked when it is made.
const preflightEvery = 24 * time.Hour

// preflightAgain is the pause after a check in which somebody could not be looked up.
// It does not apply to more approvers than the bot looks up, because that does not
// pass.
const preflightAgain = time.Minute

// shortage is what a check of approvers and channel has found missing.
type shortage struct {
	able int          // approvers who could decide
	out  []bot.Unable // named approvers who could not
	// unread is what the bot cannot read until its set-up is fixed, and trouble is why
	// somebody could not be looked up. unsure: more approvers are named than the bot
	// looks up.
	unread  string
	trouble error
	unsure  bool
	// problems are what must be fixed, in sentences for the approvers.
	problems []string
	channel  bot.ChannelProblem
}

// preflight checks whether requests could be decided at all. It reports in the log and,
// if something is missing, in the approvers' channel.
func (b *Bot) preflight(ctx context.Context) {
	ctx, cancel := context.WithTimeout(lookup.NobodyWaits(ctx), 30*time.Second)
	defer cancel()
	known := b.approvers.Refresh(ctx)
	b.teller.Redraw(ctx, known)
	defer b.lookAtReach(ctx)
	found := b.findShortage(ctx, known)
	if len(found.problems) > 0 || found.channel == bot.ChannelShared {
		b.announceShortage(ctx, found)
	} else if found.trouble == nil && !found.unsure {
		b.withdrawCoverage(ctx, "")
	}
}

// findShortage finds what is missing, and logs it.
func (b *Bot) findShortage(ctx context.Context, known lookup.Roster) shortage {
	c := b.teller.Cover(ctx)
	acting, out := known.Acting(b.cfg.Check)
	s := shortage{able: lookup.Headcount(acting), out: out, channel: c.Channel}
	if c.Channel != "" {
		b.log.Error("REVOKE_CHANNEL cannot do its work until this is mended", "channel", b.cfg.Channel, "problem", message.ChannelSays(c.Channel))
	}
	unread := b.approvers.Unreadable(ctx, b.approvers.People.Circle)
	s.trouble = cmp.Or(known.Trouble, cmp.Or(unread...))
	var remedies []string
	s.unread, remedies = lookup.UnableTo(slices.Concat(known.Troubles, unread))
	if s.trouble != nil {
		s.out = nil // the roster may be outdated
	}
	short := message.Shortfalls(&b.cfg.Policy, s.able)
	switch {
	case s.unread != "":
		b.log.Error("what the policy depends on cannot be read", "problem", s.unread, "error", s.trouble, "remedy", strings.Join(remedies, " "))
		s.problems = remedies
	case s.trouble != nil:
		b.log.Warn("the approvers could not all be looked up, so it is not known whether enough of them could decide", "found", s.able,
			"error", s.trouble)
		b.lastPreflight.Store(b.now().Add(preflightAgain - preflightEvery).UnixNano())
	case known.Crowd && len(short) > 0:
		s.unsure = true
		b.log.Warn("there are more approvers than the bot looks up, and among those that it did too few could decide: check that the others can",
			"approvers", known.Size, "looked_up", known.Looked, "able", s.able)
	case known.Crowd:
		b.log.Info("there are more approvers than the bot looks up; those that it did are enough",
			"approvers", known.Size, "looked_up", known.Looked, "able", s.able)
	default:
		s.problems = short
		b.logShortage(s)
	}
	return s
}

func (b *Bot) logShortage(s shortage) {
	b.log.Info("looked whether approvers could decide", "approvers", s.able, "problems", len(s.problems))
	for _, u := range s.out {
		b.log.Warn("an approver who is named could not decide", "user", u.SlackID, "reason", string(u.Reason),
			"remedy", message.Unmapped([]bot.Unable{u}))
	}
	for _, p := range s.problems {
		b.log.Error("too few approvers could decide", "able", s.able, "problem", p)
	}
}

// announceShortage tells the approvers' channel, once a day for the same shortage.
func (b *Bot) announceShortage(ctx context.Context, s shortage) {
	said := sha256.Sum256(fmt.Appendf(nil, "%s%s%s%v", strings.Join(s.problems, "\n"), s.channel, s.unread, s.out))
	n := bot.Notice{
		Key:     fmt.Sprintf("coverage:%s:%x", b.now().UTC().Format(time.DateOnly), said[:4]),
		Message: message.CoverageNotice(s.problems, s.able, s.unread, s.out, s.channel, b.teller.View(ctx, nil)),
	}
	e := bot.Entry{Action: bot.ActCoverage, Actor: bot.ClockActor, Have: s.able, Code: string(s.channel)}
	switch {
	case s.unread != "":
		e.Reason = string(bot.LookupFailed)
	case len(s.problems) > 0:
		e.Reason = string(bot.TooFewApprovers)
	}
	b.withdrawCoverage(ctx, n.Key)
	if _, err := b.store.Announce(ctx, n, e); err != nil {
		b.log.Error("cannot store an announcement", "error", err)
	}
}

// withdrawCoverage takes back notices of earlier checks that are not posted yet,
// because only the last one is true.
func (b *Bot) withdrawCoverage(ctx context.Context, keep string) {
	if err := b.store.Withdraw(ctx, "coverage", keep); err != nil {
		b.log.Error("cannot withdraw an announcement that no longer holds", "error", err)
	}
}

// reachKey is the key of the notice about administrators. It has no date and is a
// StandingKind, so that the notice is posted once.
const reachKey = bot.StandingKind + ":administrators"

// lookAtReach finds out before an incident whether Microsoft may refuse to revoke an
// administrator's sessions. It reports that in the log and, once, in the channel; if it
// is not known, in the log only. It logs the answer at the start and when it changes.
func (b *Bot) lookAtReach(ctx context.Context) {
	reaches, err := b.directory.ReachesAdministrators(ctx)
	if ctx.Err() != nil {
		b.log.Info("the bot did not find out whether Microsoft lets it revoke administrators: the time for that was over",
			"error", context.Cause(ctx))
		return
	}
	switch reaches {
	case graph.Yes:
		if err := b.store.Withdraw(ctx, bot.StandingKind, ""); err != nil {
			b.log.Error("cannot withdraw an announcement that no longer holds", "error", err)
		}
	case graph.No:
		if _, err := b.store.Announce(ctx, bot.Notice{Key: reachKey, Message: message.ReachNotice()}); err != nil {
			b.log.Error("cannot store an announcement", "error", err)
		}
	}
	if before := b.lastReach.Swap(&reaches); before != nil && *before == reaches {
		return
	}
	switch e := graph.AsError(err); {
	case reaches == graph.Yes:
		b.log.Info("the bot holds a role by which Microsoft lets it revoke administrators")
	case reaches == graph.No:
		b.log.Warn("Microsoft may refuse to revoke the sessions of an administrator: the bot holds no role for that",
			"remedy", graph.RemedyForReach)
	case e != nil:
		b.log.Info("it is not known whether Microsoft lets the bot revoke administrators", "error", e, "remedy", e.Remedy)
	default:
		b.log.Info("it is not known whether Microsoft lets the bot revoke administrators: "+
			"the token does not tell whose it is, or Graph not all of their roles", "error", err)
	}
}
