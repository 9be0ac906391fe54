package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// reply is what Microsoft does with a revoke, and what the bot learns of it.
type reply string

// The replies. A call without an answer ("lost") may have been carried out. A process
// that dies learns nothing.
const (
	says204     reply = "204"
	saysYesOnly reply = "204, but no stamp moves"
	saysNo      reply = "403"
	saysWait    reply = "429"
	unreached   reply = "not reached"
	lostDone    reply = "lost, was done"
	lostUndone  reply = "lost, was not done"
	diesDone    reply = "process dies, was done"
	diesUndone  reply = "process dies, was not done"
)

// resolved: the bot knows that this call did nothing.
func (r reply) resolved() bool { return r == saysNo || r == saysWait || r == unreached }

// took: the account's sessions were ended.
func (r reply) took() bool { return r == says204 || r == lostDone || r == diesDone }

// died is the panic value of a process that dies in a call.
type died struct{}

// revokeCall is one call as Entra saw it, with the facts of that moment.
type revokeCall struct {
	request string
	target  string
	at      time.Time
	reply   reply
	frozen  bool
}

// entra is Microsoft in memory.
type entra struct {
	mu   sync.Mutex
	town *town
	now  func() time.Time
	// caller reads from the database which request revokes the account, and whether a
	// freeze is on.
	caller func(target string, known []revokeCall) (request string, frozen bool, err error)

	person   string          // the bot is signed in as; empty: as an application
	replies  []reply         // to the next calls; after them says204
	down     bool            // no look-up answers
	denied   bool            // every look-up is refused
	fails    error           // the error of every look-up; nil for none
	blind    bool            // only roles cannot be read
	reads    map[string]int  // of accounts, by object ID
	during   func(id string) // runs while an account is read; may be nil
	calls    []revokeCall
	problems []string
}

var _ bot.Entra = (*entra)(nil)

func (e *entra) trouble(op string) error {
	switch {
	case e.fails != nil:
		return e.fails
	case e.down:
		return &graph.Error{Op: op, Status: 503, Outcome: graph.NotDone, Retryable: true, Remedy: "Wait."}
	case e.denied:
		return &graph.Error{Op: op, Status: 403, Code: "Authorization_RequestDenied", Outcome: graph.NotDone, Remedy: "Grant it."}
	}
	return nil
}

func yesOrNo(is bool) graph.Fact {
	if is {
		return graph.Yes
	}
	return graph.No
}

func (e *entra) read(h *human) graph.User {
	return graph.User{
		ID: h.id, DisplayName: "Person " + h.id[len(h.id)-1:], UPN: h.upn, Mail: h.mail, Guest: yesOrNo(h.guest.now()), Disabled: yesOrNo(h.blocked.now()), Synced: graph.No, Restricted: graph.No,
		Stamps: graph.Stamps{RefreshTokens: h.stamp, Sessions: h.stamp, ReadAt: e.now()},
	}
}

func (e *entra) User(_ context.Context, id string) (graph.User, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.during != nil {
		e.during(id)
	}
	if e.reads == nil {
		e.reads = map[string]int{}
	}
	e.reads[id]++
	if err := e.trouble("read the account"); err != nil {
		return graph.User{}, err
	}
	if h := e.town.human(id); h != nil && !h.absent.now() {
		return e.read(h), nil
	}
	return graph.User{}, &graph.Error{Op: "read the account", Status: 404, Code: "Request_ResourceNotFound", Outcome: graph.NotDone, Remedy: "Look."}
}

func (e *entra) Find(_ context.Context, by graph.Key, value string) ([]graph.User, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.trouble("find the account"); err != nil {
		return nil, err
	}
	var found []graph.User
	for _, h := range e.town.humans {
		has := map[graph.Key]string{graph.ByUPN: h.upn, graph.ByMail: h.mail, graph.ByProxy: h.proxy}[by]
		if strings.EqualFold(has, value) && !h.absent.now() {
			found = append(found, e.read(h))
		}
	}
	return found, nil
}

func (e *entra) MemberOf(_ context.Context, id string, groups []string) ([]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.trouble("ask who is in a group"); err != nil {
		return nil, err
	}
	h := e.town.human(id)
	return slices.DeleteFunc(slices.Clone(groups), func(g string) bool { return h == nil || !h.in[authz.EntraGroup+g].now() }), nil
}

func (e *entra) Members(_ context.Context, group string) (graph.Group, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := graph.Group{ID: group}
	if err := e.trouble("list a group"); err != nil {
		return g, err
	}
	for _, h := range e.town.humans {
		if h.in[authz.EntraGroup+group].now() && !h.absent.now() {
			g.Members = append(g.Members, e.read(h))
		}
	}
	return g, nil
}

func (e *entra) Privileged(_ context.Context, id string) (graph.Fact, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.trouble("read the roles"); err != nil || e.blind {
		return graph.Unknown, err
	}
	return yesOrNo(e.town.human(id).privileged.now()), nil
}

// LastSignIn matters to no rule.
func (e *entra) LastSignIn(context.Context, string) (time.Time, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now(), e.trouble("read the last sign-in")
}

func (e *entra) SignedInAs() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.person
}

// ReachesAdministrators matters to no rule.
func (e *entra) ReachesAdministrators(context.Context) (graph.Fact, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return graph.Yes, e.trouble("read the account's roles")
}

// Revoke notes the call before it answers.
func (e *entra) Revoke(_ context.Context, id string) (graph.Revocation, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	how := says204
	if len(e.replies) > 0 {
		how, e.replies = e.replies[0], e.replies[1:]
	}
	request, frozen, err := e.caller(id, e.calls)
	if err != nil {
		e.problems = append(e.problems, fmt.Sprintf("a revoke of %s: %v", id, err))
	}
	e.calls = append(e.calls, revokeCall{request: request, target: id, at: e.now(), reply: how, frozen: frozen})
	if h := e.town.human(id); how.took() {
		h.stamp = e.now()
		h.moved = append(h.moved, e.now())
	}
	switch how {
	case saysNo:
		return graph.Revocation{}, &graph.Error{Op: "revoke sessions", Status: 403, Outcome: graph.NotDone, Remedy: "Ask an administrator."}
	case saysWait:
		return graph.Revocation{}, &graph.Error{Op: "revoke sessions", Status: 429, Outcome: graph.NotDone, Retryable: true, RetryAfter: 40 * time.Second, Remedy: "Wait."}
	case unreached:
		return graph.Revocation{}, &graph.Error{Op: "revoke sessions", Code: graph.CodeDNS, Outcome: graph.NotDone, Retryable: true, Remedy: "Look at the network."}
	case lostDone, lostUndone:
		return graph.Revocation{}, &graph.Error{Op: "revoke sessions", Status: 504, Outcome: graph.OutcomeUnknown, Remedy: "Look."}
	case diesDone, diesUndone:
		panic(died{})
	}
	return graph.Revocation{Operation: graph.InvalidateAllRefreshTokens, Status: 204}, nil
}
