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
)

// sqliteEngine is SQLite: it has one writer at a time, so that transactions need no
// locks, and a commit always gets an answer.
type sqliteEngine struct{}

func (sqliteEngine) folder() string     { return "sqlite" }
func (sqliteEngine) forUpdate() string  { return "" }
func (sqliteEngine) headTime() string   { return "0" }
func (sqliteEngine) skipLocked() string { return "" }

func (sqliteEngine) readVersion(ctx context.Context, from querier) (version, oldest int, err error) {
	if err := from.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, version, nil // one process, one version
}

func (sqliteEngine) writeVersion(ctx context.Context, tx *tx, version, _ int) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, version))
	return err
}

func (sqliteEngine) begun(context.Context, *sql.Tx, []lock) (mark string, now time.Time, err error) {
	return "", time.Time{}, nil
}

func (sqliteEngine) decided(context.Context, string) (bool, error) { return false, nil }

// again is false, because busy_timeout has waited already.
func (sqliteEngine) again(error) bool { return false }

func (sqliteEngine) unique(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlitelib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY)
}

func (e sqliteEngine) preparing(err error) bool { return e.busy(err) }

// busy: a process that opens the database for the first time locks it for a moment.
// SQLite does not wait for that by itself.
// https://sqlite.org/wal.html#sometimes_queries_return_sqlite_busy_in_wal_mode
func (sqliteEngine) busy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlitelib.SQLITE_BUSY
}

func openSQLite(ctx context.Context, rawURL string, o Options) (*Store, error) {
	path, err := databasePath(rawURL)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := newSQLite(path, o.Now)
	if o.Exclusive {
		s.file = flock.New(lockOf(path))
		held, err := s.file.TryLock()
		if err != nil {
			return nil, fmt.Errorf("lock the database %s: %w", path, err)
		}
		if !held {
			return nil, fmt.Errorf("%w: %s. Stop it first, or give this one a database of its own", ErrInUse, path)
		}
	}
	if err := s.openFile(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", path, err), s.Close())
	}
	return s, nil
}

// newSQLite returns a store that is not open yet. It has every gate where a write waits:
// a missing one would block until the caller's context ends.
func newSQLite(path string, now func() time.Time) *Store {
	return newStore(&core{
		engine: sqliteEngine{},
		turn:   make(chan struct{}, 1),
		crowd:  make(chan struct{}, 1),
		last:   make(chan struct{}, 1),
		now:    now,
		path:   path,
	})
}

// lockOf is the lock file of a database. It is beside the real file, so that a link does
// not let a second bot in. SQLite follows links, too.
func lockOf(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path + ".lock"
}

// databasePath reads "sqlite:PATH".
func databasePath(rawURL string) (string, error) {
	path, ok := strings.CutPrefix(rawURL, "sqlite:")
	if !ok || path == "" || strings.HasPrefix(path, ":") {
		return "", errAddress
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the database: %w", err)
	}
	return path, nil
}

func openSQLiteReadOnly(ctx context.Context, rawURL string) (*Store, error) {
	path, err := databasePath(rawURL)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w at %s. Name the bot's database with --database sqlite:PATH or REVOKE_DATABASE_URL", ErrNoDatabase, path)
	case err != nil:
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	case info.IsDir():
		return nil, fmt.Errorf("open the database %s: it is a directory", path)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+
		"?mode=ro&_pragma=busy_timeout(1000)&_pragma=temp_store(MEMORY)")
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	s := newSQLite(path, time.Now)
	s.write, s.read = db, db
	if err := s.wantCurrent(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", path, err), s.Close())
	}
	return s, nil
}

// besideWait is how long a process beside another one waits for its turn to write.
const besideWait = 10 * time.Second

func (s *Store) openFile(ctx context.Context, o Options) error {
	if err := createPrivate(s.path); err != nil {
		return err
	}
	s.exposed = keepPrivate(s.path)
	wait := time.Second
	if o.Beside {
		wait = besideWait
	}
	// Pragmas are in the DSN, so that every connection of a pool has them. secure_delete
	// is ON: FAST would leave erased text in freed pages.
	// https://sqlite.org/pragma.html#pragma_secure_delete
	// temp_store is MEMORY: where only the database's folder is writable, as in our
	// image, a large sort or a new index would find no place for its file.
	dsn := func(extra string) string {
		return "file:" + (&url.URL{Path: s.path}).EscapedPath() +
			fmt.Sprintf("?_pragma=busy_timeout(%d)", wait.Milliseconds()) +
			"&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)" +
			"&_pragma=secure_delete(ON)&_pragma=temp_store(MEMORY)" + extra
	}
	var err error
	if s.write, err = sql.Open("sqlite", dsn("&_txlock=immediate")); err != nil {
		return err
	}
	// SQLite has one writer. With a single connection, writers wait here and do not poll
	// for the lock.
	s.write.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite", dsn("&_pragma=query_only(1)")); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(4)
	if err := s.prepare(ctx, o); err != nil {
		return err
	}
	if o.Exclusive {
		return s.freeClaims(ctx)
	}
	return nil
}

// freeClaims frees the claims of a process that is gone. A command-line request stays
// claimed until its claim lapses: its process works beside the bot and may be in the
// middle of a call.
func (s *Store) freeClaims(ctx context.Context) error {
	for _, query := range []string{
		`UPDATE arrivals SET claimed_until = 0 WHERE due_at IS NOT NULL`,
		`UPDATE requests SET claimed_until = 0, tell_claimed_until = 0 WHERE (due_at IS NOT NULL OR tell_due_at IS NOT NULL)
			AND CASE WHEN json_valid(body) THEN coalesce(json_extract(body, '$.askers[0].SlackID'), '') ELSE '' END NOT LIKE 'os:%'`,
		`UPDATE notices SET claimed_until = 0 WHERE due_at IS NOT NULL`,
		`UPDATE homes SET claimed_until = 0, shown = '' WHERE due_at IS NOT NULL AND claimed_until > 0`,
	} {
		if err := s.alone(ctx, query); err != nil {
			return fmt.Errorf("free the claims: %w", err)
		}
	}
	return nil
}

// sweepWait is how long a sweep waits for other processes to finish. Writers of this
// process wait for the sweep, while Slack waits for them.
const sweepWait = 250 * time.Millisecond

// sweep copies the -wal file into the database and empties it. Otherwise erased data and
// old versions would stay there while the bot runs. If somebody still reads an older
// state, the next sweep does it.
// https://sqlite.org/pragma.html#pragma_wal_checkpoint
func (sqliteEngine) sweep(ctx context.Context, c *core) (err error) {
	if info, err := os.Stat(c.path + "-wal"); err != nil || info.Size() == 0 {
		return nil // nothing was written since the last sweep
	}
	leave, err := c.enter(ctx, false, false)
	if err != nil {
		return err
	}
	defer leave()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: c.path}).EscapedPath()+
		fmt.Sprintf("?mode=rw&_pragma=busy_timeout(%d)", sweepWait.Milliseconds()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var busy, frames, written int
	if err = db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &written); (sqliteEngine{}).busy(err) {
		return nil
	}
	return err
}

// createPrivate creates an empty database file that only its owner may read, if there is
// none. SQLite would let everybody read it, and copies the mode to the files beside it.
// An existing file is not opened: closing it would drop the locks that SQLite holds on
// it elsewhere in this process.
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
