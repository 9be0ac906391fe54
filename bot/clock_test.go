package bot

import (
	"testing"
	"time"
)

func TestElapsed(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		last time.Time
		want bool
	}{
		"never":                   {time.Time{}, true},
		"just now":                {now.Add(-time.Second), false},
		"long ago":                {now.Add(-time.Minute), true},
		"the clock was set back":  {now.Add(time.Hour), true},
		"the clock was put right": {now.Add(time.Second), false},
	} {
		if got := Elapsed(row.last, now, time.Minute); got != row.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
