package engine

import (
	"context"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/graph"
)

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
