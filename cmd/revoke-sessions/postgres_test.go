package main

import (
	"context"
	"errors"
	"sync"
	"testing"

	"revoke-sessions/bot/store/postgrestest"
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
	url, err := postgres(th.t).Database(context.Background())
	if err != nil {
		th.t.Fatal(err)
	}
	th.set("REVOKE_DATABASE_URL", url)
}

// postgres is the server, or the end of a test that cannot have one.
func postgres(t testing.TB) *postgrestest.Server {
	t.Helper()
	server.once.Do(func() { server.Server, server.err = postgrestest.Start(context.Background()) })
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
