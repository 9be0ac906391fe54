package authz

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// checks is how many worlds a property sees unless -rapid.checks says
// otherwise: one takes a fraction of a millisecond, and what is wrong needs
// several things to meet.
const checks = "3000"

// usual: so many they are. Fewer may come to nothing without being wrong.
var usual = true

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Visit(func(f *flag.Flag) { usual = usual && f.Name != "rapid.checks" })
	if usual {
		if err := flag.Set("rapid.checks", checks); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}
