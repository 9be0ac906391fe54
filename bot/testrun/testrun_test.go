package testrun_test

import (
	"testing"

	"revoke-sessions/bot/testrun"
)

func TestAmount(t *testing.T) {
	few := testrun.Amount{Default: 2, Full: 5}
	for value, want := range map[string]int{"": 2, "0": 2, "1": 5} {
		t.Setenv(testrun.Variable, value)
		if got := few.Times(); got != want || testrun.Full() != (want == 5) {
			t.Errorf("%s=%q: %d times, full %t; want %d", testrun.Variable, value, got, testrun.Full(), want)
		}
	}
}
