package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

var (
	kills    = flag.Int("crash.kills", testrun.Kills.Times(), "TestKilledUnderLoad: how often the bot is killed, on each database")
	killSeed = flag.Uint64("crash.seed", 0, "TestKilledUnderLoad: the seed; 0 for another each time")
)

// TestKilledUnderLoad kills the bot again and again at any moment, while people
// report, confirm and cancel all the time. In the end everything that was acked
// has its one outcome.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(databases)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "postgres" {
				postgres(t) // or all is skipped
			}
			seed := *killSeed
			if seed == 0 {
				seed = rand.Uint64()
			}
			t.Logf("-crash.seed %d", seed)
			m := newMortal(t, databases[name])
			m.live(nil)
			newRush(m, seed).run(*kills)
		})
	}
}

const (
	// reporters are people who act at the same time.
	reporters = 6
	// killedWithin is the longest life of a bot; on average it lives half as long.
	killedWithin = time.Second
	// rushPatience is how long somebody waits for what was acked while bots die
	// around them: several times as long as a claim lasts.
	rushPatience = 2 * time.Minute
	// calmPatience is as long as what Slack has refused again and again may have to
	// wait with production's pauses.
	calmPatience = 20 * time.Minute
)

// rush is everybody in a hurry.
type rush struct {
	*mortal
	seed uint64
	// calmly: nobody reports before all is told about their last report. Without
	// that more is to be told than Slack takes.
	calmly bool

	mu    sync.Mutex
	acked map[rushAct]int
	done  int
	// givenUp counts what was done again because the bot said that it gave up.
	givenUp int
}

// rushAct is something that a person did, as the chain names it.
type rushAct struct{ who, origin string }

func newRush(m *mortal, seed uint64) *rush {
	return &rush{mortal: m, seed: seed, acked: map[rushAct]int{}}
}

func (r *rush) run(kills int) {
	r.during(func(random *rand.Rand) {
		for range kills {
			time.Sleep(time.Duration(random.Int64N(int64(killedWithin))))
			r.kill()
		}
	})
	if r.died() != kills {
		r.t.Errorf("%d deaths, not %d", r.died(), kills)
	}
}

// during has people act for as long as there is trouble, and demands that all is
// well in the end.
func (r *rush) during(trouble func(*rand.Rand)) {
	over := make(chan struct{})
	var people sync.WaitGroup
	for n := range reporters {
		people.Go(func() {
			random := rand.New(rand.NewPCG(r.seed, uint64(n)))
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				if err := r.report(n, i, random); err != nil {
					r.t.Errorf("reporter %d, report %d: %v", n, i, err)
					return
				}
			}
		})
	}
	// Also if the test ends here: nobody acts after its end.
	calm := sync.OnceFunc(func() { close(over); people.Wait() })
	defer calm()
	began := time.Now()
	trouble(rand.New(rand.NewPCG(r.seed, reporters)))
	lasted := time.Since(began)
	calm()
	r.settle()
	r.rest()
	r.t.Logf("%d kills in %s, %d requests, %d acts given up and done again, all settled after %s",
		r.died(), lasted.Round(time.Second), r.done, r.givenUp, time.Since(began).Round(time.Second))
	r.heard()
	r.truthful()
}

// kill ends the bot that lives, and waits until the next is begun.
func (r *rush) kill() {
	r.mortal.mu.Lock()
	child, lives := r.child, r.lives
	r.mortal.mu.Unlock()
	_ = child.Process.Kill()
	r.poll("another bot is begun", func() bool {
		r.mortal.mu.Lock()
		defer r.mortal.mu.Unlock()
		return r.lives > lives
	})
}

// report has somebody new report, and sees to it that it is decided.
func (r *rush) report(n, i int, random *rand.Rand) error {
	who, entraID := fmt.Sprintf("U0R%dN%d", n, i), fmt.Sprintf("00000000-0000-4000-9%03d-%012d", n, i)
	r.addPerson(who, fmt.Sprintf("r%dn%d", n, i), fmt.Sprintf("Reporter %d of %d", i, n), entraID)
	r.slack.UpdateChannel(general, func(c *slacktest.Channel) { c.Members = append(slices.Clone(c.Members), who) })
	lane, text, whose := authz.Self, "me lost my phone", entraID
	if random.IntN(3) == 0 {
		// About somebody whom nobody else asks about.
		target := who + "T"
		whose = fmt.Sprintf("00000000-0000-4000-a%03d-%012d", n, i)
		r.addPerson(target, fmt.Sprintf("t%dn%d", n, i), fmt.Sprintf("Target %d of %d", i, n), whose)
		lane, text = authz.ThirdParty, "<@"+target+"> stolen laptop"
	}
	asks := func() error {
		return r.act(who, "command "+general, func() *slacktest.Delivery { return r.slack.As(who).Command(general, text) })
	}
	if err := asks(); err != nil {
		return err
	}
	const noneBefore = 0 // of somebody new
	ctx := context.Background()
	var q bot.Request
	var card, receipt bot.Place
	if err := r.sees("the card", func() (bool, error) {
		var pending bool
		var err error
		if q, pending, err = r.reader().PendingFor(ctx, whose, lane, false); err != nil || !pending {
			return false, err
		}
		places, err := r.reader().Places(ctx, q.ID)
		card, receipt = places["card"], places["receipt:"+who]
		return card.TS != "" && receipt.TS != "", err
	}, asks, who, noneBefore); err != nil {
		return err
	}
	want := bot.Verified
	presses := func(who, action string, at bot.Place) error {
		return r.act(who, "click "+at.Channel+"/"+at.TS, func() *slacktest.Delivery {
			return r.slack.As(who).ClickRaw(func(c *slacktest.Click) {
				c.ChannelID, c.MessageTS, c.ActionID, c.Value = at.Channel, at.TS, action, q.ID
			})
		})
	}
	confirms := func() error { return presses(aliceID, bot.ActionConfirm, card) }
	again, by := confirms, aliceID
	before, err := r.turnedAway(by)
	if err != nil {
		return err
	}
	switch {
	case lane == authz.ThirdParty && random.IntN(3) == 0:
		want, by, before = bot.Cancelled, who, noneBefore
		again = func() error { return presses(who, bot.ActionCancel, receipt) }
		err = again()
	case random.IntN(3) == 0: // two at the same time
		var other error
		var both sync.WaitGroup
		both.Go(func() { other = presses(amirID, bot.ActionConfirm, card) })
		err = confirms()
		both.Wait()
		err = errors.Join(err, other)
	default:
		err = confirms()
	}
	if err != nil {
		return err
	}
	retries := 0
	err = r.sees(q.ID+" "+string(want), func() (bool, error) {
		now, err := r.reader().Request(ctx, q.ID)
		if err == nil && now.State == bot.Unknown && len(now.Attempts) == 2*(retries+1) && !slices.ContainsFunc(now.Attempts, unended) {
			// The bot died in both calls, and only people decide about another.
			retries++
			err = presses(aliceID, bot.ActionRetry, card)
		}
		return now.State == want, err
	}, again, by, before)
	if err != nil {
		return err
	}
	if r.calmly {
		db := r.sql()
		err := r.sees("all is told about "+q.ID, func() (told bool, err error) {
			err = db.QueryRow(`SELECT tell_due_at IS NULL FROM requests WHERE id = $1`, q.ID).Scan(&told)
			return told, err
		}, func() error { return nil }, by, before)
		if err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	return nil
}

// act has somebody do something until it is acked.
func (r *rush) act(who, origin string, do func() *slacktest.Delivery) error {
	ctx, cancel := context.WithTimeout(context.Background(), rushPatience)
	defer cancel()
	for {
		d := do()
		saw, err := d.Outcome(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("%s by %s is never acked: %w", origin, who, err)
		case errors.Is(d.Err(), slacktest.ErrNoSocket):
			if err := r.slack.Until(ctx, func() bool { return r.slack.Sockets() > 0 }); err != nil {
				return err
			}
		case d.Err() != nil:
			return d.Err()
		case saw == "":
			r.mu.Lock()
			defer r.mu.Unlock()
			r.acked[rushAct{who, origin}]++
			return nil
		}
	}
}

func unended(a bot.Attempt) bool { return a.EndedAt.IsZero() }

// turnedAway counts how often the bot has said that it has given up what somebody
// did, because one bot after another died over it, or that Microsoft could not be
// asked about somebody.
func (r *rush) turnedAway(who string) (n int, err error) {
	db := r.sql()
	err = db.QueryRow(`SELECT count(*) FROM audit WHERE entry LIKE $1 AND (entry LIKE $2 OR entry LIKE $3)`,
		`%"actor":"`+who+`"%`, `%"reason":"`+string(bot.GaveUp)+`"%`, `%"reason":"`+string(bot.LookupFailed)+`"%`).Scan(&n)
	return n, err
}

// sees waits until something is so. Who is turned away, more often than before they
// acted, does it again.
func (r *rush) sees(what string, seen func() (bool, error), again func() error, who string, before int) error {
	looked := time.Now()
	patience := rushPatience
	if r.calmly {
		patience = calmPatience
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if ok, err := seen(); ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited in vain for %s", what)
		}
		if time.Since(looked) < time.Second {
			continue
		}
		looked = time.Now()
		now, err := r.turnedAway(who)
		if err != nil {
			return err
		}
		if now > before {
			before = now
			r.mu.Lock()
			r.givenUp++
			r.mu.Unlock()
			if err := again(); err != nil {
				return err
			}
		}
	}
}

// heard checks that each act that was acked is on record: as what came of it, or
// as a refusal.
func (r *rush) heard() {
	r.t.Helper()
	rows := map[rushAct]int{}
	ends := map[string]int{}
	for _, e := range r.audit() {
		rows[rushAct{e.Actor, e.Origin}]++
		switch bot.State(e.Action) {
		case bot.Revoked, bot.Verified, bot.Cancelled:
			ends[e.Request+" "+e.Action]++
		case bot.Failed, bot.Denied, bot.Expired, bot.Void:
			r.t.Errorf("%s is %s, which nobody wanted", e.Request, e.Action)
		}
	}
	for act, n := range r.acked {
		if rows[act] < n {
			r.t.Errorf("%s did %q %d times, and %d rows say so", act.who, act.origin, n, rows[act])
		}
	}
	for end, n := range ends {
		if n > 1 {
			r.t.Errorf("%d rows say %s", n, end)
		}
	}
}
