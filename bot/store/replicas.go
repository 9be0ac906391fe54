package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// replicaLives is for how long a process counts after it was last heard of.
	replicaLives = 15 * time.Second
	// closing bounds what is said at the end.
	closing = time.Second
)

// room is what a beat takes on SQLite, in bytes, and gives back at once: more pages
// than an act of somebody's adds, so that a disk that has none is found before that.
const room = 16 << 10

// replicas knows the processes on the database, and the rules that each follows.
type replicas struct {
	*core
	// rules is the digest of the rules that this process has entered; nil for none.
	rules atomic.Pointer[string]
}

// Beat implements bot.Queue. On SQLite there is one process.
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

// beatAlone finds out whether the file takes what is written.
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

// leave takes the process out of the count. Where that fails it is taken out
// by the others.
func (r *replicas) leave(db *sql.DB) {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	_, _ = db.ExecContext(ctx, `DELETE FROM replicas WHERE name = $1`, r.name)
}
