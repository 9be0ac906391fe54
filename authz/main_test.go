package authz

import (
	"flag"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"revoke-sessions/bot/testrun"
)

// usual: a property sees as many worlds as testrun says, and not as
// -rapid.checks does. Fewer may come to nothing without being wrong.
var usual = true

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Visit(func(f *flag.Flag) { usual = usual && f.Name != "rapid.checks" })
	if usual {
		if err := flag.Set("rapid.checks", strconv.Itoa(testrun.Worlds.Times())); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// What is asked before the tests begin, go test does not see: it would take the
// result of the default run for that of the full one. Here it is asked in a test.
func TestWorlds(t *testing.T) {
	if got, want := flag.Lookup("rapid.checks").Value.String(), strconv.Itoa(testrun.Worlds.Times()); usual && got != want {
		t.Errorf("a property sees %s worlds, want %s", got, want)
	}
}
