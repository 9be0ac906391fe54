package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// TestForget_ErasesFromTheFile: erased text is gone from the file's bytes, not only from
// its columns. Long texts are in pages of their own, which SQLite frees without clearing
// unless told otherwise.
func TestForget_ErasesFromTheFile(t *testing.T) {
	c := newClock()
	path := newPath(t)
	s, err := store.Open(deadline(t), "sqlite:"+path, store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	fillAndForget(t, s, c)
	closeStore(t, s) // the last close writes the log into the file
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range mustGo {
		if n := bytes.Count(content, []byte(gone)); n > 0 {
			t.Errorf("%q is in the file %d times still", gone, n)
		}
	}
	if !bytes.Contains(content, []byte("REQ-39")) {
		t.Error("the file holds nothing to search")
	}
}

// mustGo lists what fillAndForget erases.
var mustGo = []string{
	"typed-that-must-go", "typed-long-that-must-go", "trigger-that-must-go", "secret-that-must-go",
	"reason-that-must-go", "reason-long-that-must-go", "notice-that-must-go", "freeze-that-must-go", "carol@contoso.example",
}

// fillAndForget stores a lot and erases it the way the bot does every minute.
func fillAndForget(t *testing.T, s *store.Store, c *clock) {
	t.Helper()
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
}

// Erased text is gone from the -wal file too while the bot runs, after Forget or, if
// somebody was reading, after the next one.
func TestForget_ErasesFromTheLog(t *testing.T) {
	for name, reads := range map[string]bool{"alone": false, "with a reader beside": true} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			path := newPath(t)
			s := openAt(t, path, store.Options{Now: c.now, Exclusive: true})
			open := pending("REQ-OPEN", "open")
			open.Words.UPN = "open@contoso.example" // the other is among what must go
			create(t, s, open)
			if reads {
				conn := bypass(t, s)
				do(t, conn, `BEGIN`)
				value[int](t, conn, `SELECT count(*) FROM requests`)
				fillAndForget(t, s, c)
				if stays := inFiles(t, path); len(stays) == 0 {
					t.Error("there is nothing to erase beside a reader: this test shows nothing")
				}
				began := time.Now()
				forget(t, s, month)
				receive(t, s, arrival(1000)) // nobody waits for the reader
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %s", took)
				}
				do(t, conn, `COMMIT`)
				forget(t, s, month)
			} else {
				fillAndForget(t, s, c)
			}
			if stays := inFiles(t, path); len(stays) > 0 {
				t.Errorf("there are still: %q", stays)
			}
			stored(t, s, "REQ-OPEN")
		})
	}
}

// inFiles returns what of mustGo is in the files of a database.
func inFiles(t *testing.T, path string) (stays []string) {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 3 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, gone := range mustGo {
			if n := bytes.Count(content, []byte(gone)); n > 0 {
				stays = append(stays, fmt.Sprintf("%s in %s, %d times", gone, filepath.Base(file), n))
			}
		}
	}
	return stays
}
