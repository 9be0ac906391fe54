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

// Play tells three short stories and checks each of their steps: a lost phone, a stolen
// laptop that two approvers decide on, and a Microsoft that answers late.
func Play(ctx context.Context, cfg Config, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	// People watch: the bot gives Microsoft 2 seconds in place of 8, and looks at an
	// account every second while it does not know what became of it.
	cfg.Timing.Attempt = 2 * time.Second
	cfg.Timing.Settle = []time.Duration{time.Second}
	w, err := newWorld(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	t := narration{world: w, out: out}
	for _, act := range []func(context.Context) error{t.lostPhone, t.twoApprovals, t.lateAnswer} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	t.say("Every step was right.")
	return nil
}

// lostPhone: report, a refused click by an outsider, approval, revoke, verification,
// thread.
func (t narration) lostPhone(ctx context.Context) error {
	t.say("1. A lost phone\n\nBob has lost his phone. From a colleague's computer he types: /revoke-sessions me lost my phone")
	card, err := t.reports(ctx, Bob, "me lost my phone", "Bob Reporter lost a device", "lost my phone")
	if err != nil {
		return err
	}
	if err := t.see(ctx, "Bob's receipt", t.messagesTo(Bob), "I'll update this message"); err != nil {
		return err
	}
	t.say("Olga is in the channel but is not an approver. She presses Revoke sessions.")
	if err := t.presses(ctx, Olga, card, bot.ActionConfirm); err != nil {
		return err
	}
	onlyOlga := func() []slacktest.Message { return t.Slack.Ephemerals(Olga) }
	if err := t.see(ctx, "Only Olga reads", onlyOlga, "You are not an approver"); err != nil {
		return err
	}
	if err := t.asked(0, ""); err != nil {
		return err
	}
	t.say("Alice, an approver, asks Bob at his desk, then presses Revoke sessions.")
	if err := t.presses(ctx, Alice, card, bot.ActionConfirm); err != nil {
		return err
	}
	if err := t.see(ctx, "The card", t.cards, "Bob Reporter's sessions are revoked", "Approved by", "Verified"); err != nil {
		return err
	}
	if err := t.see(ctx, "In its thread", t.threadOf(card), "Still open, and until when", "request-id"); err != nil {
		return err
	}
	if err := t.see(ctx, "Bob is told", t.messagesTo(Bob), "Done: your sessions are revoked"); err != nil {
		return err
	}
	return t.asked(1, "Bob Reporter")
}

// twoApprovals: the first one leaves the request open, the second one revokes.
func (t narration) twoApprovals(ctx context.Context) error {
	t.say("2. Two approvals\n\nThe rules now ask for two approvers. Olga types: /revoke-sessions @carol stolen laptop")
	if err := t.setApprovals(ctx, true); err != nil {
		return err
	}
	card, err := t.reports(ctx, Olga, "@carol stolen laptop", "Carol Target", "Waiting for 2 approvals")
	if err != nil {
		return err
	}
	t.say("Alice presses Approve (1 of 2).")
	if err := t.presses(ctx, Alice, card, bot.ActionApprove); err != nil {
		return err
	}
	if err := t.see(ctx, "The card", t.cards, "@Alice Approver approved (1 of 2)", "Waiting for one more: @Amir Approver", "Nothing is revoked yet"); err != nil {
		return err
	}
	if err := t.asked(1, ""); err != nil {
		return err
	}
	t.say("Amir presses Revoke sessions.")
	if err := t.presses(ctx, Amir, card, bot.ActionConfirm); err != nil {
		return err
	}
	if err := t.see(ctx, "The card", t.cards, "Carol Target's sessions are revoked", "Approved by @Alice Approver and @Amir Approver", "Verified"); err != nil {
		return err
	}
	return t.asked(2, "Carol Target")
}

// lateAnswer: Microsoft carries the revoke out and answers when the bot has given up.
func (t narration) lateAnswer(ctx context.Context) error {
	t.say("3. A late answer\n\nOne approval is enough again. Microsoft now answers later than the bot waits (2 seconds here, 8 in production).\n" +
		"Amir types: /revoke-sessions me lost my tablet")
	if err := t.setApprovals(ctx, false); err != nil {
		return err
	}
	t.setMicrosoft(isLate)
	card, err := t.reports(ctx, Amir, "me lost my tablet", "Amir Approver lost a device")
	if err != nil {
		return err
	}
	t.say("Alice presses Revoke sessions.")
	if err := t.presses(ctx, Alice, card, bot.ActionConfirm); err != nil {
		return err
	}
	if err := t.see(ctx, "The card", t.cards, "Amir Approver", "not known yet"); err != nil {
		return err
	}
	t.say("Before it would ask again, the bot reads the account until that says what is true.")
	if err := t.see(ctx, "The card", t.cards, "Amir Approver's sessions are revoked", "Verified"); err != nil {
		return err
	}
	return t.asked(3, "Amir Approver")
}

// reports lets somebody type a command, shows the card that says the words, and returns
// its ts.
func (t narration) reports(ctx context.Context, who, text string, words ...string) (card string, err error) {
	if _, err := t.Slack.As(who).Command(General, text).Wait(ctx); err != nil {
		return "", err
	}
	m, err := t.await(ctx, "Card in #security-approvals", t.cards, words)
	return m.TS, err
}

func (t narration) presses(ctx context.Context, who, card, action string) error {
	_, err := t.Slack.As(who).Click(Approvals, card, action).Wait(ctx)
	return err
}

// asked fails unless Microsoft was asked to revoke so many times, and did; the last time
// for the one named, or, if nobody is, earlier in the story.
func (t narration) asked(want int, who string) error {
	posts := t.Entra.Posts()
	if len(posts) != want {
		return fmt.Errorf("%d calls that revoke reached Microsoft Graph, not %d", len(posts), want)
	}
	if who == "" {
		return nil
	}
	last := posts[want-1]
	if t.called(last.ObjectID) != who || !last.Applied {
		return fmt.Errorf("the last call did not revoke the sessions of %s: %+v", who, last)
	}
	t.say("Microsoft Graph got one POST for %s: %s (request ID %s).", who, last.Operation, last.RequestID)
	return nil
}

func (t narration) say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n\n", args...) }

// see waits for a message that holds all the words, and shows it.
func (t narration) see(ctx context.Context, who string, messages func() []slacktest.Message, words ...string) error {
	_, err := t.await(ctx, who, messages, words)
	return err
}

func (t narration) await(
	ctx context.Context, who string, messages func() []slacktest.Message, words []string,
) (found slacktest.Message, err error) {
	err = t.Slack.Until(ctx, func() bool {
		for _, m := range messages() {
			if text := strings.Join(strings.Fields(t.reads(m)), " "); containsAll(text, words) {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		return found, fmt.Errorf("%s: a message with %q never came: %w", who, words, err)
	}
	t.say("  %s:\n    %s", who, strings.ReplaceAll(strings.TrimSpace(t.reads(found)), "\n", "\n    "))
	return found, nil
}

// reads is a message as the eye reads it: its blocks, without the top-level text, which
// says the same for screen readers.
func (t narration) reads(m slacktest.Message) string {
	if m.Blocks != nil {
		m.Text = ""
	}
	return t.Slack.Reads(m, time.Local)
}

func (t narration) cards() []slacktest.Message { return t.Slack.Messages(Approvals) }

func (t narration) threadOf(card string) func() []slacktest.Message {
	return func() []slacktest.Message { return t.Slack.Thread(Approvals, card) }
}

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
