package store_test

import (
	"context"
	"testing"
	"time"

	"revoke-sessions/bot/store"
)

// A replica that hangs while it creates the schema blocks others for seconds only.
func TestMigrate_HungReplicaBlocksForSecondsOnly(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	line, by := cable(t, url)
	sprung := line.HangAfter("CREATE TABLE arrivals")
	ctx, cancel := context.WithCancel(deadline(t))
	gone := make(chan error, 1)
	go func() {
		s, err := store.Open(ctx, by, store.Options{})
		if err == nil {
			err = s.Close()
		}
		gone <- err
	}()
	<-sprung
	soon, stop := context.WithTimeout(deadline(t), 15*time.Second)
	defer stop()
	s, err := store.Open(soon, url, store.Options{})
	if err != nil {
		t.Errorf("another could not open the database: %v", err)
	} else {
		create(t, s, pending("REQ-ACDEFG", "carol"))
		closeStore(t, s)
	}
	cancel()
	line.Mend()
	if err := <-gone; err == nil {
		t.Error("the one that hung did not notice that it was cancelled")
	}
}
