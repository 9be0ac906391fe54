package store_test

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"

	"revoke-sessions/bot/store"
)

// TryOut creates nothing on PostgreSQL and tells an empty database from one with our
// tables.
func TestTryOutPostgres(t *testing.T) {
	address := newDatabase(t, shared(t))
	p, err := store.TryOut(deadline(t), address)
	if err != nil || !p.Server || !p.Missing || p.Schema != 0 {
		t.Errorf("an empty database: %+v, %v", p, err)
	}
	var tables int
	if err := past(t, address).QueryRow(deadline(t), `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables); err != nil || tables != 0 {
		t.Errorf("it made %d tables, %v", tables, err)
	}
	openURL(t, address, store.Options{Exclusive: true})
	if p, err := store.TryOut(deadline(t), address); err != nil || p.Missing || p.Schema != p.Wanted {
		t.Errorf("beside a bot: %+v, %v", p, err)
	}
}

// The error for an unusable database gives the cause, once, on one line, without the
// password.
func TestTryOutPostgres_SaysWhyUnusable(t *testing.T) {
	address, err := url.Parse(newDatabase(t, shared(t)))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := address.User.Password()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		spoil func(u *url.URL)
		says  string
	}{
		{"no such database", func(u *url.URL) { u.Path = "/nosuch" }, `the server says: FATAL: database "nosuch" does not exist`},
		{"nobody listens", func(u *url.URL) { u.Host = closed.Addr().String() }, "connection refused"},
		{"a parameter that is none", func(u *url.URL) { u.RawQuery = "conect_timeout=3" }, "conect_timeout"},
		{"no schema to make tables in", func(u *url.URL) { u.RawQuery = "search_path=nowhere" }, "CREATE SCHEMA"},
		{"read-only", func(u *url.URL) { u.RawQuery = "default_transaction_read_only=on" }, "read-only transaction"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := *address
			tt.spoil(&u)
			_, err := store.TryOut(deadline(t), u.String())
			if err == nil {
				t.Fatal("it can be written to")
			}
			text := err.Error()
			if strings.Count(text, tt.says) != 1 || strings.Contains(text, "\n") {
				t.Errorf("%q does not say %q, or not once on one line", text, tt.says)
			}
			if password != "" && strings.Contains(text, password) {
				t.Error("the password is told")
			}
		})
	}
}

// Open gives the same error, and fails at once if the database does not exist.
func TestOpenPostgres_NotThere(t *testing.T) {
	address, err := url.Parse(newDatabase(t, shared(t)))
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/nosuch"
	for name, open := range map[string]func(context.Context, string) (*store.Store, error){
		"to run":  func(ctx context.Context, u string) (*store.Store, error) { return store.Open(ctx, u, store.Options{}) },
		"to read": store.OpenReadOnly,
	} {
		_, err := open(deadline(t), address.String())
		if err == nil || !strings.Contains(err.Error(), `/nosuch: the server says: FATAL: database "nosuch" does not exist`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
