package testrun

import (
	"testing"
)

func TestAmount(t *testing.T) {
	few := Amount{Default: 2, Full: 5}
	for value, want := range map[string]int{"": 2, "0": 2, "1": 5} {
		t.Setenv(Variable, value)
		if got := few.Times(); got != want || EveryStep() != (want == 5) {
			t.Errorf("%s=%q: %d times, every step %t; want %d", Variable, value, got, EveryStep(), want)
		}
	}
}

// An amount of nothing would let a test pass that does nothing.
func TestAmountsAreSomething(t *testing.T) {
	if len(amounts) == 0 {
		t.Error("there are none")
	}
	for _, a := range amounts {
		if a.Default < 1 || a.Full < a.Default {
			t.Errorf("%+v: want one at least, and no less in the full run", a)
		}
	}
}

type marked bool

func (m *marked) Parallel() { *m = true }

func TestBesideOthersInTheDefaultRun(t *testing.T) {
	for value, want := range map[string]marked{"": true, "1": false} {
		t.Setenv(Variable, value)
		var got marked
		if BesideOthers(&got); got != want {
			t.Errorf("%s=%q: %t, want %t", Variable, value, got, want)
		}
	}
}
