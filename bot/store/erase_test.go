package store_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// TestErasedFromTheFile: what is erased is gone from the file's bytes too, and
// not only from its columns.
func TestErasedFromTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "erase.db")
	now := time.Now()
	s, err := store.Open(context.Background(), "sqlite:"+file, store.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	const typed, secret = "typed-words-that-must-go", "https://hooks.slack.com/secret-that-must-go"
	a, _, err := s.Receive(context.Background(), bot.Arrival{
		Kind: bot.CommandArrival, Envelope: "e", Key: "k", AppID: "A1", UserID: "U1", Text: typed, ResponseURL: secret, TriggerID: "trigger-that-must-go",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Record(context.Background(), a.ID); err != nil {
		t.Fatal(err)
	}
	now = now.Add(31 * time.Minute)
	if err := s.Forget(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // the last close writes the log into the file
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{typed, secret, "trigger-that-must-go"} {
		if bytes.Contains(content, []byte(gone)) {
			t.Errorf("%q is still in the file", gone)
		}
	}
}
