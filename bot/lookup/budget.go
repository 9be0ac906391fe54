package lookup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/graph"
)

// Purpose is what a look-up is for. Slack and Microsoft limit the calls of an
// app, so look-ups for strangers must leave enough calls for decisions.
type Purpose int

const (
	// ForDecision is a click or a freeze by a known approver, the roster, and
	// everything that the bot does by itself.
	ForDecision Purpose = iota
	// ForOwn is a report of one's own device, an approver's ask, and anybody
	// else's click.
	ForOwn
	// ForOthers is everything else.
	ForOthers
	// ForHomes is the Home tab of somebody who is no known approver.
	ForHomes
)

type purposeKey struct{}

// For marks the look-ups under ctx as made for p, unless they already have a more
// important purpose.
func For(ctx context.Context, p Purpose) context.Context {
	if known, ok := ctx.Value(purposeKey{}).(Purpose); ok && known <= p {
		return ctx
	}
	return context.WithValue(ctx, purposeKey{}, p)
}

func purposeOf(ctx context.Context) Purpose {
	p, _ := ctx.Value(purposeKey{}).(Purpose)
	return p
}

// quota is how many calls an app may make within a period.
type quota struct {
	calls  int
	within time.Duration
}

// graphReads is the name that all reads of Graph share.
const graphReads = "graph reads"

// quotas are the limits of the methods that a person can make the bot call.
// https://docs.slack.dev/apis/web-api/rate-limits
// https://learn.microsoft.com/graph/throttling-limits: the smallest tenant has
// 3,500 resource units in 10 s; a read costs one to three, and the tenant's other
// programs need some too.
var quotas = map[string]quota{
	"users.info":            {100, time.Minute},
	"users.lookupByEmail":   {50, time.Minute},
	"usergroups.users.list": {20, time.Minute},
	"conversations.members": {100, time.Minute},
	"conversations.info":    {50, time.Minute},
	"views.open":            {100, time.Minute},
	graphReads:              {1000, 10 * time.Second},
}

// Of each quota, strangers' asks get two fifths and ForOwn another fifth.
// Decisions get the rest, and are never held back. Home tabs use at most half of what is
// there for strangers' asks: many people may open theirs at once.
const (
	othersShare = 0.4
	ownShare    = 0.2
	homesShare  = 0.2
)

// Budget counts, per method, the calls that people cause.
type Budget struct {
	now func() time.Time
	// replicas counts the processes that share the quotas.
	replicas func() int
	off      bool

	mu     sync.Mutex
	others map[string]*window
	own    map[string]*window
	homes  map[string]*window
	// silent holds until when to leave a method alone, because Slack or Microsoft
	// said that it is called too often.
	silent map[string]time.Time
}

// NewBudget makes a Budget; off turns all limits off.
func NewBudget(now func() time.Time, replicas func() int, off bool) *Budget {
	return &Budget{
		now: now, replicas: replicas, off: off,
		others: map[string]*window{}, own: map[string]*window{}, homes: map[string]*window{}, silent: map[string]time.Time{},
	}
}

// spentError says that a call was not made: to leave room for decisions or, with
// asked, because Slack or Microsoft had just asked to wait.
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

// Take counts a call. If it returns a *spentError, the call must not be made.
func (b *Budget) Take(ctx context.Context, method string) error {
	p, q := purposeOf(ctx), quotas[method]
	if b.off || p == ForDecision {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if left := b.silent[method].Sub(now); left > 0 && left <= slackapi.LongestSilence {
		return &spentError{what: method, wait: left, asked: true}
	}
	share := func(of float64) int { return max(1, int(of*float64(q.calls))/max(1, b.replicas())) }
	if p == ForHomes {
		if wait := take(b.homes, method, now, q.within, share(homesShare)); wait > 0 {
			return &spentError{what: method, wait: wait}
		}
	}
	wait := take(b.others, method, now, q.within, share(othersShare))
	if wait > 0 && p == ForOwn {
		wait = min(wait, take(b.own, method, now, q.within, share(ownShare)))
	}
	if wait > 0 {
		return &spentError{what: method, wait: wait}
	}
	return nil
}

// homesPerMinute is how many Home tabs are published in a minute, by all processes. Slack
// allows about 100.
// https://docs.slack.dev/reference/methods/views.publish
const homesPerMinute = 60

// TakeHome counts a Home tab that is about to be published and returns 0, or returns how
// long to wait.
func (b *Budget) TakeHome() (wait time.Duration) {
	const method = "views.publish"
	if b.off {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if left := b.silent[method].Sub(now); left > 0 && left <= slackapi.LongestSilence {
		return left
	}
	return take(b.others, method, now, time.Minute, max(1, homesPerMinute/max(1, b.replicas())))
}

// NoteTooOften remembers that a method is called too often, if err says so.
func (b *Budget) NoteTooOften(method string, err error) {
	if wait, ok := TooOften(err); ok && !b.off {
		b.mu.Lock()
		b.silent[method] = b.now().Add(min(wait, slackapi.LongestSilence))
		b.mu.Unlock()
	}
}

// TooOften reports whether err means that Slack or Microsoft is called too often,
// and how long to wait.
func TooOften(err error) (wait time.Duration, so bool) {
	if e, ok := errors.AsType[*spentError](err); ok {
		return e.wait, e.asked
	}
	if e, ok := errors.AsType[*slackapi.Error](err); ok && e.Code == slackapi.Ratelimited {
		return e.RetryAfter, true
	}
	if e := graph.AsError(err); e != nil && e.Status == http.StatusTooManyRequests {
		return max(e.RetryAfter, slackapi.DefaultRetryAfter), true
	}
	return 0, false
}

// window holds when the last calls were made, oldest first.
type window []time.Time

// take notes a call and returns 0, or returns how long until there is room for
// one. A call noted in the future was noted before the clock was set back.
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

// counted wraps a Slack look-up so that the budget counts it.
func counted[V any](b *Budget, method string, ask func(context.Context, string) (V, error)) func(context.Context, string) (V, error) {
	return func(ctx context.Context, key string) (v V, err error) {
		if err := b.Take(ctx, method); err != nil {
			return v, err
		}
		v, err = ask(ctx, key)
		b.NoteTooOften(method, err)
		return v, err
	}
}

// countedEntra is Entra with a budget that counts each read.
type countedEntra struct {
	bot.Entra
	budget *Budget
}

// reading makes one read if the budget allows it.
func reading[V any](ctx context.Context, b *Budget, ask func() (V, error)) (v V, err error) {
	if err := b.Take(ctx, graphReads); err != nil {
		return v, err
	}
	v, err = ask()
	b.NoteTooOften(graphReads, err)
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
