package store_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// Replicas are upgraded one by one: several start together, and for a while old and new
// ones share a database.

func TestMigratePostgres_ManyAtOnce(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	processes := make([]*process, 3)
	for i := range processes {
		processes[i] = begin(t, "one writer", url, nil)
	}
	ctx := deadline(t)
	for i, err := range atOnce(10, func(i int) error {
		s, err := store.Open(ctx, url, store.Options{})
		if err != nil {
			return err
		}
		return s.Close()
	}) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	for i, p := range processes {
		// All write the same names, so all but one are refused.
		if line, ok := p.line(t); !ok || !strings.HasPrefix(line, "stored 1 ") && !strings.HasPrefix(line, "failed 1 ") {
			t.Errorf("process %d says %q", i, line)
		}
		p.kill(t)
		_ = p.Wait() // it was killed
	}
	s := openURL(t, url, store.Options{})
	if rows := chain(t, s, ""); len(rows) == 0 {
		t.Error("nobody has written")
	}
}

// PostgreSQL refuses a process that creates the first table at the same moment as
// another, in one of three ways; the process retries. A trigger simulates this, because
// the moment is too short to hit.
func TestMigratePostgres_RetriesWhenAnotherCreates(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"unique_violation", "duplicate_object", "duplicate_table"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			server := shared(t)
			url := newDatabase(t, server)
			address, err := server.Admin(url) // only a superuser may make such a trigger
			must0(t, err)
			db := past(t, address)
			_, err = db.Exec(deadline(t), `
				CREATE SEQUENCE attempts;
				GRANT USAGE ON SEQUENCE attempts TO PUBLIC;
				CREATE FUNCTION refuse_once() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
					IF nextval('public.attempts') = 1 THEN RAISE EXCEPTION USING ERRCODE = '`+code+`'; END IF;
				END $$;
				CREATE EVENT TRIGGER refuse_once ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION refuse_once()`)
			must0(t, err)
			openURL(t, url, store.Options{})
			var attempts int
			must0(t, db.QueryRow(deadline(t), `SELECT last_value FROM attempts`).Scan(&attempts))
			if attempts < 2 {
				t.Errorf("the table was made at attempt %d, want one more", attempts)
			}
		})
	}
}

// The first PostgreSQL version is upgraded and keeps its data.
func TestMigratePostgres_FromVersionThree(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	schema, err := os.ReadFile("schema/postgres/0003.sql")
	must0(t, err)
	_, err = past(t, url).Exec(deadline(t), string(schema)+`;
		CREATE TABLE schema_version (id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL, oldest BIGINT NOT NULL);
		INSERT INTO schema_version VALUES (1, 3, 3);
		UPDATE turnstile SET gap = 7`)
	must0(t, err)
	s := openURL(t, url, store.Options{Exclusive: true})
	create(t, s, pending("REQ-ACDEFG", "carol"))
	var version, oldest, gap int
	must0(t, past(t, url).QueryRow(deadline(t), `SELECT version, oldest, gap FROM schema_version, turnstile`).Scan(&version, &oldest, &gap))
	if version != 6 || oldest != 3 || gap != 7 {
		t.Errorf("version %d, which %d can read, and %d of what it held; want 6, 3, 7", version, oldest, gap)
	}
}

// newer changes a database as a later version would that only adds: a column with a
// default, a table, an index. It returns the later version. Programs of this version may
// or may not work with it.
func newer(t *testing.T, url string, works bool) (version int) {
	t.Helper()
	conn := past(t, url)
	tx, err := conn.Begin(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		`ALTER TABLE requests ADD COLUMN novelty BIGINT NOT NULL DEFAULT 0`,
		`ALTER TABLE arrivals ADD COLUMN novelty TEXT`,
		`ALTER TABLE audit ADD COLUMN novelty TEXT`,
		`CREATE INDEX requests_novelty ON requests (novelty) WHERE novelty <> 0`,
		`CREATE TABLE novelties (id BIGINT PRIMARY KEY)`,
	} {
		if _, err := tx.Exec(deadline(t), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if err := tx.QueryRow(deadline(t), `UPDATE schema_version SET version = version + 1,
		oldest = CASE WHEN $1 THEN version ELSE version + 1 END RETURNING version`, works).Scan(&version); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(deadline(t)); err != nil {
		t.Fatal(err)
	}
	return version
}

// An older replica works on while a newer one upgrades the schema.
func TestReplicas_OlderWorksWhileNewerStarts(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	s := openURL(t, url, store.Options{})
	told, stop := write(t, 8, s)
	told.waitFor(t, "before", 32, 32)
	newer(t, url, true)
	told.waitFor(t, "after", 64, 64)
	stop()
	told.check(t, s)
	for _, a := range told.all {
		if a.err != nil {
			t.Errorf("%s: %v", a.id, a.err)
		}
	}
}

// An older program opens a compatible newer schema and can do everything on it.
func TestReplicas_OlderOnNewerSchema(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	closeStore(t, openURL(t, url, store.Options{}))
	version := newer(t, url, true)
	c := newClock()
	for name, o := range map[string]store.Options{"as run does": {Now: c.now, Exclusive: true}, "as the command line does": {Now: c.now, Beside: true}} {
		s := openURL(t, url, o)
		r := create(t, s, pending("REQ-"+name, name))
		a := arrival(len(name))
		a = receive(t, s, a)
		f := freeze(t, s, c)
		unfreeze(t, s, c, f)
		r = stored(t, s, r.ID)
		change := voided(r, "REQ-NEXT "+name)
		change.Fenced, change.Uses, change.Settles = true, []bot.Use{use(bot.Total, "", 9, time.Hour)}, a.ID
		commit(t, s, change)
		announce(t, s, notice(name))
		forget(t, s, month)
		if _, err := s.Census(deadline(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		c.move(time.Minute)
		if w := due(t, s); len(w.Drive) == 0 || len(w.Notices) == 0 || len(w.Tell) == 0 {
			t.Errorf("%s: due %+v", name, w)
		}
		chain(t, s, "")
	}
	s, err := store.OpenReadOnly(deadline(t), url)
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	chain(t, s, "")
	if p, err := store.TryOut(deadline(t), url); err != nil || p.Schema != version {
		t.Errorf("tried out: %+v, %v", p, err)
	}
}

// An incompatible schema is refused with a remedy and left alone.
func TestReplicas_OlderRefusesSchemaTooNew(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	closeStore(t, openURL(t, url, store.Options{}))
	refused := fmt.Sprint("schema ", newer(t, url, false))
	for name, open := range map[string]func() (*store.Store, error){
		"Open":         func() (*store.Store, error) { return store.Open(deadline(t), url, store.Options{Exclusive: true}) },
		"Open beside":  func() (*store.Store, error) { return store.Open(deadline(t), url, store.Options{Beside: true}) },
		"OpenReadOnly": func() (*store.Store, error) { return store.OpenReadOnly(deadline(t), url) },
	} {
		s, err := open()
		if err == nil {
			closeStore(t, s)
			t.Errorf("%s: opened", name)
			continue
		}
		if !strings.Contains(err.Error(), refused) || !strings.Contains(err.Error(), "Use the newer revoke-sessions") || strings.Contains(err.Error(), "sslmode") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
