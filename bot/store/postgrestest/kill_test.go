package postgrestest

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Whoever connects in the moment of a power cut has a process of the server's made for
// them. It ends with the others, or the server would never come back.
func TestKillWhileManyConnect(t *testing.T) {
	t.Parallel()
	s := begin(t)
	url := database(t, s)
	for range 3 {
		ctx, over := context.WithCancel(deadline(t))
		var people sync.WaitGroup
		connected := make(chan struct{}, 1)
		for range 12 {
			people.Go(func() {
				for ctx.Err() == nil {
					conn, err := pgx.Connect(ctx, url)
					if err != nil {
						continue
					}
					_, _ = conn.Exec(ctx, `INSERT INTO notes SELECT 'x' FROM generate_series(1, 100)`)
					_ = conn.Close(ctx)
					select {
					case connected <- struct{}{}:
					default:
					}
				}
			})
		}
		<-connected
		must(t, s.Kill())
		over()
		people.Wait()
		must(t, s.Restart(deadline(t)))
		if notes(t, url) == 0 {
			t.Error("the server lost its rows")
		}
	}
}
