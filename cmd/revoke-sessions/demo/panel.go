package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// controls change the world while people play in it.
func (d *Demo) controls(w *world) []slacktest.Control {
	all := []slacktest.Control{
		{
			ID: "microsoft", Label: "Microsoft", Hint: "How it answers when the bot asks it to revoke, from now on.",
			Options: []slacktest.Option{
				{Value: answers, Label: "answers"}, {Value: isSlow, Label: "answers after 5 seconds"}, {Value: isLate, Label: "answers too late"},
				{Value: throttles, Label: "throttles"}, {Value: refuses, Label: "refuses"}, {Value: hides, Label: "never shows the revoke"},
			},
			Value: func() string { w.mu.Lock(); defer w.mu.Unlock(); return w.microsoft },
			Do:    d.act(w, func(_ context.Context, how string) error { w.setMicrosoft(how); return nil }),
		}, {
			ID: "slack", Label: "Slack refuses the channel",
			Hint:  "The bot is out of the channel and writes to the approvers directly. The card comes when it is back.",
			Value: func() string { w.mu.Lock(); defer w.mu.Unlock(); return onIf(w.refused) },
			Do:    d.act(w, func(_ context.Context, on string) error { w.setRefused(on != ""); return nil }),
		}, {
			ID: "kill", Label: "Kill the bot", Hint: "Its process ends at once (SIGKILL). It starts again 2 seconds later, on the same database.",
			Do: d.act(w, func(context.Context, string) error { return w.keeper.kill() }),
		}, {
			ID: "hour", Label: "An hour passes", Hint: w.hourHint(),
			Do: d.act(w, func(context.Context, string) error { w.pass(time.Hour); return nil }),
		}, {
			ID: "over", Label: "Start over", Hint: "A new workspace, a new database, a new bot. Nothing is kept.",
			Do: d.act(w, func(ctx context.Context, _ string) error { return d.next(ctx) }),
		},
	}
	if w.cfg.Policy != "" {
		return all
	}
	return append([]slacktest.Control{{
		ID: "approvals", Label: "Two approvals", Hint: "The bot restarts with rules that ask for two approvers.",
		Value: func() string { w.mu.Lock(); defer w.mu.Unlock(); return onIf(w.two) },
		Do:    d.act(w, func(ctx context.Context, on string) error { return w.setApprovals(ctx, on != "") }),
	}}, all...)
}

// hourHint says what an hour does by the rules of this world.
func (w *world) hourHint() string {
	if w.cfg.Policy != "" {
		return "Reminders and deadlines come as your policy says."
	}
	return "Approvers are reminded after 10 minutes. A request expires after 2 hours."
}

func onIf(is bool) string {
	if is {
		return "on"
	}
	return ""
}

// act is what a control does in its world, unless that is over. Acts do not overlap, and
// go on when the one who pressed has left.
func (d *Demo) act(w *world, do func(ctx context.Context, value string) error) func(context.Context, string) error {
	return func(ctx context.Context, value string) error {
		d.acting.Lock()
		defer d.acting.Unlock()
		switch {
		case d.closed:
			return errOver
		case d.world.Load() != w:
			return errReplaced
		}
		return do(context.WithoutCancel(ctx), value)
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// status says in short lines how the world is.
func (w *world) status() []string {
	lines := []string{w.keeper.status()}
	switch {
	case w.cfg.Policy != "":
		lines = append(lines, "Rules: "+bot.Clean(filepath.Base(w.cfg.Policy), 80)+".")
	case w.approvals() == 2:
		lines = append(lines, "Rules: two approvals.")
	default:
		lines = append(lines, "Rules: one approval.")
	}
	if hours := int(w.clock.Ahead() / time.Hour); hours > 0 {
		lines = append(lines, "The clock is "+plural(hours, "hour")+" ahead.")
	}
	return lines
}
