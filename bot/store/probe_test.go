package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"revoke-sessions/bot/store"
)

// TryOut leaves a database as it is, and works beside a running bot.
func TestTryOut(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path, store.Options{Exclusive: true})
	create(t, s, pending("REQ-ACDEFG", "carol"))
	before := files(t, path)
	p, err := store.TryOut(deadline(t), "sqlite:"+path)
	if err != nil || p.Path != path || p.Missing || p.Schema != p.Wanted || p.Schema == 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if after := files(t, path); !slices.EqualFunc(before, after, bytes.Equal) {
		t.Error("the database, or its log, is not as it was")
	}
	create(t, s, pending("REQ-HJKLMN", "dave")) // nothing is held
	raw := bypass(t, s)

	do(t, raw, `PRAGMA user_version = 99`)
	if p, err := store.TryOut(deadline(t), "sqlite:"+path); err != nil || p.Schema != 99 {
		t.Errorf("a newer schema: %+v, %v", p, err)
	}
	do(t, raw, `BEGIN IMMEDIATE`)
	if _, err := store.TryOut(deadline(t), "sqlite:"+path); err == nil || !strings.Contains(err.Error(), "begin to write") {
		t.Errorf("somebody else writes and does not stop: %v", err)
	}
	do(t, raw, `ROLLBACK`)

	// A transaction that can begin cannot always write.
	do(t, raw, `PRAGMA writable_schema = ON`)
	do(t, raw, `UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'uses'`)
	if _, err := store.TryOut(deadline(t), "sqlite:"+path); err == nil || !strings.HasPrefix(err.Error(), "write: ") {
		t.Errorf("a schema that is no SQL: %v", err)
	}
}

// If nobody else has the database open, TryOut leaves no files beside it either.
func TestTryOut_Alone(t *testing.T) {
	path := newPath(t)
	s, err := store.Open(deadline(t), "sqlite:"+path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	create(t, s, pending("REQ-ACDEFG", "carol"))
	closeStore(t, s)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.TryOut(deadline(t), "sqlite:"+path); err != nil {
		t.Error(err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database is not as it was, %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// files are the bytes of a database and of its write-ahead log.
func files(t *testing.T, path string) (all [][]byte) {
	t.Helper()
	for _, name := range []string{path, path + "-wal"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

// TryOut does not create a missing database.
func TestTryOut_WithoutDatabase(t *testing.T) {
	path := newPath(t)
	p, err := store.TryOut(deadline(t), "sqlite:"+path)
	if err != nil || !p.Missing {
		t.Errorf("%+v, %v", p, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("it left %v behind, %v", left, err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, bytes.Repeat([]byte("no database"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{
		"no such folder": "sqlite:" + filepath.Join(path, "deeper", "x.db"),
		"a folder":       "sqlite:" + filepath.Dir(path),
		"no database":    "sqlite:" + text,
		"another kind":   "mysql://localhost/x",
	} {
		if p, err := store.TryOut(deadline(t), url); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
