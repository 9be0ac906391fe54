//go:build unix

package postgrestest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is one PostgreSQL. Make it with Start. All its methods may be called
// at once.
type Server struct {
	admin *url.URL // of a user who may create databases
	owner *url.URL // of the user to whom they belong; it names no database

	mu      sync.Mutex
	made    map[string]bool // the databases that Close must drop; nil for a server of our own
	cluster *cluster        // nil for somebody else's server
	// strangers are the logins that Close must drop there.
	strangers []string
}

// ErrOutside: the server is REVOKE_TEST_POSTGRES_URL's, which is not ours to
// stop. Only what changes a database works there.
var ErrOutside = errors.New("REVOKE_TEST_POSTGRES_URL names a server that tests cannot stop or pause")

// Start starts a PostgreSQL, or finds the one that REVOKE_TEST_POSTGRES_URL
// names, and waits until it answers. It answers ErrNotInstalled, wrapped, where
// there is neither.
func Start(ctx context.Context) (*Server, error) { return start(ctx, "") }

// StartInMemory is Start with a server that keeps its data in memory where the
// system has a place for that, which makes databases in a third of the time. What
// it has written outlives its process, so that it can be killed and started again.
// It is not for what measures how long a write takes.
func StartInMemory(ctx context.Context) (*Server, error) { return start(ctx, roomInMemory()) }

func start(ctx context.Context, in string) (*Server, error) {
	if address := os.Getenv("REVOKE_TEST_POSTGRES_URL"); address != "" {
		s, err := outside(ctx, address)
		if err != nil {
			return nil, fmt.Errorf("use the PostgreSQL of REVOKE_TEST_POSTGRES_URL: %w", err)
		}
		return s, nil
	}
	s, err := own(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("start a PostgreSQL: %w", err)
	}
	return s, nil
}

// role owns the databases. It may do nothing that a bot's user may not do in
// production: tests that pass as a superuser prove little.
const role = "revoke_sessions"

func own(ctx context.Context, in string) (*Server, error) {
	password := secret()
	c, err := newCluster(ctx, in, password)
	if err != nil {
		return nil, err
	}
	at := func(user string) *url.URL {
		return &url.URL{Scheme: "postgres", Host: c.address(), User: url.UserPassword(user, password), RawQuery: "sslmode=disable"}
	}
	s := &Server{admin: at(superuser), owner: at(role), cluster: c}
	s.admin.Path = "/postgres"
	// The password is hexadecimal, so that nothing in it needs quoting.
	if err := s.do(ctx, `CREATE ROLE `+role+` LOGIN PASSWORD '`+password+`'`); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func outside(ctx context.Context, address string) (*Server, error) {
	admin, err := url.Parse(address)
	if err != nil || admin.Host == "" || admin.User == nil {
		return nil, errors.New("it must look like postgres://USER:PASSWORD@HOST/postgres") // quoting nothing: it holds a password
	}
	owner := *admin
	owner.Path = ""
	s := &Server{admin: admin, owner: &owner, made: map[string]bool{}}
	return s, s.dropForgotten(ctx)
}

// Ours reports whether the server was started here, so that it can be stopped.
func (s *Server) Ours() bool { return s.cluster != nil }

// Address is the server's host and port.
func (s *Server) Address() string { return hostPort(s.admin) }

// prefix begins the name of each database, before the second in which it was made.
const prefix = "revoke_test_"

// Database makes an empty database and answers its address, postgres://….
func (s *Server) Database(ctx context.Context) (string, error) {
	name := prefix + strconv.FormatInt(time.Now().Unix(), 10) + "_" + secret()[:12]
	s.mu.Lock()
	if s.made != nil {
		s.made[name] = true
	}
	s.mu.Unlock()
	owner := pgx.Identifier{s.owner.User.Username()}.Sanitize()
	old, err := s.make(ctx, `CREATE DATABASE `+name+` OWNER `+owner+` TEMPLATE template0 ENCODING 'UTF8'`, `REVOKE ALL ON DATABASE `+name+` FROM PUBLIC`)
	if err != nil {
		return "", fmt.Errorf("make a database: %w", err)
	}
	u := *s.owner
	u.Path = "/" + name
	if old {
		// Everybody may create objects in public there, and the bot does not work with that.
		if err := carryOut(ctx, &u, `CREATE SCHEMA `+owner+` AUTHORIZATION `+owner); err != nil {
			return "", fmt.Errorf("make a schema of its owner's: %w", err)
		}
	}
	return u.String(), nil
}

// make makes a database, and reports whether the server is older than PostgreSQL 15.
func (s *Server) make(ctx context.Context, statements ...string) (old bool, err error) {
	conn, err := pgx.Connect(ctx, s.admin.String())
	if err != nil {
		return false, err
	}
	for _, statement := range statements {
		if err == nil {
			_, err = conn.Exec(ctx, statement)
		}
	}
	major, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), ".")
	n, unread := strconv.Atoi(major)
	return unread == nil && n < 15, errors.Join(err, conn.Close(ctx))
}

// Stranger makes a login that owns nothing and may do nothing but connect, as somebody
// else's program on the same server has one, and answers the address at which it reaches
// the database at an address.
func (s *Server) Stranger(ctx context.Context, databaseURL string) (string, error) {
	database, err := nameIn(databaseURL)
	if err != nil {
		return "", err
	}
	name, password := prefix+"stranger_"+secret()[:12], secret()
	if err := s.do(ctx, `CREATE ROLE `+name+` LOGIN PASSWORD '`+password+`'`); err != nil {
		return "", fmt.Errorf("make a login: %w", err)
	}
	if err := s.do(ctx, `GRANT CONNECT ON DATABASE `+database+` TO `+name); err != nil {
		return "", fmt.Errorf("let a login connect: %w", err)
	}
	s.mu.Lock()
	s.strangers = append(s.strangers, name)
	s.mu.Unlock()
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "", errors.New("that is no address of a database")
	}
	u.User = url.UserPassword(name, password)
	return u.String(), nil
}

// Admin is the address at which whoever may create databases reaches the database at an
// address.
func (s *Server) Admin(databaseURL string) (string, error) {
	name, err := nameIn(databaseURL)
	u := *s.admin
	u.Path = "/" + name
	return u.String(), err
}

// Drop ends all that is done in the database at an address and removes it. A
// binary that makes thousands needs it, others leave it to Close.
func (s *Server) Drop(ctx context.Context, databaseURL string) error {
	name, err := nameIn(databaseURL)
	if err != nil {
		return err
	}
	if err := s.do(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
		return fmt.Errorf("drop a database: %w", err)
	}
	s.mu.Lock()
	delete(s.made, name)
	s.mu.Unlock()
	return nil
}

// ReadOnly has the database at an address refuse writes, or take them again,
// and ends all its connections. So it looks to a program when its server has
// become the one that only follows: those who connect are let in, and every
// write is answered 25006, read_only_sql_transaction.
func (s *Server) ReadOnly(ctx context.Context, databaseURL string, on bool) error {
	name, err := nameIn(databaseURL)
	if err != nil {
		return err
	}
	value := "off"
	if on {
		value = "on"
	}
	if err := s.do(ctx, `ALTER DATABASE `+name+` SET default_transaction_read_only = `+value); err != nil {
		return fmt.Errorf("set a database to read only %s: %w", value, err)
	}
	return s.Disconnect(ctx, databaseURL)
}

// Demote has the whole server refuse writes, on the connections that there are
// too, as one does that was told to follow another; Promote has it take them
// again. Of a server that is not ours they answer ErrOutside.
func (s *Server) Demote(ctx context.Context) error { return s.follow(ctx, "on") }

// Promote ends what Demote began.
func (s *Server) Promote(ctx context.Context) error { return s.follow(ctx, "off") }

func (s *Server) follow(ctx context.Context, value string) error {
	if !s.Ours() {
		return ErrOutside
	}
	conn, err := pgx.Connect(ctx, s.admin.String())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, statement := range []string{
		`SET default_transaction_read_only = off`, // for this connection
		`ALTER SYSTEM SET default_transaction_read_only = ` + value,
		`SELECT pg_reload_conf()`,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("set the server to read only %s: %w", value, err)
		}
	}
	// Those who connect from now on see it; the others with their next statement.
	for {
		var now string
		fresh, err := pgx.Connect(ctx, s.admin.String())
		if err == nil {
			err = errors.Join(fresh.QueryRow(ctx, `SHOW default_transaction_read_only`).Scan(&now), fresh.Close(ctx))
		}
		if err != nil || now == value {
			return err
		}
	}
}

// Disconnect has the server end every connection to the database at an address.
func (s *Server) Disconnect(ctx context.Context, databaseURL string) error {
	name, err := nameIn(databaseURL)
	if err != nil {
		return err
	}
	if err := s.do(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()`, name); err != nil {
		return fmt.Errorf("end the connections of a database: %w", err)
	}
	return nil
}

// nameIn is the name of a database of ours in its address.
func nameIn(databaseURL string) (string, error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "", errors.New("that is no address of a database")
	}
	name := strings.TrimPrefix(u.Path, "/")
	if !strings.HasPrefix(name, prefix) {
		return "", fmt.Errorf("the database %q was not made here", name)
	}
	return name, nil
}

// do carries a statement out on a connection of its own.
func (s *Server) do(ctx context.Context, statement string, args ...any) error {
	return carryOut(ctx, s.admin, statement, args...)
}

func carryOut(ctx context.Context, address *url.URL, statement string, args ...any) error {
	conn, err := pgx.Connect(ctx, address.String())
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement, args...)
	return errors.Join(err, conn.Close(ctx))
}

// dropForgotten drops the databases of tests that ended, a day ago, before
// they could.
func (s *Server) dropForgotten(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.admin.String())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`, prefix)
	if err != nil {
		return fmt.Errorf("look for old databases: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for old databases: %w", err)
	}
	for _, name := range names {
		second, _, _ := strings.Cut(strings.TrimPrefix(name, prefix), "_")
		made, err := strconv.ParseInt(second, 10, 64)
		if err != nil || time.Since(time.Unix(made, 0)) < 24*time.Hour {
			continue
		}
		if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+pgx.Identifier{name}.Sanitize()); err != nil {
			return fmt.Errorf("drop the old database %s: %w", name, err)
		}
	}
	return nil
}

// closing bounds what Close does.
const closing = 30 * time.Second

// Close ends the server and removes all that it kept; of a server that is not
// ours it drops the databases. It may be called twice.
func (s *Server) Close() error {
	if s.cluster != nil {
		return s.cluster.close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for name := range s.made {
		errs = append(errs, s.do(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`))
	}
	clear(s.made)
	for _, name := range s.strangers {
		errs = append(errs, s.do(ctx, `DROP ROLE IF EXISTS `+name))
	}
	s.strangers = nil
	return errors.Join(errs...)
}

func secret() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // which never fails
	return hex.EncodeToString(b)
}
