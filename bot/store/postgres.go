package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresEngine is PostgreSQL 13 or later: many writers, several processes, a
// network in between.
type postgresEngine struct {
	db *sql.DB
}

// How long a replica that hangs, or is cut off, can stand in the way of others.
// All of it together is shorter than bot.ClaimFor, so that what it held is free
// by the time its claims are.
const (
	// transactionsIdle is after how long the server ends a session that is in
	// the middle of a transaction and says nothing: its process is stopped, or
	// the network is. Its locks go with it.
	// https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-IDLE-IN-TRANSACTION-SESSION-TIMEOUT
	transactionsIdle = 3 * time.Second
	// statementsTake is after how long the server gives a statement up, waits
	// for locks included.
	statementsTake = 5 * time.Second
	// silence is after how long we give a connection up on which the server
	// owes an answer.
	silence = 7 * time.Second
	// connecting bounds the opening of a connection to one address.
	connecting = 3 * time.Second
)

const (
	// connections is how many a process holds at most. PostgreSQL allows 100 in
	// all by default.
	connections = 20
	// crowded is how many of them may write what Slack does not wait for.
	crowded = 8
	// connectionAge is when a connection is exchanged for another, so that a
	// new address of the server is found.
	connectionAge = 30 * time.Minute
)

// lockSpace tells our advisory locks from those of others in the same database.
const lockSpace = 0x7265766f // "revo"

// The server's error codes, https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	codeUnique        = "23505"
	codeReadOnly      = "25006"
	codeIdle          = "25P03" // idle_in_transaction_session_timeout
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
	codeNoPlace       = "53300" // too_many_connections
	codeShutdown      = "57P01"
	codeCrash         = "57P02"
	codeStarting      = "57P03"
	classConnection   = "08"
)

func (*postgresEngine) folder() string    { return "postgres" }
func (*postgresEngine) forUpdate() string { return " FOR UPDATE" }
func (*postgresEngine) headTime() string {
	return "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
}
func (*postgresEngine) skipLocked() string { return " FOR UPDATE SKIP LOCKED" }

func (*postgresEngine) readVersion(ctx context.Context, from querier) (version, oldest int, err error) {
	var made bool
	if err := from.QueryRowContext(ctx, `SELECT to_regclass('schema_version') IS NOT NULL`).Scan(&made); err != nil {
		return 0, 0, fmt.Errorf("look for the schema: %w", err)
	}
	if !made {
		return 0, 0, nil
	}
	if err := from.QueryRowContext(ctx, `SELECT version, oldest FROM schema_version`).Scan(&version, &oldest); err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, oldest, nil
}

func (*postgresEngine) writeVersion(ctx context.Context, tx *tx, version, oldest int) error {
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_version (
		id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL, oldest BIGINT NOT NULL)`); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO schema_version (id, version, oldest) VALUES (1, $1, $2)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, oldest = excluded.oldest`, version, oldest)
	return err
}

// begun asks everything at once: each question is a way to the server and back.
func (*postgresEngine) begun(ctx context.Context, tx *sql.Tx, locks []lock) (id string, now time.Time, err error) {
	taken := ""
	for _, l := range locks {
		how := "pg_advisory_xact_lock"
		if l == fenced {
			how, l = "pg_advisory_xact_lock_shared", freezing
		}
		taken += fmt.Sprintf("%s(%d, %d), ", how, lockSpace, l)
	}
	// The locks come first, so that the time is that at which all are taken.
	var at int64
	err = tx.QueryRowContext(ctx, `WITH held AS MATERIALIZED (SELECT `+taken+`1)
		SELECT pg_current_xact_id()::text, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM held`).Scan(&id, &at)
	if err != nil {
		return "", now, fmt.Errorf("wait for a turn: %w", err)
	}
	return id, time.UnixMicro(at).UTC(), nil
}

// decided asks until the server knows: as long as it says "in progress", the
// session of the transaction has not noticed yet that nobody listens.
// https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
func (e *postgresEngine) decided(ctx context.Context, id string) (committed bool, err error) {
	for {
		var status sql.NullString
		err = e.db.QueryRowContext(ctx, `SELECT pg_xact_status($1::text::xid8)`, id).Scan(&status)
		switch {
		case err == nil && status.String == "committed":
			return true, nil
		case err == nil && status.String == "aborted":
			return false, nil
		case err == nil && !status.Valid:
			return false, errors.New("the server does not know the transaction any more")
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return false, errors.Join(ctx.Err(), err)
		}
	}
}

func (e *postgresEngine) again(err error) bool {
	if no, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch no.Code {
		case codeReadOnly:
			// It hands over to another server: connections of before are of no use.
			e.db.SetMaxIdleConns(0)
			e.db.SetMaxIdleConns(connections)
			return true
		case codeIdle, codeSerialization, codeDeadlock, codeNoPlace, codeShutdown, codeCrash, codeStarting:
			return true
		}
		return strings.HasPrefix(no.Code, classConnection)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	return network || connect || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

func (*postgresEngine) unique(err error) bool {
	no, ok := errors.AsType[*pgconn.PgError](err)
	return ok && no.Code == codeUnique
}

// errPostgresAddress quotes nothing of the address, which may hold a password.
var errPostgresAddress = errors.New("REVOKE_DATABASE_URL cannot be read: it must look like postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full, with characters like @ and / in a password written as %40 and %2F")

// postgresAddress reads an address, and the environment variables of libpq
// where it is silent. Of postgres://bot:1/x@host/db, whose password holds a
// slash, the driver makes the host bot and the database x@host/db; both are
// named in errors and logs, so what looks like that is refused.
func postgresAddress(rawURL string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(rawURL)
	if err != nil || config.Host == "" || config.Database == "" ||
		strings.Contains(config.Database, "@") || strings.Contains(config.User, ":") {
		return nil, errPostgresAddress
	}
	return config, nil
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
	// Of several servers in the address, the one that takes writes.
	if config.ValidateConnect == nil {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	s := newPostgres(connect(config, session(false), silence), nameOf(config), o.Now)
	if err := s.makePostgres(ctx, config, o); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", s.path, err), s.Close())
	}
	if o.Exclusive {
		s.name = rand.Text()
	}
	return s, nil
}

// makePostgres brings the schema up to date. What has to be made is made on a
// connection that waits for as long as that takes; the look at whether anything
// has to be, which is all that most starts need, waits no longer than any other.
func (s *Store) makePostgres(ctx context.Context, config *pgx.ConnConfig, o Options) (err error) {
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
	db := connect(config, always, 0)
	defer func() { err = errors.Join(err, db.Close()) }()
	return newPostgres(db, "", o.Now).prepare(ctx, o)
}

func openPostgresReadOnly(ctx context.Context, rawURL string) (*Store, error) {
	config, err := postgresAddress(rawURL)
	if err != nil {
		return nil, err
	}
	s := newPostgres(connect(config, session(true), silence), nameOf(config), nil)
	version, _, err := s.readVersion(ctx, s.read)
	switch {
	case err == nil && version == 0:
		err = fmt.Errorf("%w in %s: start the bot on it once, or name the bot's with --database or REVOKE_DATABASE_URL", ErrNoDatabase, s.path)
	case err == nil:
		err = s.wantCurrent(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", s.path, err), s.Close())
	}
	return s, nil
}

func newPostgres(db *sql.DB, path string, now func() time.Time) *Store {
	s := &Store{engine: &postgresEngine{db}, write: db, read: db, crowd: make(chan struct{}, crowded), count: make(chan struct{}, 1), last: make(chan struct{}, 1), time: &databaseTime{}, now: now, path: path}
	if now == nil {
		s.now = s.time.now
	} else {
		s.time = nil
	}
	return s
}

// always holds for each connection, whatever is set for the database or the
// user: whoever waits for a row sees what came of it, waits end with the
// statement, and a session that hangs in a transaction ends.
var always = fmt.Sprintf(`SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = off;
	SET lock_timeout = 0; SET idle_in_transaction_session_timeout = %d;`, transactionsIdle.Milliseconds())

// session is what each connection is told first. A server that is set not to
// wait for its disk is told to wait: an ack means that it is stored.
func session(readOnly bool) string {
	set := always + fmt.Sprintf("SET statement_timeout = %d;", statementsTake.Milliseconds())
	if readOnly {
		return set + "SET default_transaction_read_only = on"
	}
	return set + "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
}

// connect makes a pool. Nothing is sent yet.
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
		_, err := conn.Exec(ctx, session, pgx.QueryExecModeSimpleProtocol)
		return err
	}))
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(connectionAge)
	return db
}

// impatient is a connection that ends when the other side stays silent. We
// only read from it while we wait for an answer. A deadline would not do: the
// driver sets its own when a context ends.
type impatient struct {
	net.Conn
	silence time.Duration
}

func (c *impatient) Read(b []byte) (int, error) {
	end := time.AfterFunc(c.silence, func() { _ = c.Close() })
	defer end.Stop()
	return c.Conn.Read(b)
}
