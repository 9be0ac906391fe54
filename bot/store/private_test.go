//go:build unix

package store_test

import (
	"os"
	"strings"
	"testing"

	"revoke-sessions/bot/store"
)

// withModes creates a database with all its files and gives them a mode.
func withModes(t *testing.T, mode os.FileMode) (path string) {
	t.Helper()
	path = newPath(t)
	closeStore(t, openAt(t, path, store.Options{}))
	for _, file := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, mode)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// Once the bot has opened the files, others can neither read them nor hold the lock,
// whatever the modes were.
func TestPrivateFiles(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]store.Options{"the bot": {Exclusive: true}, "beside it": {Beside: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := withModes(t, 0o666)
			p, err := store.TryOut(deadline(t), "sqlite:"+path)
			if says, remedy := store.Together(p.Exposed); err != nil || !strings.Contains(says, path+" (mode 0666)") || !strings.Contains(says, path+".lock (mode 0666)") || !strings.Contains(remedy, "chmod 0600 '"+path+"'") {
				t.Errorf("looked at: %+v, %v", p, err)
			}
			s := openAt(t, path, o)
			create(t, s, pending("REQ-ACDEFG", "carol"))
			for _, file := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
				info, err := os.Stat(file)
				if err != nil {
					t.Fatal(err)
				}
				if mode := info.Mode().Perm(); mode != 0o600 {
					t.Errorf("%s has mode %04o", file, mode)
				}
			}
			if len(s.Exposed()) != 0 {
				t.Errorf("%v", s.Exposed())
			}
			if p, err = store.TryOut(deadline(t), "sqlite:"+path); err != nil || len(p.Exposed) != 0 {
				t.Errorf("looked at again: %+v, %v", p, err)
			}
		})
	}
}

// A database in a folder where everybody may create files is reported.
func TestPrivateFolder(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	folder := strings.TrimSuffix(path, "/sessions.db")
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path, store.Options{})
	if says, _ := store.Together(s.Exposed()); !strings.Contains(says, folder+" (mode 0777)") {
		t.Errorf("%q", says)
	}
}
