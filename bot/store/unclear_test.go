package store_test

import (
	"errors"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// A write that may be stored is not repeated, nor reported as a failure or as lost to
// somebody else: "not stored" must be reliable.
func TestUnclear_IsNotRetried(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		end  func(mend func()) // before the answer
	}{
		{"the line stays cut", func(func()) {}},
		{"the line comes back", func(mend func()) { time.AfterFunc(3*time.Second, mend) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			url := newDatabase(t, shared(t))
			line, by := cable(t, url)
			s, direct := openURL(t, by, store.Options{}), openURL(t, url, store.Options{})
			sprung := line.HangAfter("commit\x00")
			answer := make(chan error, 1)
			go func() {
				r := pending("REQ-ACDEFG", "carol")
				_, err := s.Commit(deadline(t), bot.Change{Request: r, Audit: []bot.Entry{requested(r)}})
				answer <- err
			}()
			<-sprung
			for {
				if _, err := direct.Request(deadline(t), "REQ-ACDEFG"); err == nil {
					break
				}
			}
			line.Cut()
			row.end(line.Mend)
			if err := <-answer; !errors.Is(err, bot.ErrUnclear) {
				t.Errorf("%v, want ErrUnclear: it is stored", err)
			}
		})
	}
}
