package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// demoCommand runs the unmodified bot between two doubles, in a temporary
// folder, with nothing leaving this machine.
type demoCommand struct {
	Auto bool   `help:"Play the lost-device story in the terminal instead. The exit code is 0 only if every step is right."`
	Addr string `default:"127.0.0.1:8484" help:"The address of the demo's page (default: ${default}). If the port is in use, the demo takes a free one."`
	Logs bool   `help:"Show the bot's log."`
}

// Run sets the stage and lets people, or a script, play on it.
func (c *demoCommand) Run(ctx context.Context, s *surroundings) (err error) {
	if host, _, err := net.SplitHostPort(c.Addr); err != nil || host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return usageError("--addr must be an address of this machine, like 127.0.0.1:8484, because anybody who opens the page can act as everybody")
	}
	folder, err := os.MkdirTemp("", "revoke-sessions-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	stage, err := newStage(folder, slacktest.Config{})
	if err != nil {
		return err
	}
	defer stage.close()
	stage.at.timing = quickly()
	var log io.Writer = io.Discard
	if c.Logs {
		log = s.stderr
	}
	stop, err := stage.start(ctx, log)
	if err != nil {
		return fmt.Errorf("start the demo: %w. Run it with --logs to see why", err)
	}
	defer func() { err = errors.Join(err, stop()) }()
	if c.Auto {
		return play(ctx, stage, s.stdout)
	}
	return c.serve(ctx, stage, s.stdout)
}

func (c *demoCommand) serve(ctx context.Context, stage *stage, out io.Writer) error {
	listener, err := net.Listen("tcp", c.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		fmt.Fprintf(out, "\n  %s is in use, so the demo takes another port.", c.Addr)
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return err
	}
	server := &http.Server{Handler: stage.page(), ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	fmt.Fprintf(out, "\n  Open http://%s\n\n", listener.Addr())
	fmt.Fprintln(out, "  You are Bob, who has lost his phone. Type /revoke-sessions me lost my phone,")
	fmt.Fprintln(out, "  then switch to Alice, the approver, and press Revoke sessions on the card.")
	fmt.Fprintln(out, "  Everything runs on this machine and is deleted at the end. Ctrl-C ends it.")
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// narration is the lost-device story, told on out while it happens on a stage.
type narration struct {
	*stage
	out io.Writer
}

// play is the lost-device story: report, a refused click by an outsider,
// approval, revoke, verification, thread.
func play(ctx context.Context, s *stage, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	t := narration{stage: s, out: out}
	card, err := t.reported(ctx)
	if err != nil {
		return err
	}
	if err := t.refused(ctx, card); err != nil {
		return err
	}
	if err := t.approved(ctx, card); err != nil {
		return err
	}
	posts := s.entra.Posts()
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
	if _, err := t.slack.As(bobID).Command(general, "me lost my phone").Wait(ctx); err != nil {
		return "", err
	}
	m, err := t.see(ctx, "Card in #security-approvals", t.cards, "Bob Reporter lost a device", "lost my phone")
	if err != nil {
		return "", err
	}
	_, err = t.see(ctx, "Bob's receipt", t.messagesTo(bobID), "I'll update this message")
	return m.TS, err
}

// refused lets somebody press who is in the channel but no approver.
func (t narration) refused(ctx context.Context, card string) error {
	t.say("Olga is in the channel but is not an approver. She presses Revoke sessions.")
	if _, err := t.slack.As(olgaID).Click(approvals, card, bot.ActionConfirm).Wait(ctx); err != nil {
		return err
	}
	onlyOlga := func() []slacktest.Message { return t.slack.Ephemerals(olgaID) }
	if _, err := t.see(ctx, "Only Olga reads", onlyOlga, "You are not an approver"); err != nil {
		return err
	}
	if n := len(t.entra.Posts()); n != 0 {
		return fmt.Errorf("Microsoft Graph got %d calls before anybody approved", n)
	}
	return nil
}

// approved lets Alice approve, and waits until everybody has been told.
func (t narration) approved(ctx context.Context, card string) error {
	t.say("Alice, an approver, phones Bob, then presses Revoke sessions.")
	if _, err := t.slack.As(aliceID).Click(approvals, card, bot.ActionConfirm).Wait(ctx); err != nil {
		return err
	}
	if _, err := t.see(ctx, "The card", t.cards, "sessions are revoked", "Approved by", "Verified"); err != nil {
		return err
	}
	thread := func() []slacktest.Message { return t.slack.Thread(approvals, card) }
	if _, err := t.see(ctx, "In its thread", thread, "Still open, and until when", "request-id"); err != nil {
		return err
	}
	_, err := t.see(ctx, "Bob is told", t.messagesTo(bobID), "Done: your sessions are revoked")
	return err
}

func (t narration) say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

// see waits for a message that holds all the words, and shows it.
func (t narration) see(
	ctx context.Context, who string, messages func() []slacktest.Message, words ...string,
) (found slacktest.Message, err error) {
	err = t.slack.Until(ctx, func() bool {
		for _, m := range messages() {
			if text := plain(m); containsAll(text, words) {
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

func (t narration) cards() []slacktest.Message { return t.slack.Messages(approvals) }

func (t narration) messagesTo(who string) func() []slacktest.Message {
	return func() []slacktest.Message { return t.slack.DMs(who) }
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
