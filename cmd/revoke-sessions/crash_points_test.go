package main

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/testrun"
	"revoke-sessions/bot/witness"
)

var (
	everyStep = flag.Bool("crash.all", false, "TestKilledAtEveryEffect: kill at every step of every play")
	crashPlay = flag.String("crash.play", "", "TestKilledAtEveryEffect: only this play")
)

// atOnce is how many bots live at the same time. In the full run those on PostgreSQL
// mostly wait for claims to lapse, so that there can be more.
func atOnce(database string) int {
	switch {
	case !testrun.WaitsForClaims():
		return 3
	case database == "postgres":
		return 12
	}
	return 6
}

// TestKilledAtEveryEffect lets people act, and kills the bot before and after
// each Effect: whenever it dies, the next one ends what was begun, once. On
// PostgreSQL, where a life costs several times as much, it is killed after each: who
// dies before an effect has mostly died after the one that came before it. The default
// run kills it once in each play, and on PostgreSQL in some of the plays.
func TestKilledAtEveryEffect(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(databases)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "postgres" {
				postgres(t) // or all is skipped
			}
			names := slices.Sorted(maps.Keys(plots))
			if *crashPlay != "" {
				names = []string{*crashPlay}
			} else if name == "postgres" && !*everyStep {
				n := -1
				names = slices.DeleteFunc(names, func(string) bool { n++; return !testrun.PlaysOnPostgres(n) })
			}
			killedAtEveryEffect(t, names, name)
		})
	}
}

func killedAtEveryEffect(t *testing.T, names []string, engine string) {
	database, atOnce := databases[engine], atOnce(engine)
	// First without a death, which tells where one can be.
	traces := map[string][]step{}
	var mu sync.Mutex
	each(atOnce, names, func(name string) {
		t.Run(name, func(t *testing.T) {
			steps, _ := plots[name].lives(t, database, nil)
			mu.Lock()
			defer mu.Unlock()
			traces[name] = steps
		})
	})
	if t.Failed() {
		return
	}
	// Somebody who asks for all steps, or for one play, gets them in any run.
	every := testrun.EveryStep() || *everyStep || *crashPlay != ""
	afterOnly := engine == "postgres" && !*everyStep && *crashPlay == ""
	var deaths []fatality
	known := map[step]bool{}
	for _, name := range names {
		passed := map[step]int{}
		for _, s := range traces[name] {
			passed[s]++
			if afterOnly && !s.Over {
				continue
			}
			if !known[s] || *everyStep || !every && passed[s] == 1 {
				known[s] = true
				deaths = append(deaths, fatality{name, Death{s, passed[s]}})
			}
		}
	}
	if !every {
		deaths = onceEach(deaths)
	}
	died, killed := 0, map[step]bool{}
	each(atOnce, deaths, func(f fatality) {
		t.Run(f.play+"/"+f.String(), func(t *testing.T) {
			// What two goroutines do comes in another order each time, and now and
			// then one version is never shown: then nobody died, and it is tried again.
			for range 10 {
				if _, dead := plots[f.play].lives(t, database, &f.Death); dead {
					mu.Lock()
					defer mu.Unlock()
					died++
					killed[f.step] = true
					return
				}
				if t.Failed() {
					return
				}
			}
		})
	})
	t.Logf("%d deaths in %d plays, of %d that were meant to be", died, len(names), len(deaths))
	if 10*died < 9*len(deaths) {
		t.Errorf("only %d of %d bots were killed", died, len(deaths))
	}
	if *crashPlay != "" || !every {
		return // not every step was meant
	}
	for _, e := range witness.Effects {
		if slices.Contains(leftOut, e) {
			continue
		}
		for _, over := range []bool{false, true} {
			if s := (step{e, over}); !killed[s] && (over || !afterOnly) {
				t.Errorf("no bot was killed %s", s)
			}
		}
	}
}

// leftOut are effects that no play has: a play begins with the setting that it ends
// with, and a card moves only where REVOKE_CHANNEL was changed at a start.
var leftOut = []bot.Effect{"move card", "update moved", "note moved"}

// onceEach takes one death of each play, another step in each. By name, for what two
// goroutines do comes in another order each time, and a run must not depend on that.
func onceEach(all []fatality) (few []fatality) {
	of := map[string][]fatality{}
	for _, f := range all {
		of[f.play] = append(of[f.play], f)
	}
	for i, name := range slices.Sorted(maps.Keys(of)) {
		steps := slices.SortedFunc(slices.Values(of[name]), func(a, b fatality) int { return cmp.Compare(a.String(), b.String()) })
		few = append(few, steps[i*len(steps)/len(of)])
	}
	return few
}

// fatality is a death in a play.
type fatality struct {
	play string
	Death
}

func (f fatality) String() string { return fmt.Sprintf("%s %d", f.step, f.Nth) }

// each calls do for all, some at once.
func each[T any](atOnce int, all []T, do func(T)) {
	slots := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for _, one := range all {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			do(one)
		})
	}
	running.Wait()
}

// lives plays p once, with a bot that dies at d, and checks what must be so
// however that was. It answers the steps of the first life, and whether it
// ended as it should.
func (p plot) lives(t *testing.T, database func(*theatre), d *Death) (steps []step, died bool) {
	m := newMortal(t, database)
	// SQLite frees the claims of the dead at once.
	m.overslept = !testrun.WaitsForClaims() && !strings.HasPrefix(m.database(), "sqlite:")
	if p.policy != "" {
		m.policy = filepath.Join(m.folder, "policy.yml")
		if err := os.WriteFile(m.policy, []byte(p.policy), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m.live(d)
	p.acts(m)
	for m.settle(); m.rest(); m.settle() {
		m.live(nil)
	}
	rows := map[string]int{}
	for _, e := range m.audit() {
		rows[e.Action]++
	}
	for action, want := range p.rows {
		if n := rows[action]; n < want[0] || n > want[1] {
			t.Errorf("%d rows say %s, not %d to %d", n, action, want[0], want[1])
		}
	}
	if n := len(m.entra.Posts()); n < p.posts[0] || n > p.posts[1] {
		t.Errorf("Graph got %d POSTs, not %d to %d", n, p.posts[0], p.posts[1])
	}
	m.truthful()
	steps, err := readTrace(m.traceFile(1))
	if err != nil {
		t.Fatal(err)
	}
	if t.Failed() {
		t.Logf("%d deaths\n%s", m.died(), m.board())
		for _, e := range m.audit() {
			t.Logf("%s %s by %s: %s %s", e.Request, e.Action, e.Actor, e.Outcome, e.Reason)
		}
	}
	return steps, m.died() > 0
}
