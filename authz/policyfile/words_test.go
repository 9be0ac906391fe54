package policyfile

import (
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		0:                      {"0s", "0s"},
		time.Minute:            {"1 minute", "a minute"},
		90 * time.Second:       {"1 minute 30 seconds", "1 minute 30 seconds"},
		time.Hour:              {"1 hour", "an hour"},
		90 * time.Minute:       {"1 hour 30 minutes", "1 hour 30 minutes"},
		day:                    {"24 hours", "a day"},
		36 * time.Hour:         {"36 hours", "36 hours"},
		2 * day:                {"2 days", "2 days"},
		2*day + time.Hour:      {"49 hours", "49 hours"},
		500 * time.Millisecond: {"500ms", "500ms"},
	} {
		if got := [2]string{inWords(d), within(d)}; got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
