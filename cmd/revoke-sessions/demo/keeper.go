package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"revoke-sessions/bot/slacktest"
)

const (
	// stopping is how long the bot has to stop in order before it is killed.
	stopping = 5 * time.Second
	// starting is how long it has to connect to Slack.
	starting = 30 * time.Second
	// away is how long it is away after it was killed, so that people see it, and resting
	// after it ended by itself.
	away    = 2 * time.Second
	resting = time.Second
)

// process is the bot in a process of its own.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	// before are the sockets that were open when it was started.
	before []int
	// ending says why it ends, for people; "" if it ends by itself. It belongs to keeper.mu.
	ending string
	over   chan struct{} // closed when it has ended
}

// keeper keeps one bot running.
type keeper struct {
	slack   *slacktest.Server
	command func() *exec.Cmd
	orders  func() Orders // what the next bot is told
	log     io.Writer

	mu     sync.Mutex
	bot    *process // nil while none runs
	absent string   // why none runs
	failed error    // why none could be started
	closed bool
	done   chan struct{} // closed by close
	work   sync.WaitGroup
}

// start starts the bot and returns once it is connected.
func (k *keeper) start(ctx context.Context) error {
	k.mu.Lock()
	err := k.begin()
	k.mu.Unlock()
	if err == nil {
		err = k.connected(ctx)
	}
	return err
}

// begin starts a bot. k.mu is held.
func (k *keeper) begin() error {
	p := &process{cmd: k.command(), before: k.slack.SocketNumbers(), over: make(chan struct{})}
	p.cmd.Stderr = k.log
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("the bot cannot be started: %w", err)
	}
	k.bot = p
	// If the bot cannot be told, it has ended, and that is seen.
	_ = json.NewEncoder(p.stdin).Encode(k.orders())
	k.work.Go(func() { k.watch(p) })
	return nil
}

// watch waits until a bot ends and starts the next one a little later, unless somebody
// else does. It tries again until one starts.
func (k *keeper) watch(p *process) {
	err := p.cmd.Wait()
	k.mu.Lock()
	k.bot, k.absent = nil, p.ending
	pause := away
	if p.ending == "" {
		k.absent, pause = "ended by itself ("+exitText(err)+")", resting
	}
	k.mu.Unlock()
	close(p.over)
	for {
		select {
		case <-k.done:
			return
		case <-time.After(pause):
		}
		if k.replace() == nil {
			return
		}
		pause = resting
	}
}

// replace starts a bot where none runs, and keeps why it could not.
func (k *keeper) replace() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed && k.bot == nil {
		k.failed = k.begin()
		return k.failed
	}
	return nil
}

func exitText(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// connected waits until the bot is connected to Slack.
func (k *keeper) connected(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, starting)
	defer cancel()
	for {
		k.mu.Lock()
		p, absent := k.bot, k.absent
		k.mu.Unlock()
		switch {
		case p == nil:
			return errors.New("the bot " + absent)
		case k.isConnected(p):
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("the bot does not connect to Slack")
		case <-p.over:
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (k *keeper) isConnected(p *process) bool {
	return slices.ContainsFunc(k.slack.SocketNumbers(), func(n int) bool { return !slices.Contains(p.before, n) })
}

// kill ends the bot as a power cut would. The next one is started a little later.
func (k *keeper) kill() error {
	k.mu.Lock()
	p := k.bot
	if p == nil {
		k.mu.Unlock()
		return errors.New("the bot is not running now. It starts again in a moment")
	}
	p.ending = "was killed"
	err := p.cmd.Process.Kill()
	k.mu.Unlock()
	if err != nil {
		return fmt.Errorf("the bot cannot be killed: %w", err)
	}
	<-p.over
	return nil
}

// restart stops the bot in order and starts it with new orders. It returns once that one
// is connected.
func (k *keeper) restart(ctx context.Context) error {
	k.stop("was stopped")
	if err := k.replace(); err != nil {
		return err
	}
	return k.connected(ctx)
}

// stop stops the bot in order, or kills it if that takes too long.
func (k *keeper) stop(ending string) {
	k.mu.Lock()
	p := k.bot
	if p != nil {
		p.ending = ending
		_ = p.stdin.Close() // it may have ended
	}
	k.mu.Unlock()
	if p == nil {
		return
	}
	select {
	case <-p.over:
	case <-time.After(stopping):
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.over
	}
}

// tell moves the clock of the bot that runs.
func (k *keeper) tell(t timeTold) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.bot != nil {
		// If the bot cannot be told, it has ended. The next one is told at once.
		_ = json.NewEncoder(k.bot.stdin).Encode(t)
	}
}

// status says how the bot is.
func (k *keeper) status() string {
	k.mu.Lock()
	p, absent, failed := k.bot, k.absent, k.failed
	k.mu.Unlock()
	switch {
	case p == nil && failed != nil:
		return "The" + strings.TrimPrefix(failed.Error(), "the") + ". The demo tries again."
	case p == nil:
		return "The bot " + absent + " and starts again."
	case !k.isConnected(p):
		return fmt.Sprintf("The bot starts (process %d).", p.cmd.Process.Pid)
	}
	return fmt.Sprintf("The bot runs (process %d).", p.cmd.Process.Pid)
}

// close stops the bot for good.
func (k *keeper) close() {
	k.mu.Lock()
	first := !k.closed
	k.closed = true
	if first {
		close(k.done)
	}
	k.mu.Unlock()
	k.stop("was stopped")
	k.work.Wait()
}
