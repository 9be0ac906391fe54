package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"revoke-sessions/bot"
)

// tx is one write transaction.
type tx struct {
	*sql.Tx
	engine
	core *core
	// now is database time at the start of the transaction.
	now time.Time
	// last is set while the transaction holds the core's gate of that name.
	last bool
}

// alone waits for this process's turn at the locks that every transaction takes last:
// the chain's head and the turnstile. A process that is paused then blocks the others
// once, until the server drops its session, and not once for each of its transactions.
func (tx *tx) alone(ctx context.Context) error {
	if tx.last {
		return nil
	}
	select {
	case tx.core.last <- struct{}{}:
		tx.last = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

const (
	// writeWithin is how long a failed transaction is retried, unless its context ends
	// earlier.
	writeWithin = 5 * time.Second
	// decidedWithin is how long decided is asked after a commit got no answer, even if
	// the context has ended.
	decidedWithin = 2 * time.Second
)

// transaction runs f in one write transaction. It retries if the database could not take
// it and stored nothing: a connection broke, the server is starting or failing over, or
// two transactions deadlocked. f may run several times and must not build on what an
// earlier run changed. An error that is bot.ErrUnclear means that the data may have been
// stored. Locks are given in their order.
func (c *core) transaction(ctx context.Context, f func(*tx) error, locks ...lock) error {
	return tried(ctx, writeWithin, c.again, func() error { return c.once(ctx, f, locks, false) })
}

// atOnce is transaction for a write that Slack waits for.
func (c *core) atOnce(ctx context.Context, f func(*tx) error) error {
	return tried(ctx, writeWithin, c.again, func() error { return c.once(ctx, f, nil, true) })
}

// once is one try. If the clock was set back, it first repairs what is stored.
func (c *core) once(ctx context.Context, f func(*tx) error, locks []lock, urgent bool) error {
	do := func(_ context.Context, tx *tx) error { return f(tx) }
	err := c.attempt(ctx, do, locks, urgent, false)
	if errors.Is(err, errSetBack) {
		_ = c.mendClock(ctx) // if this fails, Due retries it and reports the error
		err = c.attempt(ctx, do, locks, urgent, true)
	}
	return err
}

// attempt is once without the repair. anyway: run even if the clock was set back.
func (c *core) attempt(ctx context.Context, f func(context.Context, *tx) error, locks []lock, urgent, anyway bool) error {
	leave, err := c.enter(ctx, urgent, slices.Contains(locks, counting))
	if err != nil {
		return err
	}
	defer leave()
	raw, err := c.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer raw.Rollback()
	known := c.hands.read()
	mark, now, err := c.begun(ctx, raw, locks)
	if err != nil {
		return err
	}
	if c.time != nil {
		c.time.heard(now)
	} else {
		now = c.now().Truncate(time.Microsecond) // the precision of the database
	}
	if c.hands.saw(known, now) && !anyway {
		return errSetBack
	}
	t := &tx{Tx: raw, engine: c.engine, core: c, now: now}
	release := func() {
		if t.last {
			t.last = false
			<-c.last
		}
	}
	defer release()
	err = f(ctx, t)
	if err == nil {
		err = raw.Commit()
	} else {
		_ = raw.Rollback()
		mark = ""
	}
	release()
	if err == nil || mark == "" || errors.Is(err, sql.ErrTxDone) {
		return err
	}
	ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), decidedWithin)
	defer cancel()
	switch committed, unknown := c.decided(ask, mark); {
	case unknown != nil:
		return fmt.Errorf("%w: %w", bot.ErrUnclear, err)
	case committed:
		return nil
	}
	return err
}

// tried repeats do until it succeeds, fails for good, is unclear, or within is over.
func tried(ctx context.Context, within time.Duration, again func(error) bool, do func() error) error {
	pause := 20 * time.Millisecond
	for end := time.Now().Add(within); ; pause = min(2*pause, 500*time.Millisecond) {
		err := do()
		if err == nil || errors.Is(err, bot.ErrUnclear) || !again(err) || !time.Now().Add(pause).Before(end) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// alone runs one statement outside a transaction. Running it twice must do no harm.
func (c *core) alone(ctx context.Context, query string, args ...any) error {
	return c.statement(ctx, func(db *sql.DB) error { _, err := db.ExecContext(ctx, query, args...); return err })
}

// statement is alone for a statement that returns something.
func (c *core) statement(ctx context.Context, f func(*sql.DB) error) error {
	return tried(ctx, writeWithin, c.again, func() error {
		leave, err := c.enter(ctx, false, false)
		if err != nil {
			return err
		}
		defer leave()
		return f(c.write)
	})
}

// enter waits for the turn to write and, if counts is set, to count against limits.
func (c *core) enter(ctx context.Context, urgent, counts bool) (leave func(), err error) {
	var held []chan struct{}
	leave = func() {
		for _, gate := range held {
			<-gate
		}
	}
	for _, gate := range []chan struct{}{c.count, c.crowd, c.turn} {
		if gate == nil || urgent && gate == c.crowd || !counts && gate == c.count {
			continue
		}
		select {
		case gate <- struct{}{}:
			held = append(held, gate)
		case <-ctx.Done():
			leave()
			return nil, ctx.Err()
		}
	}
	return leave, nil
}

// databaseTime tells the time of a database with its own clock: the last time it
// reported plus what has passed since then. Changes to our clock do not affect it. Every
// transaction updates it.
type databaseTime struct {
	mu       sync.Mutex
	said, at time.Time
}

func (c *databaseTime) heard(said time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said, c.at = said, time.Now()
}

func (c *databaseTime) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() {
		return time.Now()
	}
	return c.said.Add(time.Since(c.at))
}
