// Package store keeps the bot's requests, its queue and its audit chain in a
// database: SQLite for one process, PostgreSQL for several. It is the only
// place that speaks SQL, and it decides nothing: package bot says what a
// transaction writes, this package writes all of it or none. The SQL uses $1,
// RETURNING and ON CONFLICT, which both databases understand; instants are
// BIGINT microseconds. What differs is in sqlite.go and postgres.go.
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

// Store implements bot.Store. All its methods may be called at once. Its parts
// share one core: they hold no copy of what it holds.
type Store struct {
	*core
	queue
	ledger
	chain
	billboard
	announcements
	brakes
	replicas
	file    *flock.Flock // the lock of an exclusive SQLite; nil for none
	exposed []Exposure
}

// newStore makes a store of its parts. What is missing in c is set when it opens.
func newStore(c *core) *Store {
	return &Store{
		core:          c,
		queue:         queue{c},
		ledger:        ledger{c},
		chain:         chain{c},
		billboard:     billboard{c},
		announcements: announcements{c},
		brakes:        brakes{c},
		replicas:      replicas{core: c},
	}
}

var _ bot.Store = (*Store)(nil)

// engine is what the two databases do differently.
type engine interface {
	// folder holds the schema's files.
	folder() string
	// readVersion reads which schema the database has, 0 for none, and which
	// the oldest program must know that can still work with it.
	readVersion(ctx context.Context, from querier) (version, oldest int, err error)
	writeVersion(ctx context.Context, tx *tx, version, oldest int) error
	// begun takes locks that last until the transaction, which has just begun,
	// ends. It answers the mark that the transaction leaves, for decided, and
	// database time; both zero where nobody needs them.
	begun(ctx context.Context, tx *sql.Tx, locks []lock) (mark string, now time.Time, err error)
	// decided finds out what became of a transaction whose commit had no answer.
	// What has not been committed by then never is.
	decided(ctx context.Context, mark string) (committed bool, err error)
	// forUpdate ends a query whose rows the transaction locks, and skipLocked
	// one that leaves out the rows that others have locked.
	forUpdate() string
	// headTime is the time at which a row is locked, in microseconds, or 0
	// where that is when the transaction began.
	headTime() string
	skipLocked() string
	// again reports whether what failed, with nothing stored, may work now. Where
	// err says that the server has become read-only, it gives up the idle
	// connections to it.
	again(err error) bool
	// sweep removes what was erased from where the database keeps it besides.
	sweep(ctx context.Context, c *core) error
	// unique reports whether err says that a row like it exists already.
	unique(err error) bool
	// preparing reports whether err says that another process opens the database for
	// the first time at this moment, and that this one is to try again.
	preparing(err error) bool
}

// lock is what two transactions must not do at the same time. Locks are taken
// in their order, before any row, so that nobody waits in a circle.
type lock int

const (
	// schemaMaking: one process makes the schema.
	schemaMaking lock = iota + 1
	// freezing keeps every fenced change away until the freeze is stored, and
	// fenced keeps a freeze away until the change is.
	freezing
	fenced
	// counting: one transaction at a time counts against the limits.
	counting
)

// Options change how a store opens; the zero value is for production.
type Options struct {
	// Now is the database's clock, for tests. SQLite has none of its own: the
	// process's clock is the database's, for only one process drives it.
	Now func() time.Time
	// Exclusive refuses to open an SQLite database that another process runs
	// on, and frees every claim, for whoever held one is gone. `run` opens it
	// so. PostgreSQL is made for several processes, whose claims lapse: there
	// it only counts among them, see Beat.
	Exclusive bool
	// Beside opens it to write a little beside a process that may run on it: a
	// database of an older schema is refused, for that process could not read
	// a newer one, and a writer waits longer for its turn.
	Beside bool
}

// The errors of opening a database.
var (
	// ErrInUse: another process runs on this database.
	ErrInUse = errors.New("another revoke-sessions is running on this database")
	// ErrNoDatabase: there is none yet.
	ErrNoDatabase = errors.New("there is no database")
)

// errAddress says what an address must be; it quotes none, for one may hold a password.
var errAddress = errors.New("REVOKE_DATABASE_URL must be sqlite:PATH, " +
	"for example sqlite:revoke-sessions.db, or postgres://USER@HOST/DATABASE")

// isPostgres reports whether an address is of PostgreSQL.
func isPostgres(rawURL string) bool {
	return strings.HasPrefix(rawURL, "postgres://") || strings.HasPrefix(rawURL, "postgresql://")
}

// CheckURL says what is wrong with a database's address, without looking there.
func CheckURL(rawURL string) (err error) {
	if isPostgres(rawURL) {
		_, err = postgresAddress(rawURL)
	} else {
		_, err = databasePath(rawURL)
	}
	return err
}

// Open opens or creates the database at rawURL: "sqlite:PATH", or
// "postgres://…" for one that exists. It answers ErrInUse, wrapped, when
// Exclusive was asked for and is not to be had. No error holds a password.
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

// OpenReadOnly opens an existing database to read it, also beside the bot that
// runs on it. It creates and migrates nothing, and whatever writes answers an
// error. A missing database is an error with a remedy.
func OpenReadOnly(ctx context.Context, rawURL string) (*Store, error) {
	if isPostgres(rawURL) {
		return openPostgresReadOnly(ctx, rawURL)
	}
	return openSQLiteReadOnly(ctx, rawURL)
}

// Path names the database for people: an absolute path, or host and name.
func (s *Store) Path() string { return s.path }

// Exposed is what others may do to the database and need not. The bot works all the same.
func (s *Store) Exposed() []Exposure { return s.exposed }

// Now is database time, the one clock of all who work on the database.
func (s *Store) Now() time.Time { return s.now() }

// Close closes the database and gives up the lock.
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

// orZero is maybe for a column that is never NULL.
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
