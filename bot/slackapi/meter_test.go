package slackapi

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slacktest"
)

// Each call to Slack is reported once, with its result.
func TestClient_ReportsEachCall(t *testing.T) {
	s := bottest.Workspace(t)
	a := connected(t, s)
	type call struct{ method, result string }
	var seen []call
	a.Observe(func(method, result string, took time.Duration) {
		if took <= 0 {
			t.Errorf("%s took %s", method, took)
		}
		seen = append(seen, call{method, result})
	})
	trigger, responseURL := bottest.Typed(t, s, bottest.Bob, "x")
	all := append(methods(trigger, responseURL),
		method{"bots.info", func(ctx context.Context, a *Client) error { _, err := a.Connect(ctx); return err }},
		method{"conversations.info", func(ctx context.Context, a *Client) error { _, err := a.Channel(ctx, bottest.Cards); return err }},
		method{"conversations.members", func(ctx context.Context, a *Client) error {
			_, _, err := a.ChannelMembers(ctx, bottest.Cards, "")
			return err
		}},
		method{"usergroups.users.list", func(ctx context.Context, a *Client) error { _, err := a.GroupMembers(ctx, "S0NOBODY"); return err }},
	)
	for _, m := range all {
		for _, fault := range []struct {
			fault  slacktest.Fault
			result string
		}{
			{slacktest.Fault{Method: m.name, Status: http.StatusBadGateway}, Silent},
			{slacktest.Fault{Method: m.name, Status: http.StatusTooManyRequests}, Ratelimited},
			{slacktest.Fault{Method: m.name, Error: "account_inactive"}, "account_inactive"},
		} {
			seen = nil
			fault.fault.Times = 1
			s.Inject(fault.fault)
			if err := m.call(bottest.Deadline(t), a); err == nil {
				t.Errorf("%s: no error", m.name)
			}
			want := []call{{m.name, fault.result}}
			if m.name == "bots.info" {
				want = []call{{"auth.test", OK}, {"bots.info", fault.result}}
			}
			if !slices.Equal(seen, want) {
				t.Errorf("%s: seen is %v, want %v", m.name, seen, want)
			}
		}
	}
	seen = nil
	if _, _, err := a.Post(bottest.Deadline(t), bottest.Cards, "", message.Note("hello")); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []call{{"chat.postMessage", OK}}) {
		t.Errorf("of a post that worked is seen %v", seen)
	}
}
