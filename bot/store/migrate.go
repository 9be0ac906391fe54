package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
)

//go:embed schema/sqlite/*.sql
var schemaFiles embed.FS

// schemaVersion is what user_version holds once the schema stands. Each
// version has a file that makes it out of the one before; 0 is an empty
// database. A file that was released is never changed again.
const schemaVersion = 2

// migrate brings an empty or older database up to schemaVersion, one version
// in one transaction. Whoever opens it at the same time waits and then finds
// the version made.
func (s *Store) migrate(ctx context.Context) error {
	for done := false; !done; {
		err := s.transaction(ctx, func(tx *sql.Tx) error {
			version, err := readVersion(ctx, tx)
			switch {
			case err != nil:
				return err
			case version > schemaVersion:
				return errNewer(version)
			case version == schemaVersion:
				done = true
				return nil
			}
			return makeVersion(ctx, tx, version+1)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func makeVersion(ctx context.Context, tx *sql.Tx, version int) error {
	schema, err := schemaFiles.ReadFile(fmt.Sprintf("schema/sqlite/%04d.sql", version))
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, string(schema)); err != nil {
		return fmt.Errorf("make schema %d: %w", version, err)
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, version))
	return err
}

func readVersion(ctx context.Context, from querier) (version int, err error) {
	if err := from.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, nil
}

func errNewer(version int) error {
	return fmt.Errorf("the database has schema %d, this version knows %d: use the newer revoke-sessions", version, schemaVersion)
}

func errOlder(version int) error {
	return fmt.Errorf("it has schema %d and this version reads %d: start the bot of this version on it once, which brings it up to date", version, schemaVersion)
}
