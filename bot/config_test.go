package bot

import (
	"errors"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// TestConfig_ResultOfEveryAnswer gives each kind of answer to a call that may have been
// overtaken: the process was paused, and another one called the outcome unknown. Each
// answer leads to a state that exists and says no more than is known.
func TestConfig_ResultOfEveryAnswer(t *testing.T) {
	now := time.Date(2026, 3, 4, 10, 42, 0, 0, time.UTC)
	c := Config{Timing: DefaultTiming()}
	answers := map[string]error{
		"yes":             nil,
		"no":              &graph.Error{Status: 403, Outcome: graph.NotDone, Remedy: "no"},
		"wait":            &graph.Error{Status: 429, Outcome: graph.NotDone, Retryable: true, RetryAfter: time.Minute, Remedy: "wait"},
		"wait for ever":   &graph.Error{Status: 429, Outcome: graph.NotDone, Retryable: true, RetryAfter: 24 * time.Hour, Remedy: "wait"},
		"no connection":   &graph.Error{Outcome: graph.NotDone, Retryable: true, Remedy: "network"},
		"no clear answer": &graph.Error{Status: 502, Outcome: graph.OutcomeUnknown, Remedy: "unclear"},
		"nonsense":        errors.New("nonsense"),
	}
	earlier := map[string][]Attempt{
		"first call":              nil,
		"after a clear no":        {{Decision: 1, BeganAt: now.Add(-time.Minute), EndedAt: now, Outcome: graph.NotDone}},
		"after an unclear answer": {{Decision: 1, BeganAt: now.Add(-time.Minute), EndedAt: now, Outcome: graph.OutcomeUnknown}},
	}
	for _, state := range []State{Executing, Unknown} {
		for before, attempts := range earlier {
			for answer, err := range answers {
				t.Run(string(state)+", "+before+", "+answer, func(t *testing.T) {
					r := Request{
						ID: "REQ-ACDEFG", State: state, Lane: authz.Self,
						Decisions: []Verdict{{Kind: authz.Confirm, SlackID: "U1", At: now.Add(-2 * time.Minute)}},
						Attempts:  append(attempts[:len(attempts):len(attempts)], Attempt{Decision: 1, BeganAt: now.Add(-time.Second)}),
					}
					next := c.ResultOf(r, graph.Revocation{Status: 204}, err, now)
					unclear := before == "after an unclear answer" || answer == "no clear answer" || answer == "nonsense"
					switch {
					case answer == "yes":
						if next.State != Revoked {
							t.Errorf("a yes led to %s", next.State)
						}
					case unclear:
						if next.State != Unknown {
							t.Errorf("an unclear outcome led to %s", next.State)
						}
					case answer == "no", answer == "wait for ever":
						if next.State != Failed {
							t.Errorf("a no led to %s", next.State)
						}
					default:
						if next.State != Approved || !next.DueAt.After(now) {
							t.Errorf("a wish to wait led to %s, due %s", next.State, next.DueAt)
						}
					}
					if next.State != Approved && next.State != Revoked && next.State != Unknown && next.DueAt.IsZero() {
						t.Error("nobody will look again")
					}
				})
			}
		}
	}
}
