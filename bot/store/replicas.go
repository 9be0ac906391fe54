package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	// replicaLives is for how long a process counts after it was last heard of.
	replicaLives = 15 * time.Second
	// closing bounds what is said at the end.
	closing = time.Second
)

// Beat implements bot.Queue. On SQLite there is one process.
func (s *Store) Beat(ctx context.Context) (live int, err error) {
	if s.name == "" {
		return 1, nil
	}
	err = s.transaction(ctx, func(tx *tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO replicas (name, seen_at) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at`, s.name, micros(tx.now)); err != nil {
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

// leave takes the process out of the count. Where that fails it is taken out
// by the others.
func (s *Store) leave(db *sql.DB) {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	_, _ = db.ExecContext(ctx, `DELETE FROM replicas WHERE name = $1`, s.name)
}
