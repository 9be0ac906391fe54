package store_test

import (
	"fmt"
	"testing"

	"revoke-sessions/bot"
)

// Under concurrent writes, no row of the chain is dated before its predecessor: a freeze
// after a decision has a later time.
func TestChain_TimesNeverGoBack(t *testing.T) {
	t.Parallel()
	stores, _ := openSeveral(t, 2)
	ctx := deadline(t)
	for i, err := range atOnce(16, func(i int) error {
		for n := range 10 {
			if err := stores[i%2].Record(ctx, 0, bot.Entry{Action: "refused", Actor: fmt.Sprintf("U-%d-%d", i, n)}); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	rows := chain(t, stores[0], "")
	for i := range rows[1:] {
		if rows[i+1].At.Before(rows[i].At) {
			t.Fatalf("row %d says %s, and row %d after it %s", i+1, rows[i].At, i+2, rows[i+1].At)
		}
	}
}
