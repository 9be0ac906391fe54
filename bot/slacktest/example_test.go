package slacktest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

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
