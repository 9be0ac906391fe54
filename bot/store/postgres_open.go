package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// connections is the most that one process opens. PostgreSQL allows 100 by default;
	// five processes, as many as Slack has sockets for, leave some free.
	connections = 16
	// crowded is how many of them may write what Slack does not wait for.
	crowded = 8
	// connectionAge is when a connection is replaced, so that a new address of the
	// server is found.
	connectionAge = 30 * time.Minute
)

// errPostgresAddress quotes nothing of the address: it may hold a password.
var errPostgresAddress = errors.New("REVOKE_DATABASE_URL cannot be read: it must look like " +
	"postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full, with characters like @ and / in a password written as %40 and %2F")

// postgresAddress parses an address. What it omits comes from libpq's environment
// variables.
func postgresAddress(rawURL string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(rawURL)
	if err != nil || config.Host == "" || config.Database == "" || unescaped(rawURL) || strings.Contains(config.User, ":") {
		return nil, errPostgresAddress
	}
	return config, nil
}

// unescaped reports an "@" besides the one before the host. It probably belongs to a
// password that an "@", "/" or "?" cut short. The rest of the password would then be
// taken for a host or database name, and those are shown.
func unescaped(rawURL string) bool {
	_, rest, _ := strings.Cut(rawURL, "://")
	i := strings.IndexAny(rest, "/?#")
	return i >= 0 && strings.Contains(rest[i:], "@") || strings.Count(rest, "@") > 1
}

// unverified reports whether a connection to another machine may be made without proof
// by certificate of who answers. The driver's default asks for no proof.
func unverified(config *pgx.ConnConfig) bool {
	ends := []*pgconn.FallbackConfig{{Host: config.Host, TLSConfig: config.TLSConfig}}
	return slices.ContainsFunc(append(ends, config.Fallbacks...), func(end *pgconn.FallbackConfig) bool {
		here := strings.HasPrefix(end.Host, "/") || end.Host == "localhost" || net.ParseIP(end.Host).IsLoopback()
		// sslmode=verify-ca checks the certificate by itself.
		proves := end.TLSConfig != nil && (!end.TLSConfig.InsecureSkipVerify || end.TLSConfig.VerifyPeerCertificate != nil)
		return !here && !proves
	})
}

// nameOf names a database for people, without user and password.
func nameOf(config *pgx.ConnConfig) string {
	return "postgres://" + net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))) + "/" + config.Database
}

func openPostgres(ctx context.Context, rawURL string, o Options) (*Store, error) {
	config, err := postgresAddress(rawURL)
	if err != nil {
		return nil, err
	}
	// If the address lists several servers, use the one that takes writes.
	if config.ValidateConnect == nil {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	at, err := tryPlace(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", nameOf(config), plainly(err))
	}
	s := newPostgres(connect(config, session(at, false), silence), nameOf(config), o.Now)
	s.exposed = at.exposed
	if err := s.makePostgres(ctx, config, at, o); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", s.path, plainly(err)), s.Close())
	}
	if o.Exclusive {
		s.name = rand.Text()
	}
	return s, nil
}

// makePostgres upgrades the schema if needed. It creates things on a connection without
// time limits. It first looks, with the usual limits, whether anything is missing; most
// starts need no more.
func (s *Store) makePostgres(ctx context.Context, config *pgx.ConnConfig, at place, o Options) (err error) {
	var version, oldest int
	err = tried(ctx, openWait, s.again, func() (err error) {
		version, oldest, err = s.readVersion(ctx, s.read)
		return err
	})
	switch {
	case err != nil:
		return err
	case version >= schemaVersion:
		return compatible(version, oldest)
	}
	db := connect(config, at.path()+always, 0)
	defer func() { err = errors.Join(err, db.Close()) }()
	return newPostgres(db, "", o.Now).prepare(ctx, o)
}

func openPostgresReadOnly(ctx context.Context, rawURL string) (*Store, error) {
	config, err := postgresAddress(rawURL)
	if err != nil {
		return nil, err
	}
	at, err := tryPlace(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", nameOf(config), plainly(err))
	}
	s := newPostgres(connect(config, session(at, true), silence), nameOf(config), nil)
	version, _, err := s.readVersion(ctx, s.read)
	switch {
	case err == nil && version == 0:
		err = fmt.Errorf("%w in %s. Start the bot on it once, or name the bot's database with --database or REVOKE_DATABASE_URL", ErrNoDatabase, s.path)
	case err == nil:
		err = s.wantCurrent(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", s.path, plainly(err)), s.Close())
	}
	return s, nil
}

// plainly says on one line why no connection could be made: what the server says, or
// else the result of each try. The driver tries every address of a host, with and, where
// the address allows it, without encryption. Other errors stay as they are.
func plainly(err error) error {
	failed, ok := errors.AsType[*pgconn.ConnectError](err)
	if !ok {
		return err
	}
	if no, ok := errors.AsType[*pgconn.PgError](failed); ok {
		return fmt.Errorf("the server says: %w", no)
	}
	tries := []error{failed.Unwrap()}
	if several, ok := tries[0].(interface{ Unwrap() []error }); ok {
		tries = several.Unwrap()
	}
	var all []string
	for _, try := range tries {
		if text := try.Error(); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return fmt.Errorf("connect: %s", strings.Join(all, "; "))
}

func newPostgres(db *sql.DB, path string, now func() time.Time) *Store {
	c := &core{
		engine: &postgresEngine{db},
		write:  db,
		read:   db,
		crowd:  make(chan struct{}, crowded),
		count:  make(chan struct{}, 1),
		last:   make(chan struct{}, 1),
		now:    now,
		path:   path,
	}
	if now == nil {
		c.time = &databaseTime{}
		c.now = c.time.now
	}
	return newStore(c)
}

// always is set on each connection, whatever the settings of database and user: after a
// wait for a row a statement sees its new version, lock waits end with the statement,
// and a session that hangs in a transaction is ended.
var always = fmt.Sprintf(`SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = off;
	SET lock_timeout = 0; SET idle_in_transaction_session_timeout = %d;`, transactionsIdle.Milliseconds())

// session sets up each connection. The search path comes first, before anything is
// looked up by name. If the server does not wait for its disk, it is told to, because an
// ack means that the data is stored.
func session(at place, readOnly bool) string {
	set := at.path() + always + fmt.Sprintf("SET statement_timeout = %d;", statementsTake.Milliseconds())
	if readOnly {
		return set + "SET default_transaction_read_only = on"
	}
	return set + "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
}

// oldestServer is the oldest version we support; AS MATERIALIZED came with 12.
const oldestServer = 13

// tooOld returns an error if the server is too old. A version without a number, as some
// poolers send, is assumed to be new enough.
func tooOld(version string) error {
	major := version[:len(version)-len(strings.TrimLeft(version, "0123456789"))]
	if n, err := strconv.Atoi(major); err == nil && n < oldestServer {
		return fmt.Errorf("the server is PostgreSQL %s, and the bot needs %d or later", version, oldestServer)
	}
	return nil
}

// connect creates a pool and sends nothing yet.
func connect(config *pgx.ConnConfig, session string, silence time.Duration) *sql.DB {
	config = config.Copy()
	if config.ConnectTimeout == 0 || config.ConnectTimeout > connecting {
		config.ConnectTimeout = connecting
	}
	dialer := &net.Dialer{Timeout: config.ConnectTimeout}
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil || silence == 0 {
			return conn, err
		}
		return &impatient{conn, silence}, nil
	}
	config.RuntimeParams["application_name"] = "revoke-sessions"
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		if err := tooOld(conn.PgConn().ParameterStatus("server_version")); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, session, pgx.QueryExecModeSimpleProtocol)
		return err
	}))
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(connectionAge)
	return db
}

// impatient closes a connection when the other side stays silent. We only read from it
// while we wait for an answer. A read deadline would not work, because the driver sets
// its own when a context ends.
type impatient struct {
	net.Conn
	silence time.Duration
}

func (c *impatient) Read(b []byte) (int, error) {
	end := time.AfterFunc(c.silence, func() { _ = c.Close() })
	defer end.Stop()
	return c.Conn.Read(b)
}
