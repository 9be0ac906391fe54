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
)

// Probe is what a look at a database found.
type Probe struct {
	// Path names the database for people: an absolute path, or host and name.
	Path string
	// Server: it is PostgreSQL, and not a file.
	Server bool
	// Unverified: the address lets somebody on the way pass for the server, and
	// read and change what is stored; see sslmode. It is false on this machine.
	Unverified bool
	// Missing: nothing of ours is there yet, and it could be made.
	Missing bool
	// Schema is the version of its schema, 0 for an empty one, and Wanted the
	// version that this program works with. An older schema is brought up to
	// date when the bot starts; with a newer one it does not start.
	Schema, Wanted int
	// Unsafe is what others may do to the database and what keeps the bot from starting;
	// nothing was tried out then. Exposed is what they may do and need not.
	Unsafe, Exposed []Exposure
	// Stalled are the requests that the bot cannot go on with, the first of many.
	Stalled []string
}

// manyStalled is how many of them are named.
const manyStalled = 10

// findStalled reads them, of a schema that knows of them.
func (p *Probe) findStalled(ctx context.Context, db *sql.DB) error {
	if p.Schema != p.Wanted {
		return nil
	}
	rows, err := db.QueryContext(ctx, `SELECT id FROM requests WHERE stalled_at > 0 AND stalled_version = version
		ORDER BY stalled_at LIMIT $1`, manyStalled)
	if p.Stalled, err = collect(rows, err, scanID); err != nil {
		return fmt.Errorf("read which requests cannot go on: %w", err)
	}
	return nil
}

// TryOut finds out whether the bot could write to the database at rawURL, also
// beside a bot that runs on it: it takes no lock file, makes no database, and
// what it writes it takes back before anybody can see it. A running bot waits
// for its writes as long as that takes, less than a millisecond. Probe.Path is
// set with an error, too, once it is known.
func TryOut(ctx context.Context, rawURL string) (p Probe, err error) {
	p.Wanted = schemaVersion
	if isPostgres(rawURL) {
		return p, p.tryOutPostgres(ctx, rawURL)
	}
	if p.Path, err = databasePath(rawURL); err != nil {
		return p, err
	}
	info, err := os.Stat(p.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Missing = true
		return p, roomFor(p.Path)
	case err != nil:
		return p, err
	case info.IsDir():
		return p, errors.New("it is a directory")
	}
	p.Exposed = lookPrivate(p.Path)
	// mode=rw: SQLite would make a database that vanished meanwhile.
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: p.Path}).EscapedPath()+"?mode=rw&_pragma=busy_timeout(1000)&_txlock=immediate")
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if p.Schema, _, err = (sqliteEngine{}).readVersion(ctx, db); err != nil {
		return p, err
	}
	if err := tryToWrite(ctx, db); err != nil {
		return p, err
	}
	return p, p.findStalled(ctx, db)
}

func (p *Probe) tryOutPostgres(ctx context.Context, rawURL string) (err error) {
	config, err := postgresAddress(rawURL)
	if err != nil {
		return err
	}
	p.Path, p.Server, p.Unverified = nameOf(config), true, unverified(config)
	at, err := found(ctx, config)
	if err != nil {
		return plainly(err)
	}
	if p.Unsafe, p.Exposed = at.unsafe, at.exposed; p.Unsafe != nil {
		return nil
	}
	db := connect(config, session(at, false), silence)
	defer func() { err = errors.Join(err, db.Close()) }()
	if p.Schema, _, err = (&postgresEngine{db}).readVersion(ctx, db); err != nil {
		return plainly(err)
	}
	p.Missing = p.Schema == 0
	if err := tryToWrite(ctx, db); err != nil {
		return err
	}
	return p.findStalled(ctx, db)
}

// tryToWrite makes a table that nobody else ever sees.
func tryToWrite(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to write: %w", err)
	}
	_, err = tx.ExecContext(ctx, `CREATE TABLE tried_out (n BIGINT)`)
	if err != nil {
		err = fmt.Errorf("write: %w", err)
	}
	return errors.Join(err, tx.Rollback())
}

// roomFor tries whether a file could be made at path, with one of another name
// that is gone again.
func roomFor(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tried-out-*")
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err // without the name of a file that is not there
	}
	if err != nil {
		return fmt.Errorf("make a file in %s: %w", filepath.Dir(path), err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
