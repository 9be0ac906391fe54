package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// replicaLives is how long a process counts after its last beat.
	replicaLives = 15 * time.Second
	// closing limits the time of the last message.
	closing = time.Second
)

// room is how many bytes a beat writes and deletes on SQLite: more pages than one act of
// a person adds, so that a full disk is noticed first.
const room = 16 << 10

// replicas tracks the processes on the database and their rules.
type replicas struct {
	*core
	// rules is the digest of the rules that this process has entered; nil if none.
	rules atomic.Pointer[string]
}

// Beat implements bot.Queue. SQLite has only one process.
func (r *replicas) Beat(ctx context.Context) (live int, err error) {
	if r.name == "" {
		if r.folder() != (sqliteEngine{}).folder() {
			return 1, nil // PostgreSQL, opened beside a bot
		}
		return 1, r.beatAlone(ctx)
	}
	err = r.transaction(ctx, func(tx *tx) error {
		rules := ""
		if entered := r.rules.Load(); entered != nil {
			rules = *entered
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO replicas (name, seen_at, schema, rules) VALUES ($1, $2, $3, $4)
			ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, rules = excluded.rules`,
			r.name, micros(tx.now), schemaVersion, rules); err != nil {
			return err
		}
		before := micros(tx.now.Add(-replicaLives))
		if _, err := tx.ExecContext(ctx, `DELETE FROM replicas WHERE name IN
			(SELECT name FROM replicas WHERE seen_at < $1`+tx.skipLocked()+`)`, before); err != nil {
			return err
		}
		if err := forgetMarks(ctx, tx); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT count(*) FROM replicas WHERE seen_at >= $1`, before).Scan(&live)
	})
	if err != nil {
		return 0, fmt.Errorf("count the replicas: %w", err)
	}
	return live, nil
}

// beatAlone checks that the file can be written.
func (r *replicas) beatAlone(ctx context.Context) error {
	err := r.transaction(ctx, func(tx *tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO beats (room) VALUES (zeroblob($1))`, room); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM beats`)
		return err
	})
	if err != nil {
		return fmt.Errorf("write to the database: %w", err)
	}
	return nil
}

// leave removes this process from the count. If that fails, the others remove it.
func (r *replicas) leave(db *sql.DB) {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	_, _ = db.ExecContext(ctx, `DELETE FROM replicas WHERE name = $1`, r.name)
}
