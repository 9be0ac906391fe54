// Package testrun is the one place that decides how much a run of the tests
// does. The default run, go test ./..., plays every story, attack and fault
// once. The full run, with REVOKE_TEST_FULL=1, also repeats them: at each place
// where a process can be killed, on both databases, under load, on several
// replicas, for more random days.
//
// Only tests import it.
package testrun

import (
	"flag"
	"math"
	"os"
	"strconv"
)

// Variable is the environment variable that asks for the full run, with "1".
const Variable = "REVOKE_TEST_FULL"

// Full reports whether this is the full run. A test must ask, too, where TestMain
// or a package variable does: go test keeps results, and what is asked before the
// tests begin is no part of what it compares.
func Full() bool { return os.Getenv(Variable) == "1" }

// Amount is how often something is repeated in each kind of run. Make it with
// amount.
type Amount struct{ Default, Full int }

// amounts are all of them, for the test that none is nothing.
var amounts []Amount

func amount(ordinarily, full int) Amount {
	amounts = append(amounts, Amount{ordinarily, full})
	return amounts[len(amounts)-1]
}

// Times is how often it is repeated in this run.
func (a Amount) Times() int {
	if Full() {
		return a.Full
	}
	return a.Default
}

// All is more often than anything can be repeated.
const All = math.MaxInt

// What is repeated, and how often.
var (
	// Deaths is at how many steps of each play TestKilledAtEveryEffect kills the
	// bot, on each database.
	Deaths = amount(1, All)
	// Kills is how often TestKilledUnderLoad kills it, on each database.
	Kills = amount(4, 20)
	// Decisions is how many requests TestDoubleClicks decides, by two clicks at
	// the same moment on two replicas; more than 50 also play on three.
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
	// store, in each way.
	Outages = amount(1, 3)
	// History is how many finished requests lie in the database of
	// TestHistoryIsNotRead.
	History = amount(20_000, 1_000_000)
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
