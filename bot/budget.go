package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"revoke-sessions/graph"
)

// purpose says what a look-up is for. Slack and Microsoft allow an app so many
// calls; what strangers ask for must leave enough of them for decisions.
type purpose int

const (
	// forDecision is a click or a freeze of somebody who is an approver as far
	// as is known, the roster, and whatever the bot does by itself.
	forDecision purpose = iota
	// forOwn is a report of somebody's own device, an ask of an approver, and
	// anybody else's click.
	forOwn
	// forOthers is everything else.
	forOthers
)

type purposeKey struct{}

// lookingUp has the look-ups under ctx made for p, or for what they are made for
// already, where that is more important.
func lookingUp(ctx context.Context, p purpose) context.Context {
	if known, ok := ctx.Value(purposeKey{}).(purpose); ok && known <= p {
		return ctx
	}
	return context.WithValue(ctx, purposeKey{}, p)
}

func purposeOf(ctx context.Context) purpose {
	p, _ := ctx.Value(purposeKey{}).(purpose)
	return p
}

// likely reports whether somebody is an approver as far as is known without
// asking anybody. It is no authority: it says whose look-ups go first.
func (b *Bot) likely(slackID string) bool {
	return slices.Contains(b.cfg.Policy.Approvers, slackID) || b.approvers.latest().has(slackID)
}

// purpose is what the look-ups for an arrival are for.
func (b *Bot) purpose(a Arrival) purpose {
	p := forOthers
	if a.decides() {
		p = forOwn
	}
	if b.likely(a.UserID) {
		p-- // the next more important one
	}
	return p
}

// quota is how many calls an app may make within a time.
type quota struct {
	calls  int
	within time.Duration
}

// graphReads stands for every read of Graph's.
const graphReads = "graph reads"

// quotas are those of the methods that an act may cause.
// https://docs.slack.dev/apis/web-api/rate-limits
// https://learn.microsoft.com/graph/throttling-limits: the smallest tenant has
// 3,500 resource units in 10 s; a read costs one to three, and other programs
// of the tenant have theirs.
var quotas = map[string]quota{
	"users.info":            {100, time.Minute},
	"users.lookupByEmail":   {50, time.Minute},
	"usergroups.users.list": {20, time.Minute},
	"views.open":            {100, time.Minute},
	graphReads:              {1000, 10 * time.Second},
}

// Of each quota, strangers' asks get two fifths, and what is forOwn another
// fifth. The rest is left for decisions, which nothing here holds back.
const (
	othersShare = 0.4
	ownShare    = 0.2
)

// budget counts the calls that acts cause, method by method.
type budget struct {
	now func() time.Time
	// replicas share what Slack and Microsoft allow.
	replicas func() int
	off      bool

	mu     sync.Mutex
	others map[string]*window
	own    map[string]*window
	// silent holds the methods of which Slack or Microsoft said that they are
	// called too often, until when to leave them alone.
	silent map[string]time.Time
}

func newBudget(now func() time.Time, replicas func() int, off bool) *budget {
	return &budget{now: now, replicas: replicas, off: off, others: map[string]*window{}, own: map[string]*window{}, silent: map[string]time.Time{}}
}

// spentError says that a call was not made, so that others find room for theirs
// or, with asked, because Slack or Microsoft had just asked to leave it.
type spentError struct {
	what  string
	wait  time.Duration
	asked bool
}

func (e *spentError) Error() string {
	if e.asked {
		return fmt.Sprintf("%s: not called, as was asked, for another %s", e.what, e.wait.Round(time.Second))
	}
	return fmt.Sprintf("%s: not called, to leave room for decisions; there is room again in %s", e.what, e.wait.Round(time.Second))
}

// take counts a call, or answers a *spentError, and then it must not be made.
func (b *budget) take(ctx context.Context, method string) error {
	p, q := purposeOf(ctx), quotas[method]
	if b.off || p == forDecision {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if left := b.silent[method].Sub(now); left > 0 && left <= longestSilence {
		return &spentError{what: method, wait: left, asked: true}
	}
	share := func(of float64) int { return max(1, int(of*float64(q.calls))/max(1, b.replicas())) }
	wait := take(b.others, method, now, q.within, share(othersShare))
	if wait > 0 && p == forOwn {
		wait = min(wait, take(b.own, method, now, q.within, share(ownShare)))
	}
	if wait > 0 {
		return &spentError{what: method, wait: wait}
	}
	return nil
}

// heed remembers that a method was called too often.
func (b *budget) heed(method string, err error) {
	if wait, ok := tooOften(err); ok && !b.off {
		b.mu.Lock()
		b.silent[method] = b.now().Add(min(wait, longestSilence))
		b.mu.Unlock()
	}
}

// tooOften reports that Slack or Microsoft answered that they are asked too
// often, and how long to wait.
func tooOften(err error) (wait time.Duration, so bool) {
	if e, ok := errors.AsType[*spentError](err); ok {
		return e.wait, e.asked
	}
	if e, ok := errors.AsType[*SlackError](err); ok && e.Code == ratelimited {
		return e.RetryAfter, true
	}
	if e := graph.AsError(err); e != nil && e.Status == http.StatusTooManyRequests {
		return max(e.RetryAfter, defaultRetryAfter), true
	}
	return 0, false
}

// window holds when the last calls were made, oldest first.
type window []time.Time

// take answers 0 and notes a call, or answers when there is room for one. A call
// that was noted in the future was noted before the clock was set back.
func take(all map[string]*window, method string, now time.Time, within time.Duration, most int) time.Duration {
	w := all[method]
	if w == nil {
		w = &window{}
		all[method] = w
	}
	for len(*w) > 0 && now.Sub((*w)[0]).Abs() >= within {
		*w = (*w)[1:]
	}
	if over := len(*w) - most; over >= 0 {
		return max(time.Millisecond, within-now.Sub((*w)[over]))
	}
	*w = append(*w, now)
	return 0
}

// counted is a look-up of Slack's that the budget counts.
func counted[V any](b *budget, method string, ask func(context.Context, string) (V, error)) func(context.Context, string) (V, error) {
	return func(ctx context.Context, key string) (v V, err error) {
		if err := b.take(ctx, method); err != nil {
			return v, err
		}
		v, err = ask(ctx, key)
		b.heed(method, err)
		return v, err
	}
}

// countedEntra is Entra with each read counted by the budget.
type countedEntra struct {
	Entra
	budget *budget
}

func reading[V any](ctx context.Context, b *budget, ask func() (V, error)) (v V, err error) {
	if err := b.take(ctx, graphReads); err != nil {
		return v, err
	}
	v, err = ask()
	b.heed(graphReads, err)
	return v, err
}

func (c countedEntra) User(ctx context.Context, objectID string) (graph.User, error) {
	return reading(ctx, c.budget, func() (graph.User, error) { return c.Entra.User(ctx, objectID) })
}

func (c countedEntra) Find(ctx context.Context, by graph.Key, address string) ([]graph.User, error) {
	return reading(ctx, c.budget, func() ([]graph.User, error) { return c.Entra.Find(ctx, by, address) })
}

func (c countedEntra) MemberOf(ctx context.Context, objectID string, groupIDs []string) ([]string, error) {
	return reading(ctx, c.budget, func() ([]string, error) { return c.Entra.MemberOf(ctx, objectID, groupIDs) })
}

func (c countedEntra) Members(ctx context.Context, groupID string) (graph.Group, error) {
	return reading(ctx, c.budget, func() (graph.Group, error) { return c.Entra.Members(ctx, groupID) })
}

func (c countedEntra) Privileged(ctx context.Context, objectID string) (graph.Fact, error) {
	return reading(ctx, c.budget, func() (graph.Fact, error) { return c.Entra.Privileged(ctx, objectID) })
}

func (c countedEntra) ReachesAdministrators(ctx context.Context) (graph.Fact, error) {
	return reading(ctx, c.budget, func() (graph.Fact, error) { return c.Entra.ReachesAdministrators(ctx) })
}

func (c countedEntra) LastSignIn(ctx context.Context, objectID string) (time.Time, error) {
	return reading(ctx, c.budget, func() (time.Time, error) { return c.Entra.LastSignIn(ctx, objectID) })
}
