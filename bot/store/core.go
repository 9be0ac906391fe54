package store

import (
	"context"
	"database/sql"
	"time"
)

// core is what all parts of a store share: the database, its clock, and the gates where
// its writers wait.
type core struct {
	engine
	write, read *sql.DB
	// turn admits one writer at a time; nil where the database takes several. crowd
	// admits only a few of the writes that Slack does not wait for, so that an arrival
	// is not stuck behind them. A channel serves its waiters first come, first served;
	// the connection pool of database/sql does not.
	turn, crowd chan struct{}
	// count and last each admit one transaction of this process to locks shared by all:
	// the lock counting, and the locks taken last. count is nil if there is only one
	// process.
	count, last chan struct{}
	now         func() time.Time
	time        *databaseTime // nil if the database uses the process's clock
	hands       hands         // the latest time seen
	path        string
	// name tells this process from the others; empty if it is not counted among them.
	name string
}

// querier is a pool or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

type scanner interface{ Scan(...any) error }

// row is a query for one row; a broken connection is retried on another one.
type row struct {
	core  *core
	ctx   context.Context
	query string
	args  []any
}

// row prepares a query for one row; Scan runs it.
func (c *core) row(ctx context.Context, query string, args ...any) row {
	return row{c, ctx, query, args}
}

func (r row) Scan(to ...any) error {
	return tried(r.ctx, writeWithin, r.core.again, func() error {
		return r.core.read.QueryRowContext(r.ctx, r.query, r.args...).Scan(to...)
	})
}

// rows runs a query for several rows, with the same retries as row.
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
