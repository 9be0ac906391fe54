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
	// now is database time at its beginning.
	now time.Time
	// last says that it holds the store's gate of that name.
	last bool
}

// alone waits until no other transaction of this process holds, or waits for,
// what all transactions of all processes take last: the chain's head and the
// turnstile. A process that is stopped then keeps them from others once, until the
// server loses patience, and not once for each of its transactions.
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
	// writeWithin is how long a transaction is tried again that a database
	// could not take, when its context sets no earlier end.
	writeWithin = 5 * time.Second
	// decidedWithin is how long it is asked what became of one whose commit had
	// no answer, also when its context has ended.
	decidedWithin = 2 * time.Second
)

// transaction runs f in one write transaction, and again in another if the
// database could not take the first, of which nothing was stored: a connection
// broke, the server is starting or hands over to another, two locked each other
// out. f must not keep what it has changed when it is called again. An error
// that is bot.ErrUnclear says that it may have been stored. The locks are given
// in their order.
func (c *core) transaction(ctx context.Context, f func(*tx) error, locks ...lock) error {
	return tried(ctx, writeWithin, c.again, func() error { return c.once(ctx, f, locks, false) })
}

// atOnce is transaction for what Slack waits for.
func (c *core) atOnce(ctx context.Context, f func(*tx) error) error {
	return tried(ctx, writeWithin, c.again, func() error { return c.once(ctx, f, nil, true) })
}

// once is one such try. A clock that is found set back is mended before.
func (c *core) once(ctx context.Context, f func(*tx) error, locks []lock, urgent bool) error {
	do := func(_ context.Context, tx *tx) error { return f(tx) }
	err := c.attempt(ctx, do, locks, urgent, false)
	if errors.Is(err, errSetBack) {
		_ = c.mendClock(ctx) // where it fails, Due tries again, and says so
		err = c.attempt(ctx, do, locks, urgent, true)
	}
	return err
}

// attempt is once. anyway: also where the clock is found set back.
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
		now = c.now().Truncate(time.Microsecond) // as it is stored
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

// tried calls do until it works, fails for good, may have worked, or within is over.
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

// alone runs one statement on its own, which must do no harm when it is
// carried out twice.
func (c *core) alone(ctx context.Context, query string, args ...any) error {
	return c.statement(ctx, func(db *sql.DB) error { _, err := db.ExecContext(ctx, query, args...); return err })
}

// statement is alone for one that answers something.
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

// enter waits for the turn to write, and to count against limits.
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

// databaseTime tells the time of a database that has a clock of its own: what
// it said last, and what has passed since on ours, which no setting of our
// clock changes. Every transaction hears it anew.
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
