package bot

import (
	"context"

	"revoke-sessions/graph"
)

// reachKey is the key of the notice about administrators. It has no date and is a
// StandingKind, so that this is said once.
const reachKey = StandingKind + ":administrators"

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
		if err := b.store.Withdraw(ctx, StandingKind, ""); err != nil {
			b.log.Error("withdraw what is not so any more", "error", err)
		}
	case graph.No:
		if _, err := b.store.Announce(ctx, Notice{Key: reachKey, Message: ReachNotice()}); err != nil {
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

// ReachNotice tells the approvers that Microsoft may refuse to revoke an
// administrator, before one has lost a device.
func ReachNotice() Message {
	p := &page{}
	p.add((&line{}).bold("Microsoft may refuse to revoke an administrator's sessions.").
		say(" I hold no Entra role for that. It concerns accounts with an administrator role, or in a group that can hold one."))
	p.add((&line{}).say("If I am refused, a Privileged Authentication Administrator can revoke in the Entra portal: know now whom to call. " +
		"Or whoever runs me gives me that role; `revoke-sessions doctor` says how."))
	return p.message()
}
