package bot

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// shelf notes what is handed back.
type shelf struct {
	Store
	back []int64
}

func (s *shelf) HandBack(_ context.Context, arrivals []Arrival) error {
	for _, a := range arrivals {
		s.back = append(s.back, a.ID)
	}
	return nil
}

func (s *shelf) Due(context.Context, int) (Work, error)                { return Work{}, nil }
func (s *shelf) Frozen(context.Context) (f Freeze, on bool, err error) { return f, on, nil }

func TestWhatIsNotBegunIsHandedBack(t *testing.T) {
	gate := make(chan struct{})
	waits := func(id int64) piece {
		return piece{do: func(context.Context) { <-gate }, arrival: &Arrival{ID: id}}
	}
	for name, test := range map[string]struct {
		play func(*Bot)
		want []int64
	}{
		"at a stop": {func(b *Bot) { b.stop() }, []int64{2, 3}},
		"after too long, at the next tick": {func(b *Bot) {
			time.Sleep(longestWait + time.Millisecond)
			b.drain()
			b.pickUp(context.Background())
		}, []int64{2, 3}},
		"without a place to wait": {func(b *Bot) {
			b.waiting = append(b.waiting, make([]piece, manyWaiting)...)
			b.admit(waits(4))
			b.pickUp(context.Background())
		}, []int64{4}},
		"only what is an arrival": {func(b *Bot) {
			b.spawn(func(context.Context) {})
			b.stop()
		}, []int64{2, 3}},
		"not what may still begin": {func(b *Bot) { b.pickUp(context.Background()) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate = make(chan struct{})
				b, s := idle(1), &shelf{}
				b.store = s
				for id := range int64(3) {
					b.admit(waits(id + 1))
				}
				time.AfterFunc(longestWait+time.Second, func() { close(gate) })
				test.play(b)
				if !slices.Equal(s.back, test.want) {
					t.Errorf("handed back %v, want %v", s.back, test.want)
				}
				b.mu.Lock()
				b.waiting = nil
				b.mu.Unlock()
				b.running.Wait()
			})
		})
	}
}
