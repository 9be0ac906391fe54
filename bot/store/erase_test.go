package store_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// TestErasedFromTheFile: what is erased is gone from the file's bytes too, and
// not only from its columns. Long texts stand in pages of their own, which
// SQLite gives free as they are unless it is told otherwise.
func TestErasedFromTheFile(t *testing.T) {
	c := newClock()
	path := newPath(t)
	s, err := store.Open(deadline(t), "sqlite:"+path, store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	long := func(text string) string { return strings.Repeat(text+" ", 12_000/len(text)) }
	for i := range 40 {
		a := arrival(i)
		a.Text, a.TriggerID, a.ResponseURL = "typed-that-must-go", "trigger-that-must-go", "https://hooks.slack.com/secret-that-must-go"
		if i%2 == 1 {
			a.Text = long("typed-long-that-must-go")
		}
		a = receive(t, s, a)
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		r.Words.Reason = "reason-that-must-go"
		if i%2 == 1 {
			r.Words.Also = map[string]string{"U-DAVE": long("reason-long-that-must-go")}
		}
		r = commit(t, s, bot.Change{Request: r, Settles: a.ID})
		r.State, r.DueAt = bot.Denied, time.Time{}
		r = commit(t, s, bot.Change{Request: r})
		toldAll(t, s, r.ID)
	}
	n := notice("frozen")
	n.Message.Text = long("notice-that-must-go")
	f := freezeOf(c)
	f.Reason = long("freeze-that-must-go")
	unfreeze(t, s, c, commitFreeze(t, s, bot.FreezeChange{Freeze: f, Notice: &n}))
	announced(t, s, due(t, s).Notices[0], bot.Retry{})
	c.move(2 * month)
	forget(t, s, month)
	closeStore(t, s) // the last close writes the log into the file
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{
		"typed-that-must-go", "typed-long-that-must-go", "trigger-that-must-go", "secret-that-must-go",
		"reason-that-must-go", "reason-long-that-must-go", "notice-that-must-go", "freeze-that-must-go", "carol@contoso.example",
	} {
		if n := bytes.Count(content, []byte(gone)); n > 0 {
			t.Errorf("%q is in the file %d times still", gone, n)
		}
	}
	if !bytes.Contains(content, []byte("REQ-39")) {
		t.Error("the file holds nothing to search")
	}
}
