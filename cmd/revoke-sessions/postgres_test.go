package main

import (
	"context"
	"errors"
	"sync"
	"testing"

	"revoke-sessions/bot/store/postgrestest"
	"revoke-sessions/bot/testrun"
)

// server is the one PostgreSQL of this test binary, started by the first test
// that wants it.
var server struct {
	once sync.Once
	*postgrestest.Server
	err error
}

// databases are what a test that holds on each is run on.
var databases = map[string]func(th *theatre){
	"sqlite":   func(*theatre) {},
	"postgres": (*theatre).onPostgres,
}

// onPostgres gives the bot an empty database on PostgreSQL. It must come before
// the bot starts.
func (th *theatre) onPostgres() {
	th.t.Helper()
	th.on(postgres(th.t))
}

// on is onPostgres for a server of the test's own. It returns the database's address.
// The database is dropped after the test's bots have ended.
func (th *theatre) on(server *postgrestest.Server) (url string) {
	th.t.Helper()
	url, err := server.Database(context.Background())
	if err != nil {
		th.t.Fatal(err)
	}
	th.set("REVOKE_DATABASE_URL", url)
	t := th.t
	th.after = func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Drop(ctx, url); err != nil {
			t.Error(err)
		}
	}
	return url
}

// startServer starts one that waits for its disk where that counts: in the full
// run, and where something is measured.
func startServer(t testing.TB) (*postgrestest.Server, error) {
	if _, measures := t.(*testing.B); measures || testrun.WaitsForDisk() {
		return postgrestest.Start(context.Background())
	}
	return postgrestest.StartInMemory(context.Background())
}

// postgres is the server, or the end of a test that cannot have one.
func postgres(t testing.TB) *postgrestest.Server {
	t.Helper()
	server.once.Do(func() { server.Server, server.err = startServer(t) })
	if errors.Is(server.err, postgrestest.ErrNotInstalled) && !postgrestest.Required() {
		t.Skip("SKIPPED: " + server.err.Error())
	}
	if server.err != nil {
		t.Fatal(server.err)
	}
	return server.Server
}

// closePostgres ends the server, if there was one, before goleak looks.
func closePostgres() {
	if server.Server != nil {
		_ = server.Close()
	}
}

// set is a further setting of the bot.
func (th *theatre) set(name, value string) {
	if th.more == nil {
		th.more = map[string]string{}
	}
	th.more[name] = value
}
