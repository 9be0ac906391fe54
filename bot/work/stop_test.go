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

// shelf notes which arrivals are handed back.
type shelf struct {
	back []int64
	away int // how often it fails first
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

func TestPool_HandsBackUnbegunArrivals(t *testing.T) {
	gate := make(chan struct{})
	waits := func(id int64) Piece {
		return Piece{Do: func(context.Context) { <-gate }, Arrival: &bot.Arrival{ID: id}}
	}
	for name, test := range map[string]struct {
		play func(*Pool)
		want []int64
		away int
	}{
		"at a stop":                        {func(pool *Pool) { pool.Stop() }, []int64{2, 3}, 0},
		"at a stop, once the database can": {func(pool *Pool) { pool.Stop() }, []int64{2, 3}, 1},
		"after too long, at the next tick": {func(pool *Pool) {
			time.Sleep(longestWait + time.Millisecond)
			pool.Drain()
			pool.HandBack(context.Background())
		}, []int64{2, 3}, 0},
		"at the tick after one that could not": {func(pool *Pool) {
			time.Sleep(longestWait + time.Millisecond)
			pool.Drain()
			pool.HandBack(context.Background())
			pool.HandBack(context.Background())
		}, []int64{2, 3}, 1},
		"without a place to wait": {func(pool *Pool) {
			for range maxWaiting {
				pool.Spawn(func(context.Context) {})
			}
			pool.Admit(waits(4))
			pool.HandBack(context.Background())
		}, []int64{4}, 0},
		"only what is an arrival": {func(pool *Pool) {
			pool.Spawn(func(context.Context) {})
			pool.Stop()
		}, []int64{2, 3}, 0},
		"not what may still begin": {func(pool *Pool) { pool.HandBack(context.Background()) }, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate = make(chan struct{})
				s := &shelf{away: test.away}
				pool := NewPool(slog.New(slog.DiscardHandler), time.Now, 1, s.handBack)
				for id := range int64(3) {
					pool.Admit(waits(id + 1))
				}
				time.AfterFunc(longestWait+time.Second, func() { close(gate) })
				test.play(pool)
				if !slices.Equal(s.back, test.want) {
					t.Errorf("handed back %v, want %v", s.back, test.want)
				}
				pool.mu.Lock()
				pool.waiting = turns.Queue[*Piece]{}
				pool.mu.Unlock()
				pool.running.Wait()
			})
		})
	}
}
