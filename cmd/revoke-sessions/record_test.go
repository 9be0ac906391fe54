package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
)

// TestOldBackup: a request is revoked, then the database of before is put back. No
// message says that nothing was done: what happened is not known, nobody calls
// Microsoft again, and it is on record. The same database later is no step back.
func TestOldBackup(t *testing.T) {
	t.Parallel()
	th := newTheatre(t)
	th.begin()
	th.types(false, []string{"bob", "me lost my phone"})
	th.sees(false, []string{"card", "Bob Reporter"})
	th.quiet()
	th.end()
	database := strings.TrimPrefix(th.database(), "sqlite:")
	folder, backup := filepath.Dir(database), t.TempDir()
	copyFiles(t, folder, backup)

	th.begin()
	th.press(false, []string{"alice", "confirm"})
	th.sees(false, []string{"card", "sessions are revoked", "Verified"})
	th.quiet()
	th.posts(false, []string{"1"})
	th.end()

	marker := filepath.Base(database) + ".anchor"
	noted, err := os.ReadFile(filepath.Join(folder, marker))
	if err != nil {
		t.Fatal(err)
	}
	copyFiles(t, backup, folder)
	if err := os.WriteFile(filepath.Join(folder, marker), noted, 0o600); err != nil {
		t.Fatal(err)
	}
	th.clock.advance(24 * time.Hour) // past the deadline

	th.begin()
	th.sees(false, []string{"card", "Bob Reporter: not known whether the sessions were revoked.", "Look in Entra's audit log."})
	th.sees(false, []string{"dm:bob", "Bob Reporter: not known whether the sessions were revoked."})
	th.quiet()
	th.neverSees(false, []string{"card", "Nothing was revoked"})
	th.posts(false, []string{"1"})
	th.end()
	th.begin()
	th.quiet()
	restored := 0
	for _, e := range th.audit() {
		if e.Action == "database_restored" {
			restored++
		}
		if e.Action == string(bot.Expired) {
			t.Error("it is said to have expired")
		}
	}
	if restored != 1 {
		t.Errorf("it is %d times on record", restored)
	}
}

// copyFiles copies a database, and what lies beside it, but for its lock.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	for _, old := range glob(t, to) {
		if err := os.Remove(old); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range glob(t, from) {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(file)), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func glob(t *testing.T, folder string) (files []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(folder, "*.db*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		if !strings.HasSuffix(file, ".lock") {
			files = append(files, file)
		}
	}
	return files
}
