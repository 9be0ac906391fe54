package store

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"time"
)

//go:embed schema
var schemaFiles embed.FS

// schemaVersion is the schema that this program works with. One file per version makes
// it from the version before; 0 is an empty database. A released file never changes.
const schemaVersion = 6

// oldestReader is the oldest schemaVersion whose programs can work beside this one on
// PostgreSQL, where replicas are upgraded one by one. It stays the same as long as
// versions only add: columns with a default, tables, indexes.
const oldestReader = 3

// openWait is how long Open waits for a database that is starting or that others are
// opening.
const openWait = 10 * time.Second

// prepare creates or upgrades the schema, and waits for others that do so.
func (s *Store) prepare(ctx context.Context, o Options) error {
	again := func(err error) bool { return s.again(err) || s.preparing(err) }
	return tried(ctx, openWait, again, func() error {
		if o.Beside {
			version, oldest, err := s.readVersion(ctx, s.read)
			if err != nil {
				return err
			}
			if version > 0 && version < schemaVersion {
				return errOlder(version)
			}
			if err := compatible(version, oldest); err != nil {
				return err
			}
		}
		return s.migrate(ctx)
	})
}

// wantCurrent refuses a database that this program cannot read.
func (s *Store) wantCurrent(ctx context.Context) error {
	version, oldest, err := s.readVersion(ctx, s.read)
	switch {
	case err != nil:
		return err
	case version < schemaVersion:
		return errOlder(version)
	}
	return compatible(version, oldest)
}

// compatible returns an error if this program cannot work with a schema.
func compatible(version, oldest int) error {
	if version > schemaVersion && oldest > schemaVersion {
		return fmt.Errorf("the database has schema %d, but this version knows only %d. Use the newer revoke-sessions", version, schemaVersion)
	}
	return nil
}

// migrate upgrades an empty or older database to schemaVersion, one version per
// transaction. A process that opens it at the same time waits and then finds the version
// done.
func (s *Store) migrate(ctx context.Context) error {
	for done := false; !done; {
		err := s.transaction(ctx, func(tx *tx) error {
			version, oldest, err := tx.readVersion(ctx, tx)
			if err != nil {
				return err
			}
			if version >= schemaVersion {
				done = true
				return compatible(version, oldest)
			}
			return makeNext(ctx, tx, version)
		}, schemaMaking)
		if err != nil {
			return err
		}
	}
	return nil
}

// makeNext creates the version after the given one. PostgreSQL was added later and
// begins with version 3.
func makeNext(ctx context.Context, tx *tx, version int) error {
	folder := "schema/" + tx.folder() + "/"
	files, err := schemaFiles.ReadDir("schema/" + tx.folder())
	if err != nil {
		return err
	}
	var versions []int
	for _, f := range files {
		var n int
		if _, err := fmt.Sscanf(f.Name(), "%d.sql", &n); err == nil && n > version {
			versions = append(versions, n)
		}
	}
	if len(versions) == 0 {
		return fmt.Errorf("no file makes schema %d out of %d", schemaVersion, version)
	}
	next := slices.Min(versions)
	schema, err := schemaFiles.ReadFile(fmt.Sprintf("%s%04d.sql", folder, next))
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, string(schema)); err != nil {
		return fmt.Errorf("make schema %d: %w", next, err)
	}
	return tx.writeVersion(ctx, tx, next, oldestReader)
}

func errOlder(version int) error {
	return fmt.Errorf("it has schema %d, but this version needs %d. "+
		"Start this version of the bot on it once to bring it up to date", version, schemaVersion)
}
