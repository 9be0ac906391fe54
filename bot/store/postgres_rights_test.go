package store_test

import (
	"errors"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// guest is a database with a second login on its server, such as another program's.
type guest struct {
	url           string
	owner, admin  *pgx.Conn // past the store
	stranger      *pgx.Conn
	name, address string // the stranger's
}

func newGuest(t *testing.T) guest {
	t.Helper()
	server := shared(t)
	g := guest{url: newDatabase(t, server)}
	var err error
	if g.address, err = server.Stranger(deadline(t), g.url); err != nil {
		t.Fatal(err)
	}
	admin, err := server.Admin(g.url)
	if err != nil {
		t.Fatal(err)
	}
	g.owner, g.admin, g.stranger = past(t, g.url), past(t, admin), past(t, g.address)
	g.name = g.stranger.Config().User
	// Before PostgreSQL 15 public belongs to everybody; since then to the database's
	// owner.
	g.run(t, g.admin, `REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT ALL ON SCHEMA public TO BOT`)
	return g
}

// run executes statements, with STRANGER and BOT replaced by the logins' names.
func (g guest) run(t *testing.T, as *pgx.Conn, statements string) {
	t.Helper()
	statements = strings.NewReplacer("STRANGER", g.name, "BOT", g.owner.Config().User).Replace(statements)
	if _, err := as.Exec(deadline(t), statements, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

// refused checks that the database does not open, that the error names the fixes, and
// that it opens after them.
func (g guest) refused(t *testing.T, mends ...string) {
	t.Helper()
	s, err := store.Open(deadline(t), g.url, store.Options{Exclusive: true})
	if err == nil {
		closeStore(t, s)
		t.Fatal("opened")
	}
	read, readErr := store.OpenReadOnly(deadline(t), g.url)
	if readErr == nil {
		closeStore(t, read)
	}
	p, probeErr := store.TryOut(deadline(t), g.url)
	_, probed := store.Together(p.Unsafe)
	if !errors.Is(err, store.ErrExposed) || !errors.Is(readErr, store.ErrExposed) || probeErr != nil {
		t.Fatalf("opened: %v; to read: %v; tried out: %v", err, readErr, probeErr)
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "called") {
		t.Errorf("%q has two lines, or ran what it should not", err)
	}
	for _, mend := range mends {
		mend = strings.NewReplacer("STRANGER", g.name, "BOT", g.owner.Config().User).Replace(mend)
		if !strings.Contains(err.Error(), mend) || !strings.Contains(readErr.Error(), mend) || !strings.Contains(probed, mend) {
			t.Errorf("%q and %q do not name the mend %q", err, probed, mend)
		}
	}
	g.run(t, g.admin, probed)
	openURL(t, g.url, store.Options{Exclusive: true})
}

// twist is an operator that fits a number and an integer better than PostgreSQL's own.
// It is harmless and reports when it is called.
const twist = `CREATE FUNCTION %[1]s.twisted(numeric, integer) RETURNS numeric LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''the stranger is called''; END';
	CREATE FUNCTION %[1]s.twisted(double precision, integer) RETURNS double precision LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''the stranger is called''; END';
	CREATE OPERATOR %[1]s.* (LEFTARG = numeric, RIGHTARG = integer, FUNCTION = %[1]s.twisted);
	CREATE OPERATOR %[1]s.* (LEFTARG = double precision, RIGHTARG = integer, FUNCTION = %[1]s.twisted);`

func twisted(schema string) string { return strings.ReplaceAll(twist, "%[1]s", schema) }

// In a schema where others may create, their operators would be used.
func TestRights_OthersMayCreate(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]bool{"in an empty database": false, "where our tables are": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t)
			g.run(t, g.owner, `DROP SCHEMA IF EXISTS BOT`)
			if made {
				closeStore(t, openURL(t, g.url, store.Options{}))
			}
			g.run(t, g.admin, `GRANT CREATE ON SCHEMA public TO PUBLIC`)
			g.run(t, g.stranger, twisted("public"))
			g.refused(t, "REVOKE CREATE ON SCHEMA public FROM PUBLIC;", "DROP OPERATOR public.*")
		})
	}
}

// A schema earlier in the search path of the role or the address is never used.
func TestRights_EarlierInTheSearchPath(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]func(g *guest){
		"in the address": func(g *guest) { g.url += "&search_path=twist,public" },
		"in its options": func(g *guest) { g.url += "&options=-c%20search_path%3Dtwist,public" },
		"for the database": func(g *guest) {
			g.run(t, g.owner, `ALTER DATABASE `+g.owner.Config().Database+` SET search_path = twist, public`)
		},
		"before PostgreSQL": func(g *guest) { g.url += "&search_path=twist,pg_catalog,public" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t)
			closeStore(t, openURL(t, g.url+"&search_path=public", store.Options{}))
			g.run(t, g.owner, `GRANT CREATE ON DATABASE `+g.owner.Config().Database+` TO STRANGER`)
			g.run(t, g.stranger, `CREATE SCHEMA twist; GRANT USAGE ON SCHEMA twist TO PUBLIC;`+twisted("twist"))
			g.run(t, g.stranger, `CREATE TABLE twist.requests (id TEXT); GRANT ALL ON twist.requests TO PUBLIC`)
			how(&g)
			s := openURL(t, g.url, store.Options{Exclusive: true})
			receive(t, s, arrival(1))
			create(t, s, pending("REQ-ACDEFG", "carol"))
			if _, err := s.Beat(deadline(t)); err != nil {
				t.Error(err)
			}
			f := commitFreeze(t, s, bot.FreezeChange{Freeze: bot.Freeze{BeganAt: s.Now(), Until: s.Now().Add(time.Hour)}})
			f.EndedAt = s.Now()
			commitFreeze(t, s, bot.FreezeChange{Freeze: f})
			chain(t, s, "")
		})
	}
}

// Every other way in which others influence the bot, each with the line that ends it.
func TestRights_OfOthers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ owner, admin, stranger, mend string }{
		"the schema is theirs": {admin: `ALTER SCHEMA public OWNER TO STRANGER; GRANT ALL ON SCHEMA public TO BOT`, mend: `ALTER SCHEMA public OWNER TO BOT;`},
		"a role may create":    {admin: `GRANT CREATE ON SCHEMA public TO STRANGER`, mend: `REVOKE CREATE ON SCHEMA public FROM STRANGER;`},
		"they once could": {admin: `GRANT CREATE ON SCHEMA public TO STRANGER`, stranger: `CREATE FUNCTION public.lower(bytea) RETURNS text LANGUAGE sql AS 'SELECT ''called'''`,
			mend: `DROP FUNCTION public.lower(pg_catalog.bytea);`},
		"a table of ours is theirs": {admin: `ALTER TABLE public.requests OWNER TO STRANGER; GRANT ALL ON public.requests TO BOT`, mend: `ALTER TABLE public.requests OWNER TO BOT;`},
		"a type":                    {admin: `GRANT CREATE ON SCHEMA public TO STRANGER`, stranger: `CREATE DOMAIN public.bigints AS bigint`, mend: `DROP TYPE public.bigints;`},
		"they may write":            {owner: `GRANT SELECT, UPDATE ON public.requests TO PUBLIC`, mend: `REVOKE UPDATE ON public.requests FROM PUBLIC;`},
		"they may write a column":   {owner: `GRANT UPDATE (state) ON public.requests TO STRANGER`, mend: `REVOKE UPDATE ON public.requests FROM STRANGER;`},
		"they may put a trigger":    {owner: `GRANT TRIGGER, INSERT ON public.arrivals, public.requests TO STRANGER`, mend: `REVOKE INSERT, TRIGGER ON public.arrivals, public.requests FROM STRANGER;`},
		"a trigger of theirs": {owner: `GRANT TRIGGER ON public.requests TO STRANGER`, mend: `DROP TRIGGER hears ON public.requests;`,
			stranger: `CREATE TRIGGER hears BEFORE UPDATE ON public.requests FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`},
		"a rule":      {owner: `CREATE RULE hears AS ON INSERT TO public.arrivals DO INSTEAD NOTHING`, mend: `DROP RULE hears ON public.arrivals;`},
		"a reference": {owner: `GRANT REFERENCES ON public.requests TO STRANGER; CREATE TABLE public.theirs (id TEXT REFERENCES public.requests)`, mend: `ALTER TABLE public.theirs DROP CONSTRAINT theirs_id_fkey;`},
		"all that comes": {owner: `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT INSERT ON TABLES TO STRANGER`,
			mend: `ALTER DEFAULT PRIVILEGES FOR ROLE BOT IN SCHEMA public REVOKE INSERT ON TABLES FROM STRANGER;`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t)
			g.url += "&search_path=public"
			closeStore(t, openURL(t, g.url, store.Options{}))
			g.run(t, g.owner, tt.owner)
			g.run(t, g.admin, tt.admin)
			g.run(t, g.stranger, tt.stranger)
			g.refused(t, tt.mend)
		})
	}
}

// The SQL of docs/operations.md makes a database for the bot alone. What it leaves open is reported
// and stops nobody.
func TestRights_ThatAreTold(t *testing.T) {
	t.Parallel()
	g := newGuest(t)
	database := g.owner.Config().Database
	g.run(t, g.admin, `REVOKE CONNECT ON DATABASE `+database+` FROM STRANGER; GRANT CONNECT, TEMPORARY ON DATABASE `+database+` TO PUBLIC`) // as it is made
	s := openURL(t, g.url, store.Options{})
	says, mend := store.Together(s.Exposed())
	if !strings.Contains(says, "everybody with a login") || !strings.Contains(mend, "REVOKE ALL ON DATABASE "+database+" FROM PUBLIC;") {
		t.Errorf("%q, %q", says, mend)
	}
	g.run(t, g.admin, mend)
	g.run(t, g.owner, `CREATE SCHEMA revoke_sessions_alone AUTHORIZATION BOT; GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC`)
	if s = openURL(t, g.url+"&search_path=revoke_sessions_alone", store.Options{}); len(s.Exposed()) != 0 {
		t.Errorf("%v", s.Exposed())
	}
	if conn, err := pgx.Connect(deadline(t), g.address); err == nil {
		t.Error("the stranger may still connect", conn.Close(deadline(t)))
	}
	g.run(t, g.admin, `GRANT BOT TO STRANGER`)
	p, err := store.TryOut(deadline(t), g.url)
	if _, mend := store.Together(p.Exposed); err != nil || len(p.Unsafe) != 0 || !strings.Contains(mend, " FROM "+g.name+";") {
		t.Errorf("a member of the bot's role: %+v, %v", p, err)
	}
	g.run(t, g.admin, `REVOKE BOT FROM STRANGER`) // roles belong to the server and outlive the database
}

// The tables whose rights are checked are all tables of the schema.
func TestRights_OfEveryTable(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	openURL(t, url, store.Options{})
	rows, err := past(t, url).Query(deadline(t), `SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
		WHERE relkind IN ('r', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY relname`)
	if err != nil {
		t.Fatal(err)
	}
	made, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if slices.Sort(made); err != nil || !slices.Equal(made, store.OurTables) {
		t.Errorf("made %v, and looked at %v; %v", made, store.OurTables, err)
	}
}

// A login that may only connect blocks nobody: no start, freeze, decision or limit.
func TestRights_ToConnectHoldUpNobody(t *testing.T) {
	t.Parallel()
	g := newGuest(t)
	for n := range 8 {
		g.run(t, g.stranger, strings.ReplaceAll(`SELECT pg_advisory_lock(1919252079, N), pg_advisory_lock(N)`, "N", string(rune('0'+n))))
	}
	c := newClock()
	s := openURL(t, g.url, store.Options{Now: c.now, Exclusive: true})
	if _, err := s.Beat(deadline(t)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	unfreeze(t, s, c, freeze(t, s, c))
	r := pending("REQ-ACDEFG", "carol")
	commit(t, s, bot.Change{Request: r, Fenced: true, Uses: []bot.Use{use(bot.Total, "", 5, time.Hour)}, Audit: []bot.Entry{requested(r)}})
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %s", took)
	}
	for _, lock := range []string{"hold_lock('freezing')", "hold_lock('fenced')", "hold_lock('counting')"} {
		if _, err := g.stranger.Exec(deadline(t), `SELECT `+lock); err == nil {
			t.Errorf("the stranger got %s", lock)
		}
	}
}

// While a replica of the version before runs, which knows only advisory locks, both
// sides exclude each other. Afterwards no advisory lock is used.
func TestRights_OfAnOlderReplica(t *testing.T) {
	t.Parallel()
	g := newGuest(t)
	c := newClock()
	s := openURL(t, g.url, store.Options{Now: c.now, Exclusive: true})
	g.run(t, g.owner, `INSERT INTO replicas (name, seen_at) VALUES ('older', 9000000000000000)`)
	older := past(t, g.url)
	g.run(t, older, `BEGIN; SELECT pg_advisory_xact_lock_shared(1919252079, 2), pg_advisory_xact_lock(1919252079, 4)`)
	frozen := make(chan error, 1)
	go func() {
		_, err := s.CommitFreeze(deadline(t), bot.FreezeChange{Freeze: freezeOf(c)})
		frozen <- err
	}()
	untilWaiting(t, g.url, 1)
	counted := make(chan error, 1)
	go func() {
		r := pending("REQ-ACDEFG", "carol")
		_, err := s.Commit(deadline(t), bot.Change{Request: r, Uses: []bot.Use{use(bot.Total, "", 5, time.Hour)}, Audit: []bot.Entry{requested(r)}})
		counted <- err
	}()
	untilWaiting(t, g.url, 2)
	g.run(t, older, `COMMIT`)
	if err := errors.Join(<-frozen, <-counted); err != nil {
		t.Error(err)
	}
	g.run(t, older, `BEGIN; SELECT pg_advisory_xact_lock_shared(1919252079, 2), pg_advisory_xact_lock(1919252079, 4)`)
	g.run(t, g.owner, `DELETE FROM replicas WHERE name = 'older'`)
	f, _, err := s.Frozen(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	unfreeze(t, s, c, f)
}

// Two current replicas exclude each other without advisory locks: a freeze waits for a
// running decision.
func TestRights_OfOneReplicaAlone(t *testing.T) {
	t.Parallel()
	g := newGuest(t)
	c := newClock()
	s := openURL(t, g.url, store.Options{Now: c.now})
	other := past(t, g.url)
	g.run(t, other, `BEGIN; SELECT hold_lock('fenced')`)
	frozen := make(chan error, 1)
	go func() {
		_, err := s.CommitFreeze(deadline(t), bot.FreezeChange{Freeze: freezeOf(c)})
		frozen <- err
	}()
	untilWaiting(t, g.url, 1)
	select {
	case err := <-frozen:
		t.Errorf("the freeze did not wait: %v", err)
	default:
	}
	g.run(t, other, `COMMIT`)
	if err := <-frozen; err != nil {
		t.Error(err)
	}
}

// sqlIn returns the first block of SQL after some words in a document, with another name
// for the role, database and schema called revoke.
func sqlIn(t *testing.T, document, after, name string) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), after)
	_, rest, _ = strings.Cut(rest, "```sql\n")
	block, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatalf("%s has no SQL after %q", document, after)
	}
	return regexp.MustCompile(`\brevoke\b`).ReplaceAllString(strings.ReplaceAll(block, "…", "secret"), name)
}

// The SQL of docs/operations.md makes a database with which doctor finds nothing.
func TestRights_OfTheDocs(t *testing.T) {
	t.Parallel()
	g := newGuest(t)
	name := g.owner.Config().Database + "_docs"
	server, inside, _ := strings.Cut(sqlIn(t, "../../docs/operations.md", "Replicas share a PostgreSQL", name), `\connect `+name)
	t.Cleanup(func() {
		g.run(t, g.admin, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
		g.run(t, g.admin, `DROP ROLE IF EXISTS `+name)
	})
	for statement := range strings.SplitAfterSeq(strings.TrimSpace(server), "\n") {
		g.run(t, g.admin, statement)
	}
	address, err := url.Parse(strings.ReplaceAll(g.url, g.owner.Config().Database, name))
	if err != nil {
		t.Fatal(err)
	}
	admin, err := shared(t).Admin(address.String())
	if err != nil {
		t.Fatal(err)
	}
	within := past(t, admin)
	g.run(t, within, inside)
	address.User = url.UserPassword(name, "secret")
	for _, when := range []string{"empty", "made"} {
		p, err := store.TryOut(deadline(t), address.String())
		if err != nil || len(p.Unsafe)+len(p.Exposed) > 0 || p.Missing != (when == "empty") {
			t.Errorf("%s: %+v, %v", when, p, err)
		}
		closeStore(t, openURL(t, address.String(), store.Options{Exclusive: true}))
	}
	var schema string
	if err := within.QueryRow(deadline(t), `SELECT schemaname FROM pg_tables WHERE tablename = 'requests'`).Scan(&schema); err != nil || schema != name {
		t.Errorf("the tables are in %q, %v", schema, err)
	}
}

// The runbook's SQL moves the tables and all their data away from others.
func TestRights_OfTheRunbook(t *testing.T) {
	t.Parallel()
	g := newGuest(t)
	g.run(t, g.owner, `DROP SCHEMA IF EXISTS BOT`)
	s := openURL(t, g.url, store.Options{})
	create(t, s, pending("REQ-ACDEFG", "carol"))
	g.run(t, g.admin, `GRANT CREATE ON SCHEMA public TO PUBLIC`)
	if s, err := store.Open(deadline(t), g.url, store.Options{}); !errors.Is(err, store.ErrExposed) {
		closeStore(t, s)
		t.Fatal("opened")
	}
	g.run(t, g.owner, sqlIn(t, "../../deploy/RUNBOOK.md", "others can change it", g.owner.Config().User))
	s = openURL(t, g.url, store.Options{Exclusive: true})
	turn(t, s, stored(t, s, "REQ-ACDEFG"), bot.Denied)
	commitFreeze(t, s, bot.FreezeChange{Freeze: bot.Freeze{BeganAt: s.Now(), Until: s.Now().Add(time.Hour)}})
	receive(t, s, arrival(1))
	chain(t, s, "")
	var left int
	if err := g.admin.QueryRow(deadline(t), `SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace`).Scan(&left); err != nil || left > 0 {
		t.Errorf("%d stay in public, %v", left, err)
	}
}
