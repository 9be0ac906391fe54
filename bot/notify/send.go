package notify

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// sender makes every write to Slack, so that a witness sees each one.
type sender struct {
	slack   *slackapi.Client
	witness bot.Witness
	refused slackapi.Refusals
	log     *slog.Logger
	now     func() time.Time
}

// Post posts a message to a channel, a user or a thread. key is its Place's Key, and
// channel and ts are where it is. If Slack refuses m, Post may send a simpler message.
func (s *sender) Post(ctx context.Context, key, to, thread string, m bot.Message) (channel, ts string, err error) {
	defer s.witness.Sees("post", bot.KeyKind(key))()
	err = s.submit(to, m, func(m bot.Message) (err error) {
		channel, ts, err = s.slack.Post(ctx, to, thread, m)
		return err
	})
	return channel, ts, err
}

// update rewrites one of our messages.
func (s *sender) update(ctx context.Context, key, channel, ts string, m bot.Message) error {
	defer s.witness.Sees("update", bot.KeyKind(key))()
	return s.submit(channel, m, func(m bot.Message) error { return s.slack.Update(ctx, channel, ts, m) })
}

// Delete removes one of our messages.
func (s *sender) Delete(ctx context.Context, channel, ts string) error {
	defer s.witness.Sees("delete stray")()
	return s.slack.Delete(ctx, channel, ts)
}

// submit sends a message. If Slack refuses it, submit tries once each simpler form that
// Slack may accept. Refused content is not sent again for an hour.
func (s *sender) submit(to string, m bot.Message, send func(bot.Message) error) error {
	for {
		key := to + " " + m.Digest()
		if e := s.refused.Known(key, s.now()); e != nil {
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
		if e.Invalid() { // a channel's refusal is not remembered: somebody may open the channel
			s.refused.Add(key, e, s.now())
			s.log.Error("Slack refuses what a message holds; it is not sent again for an hour", "channel", to, "error", err)
		}
		if why == "" {
			return err
		}
		if m = other; !e.Invalid() {
			s.log.Warn("Slack refuses a message that mentions a user group; sending it without", "channel", to, "error", err,
				"remedy", "in Slack's settings, let this app mention user groups")
		}
	}
}

// OpenForm opens a modal and returns its view ID. Its trigger expires after 3 s and works
// once.
func (s *sender) OpenForm(ctx context.Context, trigger bot.Secret, view message.Modal) (id string, err error) {
	defer s.witness.Sees("open form")()
	return s.slack.OpenForm(ctx, trigger, view)
}

// UpdateForm replaces an open modal.
func (s *sender) UpdateForm(ctx context.Context, id string, view message.Modal) error {
	defer s.witness.Sees("update form")()
	return s.slack.UpdateForm(ctx, id, view)
}

// PublishHome publishes a Home tab to one person, and returns its hash. If that person has
// another view than the bot published last, this one replaces it, whoever published it.
func (s *sender) PublishHome(ctx context.Context, user string, view message.HomeTab, before string) (hash string, err error) {
	defer s.witness.Sees("publish home")()
	hash, err = s.slack.PublishHome(ctx, user, view, before)
	if slackapi.HashConflict(err) {
		s.log.Info("somebody has another Home tab than the bot published last; replacing it", "user", user)
		hash, err = s.slack.PublishHome(ctx, user, view, "")
	}
	return hash, err
}

// checkingPauses are the waits for the view that an ack has put in place of a form. If it
// is not there by then, the form was closed or Slack did not get the ack.
var checkingPauses = []time.Duration{
	0, 150 * time.Millisecond, 400 * time.Millisecond, time.Second,
}

// AnswerForm replaces a submitted form. Slack may carry out the ack after a call that was
// made later, and would then hide the answer. So AnswerForm first waits for the view that
// the ack has put in place of the form: checking is its external_id, empty for none.
func (s *sender) AnswerForm(ctx context.Context, checking, id string, view message.Modal) (err error) {
	defer s.witness.Sees("answer form")()
	if checking != "" {
		for _, pause := range checkingPauses {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			}
			if err = s.slack.UpdateNamedForm(ctx, checking, view); !slackapi.NoView(err) {
				return err
			}
		}
	}
	return s.slack.UpdateForm(ctx, id, view)
}

// Respond answers a command or a click by its response URL. Only the person who
// acted sees the answer.
func (s *sender) Respond(ctx context.Context, to bot.Secret, m bot.Message) error {
	defer s.witness.Sees("answer")()
	return s.slack.Answer(ctx, to, m)
}
