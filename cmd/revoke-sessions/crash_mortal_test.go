package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

// mortal is a theatre whose bot dies, and is started again each time, as a
// supervisor would. People go on: whoever is shown an error tries again.
type mortal struct {
	*theatre
	// overslept has the clock moved on by more than a claim lasts before the next
	// bot starts, as if whoever starts it had slept. PostgreSQL does not know that
	// a bot is dead, so that the next one would wait for its claims to lapse.
	overslept bool

	mu     sync.Mutex
	child  *exec.Cmd
	lives  int
	deaths int
	ending bool
	kept   chan struct{} // closed when nobody starts it again
	moving sync.Mutex    // held by whoever moves the clock
}

// mortalPatience is longer than a claim lasts, several times over.
const mortalPatience = time.Minute

// newMortal sets the stage; live starts the bot.
func newMortal(t testing.TB, database func(*theatre)) *mortal {
	// A second is enough for people to see that nothing came of it.
	m := &mortal{theatre: newTheatreWith(t, slacktest.Config{AckDeadline: time.Second, NoRateLimits: "a bot that dies again and again connects more often than Slack allows"})}
	// With many bots beside each other a call takes longer, and one whose time is up
	// is one more row.
	m.at.timing.Attempt = 5 * time.Second
	// What stays unknown is looked at now and then, so that all can be settled in between.
	m.at.timing.Settle = append(m.at.timing.Settle, time.Minute)
	m.slack.AddUserGroup(slacktest.UserGroup{ID: "S0SECURITY", Handle: "security", Members: []string{aliceID, amirID}})
	m.slack.AddUserGroup(slacktest.UserGroup{ID: "S0ALONE", Handle: "alone", Members: []string{aliceID}})
	database(m.theatre)
	return m
}

// live starts the bot, to die at d or not at all by itself, and again whenever
// it is dead, until rest.
func (m *mortal) live(d *Death) {
	m.t.Helper()
	m.ending, m.kept = false, make(chan struct{})
	first := m.lives == 0
	if err := m.start(d); err != nil {
		m.t.Fatal(err)
	}
	go m.keep()
	if !first {
		return
	}
	m.t.Cleanup(func() { m.rest() })
	// Whoever is connected, or has lived before, has made the tables.
	m.poll("the bot connects or dies", func() bool { return m.slack.Sockets() > 0 || m.died() > 0 })
}

func (m *mortal) start(d *Death) (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lives++
	m.child, err = m.launch(&Life{Trace: m.traceFile(m.lives), Ahead: m.aheadFile(), Death: d})
	return err
}

func (m *mortal) traceFile(life int) string {
	return filepath.Join(m.folder, fmt.Sprintf("trace.%d", life))
}

func (m *mortal) aheadFile() string { return filepath.Join(m.folder, "ahead") }

func (m *mortal) keep() {
	defer close(m.kept)
	for {
		err := m.child.Wait()
		status := m.child.ProcessState.Sys().(syscall.WaitStatus)
		m.mu.Lock()
		ending := m.ending
		killed := status.Signaled() && status.Signal() == syscall.SIGKILL
		if killed {
			m.deaths++
		}
		m.mu.Unlock()
		if killed && m.overslept {
			if err := m.leap(bot.ClaimFor + time.Second); err != nil {
				m.t.Errorf("move the clock on: %v", err)
			}
		}
		switch {
		case ending && (killed || err == nil || status.Signaled()): // SIGTERM before anybody listens for it is an end, too
			return
		case !killed:
			m.t.Errorf("the bot ended by itself, with %v", err)
			return
		}
		if err := m.start(nil); err != nil {
			m.t.Errorf("start the bot again: %v", err)
			return
		}
	}
}

// died is how often.
func (m *mortal) died() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.deaths
}

// rest ends the bot in order, and answers whether it died over that.
func (m *mortal) rest() (died bool) {
	before := m.died()
	m.mu.Lock()
	m.ending = true
	_ = m.child.Process.Signal(syscall.SIGTERM) // if it still is
	m.mu.Unlock()
	<-m.kept
	return m.died() > before
}

// poll waits for what may take a take-over or two.
func (m *mortal) poll(what string, seen func() bool) {
	m.t.Helper()
	if !testrun.Seen(mortalPatience, func() bool {
		if seen() {
			return true
		}
		select {
		case <-m.kept:
			m.t.Fatalf("there is no bot, waiting until %s", what)
		default:
		}
		return false
	}) {
		m.t.Fatalf("waiting until %s\n%s", what, m.board())
	}
}

// later moves everybody's clock, once the bot owes nothing.
func (m *mortal) later(d time.Duration) {
	m.t.Helper()
	m.settle()
	m.moves(d)
}

// moves moves it at once: to a claim, that is a process that stands still.
func (m *mortal) moves(d time.Duration) {
	m.t.Helper()
	if err := m.leap(d); err != nil {
		m.t.Fatal(err)
	}
}

// leap moves it, for the bot's process too, which reads it from a file.
func (m *mortal) leap(d time.Duration) error {
	m.moving.Lock()
	defer m.moving.Unlock()
	m.clock.advance(d)
	next := m.aheadFile() + ".next"
	if err := os.WriteFile(next, []byte(strconv.FormatInt(m.clock.ahead.Load(), 10)), 0o600); err != nil {
		return err
	}
	return os.Rename(next, m.aheadFile())
}

// What a bot may owe, counted, where $1 is the time.
const (
	owedUntold   = `(SELECT count(*) FROM requests WHERE tell_due_at IS NOT NULL)`
	owedTelling  = `(SELECT count(*) FROM requests WHERE tell_due_at <= $1 OR tell_claimed_until > $1)` // what Slack did not take may wait
	owedArrivals = `(SELECT count(*) FROM arrivals WHERE due_at IS NOT NULL)`
	owedRequests = `(SELECT count(*) FROM requests WHERE due_at IS NOT NULL AND (due_at <= $1 OR claimed_until > $1))`
	owedNotices  = `(SELECT count(*) FROM notices WHERE due_at IS NOT NULL)`
)

// settle waits until nothing is claimed, due or untold.
func (m *mortal) settle() {
	m.t.Helper()
	m.owesNo(owedUntold, owedArrivals, owedRequests, owedNotices)
}

// idles waits until nothing is claimed or due.
func (m *mortal) idles() {
	m.t.Helper()
	m.owesNo(owedTelling, owedArrivals, owedRequests, owedNotices)
}

// tells waits until nothing is untold.
func (m *mortal) tells() {
	m.t.Helper()
	m.owesNo(owedUntold)
}

func (m *mortal) owesNo(what ...string) {
	m.t.Helper()
	db := m.sql()
	query := `SELECT ` + strings.Join(what, " + ") + ` + 0 * CAST($1 AS BIGINT)`
	m.poll("all is settled", func() bool {
		var owed int64
		if err := db.QueryRow(query, m.clock.now().UnixMicro()).Scan(&owed); err != nil {
			m.t.Fatal(err)
		}
		return owed == 0
	})
}

// does has somebody act, and act again for as long as Slack shows them an error.
func (m *mortal) does(act func() *slacktest.Delivery) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), mortalPatience)
	defer cancel()
	for tried := false; ; {
		d := act()
		saw, err := d.Outcome(ctx)
		switch {
		case err != nil:
			m.t.Fatalf("waiting for the ack: %v\n%s", err, m.board())
		case errors.Is(d.Err(), slacktest.ErrNoSocket):
			m.poll("the bot connects", func() bool { return m.slack.Sockets() > 0 })
		case d.Err() != nil && tried:
			return // what they wanted to press is gone: they were heard
		case d.Err() != nil:
			m.t.Fatalf("%v\n%s", d.Err(), m.board())
		case saw == "" && tried:
			m.idles() // whoever is not sure reads first what came of it
			return
		case saw == "":
			return
		default:
			tried = true
		}
	}
}

// asks has somebody type a command.
func (m *mortal) asks(who, text string) {
	m.t.Helper()
	m.does(func() *slacktest.Delivery { return m.slack.As(who).Command(general, text) })
}

// presses has somebody press a button of the newest request's card.
func (m *mortal) presses(who, action string) {
	m.t.Helper()
	m.clears(who, action)
	live := m.liveCard(action)
	m.does(func() *slacktest.Delivery { return m.slack.As(who).Click(approvals, live.TS, action) })
}

// clears has somebody press a button of every other card of the newest request
// that a dead bot may have left, which does nothing but remove it.
func (m *mortal) clears(who, action string) {
	m.t.Helper()
	live := m.liveCard(action)
	for _, c := range m.cards() {
		if c.Deleted || c.TS == live.TS || m.requestOf(c) != m.requestOf(live) {
			continue
		}
		rows, posts := len(m.decided()), len(m.entra.Posts())
		m.does(func() *slacktest.Delivery { return m.slack.As(who).Click(approvals, c.TS, action) })
		m.poll("the stray is gone", func() bool {
			return !slices.ContainsFunc(m.slack.Messages(approvals), func(s slacktest.Message) bool { return s.TS == c.TS && !s.Deleted })
		})
		m.poll("that is on record", func() bool {
			return slices.ContainsFunc(m.rows(""), func(e bot.Entry) bool {
				return e.Action == "refused" && e.Reason == string(bot.WrongPlace) && strings.HasSuffix(e.Origin, c.TS)
			})
		})
		if more, called := len(m.decided()), len(m.entra.Posts()); more != rows || called != posts {
			m.t.Errorf("a click on a stray card decided something: %d rows more, %d calls more", more-rows, called-posts)
		}
	}
}

// liveCard waits until the newest request's card stands, is noted and has the
// button.
func (m *mortal) liveCard(action string) (card slacktest.Message) {
	m.t.Helper()
	m.poll("the live card has the button "+action, func() bool {
		at := m.places(m.newest())["card"]
		for _, c := range m.slack.Messages(approvals) {
			if c.TS == at.TS && !c.Deleted && hasButton(c, action) {
				card = c
				return true
			}
		}
		return false
	})
	return card
}

// agrees has somebody press End the freeze on the noted notice and submit the form, until
// the freeze has as many steps.
func (m *mortal) agrees(who string, steps int) {
	m.t.Helper()
	over := func() bool { return m.count("unfreeze_asked")+m.count("unfrozen") >= steps }
	m.inForm(who, bot.UnfreezeCallback, over, func() {
		var ts string
		m.poll("the notice is noted and has its button", func() bool {
			err := m.sql().QueryRow(`SELECT coalesce(max(ts), '') FROM notice_places WHERE to_id = $1`, approvals).Scan(&ts)
			return err == nil && slices.ContainsFunc(m.slack.Messages(approvals), func(s slacktest.Message) bool {
				return s.TS == ts && !s.Deleted && hasButton(s, bot.ActionUnfreeze)
			})
		})
		m.does(func() *slacktest.Delivery { return m.slack.As(who).Click(approvals, ts, bot.ActionUnfreeze) })
	}, nil)
}

func hasButton(m slacktest.Message, action string) bool {
	for _, b := range m.Buttons() {
		if b.ActionID == action {
			return true
		}
	}
	return false
}

// pressesReceipt has somebody press a button of a direct message that is noted.
func (m *mortal) pressesReceipt(who, action string) {
	m.t.Helper()
	var receipt slacktest.Message
	m.poll("the receipt has the button "+action, func() bool {
		at := m.places(m.newest())["receipt:"+who]
		for _, d := range m.slack.DMs(who) {
			if d.TS == at.TS && hasButton(d, action) {
				receipt = d
				return true
			}
		}
		return false
	})
	m.does(func() *slacktest.Delivery { return m.slack.As(who).Click(receipt.Channel, receipt.TS, action) })
}

// reads waits until somebody can read all the words in one place: "card",
// "thread", or "dm:" and a first name.
func (m *mortal) reads(where string, words ...string) {
	m.t.Helper()
	m.poll(fmt.Sprintf("%s says %q", where, words), func() bool {
		return slices.ContainsFunc(m.stands(where), func(s slacktest.Message) bool { return !s.Deleted && containsAll(plain(s), words) })
	})
}

// readsAny waits until somebody can read one of several things there.
func (m *mortal) readsAny(where string, alternatives ...string) {
	m.t.Helper()
	m.poll(fmt.Sprintf("%s says one of %q", where, alternatives), func() bool {
		return slices.ContainsFunc(m.stands(where), func(s slacktest.Message) bool {
			return !s.Deleted && slices.ContainsFunc(alternatives, func(words string) bool { return strings.Contains(plain(s), words) })
		})
	})
}

// newest is the ID of the newest request, once there is one.
func (m *mortal) newest() (id string) {
	m.t.Helper()
	m.poll("a request is stored", func() bool {
		for _, e := range m.rows("") {
			if e.Action == "requested" || e.Action == "previewed_again" {
				id = e.Request
			}
		}
		return id != ""
	})
	return id
}

// rows are the rows of the chain about one request, or all.
func (m *mortal) rows(id string) []bot.Entry {
	m.t.Helper()
	all, err := m.reader().Audit(context.Background(), id)
	if err != nil {
		m.t.Fatal(err)
	}
	return all
}

// decided are the rows that are neither refusals nor of a start.
func (m *mortal) decided() []bot.Entry {
	return slices.DeleteFunc(m.rows(""), func(e bot.Entry) bool { return e.Action == "refused" || e.Action == "policy_loaded" })
}

func (m *mortal) places(id string) map[string]bot.Place {
	m.t.Helper()
	places, err := m.reader().Places(context.Background(), id)
	if err != nil {
		m.t.Fatal(err)
	}
	return places
}

// denied reports whether somebody's Deny is on record.
func (m *mortal) denied() bool {
	m.t.Helper()
	return slices.ContainsFunc(m.decided(), func(e bot.Entry) bool { return e.Action == string(bot.Denied) })
}

// denies has somebody press Deny and fill in the form; where none opens, they
// press again, which may deny it at once.
func (m *mortal) denies(who, why string) {
	m.t.Helper()
	m.inForm(who, bot.DenyCallback, m.denied, func() { m.presses(who, bot.ActionDeny) }, slacktest.Values{bot.FormReasonBlock: {bot.FormReasonAction: why}})
}

// submits fills in the form that a command opens; where none opens, it is typed
// again.
func (m *mortal) submits(who, whom, why string) {
	m.t.Helper()
	never := func() bool { return false }
	m.inForm(who, bot.FormCallback, never, func() { m.asks(who, "") }, slacktest.Values{
		bot.FormTargetBlock: {bot.FormTargetAction: whom}, bot.FormReasonBlock: {bot.FormReasonAction: why},
	})
}

// formPatience is how long somebody waits for a form before they ask for it again.
const formPatience = 2 * time.Second

// inForm has somebody fill in the form that open opens, unless it is over without.
func (m *mortal) inForm(who, callback string, over func() bool, open func(), values slacktest.Values) {
	m.t.Helper()
	view := func() (id string) {
		for _, v := range m.slack.Views(who) {
			if v.CallbackID == callback && v.SubmitLabel != "" {
				id = v.ID
			}
		}
		return id
	}
	var asked time.Time
	for ; view() == ""; time.Sleep(5 * time.Millisecond) {
		if over() {
			return
		}
		if time.Since(asked) > formPatience {
			open()
			asked = time.Now()
		}
	}
	m.does(func() *slacktest.Delivery { return m.slack.As(who).Submit(view(), values) })
}

// homePatience is how long somebody looks at their Home tab before they open it again: what
// a dead bot had to publish may be lost.
const homePatience = time.Second

// readsHome has somebody open their Home tab until it says all the words.
func (m *mortal) readsHome(who string, words ...string) {
	m.t.Helper()
	var opened time.Time
	m.poll(fmt.Sprintf("the Home tab of %s says %q", who, words), func() bool {
		if home, ok := m.slack.Home(who); ok && containsAll(home.Plain(), words) {
			return true
		}
		if time.Since(opened) > homePatience {
			m.slack.As(who).OpenHome()
			opened = time.Now()
		}
		return false
	})
}

// noHomeSays waits until somebody's Home tab does not say it any more.
func (m *mortal) noHomeSays(who, words string) {
	m.t.Helper()
	m.poll("the Home tab no longer says "+words, func() bool {
		home, _ := m.slack.Home(who)
		return !strings.Contains(home.Plain(), words)
	})
}

// pressesHome has somebody press a button of their Home tab.
func (m *mortal) pressesHome(who, action string) {
	m.t.Helper()
	m.does(func() *slacktest.Delivery { return m.slack.As(who).PressHome(action) })
}

// fills has somebody fill in the form that a button of their Home tab opens.
func (m *mortal) fills(who, action string, values slacktest.Values) {
	m.t.Helper()
	m.inForm(who, bot.FormCallback, func() bool { return m.count("requested") > 0 }, func() { m.pressesHome(who, action) }, values)
}
