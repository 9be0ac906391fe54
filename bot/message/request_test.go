package message

import (
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/graph"
)

func TestRequest_Retryable(t *testing.T) {
	for name, row := range map[string]struct {
		scene scene
		after time.Duration // since the decision
		want  bool
	}{
		"failed":                   {newScene("", bot.Failed), time.Minute, true},
		"failed, last moment":      {newScene("", bot.Failed), bot.RetryWindow - 1, true},
		"failed, a day later":      {newScene("", bot.Failed), bot.RetryWindow, false},
		"unknown, being found out": {newScene("", bot.Unknown), bot.UnknownSoon - 1, false},
		"unknown for a minute":     {newScene("", bot.Unknown), bot.UnknownSoon, true},
		"unknown, calls spent":     {newScene("", bot.Unknown, twice), 30 * time.Second, true},
		"unknown, too old":         {newScene("", bot.Unknown, twice), bot.RetryWindow, false},
	} {
		if got := row.scene.r.Retryable(bottest.ApprovedAt.Add(row.after)); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
	for _, s := range bot.States {
		if s == bot.Failed || s == bot.Unknown {
			continue
		}
		if sc := newScene("", s, drillIfNeeded(s)); sc.r.Retryable(bottest.ApprovedAt.Add(time.Minute)) {
			t.Errorf("%s is retryable", s)
		}
	}
	r := bot.Request{State: bot.Failed}
	if r.Retryable(bottest.ApprovedAt) {
		t.Error("a request without a decision is retryable")
	}
}

func drillIfNeeded(s bot.State) sceneOption {
	if s == bot.Drilled {
		return drill
	}
	return func(*scene) {}
}

func TestRequest_Stuck(t *testing.T) {
	newDecision := func(s *scene) {
		if len(s.r.Decisions) == 1 {
			at := bottest.ApprovedAt.Add(10 * time.Second)
			s.r.Decisions = append(s.r.Decisions, bot.Verdict{Kind: authz.Retry, SlackID: bottest.Dave, At: at})
			s.r.Attempts = append(s.r.Attempts, bot.Attempt{Decision: 2, BeganAt: at, Outcome: graph.OutcomeUnknown})
		}
	}
	for name, row := range map[string]struct {
		scene scene
		after time.Duration // since the first call
		want  bool
	}{
		"one call":                        {newScene("", bot.Unknown), bot.UnknownSoon - 1, false},
		"one call, a minute ago":          {newScene("", bot.Unknown), bot.UnknownSoon, true},
		"two calls":                       {newScene("", bot.Unknown, twice), 30 * time.Second, true},
		"two calls, revoked":              {newScene("", bot.Revoked, seen, twice), time.Hour, false},
		"two calls, under way":            {newScene("", bot.Executing, twice), time.Hour, false},
		"two calls before a new decision": {newScene("", bot.Unknown, twice, newDecision), 30 * time.Second, false},
	} {
		if got := row.scene.r.Stuck(bottest.ApprovedAt.Add(row.after)); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}

// Plan says where each message goes; results do not wait behind new cards.
func TestPlan_WhereMessagesGo(t *testing.T) {
	for _, s := range scenes() {
		keys := map[string]bool{}
		for i, p := range Plan(&s.r, s.v, bottest.Cards, nil) {
			if keys[p.Key] {
				t.Errorf("%s owes %s twice", s.name, p.Key)
			}
			keys[p.Key] = true
			if (i == 0) != (p.Key == bot.CardKey) {
				t.Errorf("%s: the card is not first", s.name)
			}
			if (p.To == "") != p.Thread {
				t.Errorf("%s: %s goes to %q, thread %v", s.name, p.Key, p.To, p.Thread)
			}
			asks := s.r.State == bot.Pending && (p.Key == bot.CardKey || strings.HasPrefix(p.Key, bot.UnreachedKey))
			if asks != (p.Urgency == bot.OfCard) {
				t.Errorf("%s: %s waits behind results: %v", s.name, p.Key, p.Urgency == bot.OfCard)
			}
			if p.Key == bot.CardKey && !asks && p.Urgency != bot.OfOutcome {
				t.Errorf("%s: the card's end waits", s.name)
			}
			if p.Key == "target" && p.To != s.r.TargetSlackID {
				t.Errorf("%s tells %s that it happened", s.name, p.To)
			}
		}
		over := s.r.State.Accepted() || s.r.State.Undone() || s.r.State == bot.Failed || s.r.State == bot.Drilled || s.r.State == bot.Lost
		if over != keys["result:1"] && s.name != "expired_self" {
			if s.r.State != bot.Expired && s.r.State != bot.Void { // these have no decision that gives a number
				t.Errorf("%s: result in the thread: %v", s.name, keys["result:1"])
			}
		}
	}
}
