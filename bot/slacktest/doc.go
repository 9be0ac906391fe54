// Package slacktest is a Slack workspace on loopback: the Web API methods
// that a bot needs, Socket Mode, response URLs, modals, and people who type
// commands and press buttons.
//
// It is strict. It enforces Slack's limits and refuses what it does not know:
// an unknown block field, an unknown parameter, a text that is too long or a
// method it does not model is an error, so that a bot that passes here passes
// there. Where Slack quietly ignores or truncates something, this double
// refuses it.
//
//	s, err := slacktest.Start(slacktest.Config{})
//	defer s.Close()
//	s.AddUser(slacktest.User{ID: "U1", Name: "bob", Email: "bob@contoso.example"})
//	s.AddChannel(slacktest.Channel{ID: "C1", Name: "security", Members: []string{"U1"}, BotIsMember: true})
//	// point the bot at s.APIURL(), s.BotToken() and s.AppToken(), then:
//	ack, err := s.As("U1").Command("C1", "me lost my phone").Wait(ctx)
//	err = s.Until(ctx, func() bool { return len(s.Messages("C1")) == 1 })
//
// Nothing here imports testing or a Slack client: it serves a demo as well as
// a test. All methods of Server may be called from any goroutine.
package slacktest
