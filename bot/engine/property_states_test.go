package engine_test

import (
	"slices"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// statesJudge asks whether a row may follow in the request's state, and whether the
// stored request equals its history.
type statesJudge struct{ complaints }

// mayFollow are the states in which each row may be written. For some rows they depend
// on the actor.
var mayFollow = map[string][]bot.State{
	"joined":             {bot.Pending},
	"cancel_asked":       {bot.Pending},
	"cancel_asked_again": {bot.Pending},
	"approval":           {bot.Pending, bot.Failed, bot.Unknown},
	"approval_lapsed":    {bot.Pending, bot.Failed, bot.Unknown, bot.Approved},
	"reopened":           {bot.Approved},
	"deny_pressed":       {bot.Pending, bot.Approved},
	"deny_asked":         {bot.Pending, bot.Approved},
	"unasked":            {bot.Approved},
	"withheld":           {bot.Unknown},
	"approved":           {bot.Pending, bot.Failed, bot.Unknown},
	"approved by policy": {bot.Pending},
	"approved by bot":    {bot.Executing, bot.Unknown}, // Microsoft asked to wait
	"approved by clock":  {bot.Executing, bot.Unknown}, // a drill was interrupted
	"not_executed":       {bot.Pending},
	"reminded":           {bot.Pending},
	"escalated":          {bot.Pending},
	"held":               {bot.Approved},
	"queued":             {bot.Approved},
	"executing":          {bot.Approved, bot.Unknown},
	"lost":               {bot.Pending, bot.Approved, bot.Executing, bot.Unknown, bot.Failed},
	"denied":             {bot.Pending, bot.Approved},
	"cancelled":          {bot.Pending},
	"expired":            {bot.Pending},
	"void":               {bot.Pending},
	"void by bot":        {bot.Pending, bot.Approved}, // the account has changed while it waited
	"revoked":            {bot.Executing, bot.Unknown},
	"failed":             {bot.Executing, bot.Unknown},
	"unknown":            {bot.Executing},
	"drilled":            {bot.Executing},
	"verified":           {bot.Revoked, bot.NotVisibleYet, bot.Unreachable},
	"not_visible_yet":    {bot.Revoked, bot.Unreachable},
	"unreachable":        {bot.Revoked, bot.NotVisibleYet},
	"unmoved_told":       {bot.NotVisibleYet},
	"unread_told":        {bot.Unreachable},
}

// Rows that are allowed in any state, and rows that need no request.
var (
	anyState  = []string{"requested", "previewed_again", "retry_closed", "stopped_looking", "late_answer"}
	noRequest = []string{"frozen", "unfreeze_asked", "unfrozen", "refused", "policy_loaded", "coverage", "clock_set_back", "database_restored"}
)

// knows wants the request of a row to exist, if the row needs one.
func (j statesJudge) knows(s step) bool {
	if s.request == nil && (s.row.Request != "" || !slices.Contains(noRequest, s.row.Action)) {
		j.complain(s, "of a request that nobody asked for")
		return false
	}
	return true
}

// counted are the actions with one row for the first act in a minute, and a count for
// the others.
var counted = []string{bot.ActRefused, bot.ActCancelAskedAgain, bot.ActDenyPressed}

// tallied wants a row with a count to follow one of the same kind. It repeats earlier
// acts: it is no new vote, and no new refusal.
func (j statesJudge) tallied(s step) {
	row := s.row
	if !slices.Contains(counted, row.Action) {
		j.complain(s, "nothing else is counted")
	}
	last, err := time.Parse(time.RFC3339, row.LastAt)
	if err != nil || row.At.Before(last) {
		j.complain(s, "it counts what is still to come, until %s", row.LastAt)
	}
	if !slices.ContainsFunc(s.before.single, func(e bot.Row) bool {
		return e.Action == row.Action && e.Actor == row.Actor && e.Wanted == row.Wanted && e.Reason == row.Reason && e.Request == row.Request &&
			last.Sub(e.At) <= time.Minute
	}) {
		j.complain(s, "no row was written of the first time")
	}
}

func (j statesJudge) see(s step) {
	row, p := s.row, s.request
	states, known := mayFollow[row.Action+" by "+row.Actor]
	if !known {
		states, known = mayFollow[row.Action]
	}
	if !known && !slices.Contains(anyState, row.Action) && !slices.Contains(noRequest, row.Action) {
		j.complain(s, "this is no action")
	}
	if known && !slices.Contains(states, p.state) {
		j.complain(s, "it is %s", p.state)
	}
	switch bot.State(row.Action) {
	case "requested":
		if slices.ContainsFunc(s.before.requests, func(q *tracked) bool {
			return q.state == bot.Pending && q.target == p.target && q.lane == p.lane && q.drill == p.drill
		}) {
			j.complain(s, "the same is pending")
		}
	case "previewed_again":
		if old := p.replaces; old == nil || old.state != bot.Void || old.target.id != row.TargetID {
			j.complain(s, "nothing was void")
		}
	case bot.Approved:
		if row.Actor == "clock" && !p.drill {
			j.complain(s, "it is no drill")
		}
	case bot.Denied:
		if p.state == bot.Approved && len(s.open()) > 0 {
			j.complain(s, "a call may have been carried out")
		}
	case bot.Void:
		if row.Changed == "" {
			j.complain(s, "nothing has changed")
		}
	case "unmoved_told", "unread_told":
		if p.drill || p.rows[row.Action] > 0 || p.rows["unmoved_told"] > 0 {
			j.complain(s, "drill %v, after %v", p.drill, p.rows)
		}
	case bot.Revoked, bot.Failed, bot.Unknown, bot.Drilled, bot.Verified, bot.NotVisibleYet, bot.Unreachable:
		if row.Actor != "bot" && (row.Actor != "clock" || row.Action != string(bot.Unknown)) {
			j.complain(s, "they may not say so")
		}
		if p.drill != (row.Action == string(bot.Drilled)) && (!p.drill || row.Action != string(bot.Failed)) {
			j.complain(s, "a drill: %v", p.drill)
		}
	}
}

// compare wants the stored request to equal its history.
func (j statesJudge) compare(p *tracked, stored bot.Request) {
	var ids, want []string
	for _, v := range stored.Approvals {
		ids = append(ids, v.SlackID)
	}
	for _, m := range p.approvals {
		want = append(want, m.id)
	}
	if !p.state.Undone() && !slices.Equal(ids, want) {
		j.complain(p, "the stored approvals are %v; the rows say %v", ids, want)
	}
	if stored.State != p.state || stored.Lane != p.lane || stored.Drill != p.drill || stored.Target.ID != p.target.id ||
		len(stored.Askers) != len(p.askers) {
		j.complain(p, "stored: %s, %s, drill %v, about %s by %v; the rows say %s, %s, %v, %s by %d",
			stored.State, stored.Lane, stored.Drill, stored.Target.ID, stored.Askers, p.state, p.lane, p.drill, p.target.id, len(p.askers))
	}
	for _, end := range []bot.State{bot.Denied, bot.Cancelled, bot.Expired, bot.Void, bot.Lost, bot.Verified, bot.Drilled} {
		if n := p.rows[string(end)]; n > 1 || n == 0 && p.state == end {
			j.complain(p, "it is %s, and %d rows say %s", p.state, n, end)
		}
	}
}

func TestStatesJudge(t *testing.T) {
	in := func(state bot.State) func(*step) { return func(s *step) { s.request.state = state } }
	drill, noDrill := func(s *step) { s.request.drill = true }, func(s *step) { s.request.drill = false }
	told := func(s *step) { s.request.rows["unmoved_told"] = 1 }
	executing := in(bot.Executing)
	executingDrill := func(s *step) { executing(s); drill(s) }
	judgeTwins(t, "states", func(j *judges) judge { return j.states }, []twin{
		{"queue", newStep("queued", "bot"), in(bot.Approved), func(s *step) { s.row.Action = "blessed" }, "this is no action"},
		{"approve", newStep("approval", "ALICE"), nil, in(bot.Denied), "it is denied"},
		{"try again", newStep("approved", "ALICE"), in(bot.Failed), executing, "it is executing"},
		{"carry out", newStep("approved", "policy"), nil, in(bot.Failed), "it is failed"},
		{"wait for Microsoft", newStep("approved", "bot"), executing, in(bot.Pending), "it is pending"},
		{"interrupt a drill", newStep("approved", "clock"), executingDrill, noDrill, "it is no drill"},
		{"execute", newStep("executing", "bot"), in(bot.Approved), in(bot.Pending), "it is pending"},
		{"revoke", newStep("revoked", "bot"), executing, in(bot.Approved), "it is approved"},
		{"revoke as the bot", newStep("revoked", "bot"), executing, func(s *step) { s.row.Actor = "clock" }, "they may not say so"},
		{"revoke, no drill", newStep("revoked", "bot"), executing, drill, "a drill: true"},
		{"rehearse", newStep("drilled", "bot"), executingDrill, noDrill, "a drill: false"},
		{"expire", newStep("expired", "clock"), nil, in(bot.Approved), "it is approved"},
		{"hold back", newStep("held", "bot"), in(bot.Approved), in(bot.Pending), "it is pending"},
		{"deny", newStep("denied", "ALICE"), func(s *step) { s.executed(bot.Approved, saysWait) },
			func(s *step) { s.calls[0].reply = lostUndone }, "a call may have been carried out"},
		{"void", newStep("void", "ALICE"), func(s *step) { s.row.Changed = "renamed" },
			func(s *step) { s.row.Changed = "" }, "nothing has changed"},
		{"ask", newStep("requested", "BOB"), func(s *step) { s.before = &record{} },
			func(s *step) { s.before.requests = []*tracked{s.request} }, "the same is pending"},
		{"preview again", newStep("previewed_again", "ALICE"), func(s *step) {
			s.request.replaces = &tracked{state: bot.Void, target: s.request.target}
		}, func(s *step) { s.request.replaces.state = bot.Denied }, "nothing was void"},
		{"tell that nothing moved", newStep("unmoved_told", "bot"), in(bot.NotVisibleYet), told, "after map[unmoved_told:1]"},
		{"tell that nobody could read it", newStep("unread_told", "bot"), in(bot.Unreachable), told, "after map[unmoved_told:1]"},
	})
}

func TestStatesJudge_UnknownRequests(t *testing.T) {
	j, s := newJudges(), newStep("queued", "bot")
	s.request.state = bot.Approved
	j.see(s)
	wantNothing(t, j)
	s.request = nil
	j.see(s)
	wantComplaint(t, j, "states: row 7, queued of REQ-A by bot: ", "nobody asked for")
}

func TestStatesJudge_StoredRequests(t *testing.T) {
	for name, x := range map[string]struct {
		forbid func(*tracked)
		says   string
	}{
		"state":     {func(p *tracked) { p.state = bot.Approved }, "stored: pending"},
		"asker":     {func(p *tracked) { p.askers = nil }, "by 0"},
		"approvals": {func(p *tracked) { p.approvals = p.askers }, "the stored approvals are []; the rows say [BOB]"},
		"ends":      {func(p *tracked) { p.rows["denied"] = 2 }, "2 rows say denied"},
	} {
		t.Run(name, func(t *testing.T) {
			j, p := newJudges(), newStep("requested", "BOB").request
			stored := bot.Request{State: p.state, Lane: p.lane, Askers: make([]authz.Asker, 1)}
			stored.Target.ID = p.target.id
			j.states.compare(p, stored)
			wantNothing(t, j)
			x.forbid(p)
			j.states.compare(p, stored)
			wantComplaint(t, j, "states: REQ-A: ", x.says)
		})
	}
}
