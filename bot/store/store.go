// Package store keeps the bot's requests, its queue and its audit chain in a
// database. It is the only place that speaks SQL, and it decides nothing:
// package bot says what a transaction writes, this package writes all of it or
// none. The SQL uses $1, RETURNING and ON CONFLICT, which SQLite and
// PostgreSQL both understand; instants are BIGINT microseconds.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	sqlite "modernc.org/sqlite" // the driver "sqlite", without cgo
	sqlitelib "modernc.org/sqlite/lib"

	"revoke-sessions/bot"
)

// Store implements bot.Store on SQLite. All its methods may be called at once.
type Store struct {
	write, read *sql.DB
	now         func() time.Time
	lock        *flock.Flock
	path        string
}

var _ bot.Store = (*Store)(nil)

// Options change how a store opens; the zero value is for production.
type Options struct {
	// Now is the database's clock. SQLite has none of its own: the process's
	// clock is the database's, for only one process drives it.
	Now func() time.Time
	// Exclusive refuses to open a database that another process runs on, and
	// frees every claim, for whoever held one is gone. `run` opens it so.
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

// Open opens or creates the database at rawURL, "sqlite:PATH". It answers
// ErrInUse, wrapped, when Exclusive was asked for and is not to be had.
func Open(ctx context.Context, rawURL string, o Options) (*Store, error) {
	path, err := databasePath(rawURL)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{now: o.Now, path: path}
	if o.Exclusive {
		s.lock = flock.New(path + ".lock")
		held, err := s.lock.TryLock()
		if err != nil {
			return nil, fmt.Errorf("lock the database %s: %w", path, err)
		}
		if !held {
			return nil, fmt.Errorf("%w: %s. Stop it first, or give this one a database of its own", ErrInUse, path)
		}
	}
	if err := s.open(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", path, err), s.Close())
	}
	return s, nil
}

// databasePath reads "sqlite:PATH".
func databasePath(rawURL string) (string, error) {
	path, ok := strings.CutPrefix(rawURL, "sqlite:")
	if !ok || path == "" || strings.HasPrefix(path, ":") {
		return "", errors.New("REVOKE_DATABASE_URL must be sqlite:PATH, for example sqlite:revoke-sessions.db")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the database: %w", err)
	}
	return path, nil
}

// OpenReadOnly opens an existing database to read it, also beside the bot that
// runs on it. It creates and migrates nothing, and whatever writes answers an
// error. A missing file is an error with a remedy.
func OpenReadOnly(ctx context.Context, rawURL string) (*Store, error) {
	path, err := databasePath(rawURL)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w at %s: name the bot's with --database sqlite:PATH or REVOKE_DATABASE_URL", ErrNoDatabase, path)
	case err != nil:
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	case info.IsDir():
		return nil, fmt.Errorf("open the database %s: it is a directory", path)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(1000)")
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	s := &Store{write: db, read: db, now: time.Now, path: path}
	version, err := readVersion(ctx, db)
	switch {
	case err == nil && version > schemaVersion:
		err = errNewer(version)
	case err == nil && version < schemaVersion:
		err = errOlder(version)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", path, err), s.Close())
	}
	return s, nil
}

// besideWait is how long a process beside another waits for its turn to write.
const besideWait = 10 * time.Second

func (s *Store) open(ctx context.Context, o Options) error {
	if err := createPrivate(s.path); err != nil {
		return err
	}
	wait := time.Second
	if o.Beside {
		wait = besideWait
	}
	// Pragmas stand in the DSN so that every connection of a pool has them.
	// secure_delete is ON: FAST would leave erased text in pages given free.
	// https://sqlite.org/pragma.html#pragma_secure_delete
	dsn := func(extra string) string {
		return "file:" + (&url.URL{Path: s.path}).EscapedPath() +
			fmt.Sprintf("?_pragma=busy_timeout(%d)", wait.Milliseconds()) + "&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=secure_delete(ON)" + extra
	}
	var err error
	if s.write, err = sql.Open("sqlite", dsn("&_txlock=immediate")); err != nil {
		return err
	}
	// SQLite has one writer; a single connection has writers wait here
	// instead of polling for the lock.
	s.write.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite", dsn("&_pragma=query_only(1)")); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(4)
	if err := whileBusy(ctx, func() error {
		if o.Beside {
			version, err := readVersion(ctx, s.read)
			if err == nil && version > 0 && version < schemaVersion {
				err = errOlder(version)
			}
			if err != nil {
				return err
			}
		}
		return s.migrate(ctx)
	}); err != nil {
		return err
	}
	if o.Exclusive {
		return s.freeClaims(ctx)
	}
	return nil
}

// whileBusy tries again for as long as others have the database to themselves,
// which they have for a moment when they open it for the first time: SQLite
// does not wait for that by itself.
// https://sqlite.org/wal.html#sometimes_queries_return_sqlite_busy_in_wal_mode
func whileBusy(ctx context.Context, do func() error) error {
	for end := time.Now().Add(openWait); ; {
		err := do()
		e, ok := errors.AsType[*sqlite.Error](err)
		if !ok || e.Code()&0xff != sqlitelib.SQLITE_BUSY || time.Now().After(end) {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// openWait is how long opening waits for others who open the same database.
const openWait = 10 * time.Second

// freeClaims gives back what a process that is gone had claimed. A request of
// the command line stays claimed until its claim lapses by itself: a process
// that works beside the bot may be in the middle of its call.
func (s *Store) freeClaims(ctx context.Context) error {
	for _, query := range []string{
		`UPDATE arrivals SET claimed_until = 0 WHERE due_at IS NOT NULL`,
		`UPDATE requests SET claimed_until = 0, tell_claimed_until = 0 WHERE (due_at IS NOT NULL OR tell_due_at IS NOT NULL)
			AND CASE WHEN json_valid(body) THEN coalesce(json_extract(body, '$.askers[0].SlackID'), '') ELSE '' END NOT LIKE 'os:%'`,
		`UPDATE notices SET claimed_until = 0 WHERE due_at IS NOT NULL`,
	} {
		if _, err := s.write.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("free the claims: %w", err)
		}
	}
	return nil
}

// createPrivate creates an empty database file that only its owner may read,
// if there is none; SQLite would let everybody read it, and gives the file's
// mode to those it puts beside it. An existing file is not opened: closing it
// would drop the locks that SQLite holds on it elsewhere in this process.
// https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return errors.New("it is a directory")
		}
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// Path is the database's absolute path, for people.
func (s *Store) Path() string { return s.path }

// Close closes the database and gives up the lock.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Unlock())
	}
	return errors.Join(errs...)
}

// querier is a pool or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// transaction runs f in one write transaction.
func (s *Store) transaction(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func micros(t time.Time) int64 { return t.UnixMicro() }

// maybe turns the zero time into NULL.
func maybe(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func instant(v sql.NullInt64) time.Time {
	if !v.Valid {
		return time.Time{}
	}
	return time.UnixMicro(v.Int64).UTC()
}

// isUnique reports whether err says that a row like it exists already.
func isUnique(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlitelib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY)
}
