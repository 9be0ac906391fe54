package store

import (
	"context"
	"database/sql"
	"time"
)

// core is what all parts of a store share: the database, its clock, and the gates
// at which its writers wait.
type core struct {
	engine
	write, read *sql.DB
	// turn is held by whoever writes, where there is one writer at a time; nil
	// elsewhere. crowd is held, too, by whoever writes something for which Slack
	// does not wait, so that of all those only a few stand in the way of what
	// arrives. Those who wait for a channel get it first come, first served,
	// which those who wait for a connection of database/sql do not.
	turn, crowd chan struct{}
	// count and last are held by whoever takes, or waits for, the locks of that
	// sort that all processes share; count is nil where there is one process.
	count, last chan struct{}
	now         func() time.Time
	time        *databaseTime // nil where the process's clock is the database's
	hands       hands         // how late it has been
	path        string
	// name tells this process from the others; empty where there are none.
	name string
}

// querier is a pool or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

type scanner interface{ Scan(...any) error }

// row is one row that is read, on another connection if the first is broken.
type row struct {
	core  *core
	ctx   context.Context
	query string
	args  []any
}

// row asks for one row; Scan does it.
func (c *core) row(ctx context.Context, query string, args ...any) row {
	return row{c, ctx, query, args}
}

func (r row) Scan(to ...any) error {
	return tried(r.ctx, writeWithin, r.core.again, func() error {
		return r.core.read.QueryRowContext(r.ctx, r.query, r.args...).Scan(to...)
	})
}

// rows is row for several.
func rows[T any](ctx context.Context, c *core, scan func(scanner) (T, error), query string, args ...any) (all []T, err error) {
	err = tried(ctx, writeWithin, c.again, func() error {
		rows, err := c.read.QueryContext(ctx, query, args...)
		all, err = collect(rows, err, scan)
		return err
	})
	return all, err
}

func collect[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
