package slacktest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"revoke-sessions/bot/slacktest"
)

func Example() {
	s, err := slacktest.Start(slacktest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	s.AddUser(slacktest.User{ID: "U1", Name: "bob"})
	s.AddChannel(slacktest.Channel{ID: "C1", Name: "security", Members: []string{"U1"}, BotIsMember: true})

	// What a bot would do, with whatever client it uses.
	resp, err := http.PostForm(s.APIURL()+"chat.postMessage", url.Values{
		"token": {s.BotToken()}, "channel": {"C1"}, "text": {"Hello <@U1>, typed text is dead: &lt;!here&gt;"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Until(ctx, func() bool { return len(s.Messages("C1")) == 1 }); err != nil {
		fmt.Println(err)
		return
	}
	m := s.Messages("C1")[0]
	fmt.Println(m.Plain())
	fmt.Println(s.Mentions(m))
	fmt.Println(s.As("U1").Command("C1", "help").Saw())
	// Output:
	// Hello @U1, typed text is dead: <!here>
	// [U1]
	// dispatch_failed
}

// A bot in Socket Mode, with a client that real bots use: somebody types a
// command, the bot posts a card, somebody else presses its button.
func Example_command() {
	s, err := slacktest.Start(slacktest.Config{Command: "/lunch"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	s.AddUser(slacktest.User{ID: "U1", Name: "bob"})
	s.AddUser(slacktest.User{ID: "U2", Name: "alice"})
	s.AddChannel(slacktest.Channel{ID: "C1", Name: "office", Members: []string{"U1", "U2"}, BotIsMember: true})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	stop := lunchBot(ctx, s)
	defer stop()
	if err := s.Until(ctx, func() bool { return s.Sockets() == 1 }); err != nil {
		fmt.Println(err)
		return
	}

	ack, err := s.As("U1").Command("C1", "pizza").Wait(ctx)
	fmt.Println("in time:", err == nil && !ack.Late)
	err = s.Until(ctx, func() bool { return len(s.Messages("C1")) == 1 })
	if err != nil {
		fmt.Println(err)
		return
	}
	card := s.Messages("C1")[0]
	fmt.Println(card.Plain())
	s.As("U2").Click("C1", card.TS, "join")
	err = s.Until(ctx, func() bool { return len(s.Thread("C1", card.TS)) == 2 })
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Thread("C1", card.TS)[1].Plain())
	fmt.Println("methods that the double does not know:", len(s.Unknown()))
	// Output:
	// in time: true
	// Lunch: pizza
	// [Join]
	// @U2 joins.
	// methods that the double does not know: 0
}

// lunchBot answers until stop is called.
func lunchBot(ctx context.Context, s *slacktest.Server) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	transport := &http.Transport{}
	api := slack.New(s.BotToken(), slack.OptionAppLevelToken(s.AppToken()), slack.OptionAPIURL(s.APIURL()),
		slack.OptionHTTPClient(&http.Client{Transport: transport, Timeout: 10 * time.Second}))
	client := socketmode.New(api)
	quit, ended := make(chan struct{}), make(chan struct{}, 2)
	go func() {
		_ = client.RunContext(ctx) // ends when the example stops it
		ended <- struct{}{}
	}()
	go func() {
		defer func() { ended <- struct{}{} }()
		for {
			select {
			case <-quit:
				return
			case e := <-client.Events:
				switch data := e.Data.(type) {
				case slack.SlashCommand:
					_ = client.AckCtx(ctx, e.Request.EnvelopeID, nil)
					join := slack.NewButtonBlockElement("join", "", slack.NewTextBlockObject(slack.PlainTextType, "Join", false, false))
					_, _, err := api.PostMessageContext(ctx, data.ChannelID, slack.MsgOptionText("Lunch: "+data.Text, false),
						slack.MsgOptionBlocks(slack.NewActionBlock("", join)))
					if err != nil {
						fmt.Println(err)
					}
				case slack.InteractionCallback:
					_ = client.AckCtx(ctx, e.Request.EnvelopeID, nil)
					_, _, err := api.PostMessageContext(ctx, data.Channel.ID, slack.MsgOptionText("<@"+data.User.ID+"> joins.", false),
						slack.MsgOptionTS(data.Message.Timestamp))
					if err != nil {
						fmt.Println(err)
					}
				}
			}
		}
	}()
	return func() {
		close(quit)
		<-ended // the loop, once the answer to its last post is read
		cancel()
		<-ended
		transport.CloseIdleConnections()
	}
}

// How a bot takes a rate limit of Slack's, which comes when the test says.
func ExampleServer_Inject() {
	s, err := slacktest.Start(slacktest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	s.Inject(slacktest.Fault{Method: "auth.test", Times: 1, RetryAfter: 3 * time.Second})
	for range 2 {
		resp, err := http.PostForm(s.APIURL()+"auth.test", url.Values{"token": {s.BotToken()}})
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Printf("%d %q\n", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	for _, c := range s.CallsOf("auth.test") {
		fmt.Printf("%d %q\n", c.Status, c.Error)
	}
	// Output:
	// 429 "3"
	// 200 ""
	// 429 "ratelimited"
	// 200 ""
}
