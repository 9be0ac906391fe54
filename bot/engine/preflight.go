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

// preflightEvery is how often the bot looks whether a request could be decided
// at all; the first time is when it starts, and each request looks for itself.
const preflightEvery = 24 * time.Hour

// preflightAgain is when it looks again where somebody could not be asked. A crowd
// that is too large to look at everybody is no such case: it stays one.
const preflightAgain = time.Minute

// preflight finds out before the incident that nobody could approve, or that
// the approvers would read nothing, and says so in the log and in the channel.
func (b *Bot) preflight(ctx context.Context) {
	ctx, cancel := context.WithTimeout(lookup.NobodyWaits(ctx), 30*time.Second)
	defer cancel()
	known := b.approvers.Refresh(ctx)
	b.teller.Redraw(ctx, known)
	defer b.lookAtReach(ctx)
	c := b.teller.Cover(ctx)
	acting, out := known.Acting(b.cfg.Check)
	able := lookup.Headcount(acting)
	if c.Channel != "" {
		b.log.Error("REVOKE_CHANNEL cannot do its work until this is mended", "channel", b.cfg.Channel, "problem", message.ChannelSays(c.Channel))
	}
	var problems []string
	unread := b.approvers.Unreadable(ctx, b.approvers.People.Circle)
	trouble, unsure := cmp.Or(known.Trouble, cmp.Or(unread...)), false
	unable, remedies := lookup.UnableTo(slices.Concat(known.Troubles, unread))
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
	case known.Crowd && len(message.Shortfalls(&b.cfg.Policy, able)) > 0:
		unsure = true
		b.log.Warn("there are more approvers than the bot looks up, and among those that it did too few could decide: check that the others can",
			"approvers", known.Size, "looked_up", known.Looked, "able", able)
	case known.Crowd:
		b.log.Info("there are more approvers than the bot looks up; those that it did are enough", "approvers", known.Size, "looked_up", known.Looked, "able", able)
	default:
		problems = message.Shortfalls(&b.cfg.Policy, able)
		b.log.Info("looked whether approvers could decide", "approvers", able, "problems", len(problems))
		for _, u := range out {
			b.log.Warn("an approver who is named could not decide", "user", u.SlackID, "reason", string(u.Reason), "remedy", message.Unmapped([]bot.Unable{u}))
		}
		for _, p := range problems {
			b.log.Error("too few approvers could decide", "able", able, "problem", p)
		}
	}
	if len(problems) == 0 && c.Channel != bot.ChannelShared {
		if trouble == nil && !unsure {
			b.withdrawCoverage(ctx, "")
		}
		return
	}
	said := sha256.Sum256(fmt.Appendf(nil, "%s%s%s%v", strings.Join(problems, "\n"), c.Channel, unable, out))
	n := bot.Notice{
		Key:     fmt.Sprintf("coverage:%s:%x", b.now().UTC().Format(time.DateOnly), said[:4]),
		Message: message.CoverageNotice(problems, able, unable, out, c.Channel, b.teller.View(ctx, nil, "")),
	}
	e := bot.Entry{Action: "coverage", Actor: "clock", Have: able, Code: string(c.Channel)}
	switch {
	case unable != "":
		e.Reason = string(bot.LookupFailed)
	case len(problems) > 0:
		e.Reason = string(bot.TooFewApprovers)
	}
	b.withdrawCoverage(ctx, n.Key)
	if _, err := b.store.Announce(ctx, n, e); err != nil {
		b.log.Error("store what is to be announced", "error", err)
	}
}

// withdrawCoverage takes back what earlier looks had to say and could not post:
// only the last one is true.
func (b *Bot) withdrawCoverage(ctx context.Context, but string) {
	if err := b.store.Withdraw(ctx, "coverage", but); err != nil {
		b.log.Error("withdraw what is not so any more", "error", err)
	}
}

// reachKey is the key of the notice about administrators. It has no date and is a
// StandingKind, so that this is said once.
const reachKey = bot.StandingKind + ":administrators"

// lookAtReach finds out before the incident that Microsoft may refuse to revoke
// an administrator's sessions, and says so in the log and, once, in the channel.
// What is not known is said in the log alone. The log reads it when the bot
// starts, and when it has changed.
func (b *Bot) lookAtReach(ctx context.Context) {
	reaches, err := b.directory.ReachesAdministrators(ctx)
	if ctx.Err() != nil {
		b.log.Info("the bot did not find out whether Microsoft lets it revoke administrators: the time for that was over", "error", context.Cause(ctx))
		return
	}
	switch reaches {
	case graph.Yes:
		if err := b.store.Withdraw(ctx, bot.StandingKind, ""); err != nil {
			b.log.Error("withdraw what is not so any more", "error", err)
		}
	case graph.No:
		if _, err := b.store.Announce(ctx, bot.Notice{Key: reachKey, Message: message.ReachNotice()}); err != nil {
			b.log.Error("store what is to be announced", "error", err)
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
