package notify

import (
	"context"
	"errors"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

func (tl *Teller) Post(ctx context.Context, key, to, thread string, m bot.Message) (channel, ts string, err error) {
	defer tl.cfg.Witness.Sees("post", bot.KeyKind(key))()
	err = tl.submit(to, m, func(m bot.Message) (err error) {
		channel, ts, err = tl.slack.Post(ctx, to, thread, m)
		return err
	})
	return channel, ts, err
}

func (tl *Teller) update(ctx context.Context, key, channel, ts string, m bot.Message) error {
	defer tl.cfg.Witness.Sees("update", bot.KeyKind(key))()
	return tl.submit(channel, m, func(m bot.Message) error { return tl.slack.Update(ctx, channel, ts, m) })
}

func (tl *Teller) Delete(ctx context.Context, channel, ts string) error {
	defer tl.cfg.Witness.Sees("delete stray")()
	return tl.slack.Delete(ctx, channel, ts)
}

// submit sends a message, and where Slack does not take it as it is, once each what
// it may take instead. What Slack refused is not sent again for an hour.
func (tl *Teller) submit(to string, m bot.Message, send func(bot.Message) error) error {
	for {
		key := to + " " + m.Digest()
		if e := tl.refused.Known(key, tl.now()); e != nil {
			other, why := message.Instead(m, e.Code)
			if why == "" {
				return e
			}
			m = other
			continue
		}
		err := send(m)
		e, ok := errors.AsType[*slackapi.Error](err)
		if !ok {
			return err
		}
		other, why := message.Instead(m, e.Code)
		if e.Invalid() { // what a place refuses, it may take once somebody has opened it
			tl.refused.Add(key, e, tl.now())
			tl.log.Error("Slack refuses what a message holds; it is not sent again for an hour", "channel", to, "error", err)
		}
		if why == "" {
			return err
		}
		if m = other; !e.Invalid() {
			tl.log.Warn("Slack refuses a message that mentions a user group; sending it without", "channel", to, "error", err,
				"remedy", "in Slack's settings, let this app mention user groups")
		}
	}
}

func (tl *Teller) OpenForm(ctx context.Context, trigger bot.Secret, view message.Modal) error {
	defer tl.cfg.Witness.Sees("open form")()
	return tl.slack.OpenForm(ctx, trigger, view)
}

func (tl *Teller) Respond(ctx context.Context, to bot.Secret, m bot.Message) error {
	defer tl.cfg.Witness.Sees("answer")()
	return tl.slack.Answer(ctx, to, m)
}
