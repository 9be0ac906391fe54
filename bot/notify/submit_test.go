package notify

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
)

// submitting returns a Teller that can only send, and a function that moves its clock.
func submitting(t *testing.T) (b *Teller, move func(time.Duration)) {
	at := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	return &Teller{sender: &sender{log: slog.New(slog.NewTextHandler(t.Output(), nil)), now: func() time.Time { return at }}}, func(d time.Duration) { at = at.Add(d) }
}

func TestSubmit_RefusedContentIsNotSentAgain(t *testing.T) {
	rings := bot.Message{Text: "<!subteam^S0SECURITY>, please look."}
	for _, row := range []struct {
		name, code   string
		m            bot.Message
		accepts      func(bot.Message) bool // what the channel accepts
		first, later int                    // messages sent by the first try, and by ten more
		afterwards   int                    // by one try an hour later
		delivered    bool
	}{
		{name: "accepted", m: message.Note("x"), accepts: func(bot.Message) bool { return true }, first: 1, later: 10, afterwards: 1, delivered: true},
		{name: "invalid, but its text alone is accepted", code: "invalid_blocks", m: message.Note("x"), accepts: func(m bot.Message) bool { return len(m.Blocks) == 0 },
			first: 2, later: 10, afterwards: 2, delivered: true},
		{name: "invalid in every form", code: "msg_too_long", m: message.Note("x"), accepts: func(bot.Message) bool { return false }, first: 2, later: 0, afterwards: 2},
		{name: "a user group may not be mentioned", code: message.NoMention, m: rings, accepts: func(m bot.Message) bool { return !strings.Contains(m.Text, "subteam") },
			first: 2, later: 20, afterwards: 2, delivered: true},
		{name: "nobody may post", code: message.NoMention, m: rings, accepts: func(bot.Message) bool { return false }, first: 2, later: 20, afterwards: 2},
		{name: "another code", code: "ekm_access_denied", m: message.Note("x"), accepts: func(bot.Message) bool { return false }, first: 1, later: 10, afterwards: 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			b, move := submitting(t)
			sent := 0
			once := func() error {
				return b.submit("C1", row.m, func(m bot.Message) error {
					if sent++; row.accepts(m) {
						return nil
					}
					return &slackapi.Error{Method: "chat.postMessage", Code: row.code}
				})
			}
			check := func(when string, want int, times int) {
				t.Helper()
				sent = 0
				for range times {
					err := once()
					if e, refused := errors.AsType[*slackapi.Error](err); row.delivered != (err == nil) || refused && e.Code != row.code {
						t.Errorf("%s: %v", when, err)
					}
				}
				if sent != want {
					t.Errorf("%s: %d messages were sent, want %d", when, sent, want)
				}
			}
			check("at first", row.first, 1)
			check("later", row.later, 10)
			move(slackapi.RefusedFor + time.Second)
			check("after an hour", row.afterwards, 1)
		})
	}
}

// TestSubmit_TooLongBecomesPlain: a message over Slack's limits, as the double has them,
// is sent as a plain one.
func TestSubmit_TooLongBecomesPlain(t *testing.T) {
	s := bottest.Workspace(t)
	a := connected(t, s)
	b, _ := submitting(t)
	var blocks []string
	for range 60 { // a list that the bot does not shorten
		blocks = append(blocks, `{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "`+strings.Repeat("word ", 50)+`"}]}]}`)
	}
	m := bot.Message{Text: strings.Repeat("word ", 60*50), Blocks: json.RawMessage("[" + strings.Join(blocks, ",") + "]")}
	if err := b.submit(bottest.Cards, m, func(m bot.Message) error {
		_, _, err := a.Post(context.WithoutCancel(t.Context()), bottest.Cards, "", m)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if all := s.Messages(bottest.Cards); len(all) != 1 || !strings.Contains(all[0].Text, "Slack did not take the whole of this message") {
		t.Errorf("%d messages stand", len(all))
	}
}

// TestShutTo_RefusedContentConcernsItsRequest: if Slack refuses the content of a card, only
// its own request is affected. A problem of the channel affects all requests.
func TestShutTo_RefusedContentConcernsItsRequest(t *testing.T) {
	const content, place = "msg_too_long", "ekm_access_denied"
	own, other := bot.Request{ID: "REQ-7F3K4M", State: bot.Pending}, bot.Request{ID: "REQ-OTHER", State: bot.Pending}
	card, link := message.Post{Key: bot.CardKey}, message.View{CardLink: "https://slack.example/card"}
	b, move := submitting(t)
	check := func(when, mine, others, linked string) {
		t.Helper()
		for _, is := range []struct {
			of   string
			got  bot.ChannelProblem
			code string
		}{{"its own", b.ShutTo(&own, message.View{}), mine}, {"another", b.ShutTo(&other, message.View{}), others}, {"one whose card stands", b.ShutTo(&own, link), linked}} {
			if code, _ := is.got.Code(); code != is.code {
				t.Errorf("%s, in the way of %s: %q, want %q", when, is.of, code, is.code)
			}
		}
	}
	b.noteShut(own.ID, message.Post{Key: "result:1"}, bot.ChannelRefuses(content))
	check("a message in the thread was refused", "", "", "")
	b.noteShut(own.ID, card, bot.ChannelRefuses(content))
	check("its content was refused", content, "", "")
	b.noteShut(own.ID, card, bot.ChannelRefuses(place))
	check("the place refuses", place, place, place)
	b.noteShut(other.ID, card, bot.ChannelRefuses(content))
	check("the content of another, too", place, place, place)
	move(slackapi.RefusedFor + time.Second)
	check("an hour later", "", "", "")
}
