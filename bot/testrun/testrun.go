// Package testrun is the one place that decides how much a run of the tests
// does. The default run, go test ./..., plays every story, attack and fault
// once. The full run, with REVOKE_TEST_FULL=1, repeats them: it kills a process at
// each place where it can die, plays larger storms and crowds and more random days,
// and waits for disks and claims as production does.
//
// Only tests import it.
package testrun

import (
	"flag"
	"os"
	"strconv"
	"time"
)

// Variable is the environment variable that asks for the full run, with "1".
const Variable = "REVOKE_TEST_FULL"

// full reports whether this is the full run. Ask while a test runs: go test keeps
// results, and what is asked before is no part of what it compares.
func full() bool { return os.Getenv(Variable) == "1" }

// EveryStep reports whether a bot is killed at each of its steps. Else it is killed
// once in each play.
func EveryStep() bool { return full() }

// PlaysOnPostgres reports whether play number n is played on PostgreSQL, too: each in
// the full run, else every third. A process costs PostgreSQL some twenty connections.
func PlaysOnPostgres(n int) bool { return full() || n%3 == 0 }

// WaitsForClaims reports whether a bot that takes over waits until the claims of the
// dead one have lapsed. Else the clock is moved past them.
func WaitsForClaims() bool { return full() }

// WaitsForDisk reports whether PostgreSQL waits for a disk. Else it may keep its data
// in memory.
func WaitsForDisk() bool { return full() }

// Amount is how often something is repeated in each kind of run.
type Amount struct{ Default, Full int }

// amounts are all of them, for the test that none is nothing.
var amounts []Amount

func amount(inDefault, inFull int) Amount {
	amounts = append(amounts, Amount{inDefault, inFull})
	return amounts[len(amounts)-1]
}

// Times is how often it is repeated in this run.
func (a Amount) Times() int {
	if full() {
		return a.Full
	}
	return a.Default
}

// What is repeated, and how often: amount(in the default run, in the full run).
var (
	// Kills is how often TestKilledUnderLoad kills the bot, on each database.
	Kills = amount(4, 20)
	// Decisions is how many requests TestDoubleClicks decides, by two clicks at
	// the same moment, on three replicas; more than 50 also on two.
	Decisions = amount(8, 60)
	// Reports is how many people report and confirm while replicas are restarted,
	// or while their database is away.
	Reports = amount(8, 40)
	// Moments is at how many moments of its work TestTakeOver strikes a replica, with
	// each fault.
	Moments = amount(1, 3)
	// StormCards is how many requests wait for a decision when TestStorm begins; it
	// has 15 times as many acts.
	StormCards = amount(5, 20)
	// Outages is how often TestConnectionsCutAndRegained ends the connections of one
	// store, each time in another way.
	Outages = amount(1, 4)
	// History is how many finished requests lie in the database of
	// TestHistoryIsNotRead.
	History = amount(20_000, 200_000)
	// RandomDays is how many days TestRulesHold plays, with random people.
	RandomDays = amount(40, 200)
	// Worlds is how many random worlds each property of package authz sees.
	Worlds = amount(3000, 10000)
)

// Parallel lets so many parallel tests of a package run at the same time, unless
// somebody has set -parallel. It is for packages whose tests mostly wait: Go's
// default is one for each processor. TestMain calls it before m.Run.
func Parallel(tests int) {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		_ = flag.Set("test.parallel", strconv.Itoa(tests)) // every test binary has this flag
	}
}

// BesideOthers lets a test with several bots run beside other tests, in the default
// run. In the full run it repeats so much that it needs the processors for itself: who
// gets too little of them looks like one who hangs.
func BesideOthers(t interface{ Parallel() }) {
	if !full() {
		t.Parallel()
	}
}

// drawer is a test.
type drawer interface {
	Helper()
	Fatal(args ...any)
	Cleanup(func())
}

// Draws has rapid draw so many cases, the same ones each time, until the test ends:
// whether a change may land must not depend on a draw. Where somebody has set
// -rapid.checks or -rapid.seed it does nothing, and answers false.
func Draws(t drawer, cases Amount) (usual bool) {
	t.Helper()
	set := map[string]string{"rapid.checks": strconv.Itoa(cases.Times()), "rapid.seed": "20261122"}
	usual = true
	flag.Visit(func(f *flag.Flag) { usual = usual && set[f.Name] == "" })
	if !usual {
		return false
	}
	for name, value := range set {
		f := flag.Lookup(name)
		before := f.Value.String()
		if err := f.Value.Set(value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Value.Set(before) }) // what it was
	}
	return true
}

// Seen looks until something is seen, and answers whether it was within so long. It
// looks often at first and more seldom later: a test that waits must not keep the
// processors from what it waits for.
func Seen(within time.Duration, seen func() bool) bool {
	pause := 2 * time.Millisecond
	for deadline := time.Now().Add(within); !seen(); {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(pause)
		pause = min(pause*3/2, 100*time.Millisecond)
	}
	return true
}
