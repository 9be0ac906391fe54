package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// postgresEngine is PostgreSQL 13 or later: many writers, several processes, a
// network in between.
type postgresEngine struct {
	db *sql.DB
}

// How long a replica that hangs, or is cut off, can stand in the way of others.
// Each is shorter than bot.ClaimFor, and so are a statement and the idleness after
// it together, so that what it held is free by the time its claims are.
const (
	// transactionsIdle is after how long the server ends a session that is in
	// the middle of a transaction and says nothing: its process is stopped, or
	// the network is. Its locks go with it.
	// https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-IDLE-IN-TRANSACTION-SESSION-TIMEOUT
	transactionsIdle = 3 * time.Second
	// statementsTake is after how long the server gives a statement up, waits
	// for locks included.
	statementsTake = 5 * time.Second
	// silence is after how long we give a connection up on which the server
	// owes an answer.
	silence = 7 * time.Second
	// connecting bounds the opening of a connection to one address.
	connecting = 3 * time.Second
)

// makingLock is the advisory lock of schemaMaking, which programs of schema 4 and
// earlier hold while they make theirs.
const makingLock = "1919252079, 1"

// The server's error codes, https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	codeUnique        = "23505"
	codeObject        = "42710" // duplicate_object
	codeTable         = "42P07" // duplicate_table
	codeReadOnly      = "25006"
	codeIdle          = "25P03" // idle_in_transaction_session_timeout
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
	codeNoPlace       = "53300" // too_many_connections
	codeShutdown      = "57P01"
	codeCrash         = "57P02"
	codeStarting      = "57P03"
	classConnection   = "08"
)

func (*postgresEngine) folder() string     { return "postgres" }
func (*postgresEngine) forUpdate() string  { return " FOR UPDATE" }
func (*postgresEngine) headTime() string   { return microsNow }
func (*postgresEngine) skipLocked() string { return " FOR UPDATE SKIP LOCKED" }

func (*postgresEngine) readVersion(ctx context.Context, from querier) (version, oldest int, err error) {
	var made bool
	if err := from.QueryRowContext(ctx, `SELECT to_regclass('schema_version') IS NOT NULL`).Scan(&made); err != nil {
		return 0, 0, fmt.Errorf("look for the schema: %w", err)
	}
	if !made {
		return 0, 0, nil
	}
	err = from.QueryRowContext(ctx, `SELECT version, oldest FROM schema_version`).Scan(&version, &oldest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) { // there is none while the first is being made
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, oldest, nil
}

func (*postgresEngine) writeVersion(ctx context.Context, tx *tx, version, oldest int) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO schema_version (id, version, oldest) VALUES (1, $1, $2)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, oldest = excluded.oldest`, version, oldest)
	return err
}

// lockSchema keeps every other process from making the schema. The lock is on a
// table, which nobody can hold who merely may connect. The advisory lock is taken
// only if it is free: it keeps away programs that know no other.
func lockSchema(ctx context.Context, tx *sql.Tx) error {
	for _, statement := range []string{
		`SELECT pg_try_advisory_xact_lock(` + makingLock + `)`,
		`CREATE TABLE IF NOT EXISTS schema_version (id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL, oldest BIGINT NOT NULL)`,
		`LOCK TABLE schema_version IN EXCLUSIVE MODE`,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("lock the schema: %w", err)
		}
	}
	return nil
}

// markKept is for how long a transaction's mark stays, which is much longer than
// anybody asks for it.
const markKept = time.Minute

const (
	// microsNow is the time now, not that at which the transaction began.
	microsNow = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	// markOf begins the marks of an instant.
	markOf = `lpad(to_hex(%s), 16, '0')`
)

// lockNames are what the function hold_lock, of schema 5, calls the locks.
var lockNames = map[lock]string{freezing: "freezing", fenced: "fenced", counting: "counting"}

// oldMarks is what the marks for which it is too late to ask are less than.
var oldMarks = fmt.Sprintf(markOf, fmt.Sprintf("%s - %d", microsNow, markKept.Microseconds()))

// begun asks everything at once: each question is a way to the server and back.
//
// The transaction leaves a mark by which it is known again. Its number would not do:
// a server that is killed, or gives way to another, has forgotten the numbers of
// which nothing had reached a disk, and gives them again.
func (*postgresEngine) begun(ctx context.Context, tx *sql.Tx, locks []lock) (mark string, now time.Time, err error) {
	var at int64
	if slices.Contains(locks, schemaMaking) { // there may be no table for marks yet
		if err := lockSchema(ctx, tx); err != nil {
			return "", now, err
		}
		err = tx.QueryRowContext(ctx, `SELECT `+microsNow).Scan(&at)
	} else {
		taken := ""
		for _, l := range locks {
			taken += `hold_lock('` + lockNames[l] + `'), `
		}
		// The locks come first, so that the time is that at which all are taken.
		err = tx.QueryRowContext(ctx, `WITH held AS MATERIALIZED (SELECT `+taken+`1),
			taken AS MATERIALIZED (SELECT `+microsNow+` AS at FROM held),
			marked AS (INSERT INTO marks (mark, committed) SELECT `+fmt.Sprintf(markOf, "at")+` || $1, true FROM taken RETURNING mark)
			SELECT at, mark FROM taken, marked`, rand.Text()).Scan(&at, &mark)
	}
	if err != nil {
		return "", now, fmt.Errorf("begin, and take the locks: %w", err)
	}
	return mark, time.UnixMicro(at).UTC(), nil
}

// decided leaves the mark itself, as that of a transaction that was not committed.
// Where the other one has left it, that stands; where that one is still under way
// the server waits for its end, and afterwards it can leave its mark no more.
func (e *postgresEngine) decided(ctx context.Context, mark string) (committed bool, err error) {
	var old bool
	err = tried(ctx, decidedWithin, e.again, func() error {
		return e.db.QueryRowContext(ctx, `INSERT INTO marks (mark, committed) VALUES ($1, false)
			ON CONFLICT (mark) DO UPDATE SET committed = marks.committed RETURNING committed, mark < `+oldMarks, mark).Scan(&committed, &old)
	})
	if err == nil && !committed && old {
		err = errors.New("it may have left its mark, which would be deleted by now")
	}
	return committed, err
}

// forgetMarks deletes those for which nobody asks any more.
func forgetMarks(ctx context.Context, tx *tx) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM marks WHERE mark IN (SELECT mark FROM marks WHERE mark < `+oldMarks+tx.skipLocked()+`)`)
	return err
}

// sweep is the server's own work: autovacuum.
func (*postgresEngine) sweep(context.Context, *core) error { return nil }

func (e *postgresEngine) again(err error) bool {
	if no, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch no.Code {
		case codeReadOnly:
			// It hands over to another server: connections of before are of no use.
			if e.db != nil {
				e.db.SetMaxIdleConns(0)
				e.db.SetMaxIdleConns(connections)
			}
			return true
		case codeIdle, codeSerialization, codeDeadlock, codeNoPlace, codeShutdown, codeCrash, codeStarting:
			return true
		}
		return strings.HasPrefix(no.Code, classConnection)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	return network || connect || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

func (*postgresEngine) unique(err error) bool {
	no, ok := errors.AsType[*pgconn.PgError](err)
	return ok && no.Code == codeUnique
}

// preparing: IF NOT EXISTS does not wait for another process that makes the same
// table. Which error that ends in depends on how far the other is: the table is
// there, or only the type that PostgreSQL makes with it, or only the row of either.
func (*postgresEngine) preparing(err error) bool {
	no, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{codeUnique, codeObject, codeTable}, no.Code)
}
