package work

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/turns"
)

// shelf notes what is handed back.
type shelf struct {
	back []int64
	away int // so often it cannot
}

func (s *shelf) handBack(_ context.Context, arrivals []bot.Arrival) error {
	if s.away > 0 {
		s.away--
		return errors.New("the database is away")
	}
	for _, a := range arrivals {
		s.back = append(s.back, a.ID)
	}
	return nil
}

func TestWhatIsNotBegunIsHandedBack(t *testing.T) {
	gate := make(chan struct{})
	waits := func(id int64) Piece {
		return Piece{Do: func(context.Context) { <-gate }, Arrival: &bot.Arrival{ID: id}}
	}
	for name, test := range map[string]struct {
		play func(*Pool)
		want []int64
		away int
	}{
		"at a stop":                        {func(b *Pool) { b.Stop() }, []int64{2, 3}, 0},
		"at a stop, once the database can": {func(b *Pool) { b.Stop() }, []int64{2, 3}, 1},
		"after too long, at the next tick": {func(b *Pool) {
			time.Sleep(longestWait + time.Millisecond)
			b.Drain()
			b.HandBack(context.Background())
		}, []int64{2, 3}, 0},
		"at the tick after one that could not": {func(b *Pool) {
			time.Sleep(longestWait + time.Millisecond)
			b.Drain()
			b.HandBack(context.Background())
			b.HandBack(context.Background())
		}, []int64{2, 3}, 1},
		"without a place to wait": {func(b *Pool) {
			for range manyWaiting {
				b.Spawn(func(context.Context) {})
			}
			b.Admit(waits(4))
			b.HandBack(context.Background())
		}, []int64{4}, 0},
		"only what is an arrival": {func(b *Pool) {
			b.Spawn(func(context.Context) {})
			b.Stop()
		}, []int64{2, 3}, 0},
		"not what may still begin": {func(b *Pool) { b.HandBack(context.Background()) }, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate = make(chan struct{})
				s := &shelf{away: test.away}
				b := NewPool(slog.New(slog.DiscardHandler), time.Now, 1, s.handBack)
				for id := range int64(3) {
					b.Admit(waits(id + 1))
				}
				time.AfterFunc(longestWait+time.Second, func() { close(gate) })
				test.play(b)
				if !slices.Equal(s.back, test.want) {
					t.Errorf("handed back %v, want %v", s.back, test.want)
				}
				b.mu.Lock()
				b.waiting = turns.Queue[*Piece]{}
				b.mu.Unlock()
				b.running.Wait()
			})
		})
	}
}
