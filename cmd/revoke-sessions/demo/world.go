package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/graph/graphtest"
)

// Config is what the program hands to its demo.
type Config struct {
	// Bot makes the command that is the bot: this program, with BotCommand.
	Bot func() *exec.Cmd
	// Policy is the path of somebody's own policy file; empty for the demo's.
	Policy string
	// Timing is the bot's.
	Timing bot.Timing
	// Log gets the bot's log; nil for nowhere.
	Log io.Writer
}

// Timing is the bot's own with shorter waits between reads, for people who watch.
func Timing() bot.Timing {
	t := bot.DefaultTiming()
	t.Verify = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}
	return t
}

// world is a stage with a bot, and what the panel has changed of it.
type world struct {
	*Stage
	cfg      Config
	instance string // tells it from the worlds before
	folder   string
	clock    *Clock
	keeper   *keeper
	page     http.Handler

	mu        sync.Mutex
	two       bool // each request needs two approvals
	microsoft string
	heal      func() // takes Microsoft's fault away
	refused   bool   // the approvers' channel refuses the bot
}

func newWorld(ctx context.Context, cfg Config) (w *world, err error) {
	w = &world{cfg: cfg, instance: rand.Text(), clock: &Clock{}, microsoft: answers, heal: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.folder, err = os.MkdirTemp("", folderPrefix); err != nil {
		return w, err
	}
	if w.Stage, err = NewStage(workspace(w.clock.Now)); err != nil {
		return w, err
	}
	w.furnish()
	if err := w.writePolicy(); err != nil {
		return w, err
	}
	w.keeper = &keeper{slack: w.Slack, command: cfg.Bot, orders: w.orders, log: cfg.Log, done: make(chan struct{})}
	if err := w.keeper.start(ctx); err != nil {
		return w, fmt.Errorf("%w. Start the demo with --logs to see why", err)
	}
	return w, nil
}

// close throws the world away.
func (w *world) close() error {
	if w.keeper != nil {
		w.keeper.close()
	}
	if w.Stage != nil {
		w.Stage.Close()
	}
	if w.folder == "" {
		return nil
	}
	return os.RemoveAll(w.folder)
}

// orders are those of a bot that starts now.
func (w *world) orders() Orders {
	return Orders{
		Environment: w.Environment(w.folder, w.policy()),
		GraphURL:    w.Entra.GraphURL(), Authority: w.Entra.AuthorityURL(), CertPEM: w.Entra.CertPEM(),
		Timing: w.cfg.Timing, timeTold: timeTold{w.clock.Ahead()},
	}
}

// policy is the path of the policy file.
func (w *world) policy() string { return cmp.Or(w.cfg.Policy, filepath.Join(w.folder, "policy.yml")) }

//go:embed policy.yml
var policyText string

// writePolicy writes the demo's own policy, as the switch wants it.
func (w *world) writePolicy() error {
	if w.cfg.Policy != "" {
		return nil
	}
	text := strings.ReplaceAll(policyText, "REVOKE_APPROVALS", strconv.Itoa(w.approvals()))
	return os.WriteFile(w.policy(), []byte(text), 0o600)
}

// approvals is how many each request needs.
func (w *world) approvals() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.two {
		return 2
	}
	return 1
}

// setApprovals changes the rules as an operator would: the file, then a restart.
func (w *world) setApprovals(ctx context.Context, two bool) error {
	w.mu.Lock()
	same := w.two == two
	w.two = two
	w.mu.Unlock()
	if same {
		return nil
	}
	err := w.writePolicy()
	if err == nil {
		return w.keeper.restart(ctx)
	}
	w.mu.Lock()
	w.two = !two // the rules are as they were
	w.mu.Unlock()
	return err
}

// setRefused takes the bot out of the approvers' channel, or lets it in again.
func (w *world) setRefused(refused bool) {
	w.mu.Lock()
	w.refused = refused
	w.mu.Unlock()
	w.invite(!refused)
}

// pass moves the clock of both doubles and of the bot.
func (w *world) pass(d time.Duration) {
	w.clock.set(w.clock.Ahead() + d)
	w.keeper.tell(timeTold{w.clock.Ahead()})
}

// What Microsoft can do with the call that revokes.
const (
	answers   = "well"
	isSlow    = "slow"
	isLate    = "late"
	throttles = "throttles"
	refuses   = "refuses"
	hides     = "hides"
)

const (
	slow = 5 * time.Second // less than Timing.Attempt, which the bot waits
	// lateBy is how much later than that an answer comes, and how long reads show nothing:
	// long enough to read on the card that the bot does not know.
	lateBy     = 3 * time.Second
	retryAfter = 15 * time.Second
	never      = 1000 * 24 * time.Hour
)

// setMicrosoft changes what the call that revokes meets, from now on.
func (w *world) setMicrosoft(how string) {
	revoke := func(f graphtest.Fault) func() {
		f.Match = func(r *http.Request) bool { return revokes(r.Method, r.URL.Path) }
		return w.Entra.Inject(f)
	}
	heal := func() {}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heal()
	switch how {
	case answers:
	case isSlow:
		heal = revoke(graphtest.Fault{Delay: slow})
	case isLate:
		late := w.cfg.Timing.Attempt + lateBy
		answer := revoke(graphtest.Fault{Apply: true, Delay: late})
		w.Entra.SetReplicationLag(late)
		heal = func() { answer(); w.show() }
	case throttles:
		heal = revoke(graphtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: strconv.Itoa(int(retryAfter.Seconds()))})
	case refuses:
		heal = revoke(graphtest.Fault{Status: http.StatusForbidden, Code: "Authorization_RequestDenied",
			Message: "Insufficient privileges to complete the operation."})
	case hides:
		w.Entra.SetReplicationLag(never)
		heal = w.show
	}
	w.microsoft, w.heal = how, heal
}

// show lets reads see what they did not show so far.
func (w *world) show() {
	w.Entra.SetReplicationLag(0)
	for i := range len(cast) + 1 { // and Nina
		w.Entra.Update(ObjectID(i+1), func(*graphtest.User) {}) // of a change, reads see all at once
	}
}
