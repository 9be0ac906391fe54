package engine

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/turns"
)

// shelf notes what is handed back.
type shelf struct {
	bot.Store
	back []int64
	away int // so often it cannot
}

func (s *shelf) HandBack(_ context.Context, arrivals []bot.Arrival) error {
	if s.away > 0 {
		s.away--
		return errors.New("the database is away")
	}
	for _, a := range arrivals {
		s.back = append(s.back, a.ID)
	}
	return nil
}

func (s *shelf) Due(context.Context, int) (bot.Work, error) { return bot.Work{}, nil }

func (s *shelf) Frozen(context.Context) (f bot.Freeze, on bool, err error) { return f, on, nil }

func TestWhatIsNotBegunIsHandedBack(t *testing.T) {
	gate := make(chan struct{})
	waits := func(id int64) piece {
		return piece{do: func(context.Context) { <-gate }, arrival: &bot.Arrival{ID: id}}
	}
	for name, test := range map[string]struct {
		play func(*Bot)
		want []int64
		away int
	}{
		"at a stop":                        {func(b *Bot) { b.stop() }, []int64{2, 3}, 0},
		"at a stop, once the database can": {func(b *Bot) { b.stop() }, []int64{2, 3}, 1},
		"after too long, at the next tick": {func(b *Bot) {
			time.Sleep(longestWait + time.Millisecond)
			b.drain()
			b.pickUp(context.Background())
		}, []int64{2, 3}, 0},
		"at the tick after one that could not": {func(b *Bot) {
			time.Sleep(longestWait + time.Millisecond)
			b.drain()
			b.pickUp(context.Background())
			b.pickUp(context.Background())
		}, []int64{2, 3}, 1},
		"without a place to wait": {func(b *Bot) {
			for range manyWaiting {
				b.spawn(func(context.Context) {})
			}
			b.admit(waits(4))
			b.pickUp(context.Background())
		}, []int64{4}, 0},
		"only what is an arrival": {func(b *Bot) {
			b.spawn(func(context.Context) {})
			b.stop()
		}, []int64{2, 3}, 0},
		"not what may still begin": {func(b *Bot) { b.pickUp(context.Background()) }, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate = make(chan struct{})
				b, s := idle(1), &shelf{away: test.away}
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
				b.waiting = turns.Queue[*piece]{}
				b.mu.Unlock()
				b.running.Wait()
			})
		})
	}
}
