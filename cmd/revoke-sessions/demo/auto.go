package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// narration is a story, told on out while it happens in a world.
type narration struct {
	*world
	out io.Writer
}

// Play is the lost-device story: report, a refused click by an outsider,
// approval, revoke, verification, thread.
func Play(ctx context.Context, cfg Config, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	w, err := newWorld(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	t := narration{world: w, out: out}
	card, err := t.reported(ctx)
	if err != nil {
		return err
	}
	if err := t.refusedClick(ctx, card); err != nil {
		return err
	}
	if err := t.approved(ctx, card); err != nil {
		return err
	}
	posts := t.Entra.Posts()
	if len(posts) != 1 || !posts[0].Applied {
		return fmt.Errorf("Microsoft Graph was called %d times, not once", len(posts))
	}
	t.say("Microsoft Graph got one POST %s (request ID %s). Sessions from before it no longer count.", posts[0].Path, posts[0].RequestID)
	t.say("Every step was right.")
	return nil
}

// reported lets Bob report his own account, and returns the card's ts.
func (t narration) reported(ctx context.Context) (card string, err error) {
	t.say("Bob has lost his phone. From a colleague's computer he types: /revoke-sessions me lost my phone")
	if _, err := t.Slack.As(Bob).Command(General, "me lost my phone").Wait(ctx); err != nil {
		return "", err
	}
	m, err := t.see(ctx, "Card in #security-approvals", t.cards, "Bob Reporter lost a device", "lost my phone")
	if err != nil {
		return "", err
	}
	_, err = t.see(ctx, "Bob's receipt", t.messagesTo(Bob), "I'll update this message")
	return m.TS, err
}

// refusedClick lets somebody press who is in the channel but no approver.
func (t narration) refusedClick(ctx context.Context, card string) error {
	t.say("Olga is in the channel but is not an approver. She presses Revoke sessions.")
	if _, err := t.Slack.As(Olga).Click(Approvals, card, bot.ActionConfirm).Wait(ctx); err != nil {
		return err
	}
	onlyOlga := func() []slacktest.Message { return t.Slack.Ephemerals(Olga) }
	if _, err := t.see(ctx, "Only Olga reads", onlyOlga, "You are not an approver"); err != nil {
		return err
	}
	if n := len(t.Entra.Posts()); n != 0 {
		return fmt.Errorf("Microsoft Graph got %d calls before anybody approved", n)
	}
	return nil
}

// approved lets Alice approve, and waits until everybody has been told.
func (t narration) approved(ctx context.Context, card string) error {
	t.say("Alice, an approver, phones Bob, then presses Revoke sessions.")
	if _, err := t.Slack.As(Alice).Click(Approvals, card, bot.ActionConfirm).Wait(ctx); err != nil {
		return err
	}
	if _, err := t.see(ctx, "The card", t.cards, "sessions are revoked", "Approved by", "Verified"); err != nil {
		return err
	}
	thread := func() []slacktest.Message { return t.Slack.Thread(Approvals, card) }
	if _, err := t.see(ctx, "In its thread", thread, "Still open, and until when", "request-id"); err != nil {
		return err
	}
	_, err := t.see(ctx, "Bob is told", t.messagesTo(Bob), "Done: your sessions are revoked")
	return err
}

func (t narration) say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

// see waits for a message that holds all the words, and shows it.
func (t narration) see(
	ctx context.Context, who string, messages func() []slacktest.Message, words ...string,
) (found slacktest.Message, err error) {
	err = t.Slack.Until(ctx, func() bool {
		for _, m := range messages() {
			if text := strings.Join(strings.Fields(m.Plain()), " "); containsAll(text, words) {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		return found, fmt.Errorf("%s: a message with %q never came: %w", who, words, err)
	}
	t.say("%s", indent(who, found))
	return found, nil
}

func (t narration) cards() []slacktest.Message { return t.Slack.Messages(Approvals) }

func (t narration) messagesTo(who string) func() []slacktest.Message {
	return func() []slacktest.Message { return t.Slack.DMs(who) }
}

func containsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// indent shows a message as the eye reads it: its blocks, without the
// top-level text, which says the same for screen readers.
func indent(who string, m slacktest.Message) string {
	m.Text = ""
	return "\n  " + who + ":\n    " + strings.ReplaceAll(strings.TrimSpace(m.Plain()), "\n", "\n    ") + "\n"
}
