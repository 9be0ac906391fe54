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

// Probe is the result of TryOut.
type Probe struct {
	// Path names the database for people: an absolute path, or host and name.
	Path string
	// Server: the database is PostgreSQL, not a file.
	Server bool
	// Unverified: the address lets somebody on the network pose as the server, and read
	// and change data; see sslmode. It is false on this machine.
	Unverified bool
	// Missing: our tables are not there yet, but could be created.
	Missing bool
	// Schema is the version of its schema, 0 if empty. Wanted is the version that this
	// program works with. The bot upgrades an older schema when it starts, and does not
	// start with a newer one.
	Schema, Wanted int
	// Unsafe is what others may do and what stops the bot; if there is any, nothing was
	// tried out. Exposed is what others may do but need not.
	Unsafe, Exposed []Exposure
	// Stalled are requests that the bot cannot advance, at most manyStalled.
	Stalled []string
}

// manyStalled limits Probe.Stalled.
const manyStalled = 10

// findStalled fills Stalled, if the schema has it.
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

// TryOut finds out whether the bot could write to the database at rawURL, even while a
// bot runs on it. It takes no lock file, creates no database, and rolls back what it
// writes before anybody can see it. A running bot waits for that less than a
// millisecond. Probe.Path is set as soon as it is known, even if there is an error.
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
	// mode=rw: SQLite would create a database that has vanished meanwhile.
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

// tryToWrite creates a table and rolls it back, so that nobody sees it.
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

// roomFor checks that a file can be created at path: it creates one with another name
// and removes it.
func roomFor(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tried-out-*")
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err // without the temporary file's name
	}
	if err != nil {
		return fmt.Errorf("make a file in %s: %w", filepath.Dir(path), err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
