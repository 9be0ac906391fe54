package store_test

import (
	"context"
	"testing"
	"time"

	"revoke-sessions/bot"
)

// Without a limit, an approval does not wait for the counting lock, which all replicas
// take in turn.
func TestLimit_NoneMeansNoWait(t *testing.T) {
	t.Parallel()
	s := openPostgres(t, time.Now)
	counted := func(id string, n int) bot.Change {
		c := bot.Change{Request: pending(id, "target of "+id)}
		c.Uses = []bot.Use{{Kind: bot.Total}}
		c.Uses[0].Limit.N, c.Uses[0].Limit.Within = n, time.Hour
		return c
	}
	write, _ := s.Pools()
	other, err := write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback()
	if _, err := other.ExecContext(t.Context(), `SELECT hold_lock('counting')`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := s.Commit(ctx, counted("REQ-2", 0)); err != nil {
		t.Errorf("one without a limit: %v", err)
	}
	if _, err := s.Commit(ctx, counted("REQ-3", 5)); err == nil {
		t.Error("one with a limit did not wait")
	}
}
