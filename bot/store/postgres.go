package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
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

// lockSpace tells our advisory locks from those of others in the same database.
const lockSpace = 0x7265766f // "revo"

// The server's error codes, https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	codeUnique        = "23505"
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

func (*postgresEngine) folder() string    { return "postgres" }
func (*postgresEngine) forUpdate() string { return " FOR UPDATE" }
func (*postgresEngine) headTime() string {
	return "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
}
func (*postgresEngine) skipLocked() string { return " FOR UPDATE SKIP LOCKED" }

func (*postgresEngine) readVersion(ctx context.Context, from querier) (version, oldest int, err error) {
	var made bool
	if err := from.QueryRowContext(ctx, `SELECT to_regclass('schema_version') IS NOT NULL`).Scan(&made); err != nil {
		return 0, 0, fmt.Errorf("look for the schema: %w", err)
	}
	if !made {
		return 0, 0, nil
	}
	if err := from.QueryRowContext(ctx, `SELECT version, oldest FROM schema_version`).Scan(&version, &oldest); err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, oldest, nil
}

func (*postgresEngine) writeVersion(ctx context.Context, tx *tx, version, oldest int) error {
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_version (
		id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL, oldest BIGINT NOT NULL)`); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO schema_version (id, version, oldest) VALUES (1, $1, $2)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, oldest = excluded.oldest`, version, oldest)
	return err
}

// begun asks everything at once: each question is a way to the server and back.
func (*postgresEngine) begun(ctx context.Context, tx *sql.Tx, locks []lock) (id string, now time.Time, err error) {
	taken := ""
	for _, l := range locks {
		how := "pg_advisory_xact_lock"
		if l == fenced {
			how, l = "pg_advisory_xact_lock_shared", freezing
		}
		taken += fmt.Sprintf("%s(%d, %d), ", how, lockSpace, l)
	}
	// The locks come first, so that the time is that at which all are taken.
	var at int64
	err = tx.QueryRowContext(ctx, `WITH held AS MATERIALIZED (SELECT `+taken+`1)
		SELECT pg_current_xact_id()::text, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM held`).Scan(&id, &at)
	if err != nil {
		return "", now, fmt.Errorf("begin, and take the locks: %w", err)
	}
	return id, time.UnixMicro(at).UTC(), nil
}

// decided asks until the server knows: as long as it says "in progress", the
// session of the transaction has not noticed yet that nobody listens.
// https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
func (e *postgresEngine) decided(ctx context.Context, id string) (committed bool, err error) {
	for {
		var status sql.NullString
		err = e.db.QueryRowContext(ctx, `SELECT pg_xact_status($1::text::xid8)`, id).Scan(&status)
		switch {
		case err == nil && status.String == "committed":
			return true, nil
		case err == nil && status.String == "aborted":
			return false, nil
		case err == nil && !status.Valid:
			return false, errors.New("the server does not know the transaction any more")
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return false, errors.Join(ctx.Err(), err)
		}
	}
}

func (e *postgresEngine) again(err error) bool {
	if no, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch no.Code {
		case codeReadOnly:
			// It hands over to another server: connections of before are of no use.
			e.db.SetMaxIdleConns(0)
			e.db.SetMaxIdleConns(connections)
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
