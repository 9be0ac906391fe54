package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// wantInUse checks for ErrInUse and a helpful message.
func wantInUse(t *testing.T, s *store.Store, err error, path string) {
	t.Helper()
	if s != nil || !errors.Is(err, store.ErrInUse) {
		t.Fatalf("opened %v: %v, want ErrInUse", s != nil, err)
	}
	for _, part := range []string{"another revoke-sessions is running", path, "Stop it first"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestExclusive(t *testing.T) {
	path := newPath(t)
	exclusive := store.Options{Exclusive: true}
	first, err := store.Open(deadline(t), "sqlite:"+path, exclusive)
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.Open(deadline(t), "sqlite:"+path, exclusive)
	wantInUse(t, second, err, path)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	second, err = store.Open(deadline(t), "sqlite:"+link, exclusive)
	wantInUse(t, second, err, link)
	create(t, first, pending("REQ-ACDEFG", "carol")) // the first goes on unharmed
	closeStore(t, first)
	openAt(t, path, exclusive)
}

func TestExclusive_AcrossProcesses(t *testing.T) {
	path := newPath(t)
	p := begin(t, "hold", path, nil)
	if line, _ := p.line(t); line != "held" {
		t.Fatalf("the process says %q", line)
	}
	s, err := store.Open(deadline(t), "sqlite:"+path, store.Options{Exclusive: true})
	wantInUse(t, s, err, path)

	// Other subcommands work beside it, writing included.
	beside, err := store.Open(deadline(t), "sqlite:"+path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	create(t, beside, pending("REQ-ACDEFG", "carol"))
	chain(t, beside, "")
	closeStore(t, beside)

	// The lock dies with its holder, however it dies.
	p.kill(t)
	if err := p.Wait(); err == nil {
		t.Error("the process ended by itself")
	}
	s = openAt(t, path, store.Options{Exclusive: true})
	if got := stored(t, s, "REQ-ACDEFG"); got.Version != 1 {
		t.Errorf("version %d, want 1", got.Version)
	}
	// And the other way round.
	p = begin(t, "open", path, nil)
	if line, _ := p.line(t); !strings.Contains(line, store.ErrInUse.Error()) {
		t.Errorf("the process says %q", line)
	}
	if err := p.Wait(); err == nil {
		t.Error("the process opened a database in use")
	}
}

// If nobody else can have the database open, the owner of a claim is gone.
func TestExclusive_FreesClaims(t *testing.T) {
	c := newClock()
	path := newPath(t)
	s, err := store.Open(deadline(t), "sqlite:"+path, store.Options{Now: c.now, Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	receive(t, s, arrival(1))
	r := pending("REQ-ACDEFG", "carol")
	r.DueAt = c.now()
	commit(t, s, bot.Change{Request: r, Keep: true})
	if a := (teller{TB: t, s: s}); !a.claims(r.ID) {
		t.Fatal("the telling is not to be had")
	}
	announce(t, s, notice("a"))
	wantNotices(t, s, "announced", "a")

	beside := openAt(t, path, store.Options{Now: c.now})
	if w := due(t, beside); len(w.Arrivals)+len(w.Drive)+len(w.Tell)+len(w.Notices) != 0 {
		t.Errorf("a store opened beside it takes claimed work: %+v", w)
	}
	closeStore(t, s)
	again := openAt(t, path, store.Options{Now: c.now, Exclusive: true})
	if w := due(t, again); len(w.Arrivals) != 1 || len(w.Drive) != 1 || len(w.Tell) != 1 || len(w.Notices) != 1 {
		t.Errorf("after a restart %d arrivals, %d requests, %d tellings and %d notices are due, want one each", len(w.Arrivals), len(w.Drive), len(w.Tell), len(w.Notices))
	}
}

// A command-line process works beside the bot and does not end with it: its call goes
// on, and its claim must stay.
func TestExclusive_KeepsClaimsOfTheCommandLine(t *testing.T) {
	c := newClock()
	path := newPath(t)
	beside := openAt(t, path, store.Options{Now: c.now, Beside: true})
	r := pending("REQ-ACDEFG", "carol")
	r.DueAt, r.Askers[0].SlackID = c.now(), "os:alice@laptop"
	commit(t, beside, bot.Change{Request: r, Keep: true})
	started := openAt(t, path, store.Options{Now: c.now, Exclusive: true})
	if w := due(t, started); len(w.Drive) != 0 {
		t.Errorf("the bot that starts takes it from the process that is at work: %+v", w.Drive)
	}
	c.move(bot.ClaimFor + time.Second)
	if w := due(t, started); len(w.Drive) != 1 {
		t.Errorf("%d requests are due when the claim has lapsed, want 1", len(w.Drive))
	}
}

func TestOpen_AgainKeepsEverything(t *testing.T) {
	c := newClock()
	path := newPath(t)
	s, err := store.Open(deadline(t), "sqlite:"+path, store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	a := receive(t, s, arrival(1))
	r := create(t, s, pending("REQ-ACDEFG", "carol"))
	if err := s.SetPlace(deadline(t), r.ID, bot.Place{Key: "card", Channel: "C1", TS: "1.1"}); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = openAt(t, path, store.Options{Now: c.now})
	if got := stored(t, s, r.ID); got.Words.Reason != "stolen laptop" {
		t.Errorf("words %+v", got.Words)
	}
	if places, err := s.Places(deadline(t), r.ID); err != nil || places["card"].TS != "1.1" {
		t.Errorf("places %v, %v", places, err)
	}
	if got, err := s.Arrival(deadline(t), a.ID); err != nil || got.Text != a.Text {
		t.Errorf("arrival %+v, %v", got, err)
	}
	if rows := chain(t, s, ""); len(rows) != 1 {
		t.Errorf("%d audit rows", len(rows))
	}
}

func TestOpen_RefusesNewerSchema(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path, store.Options{})
	raw := bypass(t, s)
	do(t, raw, `PRAGMA user_version = 99`)
	for range 2 { // the second time too: the refused one gave the lock back
		_, err := store.Open(deadline(t), "sqlite:"+path, store.Options{Exclusive: true})
		if err == nil || errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), "schema 99") || !strings.Contains(err.Error(), "Use the newer revoke-sessions") {
			t.Fatalf("%v, want a refusal that names the schema and the remedy", err)
		}
	}
	if got := value[int](t, raw, `PRAGMA user_version`); got != 99 {
		t.Errorf("the refused open changed user_version to %d", got)
	}
}

func TestOpen_AnyPath(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"with space.db", "what?.db", "what?mode=memory", "a#b.db", "100%.db", "%41.db", "a&b=c;d+e.db", "ä-日本.db", "no-suffix",
		"sub dir?/%2F#/x.db", "file:x.db",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		s := openAt(t, path, store.Options{Exclusive: true})
		if s.Path() != path {
			t.Errorf("%q: Path says %q", path, s.Path())
		}
		create(t, s, pending("REQ-ACDEFG", "carol"))
		closeStore(t, s)
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q: the database is not there: %v", name, err)
		}
		stored(t, openAt(t, path, store.Options{}), "REQ-ACDEFG")
	}
}

func TestOpen_RelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	s, err := store.Open(deadline(t), "sqlite:revoke-sessions.db", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	if _, err := os.Stat("revoke-sessions.db"); err != nil || !filepath.IsAbs(s.Path()) {
		t.Errorf("%v, path %q", err, s.Path())
	}
}

// Others on the machine must not read names, reasons and response_urls.
func TestPrivateFiles_OnlyTheOwnerReads(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path, store.Options{Exclusive: true})
	receive(t, s, arrival(1))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %o: others may read it", filepath.Base(path+suffix), mode)
		}
	}
}

func TestOpen_BadURLs(t *testing.T) {
	for _, url := range []string{
		"", "sqlite:", "sqlite::memory:", "sqlite", "revoke-sessions.db", "/var/lib/x.db", "SQLITE:x.db",
		"mysql://bot:hunter2@db/x", "file:x.db", "POSTGRES://bot:hunter2@db/x",
		"postgres://bot:hunter2@db:port/x", "postgres://bot:hunter2@db", "postgres://bot:hun%zzter2@db/x", "postgresql://bot:hunter2@/",
		"postgres://bot:hunter2@db/x?sslmode=hunter2", "postgres://bot:hunter2@db:99999999/x",
		// The driver takes the part before the slash for the host.
		"postgres://bot:1/hunter2@db/x", "postgres://bot:/hunter2@db/x", "postgres://bot%3Ahunter2@db/x",
		// A password that ends early: its rest would become host and database.
		"postgres://bot:p@hunter2/w@db/x", "postgres://bot:p@hunter2?w@db/x", "postgres://bot:5/hunter2@db/x", "postgres://bot:p@w/hunter2#@db/x",
		"postgres://bot:p@hunter2@db/x",
	} {
		if store.CheckURL(url) == nil {
			t.Errorf("%q is well", url)
		}
		s, err := store.Open(deadline(t), url, store.Options{Exclusive: true})
		if err == nil {
			closeStore(t, s)
			t.Errorf("%q was opened", url)
			continue
		}
		want := "REVOKE_DATABASE_URL must be sqlite:PATH"
		if strings.HasPrefix(url, "postgres") {
			want = "REVOKE_DATABASE_URL cannot be read: it must look like postgres://"
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", url, err)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error tells the password", url)
		}
		if p, err := store.TryOut(deadline(t), url); err == nil || strings.Contains(p.Path+err.Error(), "hunter2") {
			t.Errorf("%q: doctor would print %q, %v", url, p.Path, err)
		}
	}
}

// wantClear checks that an error names the path and the reason, and nothing misleading.
func wantClear(t *testing.T, said, path string, reasons ...string) {
	t.Helper()
	if !strings.Contains(said, path) || strings.Contains(said, "out of memory") {
		t.Errorf("%q does not say what is wrong with %s", said, path)
	}
	for _, reason := range reasons {
		if strings.Contains(said, reason) {
			return
		}
	}
	t.Errorf("%q says none of %q", said, reasons)
}

func TestOpen_NoPlaceForADatabase(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, path, reason string }{
		{"no folder", filepath.Join(dir, "missing", "x.db"), "no such file or directory"},
		{"a folder", dir, "is a directory"},
		{"below a file", filepath.Join(text, "x.db"), "not a directory"},
		{"another file", text, "file is not a database"},
	} {
		for _, exclusive := range []bool{true, false} {
			s, err := store.Open(deadline(t), "sqlite:"+row.path, store.Options{Exclusive: exclusive})
			if err == nil {
				closeStore(t, s)
				t.Errorf("%s: opened", row.name)
				continue
			}
			wantClear(t, err.Error(), row.path, row.reason)
		}
	}
}

func TestOpen_ReadOnlyFolder(t *testing.T) {
	dir, err := os.MkdirTemp("", "read-only") // not TempDir, which nobody else may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(os.Chmod(dir, 0o700), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	s, err := store.Open(deadline(t), "sqlite:"+filepath.Join(dir, "old.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if err := errors.Join(os.Chmod(filepath.Join(dir, "old.db"), 0o444), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	var nobody *syscall.Credential
	if os.Geteuid() == 0 { // root ignores modes
		nobody = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	for _, name := range []string{"new.db", "old.db"} {
		path := filepath.Join(dir, name)
		p := begin(t, "open", path, nobody)
		line, _ := p.line(t)
		if err := p.Wait(); err == nil {
			t.Errorf("%s: the process says %q and is content", name, line)
		}
		wantClear(t, line, path, "permission denied", "read-only")
	}
}

// Time is the process's clock unless a test sets another.
func TestReceive_RealClock(t *testing.T) {
	s := openAt(t, newPath(t), store.Options{})
	before := time.Now().Truncate(time.Microsecond)
	a := receive(t, s, arrival(1))
	if a.ReceivedAt.Before(before) || a.ReceivedAt.After(time.Now()) {
		t.Errorf("received at %v, and it is %v", a.ReceivedAt, time.Now())
	}
}
