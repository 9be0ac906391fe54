package engine_test

import (
	"fmt"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// act is what somebody did in this step.
type act struct {
	who     *member
	kind    authz.Action
	target  *human // for an ask
	drill   bool
	reason  string
	request string // for a click
	button  string // of an approval: its action
	promise string // what a form said that its submission does; "nothing" for the press that opens it
}

// step is one new audit row and everything that a judge may use: what people just did,
// the rules in force, and the history before the row.
type step struct {
	row     bot.Row
	now     rules
	actor   *member  // nil for the clock, the bot and the policy
	request *tracked // the row's; nil if it has none
	acts    []act
	calls   []revokeCall // Entra's, for the decision in force
	before  *record
}

func (s step) String() string {
	text := fmt.Sprintf("row %d, %s", s.row.Seq, s.row.Action)
	if s.row.Request != "" {
		text += " of " + s.row.Request
	}
	text += " by " + s.row.Actor
	if s.row.Reason != "" {
		text += " (" + s.row.Reason + ")"
	}
	return text
}

// did reports whether the actor did something that explains the row.
func (s step) did(kinds ...authz.Action) bool {
	return slices.ContainsFunc(s.acts, func(a act) bool {
		return a.who.id == s.row.Actor && slices.Contains(kinds, a.kind) && (a.request == "" || a.request == s.row.Request)
	})
}

// mayRevoke reports whether the actor pressed a button that says that it may revoke.
func (s step) mayRevoke() bool {
	return slices.ContainsFunc(s.acts, func(a act) bool {
		return a.who.id == s.row.Actor && a.button != bot.ActionApprove && a.button != bot.ActionApproveRetry
	})
}

// promised is what the actor's form said, empty for a command.
func (s step) promised() string {
	for _, a := range s.acts {
		if a.who.id == s.row.Actor && a.promise != "" {
			return a.promise
		}
	}
	return ""
}

// asking finds the actor's command that explains the row. It prefers a command with a
// reason, because the bot may have refused the others.
func (s step) asking(target *human) (found *act) {
	for i, a := range s.acts {
		if a.kind == authz.Ask && a.who.id == s.row.Actor && a.target == target && a.drill == s.row.Drill {
			if found == nil || found.reason == "" {
				found = &s.acts[i]
			}
		}
	}
	return found
}

// byPerson reports whether a person, and not the bot, gave the approval.
func (s step) byPerson() bool {
	return !slices.Contains([]string{"bot", "clock", "policy"}, s.row.Actor)
}

// rushed reports whether several people act at once. A refusal may then be right for a
// moment that the rows do not show.
func (s step) rushed() bool { return len(s.acts) > 1 }

// age is how long the request has waited, without freezes.
func (s step) age() time.Duration { return s.before.age(s.request, s.row.At) }

// open are the calls that may have had an effect.
func (s step) open() []revokeCall {
	return slices.DeleteFunc(slices.Clone(s.calls), func(c revokeCall) bool { return c.reply.resolved() })
}

// complaints collects the complaints of one judge. Each begins with the name of the
// rule, so that a failure names the rule that broke.
type complaints struct {
	rule string
	list *[]string
}

func (c complaints) complain(about any, format string, args ...any) {
	*c.list = append(*c.list, fmt.Sprintf("%s: %v: %s", c.rule, about, fmt.Sprintf(format, args...)))
}

// judge answers one question about each row.
type judge interface{ see(step) }

// judges are all judges, one for each question, and the complaints that come from
// elsewhere.
type judges struct {
	votes   votesJudge
	freezes freezesJudge
	limits  *limitsJudge
	time    timeJudge
	states  statesJudge
	calls   callsJudge
	cards   cardsJudge
	log     complaints // about errors that the bot logged
	rest    complaints // about work that is left at the end of a day

	wrong []string
}

func newJudges() *judges {
	j := &judges{}
	about := func(rule string) complaints { return complaints{rule, &j.wrong} }
	j.votes = votesJudge{about("votes")}
	j.freezes = freezesJudge{about("freezes")}
	j.limits = &limitsJudge{complaints: about("limits")}
	j.time = timeJudge{about("time")}
	j.states = statesJudge{about("states")}
	j.calls = callsJudge{about("calls")}
	j.cards = cardsJudge{about("cards")}
	j.log, j.rest = about("log"), about("rest")
	return j
}

// see shows a row to each judge. A row of an unknown request is always wrong, and no
// other judge can say more about it.
func (j *judges) see(s step) {
	if s.row.Count > 0 {
		j.states.tallied(s)
		return
	}
	if !j.states.knows(s) {
		return
	}
	for _, each := range []judge{j.votes, j.freezes, j.limits, j.time, j.states, j.calls} {
		each.see(s)
	}
}
