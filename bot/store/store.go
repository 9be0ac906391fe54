// Package store keeps the bot's requests, its queue and its audit chain in a database:
// SQLite for one process, PostgreSQL for several. Only this package speaks SQL, and it
// decides nothing: package bot says what a transaction writes, and this package writes
// all of it or nothing. The SQL uses $1, RETURNING and ON CONFLICT, which both databases
// understand; times are BIGINT microseconds. The differences are in sqlite.go and
// postgres.go.
package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"revoke-sessions/bot"
)

// Store implements bot.Store. All its methods are safe for concurrent use. Its parts
// share one core and copy none of its state.
type Store struct {
	*core
	queue
	ledger
	chain
	billboard
	announcements
	homes
	brakes
	replicas
	file    *flock.Flock // the lock of an exclusive SQLite database, or nil
	exposed []Exposure
}

// newStore builds the parts around c. Opening sets what c still lacks.
func newStore(c *core) *Store {
	return &Store{
		core:          c,
		queue:         queue{c},
		ledger:        ledger{c},
		chain:         chain{c},
		billboard:     billboard{c},
		announcements: announcements{c},
		homes:         homes{c},
		brakes:        brakes{c},
		replicas:      replicas{core: c},
	}
}

var _ bot.Store = (*Store)(nil)

// engine is what the two databases do differently.
type engine interface {
	// folder holds the schema's files.
	folder() string
	// readVersion reads the schema's version, 0 for none, and the oldest version whose
	// programs can still work with it.
	readVersion(ctx context.Context, from querier) (version, oldest int, err error)
	writeVersion(ctx context.Context, tx *tx, version, oldest int) error
	// begun takes locks in a new transaction; they last until it ends. It returns the
	// mark that the transaction leaves, for decided, and database time. Both are zero
	// for an engine that does not need them.
	begun(ctx context.Context, tx *sql.Tx, locks []lock) (mark string, now time.Time, err error)
	// decided finds out whether a transaction committed when its commit got no answer.
	// If it has not committed by then, it never will.
	decided(ctx context.Context, mark string) (committed bool, err error)
	// forUpdate ends a query that locks its rows. skipLocked does the same but leaves
	// out rows that others have locked.
	forUpdate() string
	// headTime is SQL for the current time in microseconds, read after the row is
	// locked; 0 means use the transaction's start.
	headTime() string
	skipLocked() string
	// again reports whether a failed call, which stored nothing, is worth a retry. If
	// err says that the server has become read-only, again also drops the idle
	// connections to it.
	again(err error) bool
	// sweep removes erased data from the database's log.
	sweep(ctx context.Context, c *core) error
	// unique reports whether err is a violation of a unique key.
	unique(err error) bool
	// preparing reports whether err means that another process is creating the schema
	// right now, so that opening should be retried.
	preparing(err error) bool
}

// lock names work that two transactions must not do at the same time. Locks are taken in
// this order and before any row, so that there is no deadlock.
type lock int

const (
	// schemaMaking: only one process creates the schema.
	schemaMaking lock = iota + 1
	// freezing blocks every fenced change until the freeze is stored. fenced blocks a
	// freeze until the change is stored.
	freezing
	fenced
	// counting: only one transaction at a time counts against the limits.
	counting
)

// Options change how a store opens; the zero value is for production.
type Options struct {
	// Now is the database's clock, for tests. SQLite has no clock of its own, so the
	// process's clock is used: only one process writes to it.
	Now func() time.Time
	// Exclusive refuses to open an SQLite database that another process runs on, and
	// frees every claim, because their owners are gone. `run` opens it this way.
	// PostgreSQL serves several processes, whose claims lapse: there, Exclusive only
	// counts this process among them, see Beat.
	Exclusive bool
	// Beside opens the database for a few writes while another process may run on it. An
	// older schema is refused, because that process could not read a newer one. A writer
	// waits longer for its turn.
	Beside bool
}

// The errors of opening a database.
var (
	// ErrInUse: another process runs on this database.
	ErrInUse = errors.New("another revoke-sessions is running on this database")
	// ErrNoDatabase: the database does not exist yet.
	ErrNoDatabase = errors.New("there is no database")
)

// errAddress describes a valid address. It quotes none: one may hold a password.
var errAddress = errors.New("REVOKE_DATABASE_URL must be sqlite:PATH, " +
	"for example sqlite:revoke-sessions.db, or postgres://USER@HOST/DATABASE")

// isPostgres reports whether an address names a PostgreSQL database.
func isPostgres(rawURL string) bool {
	return strings.HasPrefix(rawURL, "postgres://") || strings.HasPrefix(rawURL, "postgresql://")
}

// CheckURL checks a database address without connecting.
func CheckURL(rawURL string) (err error) {
	if isPostgres(rawURL) {
		_, err = postgresAddress(rawURL)
	} else {
		_, err = databasePath(rawURL)
	}
	return err
}

// Open opens or creates the database at rawURL: "sqlite:PATH", or "postgres://…" for an
// existing one. It returns ErrInUse, wrapped, if Exclusive is set and another process
// runs on the database. No error contains a password.
func Open(ctx context.Context, rawURL string, o Options) (*Store, error) {
	open := openSQLite
	if isPostgres(rawURL) {
		open = openPostgres
	}
	s, err := open(ctx, rawURL, o)
	if err != nil || !o.Exclusive {
		return s, err
	}
	if err := s.compareClock(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenReadOnly opens an existing database for reading, even while the bot runs on it. It
// creates and migrates nothing; every write returns an error. The error for a missing
// database says how to fix it.
func OpenReadOnly(ctx context.Context, rawURL string) (*Store, error) {
	if isPostgres(rawURL) {
		return openPostgresReadOnly(ctx, rawURL)
	}
	return openSQLiteReadOnly(ctx, rawURL)
}

// Path names the database for people: an absolute path, or host and name.
func (s *Store) Path() string { return s.path }

// Exposed lists rights that others have to the database and do not need.
func (s *Store) Exposed() []Exposure { return s.exposed }

// Now is database time, the clock that all processes on the database share.
func (s *Store) Now() time.Time { return s.now() }

// Close closes the database and releases the lock.
func (s *Store) Close() error {
	var errs []error
	if s.name != "" {
		s.leave(s.write)
	}
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.file != nil {
		errs = append(errs, s.file.Unlock())
	}
	return errors.Join(errs...)
}

func micros(t time.Time) int64 { return t.UnixMicro() }

// maybe turns the zero time into NULL.
func maybe(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

// orZero is maybe for a column that cannot be NULL: the zero time becomes 0.
func orZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return micros(t)
}

func instant(v sql.NullInt64) time.Time {
	if !v.Valid {
		return time.Time{}
	}
	return time.UnixMicro(v.Int64).UTC()
}
