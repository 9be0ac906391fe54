package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/store/postgrestest"
	"revoke-sessions/bot/testrun"
)

// ensemble is a stage on which several bots play: processes of their own on one
// PostgreSQL, with one Slack and one Entra for all.
type ensemble struct {
	*theatre
	url string // of the database

	mu      sync.Mutex
	members []*replica
	unheard map[string]int               // commands without an ack, by Slack user
	takes   func(to []*replica) *replica // who gets the next payload; nil for any

	channel board
}

// board is what stands in the approvers' channel, as it was read lately: many
// look for a card of their own, and rendering all takes a while.
type board struct {
	sync.Mutex
	at    time.Time
	cards []slacktest.Message
	texts []string
}

const lately = 200 * time.Millisecond

// replica is one process of the bot. Tests kill it, pause it and cut it off.
type replica struct {
	*ensemble
	name string
	log  *lockedBuffer
	line *postgrestest.Proxy // its own way to the database

	child   *exec.Cmd
	ended   chan error // what Wait said
	stopped bool       // by SIGSTOP
	sockets []int      // by their numbers in Slack's double; those of the start
}

// newEnsemble sets the stage, with an empty database of the server that all
// tests share.
func newEnsemble(t testing.TB) *ensemble {
	t.Helper()
	return newEnsembleOn(t, postgres(t))
}

func newEnsembleOn(t testing.TB, server *postgrestest.Server) *ensemble {
	t.Helper()
	e := &ensemble{theatre: newTheatreWith(t, slacktest.Config{NoRateLimits: "a crowd acts at once"}), unheard: map[string]int{}}
	e.url = e.on(server)
	e.slack.Route(e.route)
	t.Cleanup(e.finish)
	return e
}

// join starts one more replica and waits until it listens.
func (e *ensemble) join() *replica {
	e.t.Helper()
	line, err := postgrestest.NewProxy(e.url)
	if err != nil {
		e.t.Fatal(err)
	}
	r := &replica{ensemble: e, name: fmt.Sprintf("replica %d", len(e.members)+1), log: &lockedBuffer{}, line: line}
	e.mu.Lock()
	e.members = append(e.members, r)
	e.mu.Unlock()
	r.start()
	return r
}

// start starts the process.
func (r *replica) start() {
	r.t.Helper()
	child, err := r.process("run")
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range r.environment() {
		if strings.HasPrefix(name, "SLACK_") {
			child.Env = append(child.Env, name+"="+value)
		}
	}
	child.Env = append(child.Env, "REVOKE_DATABASE_URL="+r.line.URL(r.url))
	child.Stderr = io.MultiWriter(r.log, r.ensemble.log)
	before := r.slack.SocketNumbers()
	if err := child.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.child, r.ended = child, make(chan error, 1)
	r.mu.Unlock()
	go func(ended chan error) { ended <- child.Wait() }(r.ended)
	var mine []int
	r.until(r.name+" connects", func() bool {
		mine = slices.DeleteFunc(r.slack.SocketNumbers(), func(n int) bool { return slices.Contains(before, n) })
		return len(mine) > 0
	})
	r.mu.Lock()
	r.sockets = mine
	r.mu.Unlock()
}

// kill ends it as a power cut would.
func (r *replica) kill() {
	r.t.Helper()
	r.signal(syscall.SIGKILL)
	<-r.ended
	r.gone()
}

// pause stops it where it stands; resume has it go on.
func (r *replica) pause()  { r.t.Helper(); r.signal(syscall.SIGSTOP); r.stopped = true }
func (r *replica) resume() { r.t.Helper(); r.signal(syscall.SIGCONT); r.stopped = false }

func (r *replica) signal(sig syscall.Signal) {
	r.t.Helper()
	if err := r.child.Process.Signal(sig); err != nil {
		r.t.Fatalf("%s: %v", r.name, err)
	}
}

// orderly is how long an orderly stop may take.
const orderly = 20 * time.Second

// end stops it in order and answers how long that took.
func (r *replica) end() time.Duration {
	r.t.Helper()
	began := time.Now()
	r.signal(syscall.SIGTERM)
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Errorf("%s stopped with %v", r.name, err)
		}
	case <-time.After(orderly):
		r.t.Errorf("%s did not stop within %s", r.name, orderly)
		r.signal(syscall.SIGKILL)
		<-r.ended
	}
	r.gone()
	return time.Since(began)
}

func (r *replica) gone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.child, r.sockets = nil, nil
}

// finish stops whoever still plays, before the stage is taken down.
func (e *ensemble) finish() {
	for _, r := range e.members {
		r.line.Mend()
		if r.child != nil && r.stopped {
			r.resume()
		}
	}
	// Together: each takes some time.
	var all sync.WaitGroup
	for _, r := range e.members {
		if r.child != nil {
			all.Go(func() { r.end() })
		}
	}
	all.Wait()
	for _, r := range e.members {
		r.line.Close()
		if e.t.Failed() {
			e.t.Logf("the log of %s:\n%s", r.name, r.log.String())
		}
	}
}

// to has all further payloads go to one replica; nil for any of those that run.
func (e *ensemble) to(r *replica) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.takes = nil
	if r != nil {
		e.takes = func([]*replica) *replica { return r }
	}
}

// inTurn deals payloads out to the replicas one after the other.
func (e *ensemble) inTurn() {
	e.mu.Lock()
	defer e.mu.Unlock()
	next := 0
	e.takes = func(among []*replica) *replica { next++; return among[next%len(among)] }
}

// route is slacktest's: it chooses the socket of the next payload. A socket that
// a replica has opened anew is known to be nobody's in particular.
func (e *ensemble) route(open []int) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ready []*replica
	for _, r := range e.members {
		if r.reachable(open) > 0 {
			ready = append(ready, r)
		}
	}
	if e.takes != nil && len(ready) > 0 {
		if n := e.takes(ready).reachable(open); n > 0 {
			return n
		}
	}
	return open[0]
}

// reachable is an open socket of the replica, or 0.
func (r *replica) reachable(open []int) int {
	for _, n := range r.sockets {
		if slices.Contains(open, n) {
			return n
		}
	}
	return 0
}

// owner is whose socket it is, or nil.
func (e *ensemble) owner(socket int) *replica {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.members {
		if slices.Contains(r.sockets, socket) {
			return r
		}
	}
	return nil
}

// person is somebody who has lost a device.
type person struct{ slackID, entraID, name string }

// crowd puts n more people on the stage.
func (e *ensemble) crowd(n int) []person {
	all := make([]person, n)
	for i := range all {
		p := person{fmt.Sprintf("U0P%04d", i), objectID(1000 + i), fmt.Sprintf("Person %04d", i)}
		e.addPerson(p.slackID, fmt.Sprintf("person%04d", i), p.name, p.entraID)
		all[i] = p
	}
	e.slack.UpdateChannel(general, func(c *slacktest.Channel) {
		for _, p := range all {
			c.Members = append(c.Members, p.slackID)
		}
	})
	return all
}

// cardOf is the live card that is about somebody, and what it says, as it was
// lately; false if there is none.
func (e *ensemble) cardOf(p person) (card slacktest.Message, says string, ok bool) {
	b := &e.channel
	b.Lock()
	defer b.Unlock()
	if time.Since(b.at) > lately {
		b.cards = slices.DeleteFunc(e.slack.Messages(approvals), func(m slacktest.Message) bool { return m.Deleted || m.ThreadTS != "" })
		b.texts = make([]string, len(b.cards))
		for i, m := range b.cards {
			b.texts[i] = plain(m)
		}
		b.at = time.Now()
	}
	for i, text := range b.texts {
		if strings.Contains(text, p.name) {
			return b.cards[i], text, true
		}
	}
	return card, "", false
}

// offers reports whether a message has the button.
func offers(m slacktest.Message, action string) bool {
	return slices.ContainsFunc(m.Buttons(), func(b slacktest.Button) bool { return b.ActionID == action })
}

// press presses a button of a card as it stands for everybody, whatever has
// become of it meanwhile.
func (e *ensemble) press(who string, card slacktest.Message, action string) *slacktest.Delivery {
	return e.slack.As(who).ClickRaw(func(c *slacktest.Click) {
		c.ChannelID, c.MessageTS, c.ActionID, c.Value = approvals, card.TS, action, card.Buttons()[0].Value
	})
}

// await polls until something is seen, and answers when that was.
func (e *ensemble) await(d time.Duration, what string, seen func() bool) time.Time {
	e.t.Helper()
	if !testrun.Seen(d, func() bool {
		if e.t.Context().Err() != nil {
			runtime.Goexit() // somebody whom the test no longer waits for
		}
		return seen()
	}) {
		e.t.Fatalf("waiting until %s\n%s", what, e.board())
	}
	return time.Now()
}

// tally counts the audit rows of each target by action. A request that goes back
// to approved because Microsoft did not take the call counts as put off. It
// reads the whole chain, which verifies it.
func (e *ensemble) tally() map[string]map[string]int {
	e.t.Helper()
	all := map[string]map[string]int{}
	for _, row := range e.audit() {
		if all[row.TargetID] == nil {
			all[row.TargetID] = map[string]int{}
		}
		action := row.Action
		if action == string(bot.Approved) && row.Outcome != "" {
			action = putOff
		}
		all[row.TargetID][action]++
	}
	return all
}

const putOff = "put off"

// postsTo counts the revokes that reached Graph, by account.
func (e *ensemble) postsTo() map[string]int {
	n := map[string]int{}
	for _, p := range e.entra.Posts() {
		n[p.ObjectID]++
	}
	return n
}

// told reports whether all has been said that a verified request owes: the
// card, the result in its thread, and the requester's direct messages.
func (e *ensemble) told(p person) bool {
	card, says, ok := e.cardOf(p)
	return ok && containsAll(says, []string{"sessions are revoked", "Verified"}) &&
		len(e.resultsUnder(card)) > 0 && e.outcomes(p) > 0
}

func (e *ensemble) resultsUnder(card slacktest.Message) []slacktest.Message {
	return slices.DeleteFunc(e.slack.Thread(approvals, card.TS), func(m slacktest.Message) bool {
		return m.TS == card.TS || !strings.Contains(plain(m), "sessions are revoked")
	})
}

// outcomes counts the direct messages that tell somebody how it ended.
func (e *ensemble) outcomes(p person) (n int) {
	for _, m := range e.slack.DMs(p.slackID) {
		if strings.Contains(plain(m), "Done: your sessions are revoked") {
			n++
		}
	}
	return n
}

// unheardOf counts the commands of somebody that had no ack.
func (e *ensemble) unheardOf(p person) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.unheard[p.slackID]
}

// exactlyOnce checks what was promised for each of those whose request was
// confirmed and verified: one decision, one call, one outcome on record, one
// live card, one result in its thread, each direct message once. Who has asked
// again because nothing was heard of it may have a card for that, undecided.
func (e *ensemble) exactlyOnce(people []person) {
	e.t.Helper()
	rows, posts := e.tally(), e.postsTo()
	cards := e.cards()
	for _, p := range people {
		asked, most := rows[p.entraID]["requested"], 1+e.unheardOf(p)
		if asked < 1 || asked > most {
			e.t.Errorf("%s: %d audit rows say requested, want 1 to %d", p.name, asked, most)
		}
		for _, action := range []string{string(bot.Approved), string(bot.Revoked), string(bot.Verified)} {
			if n := rows[p.entraID][action]; n != 1 {
				e.t.Errorf("%s: %d audit rows say %s, want 1", p.name, n, action)
			}
		}
		if begun, off := rows[p.entraID][string(bot.Executing)], rows[p.entraID][putOff]; begun != 1+off {
			e.t.Errorf("%s: %d calls were begun and %d put off, want one more than that", p.name, begun, off)
		}
		if n := posts[p.entraID]; n != 1 {
			e.t.Errorf("%s: %d POSTs, want 1", p.name, n)
		}
		live := slices.DeleteFunc(slices.Clone(cards), func(m slacktest.Message) bool {
			return m.Deleted || !strings.Contains(plain(m), p.name)
		})
		if len(live) != asked {
			e.t.Errorf("%s: %d live cards, want %d", p.name, len(live), asked)
		}
		live = slices.DeleteFunc(live, func(m slacktest.Message) bool { return !strings.Contains(plain(m), "sessions are revoked") })
		if len(live) != 1 {
			e.t.Errorf("%s: %d cards of what was done, want 1", p.name, len(live))
			continue
		}
		if n := len(e.resultsUnder(live[0])); n != 1 {
			e.t.Errorf("%s: %d results in the thread, want 1", p.name, n)
		}
		if n := e.outcomes(p); n != 1 {
			e.t.Errorf("%s: told the outcome %d times", p.name, n)
		}
		if n := len(e.slack.DMs(p.slackID)); n != asked {
			e.t.Errorf("%s: %d direct messages, want a receipt of each request", p.name, n)
		}
	}
}

// ackOf waits for the ack of something that somebody did.
func ackOf(d *slacktest.Delivery, within time.Duration) (slacktest.Ack, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	ack, err := d.Wait(ctx)
	if err == nil && ack.Rejected != "" {
		err = errors.New("Slack rejects the ack: " + ack.Rejected)
	}
	return ack, err
}
