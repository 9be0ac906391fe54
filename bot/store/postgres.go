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

// postgresEngine is PostgreSQL 13 or later: many writers, several processes, and a
// network in between.
type postgresEngine struct {
	db *sql.DB
}

// How long a hung or disconnected replica can block others. Each is shorter than
// bot.ClaimFor, and so is a statement plus the idle time after it, so that its locks are
// free when its claims lapse.
const (
	// transactionsIdle is when the server ends a session that is silent in the middle of
	// a transaction, because its process or the network stopped. This frees its locks.
	// https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-IDLE-IN-TRANSACTION-SESSION-TIMEOUT
	transactionsIdle = 3 * time.Second
	// statementsTake is when the server cancels a statement, lock waits included.
	statementsTake = 5 * time.Second
	// silence is when we close a connection on which the server owes an answer.
	silence = 7 * time.Second
	// connecting limits the time to connect to one address.
	connecting = 3 * time.Second
)

// makingLock is the advisory lock of schemaMaking. Programs of schema 4 and earlier hold
// it while they create their schema.
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
	if err != nil && !errors.Is(err, sql.ErrNoRows) { // no row while the first schema is being created
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, oldest, nil
}

func (*postgresEngine) writeVersion(ctx context.Context, tx *tx, version, oldest int) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO schema_version (id, version, oldest) VALUES (1, $1, $2)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, oldest = excluded.oldest`, version, oldest)
	return err
}

// lockSchema keeps other processes from creating the schema. The lock is on a table,
// because anybody who can connect could hold an advisory lock. The advisory lock is
// taken only if it is free: it blocks older programs, which know no other.
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

// markKept is how long a transaction's mark is kept, much longer than anybody asks for
// it.
const markKept = time.Minute

const (
	// microsNow is the current time, not the start of the transaction.
	microsNow = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	// markOf is the prefix of all marks of one instant.
	markOf = `lpad(to_hex(%s), 16, '0')`
)

// lockNames are the names of the locks in the function hold_lock of schema 5.
var lockNames = map[lock]string{freezing: "freezing", fenced: "fenced", counting: "counting"}

// oldMarks is greater than every mark that is too old to ask for.
var oldMarks = fmt.Sprintf(markOf, fmt.Sprintf("%s - %d", microsNow, markKept.Microseconds()))

// begun sends a single query, because each one costs a round trip.
//
// The transaction leaves a mark that identifies it. Its number would not do: a server
// that is killed or fails over forgets numbers that had not reached a disk, and assigns
// them again.
func (*postgresEngine) begun(ctx context.Context, tx *sql.Tx, locks []lock) (mark string, now time.Time, err error) {
	var at int64
	if slices.Contains(locks, schemaMaking) { // the table of marks may not exist yet
		if err := lockSchema(ctx, tx); err != nil {
			return "", now, err
		}
		err = tx.QueryRowContext(ctx, `SELECT `+microsNow).Scan(&at)
	} else {
		taken := ""
		for _, l := range locks {
			taken += `hold_lock('` + lockNames[l] + `'), `
		}
		// The locks come first, so that the time is read when all are held.
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

// decided writes the mark itself, as not committed. If the transaction has left its
// mark, that one stays. If it is still running, the server waits for its end; afterwards
// it cannot leave its mark any more.
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

// forgetMarks deletes marks that nobody asks for any more.
func forgetMarks(ctx context.Context, tx *tx) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM marks WHERE mark IN (SELECT mark FROM marks WHERE mark < `+oldMarks+tx.skipLocked()+`)`)
	return err
}

// sweep does nothing: autovacuum is the server's work.
func (*postgresEngine) sweep(context.Context, *core) error { return nil }

func (e *postgresEngine) again(err error) bool {
	if no, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch no.Code {
		case codeReadOnly:
			// The server is failing over: idle connections to it are useless.
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

// preparing: IF NOT EXISTS does not wait for another process that creates the same
// table. The error depends on how far the other one is: the table exists, or only the
// type that PostgreSQL creates with it, or only the catalog row of either.
func (*postgresEngine) preparing(err error) bool {
	no, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{codeUnique, codeObject, codeTable}, no.Code)
}
