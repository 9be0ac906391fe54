package store_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// listener is a driver.Connector that records every statement with its first arguments.
type listener struct {
	driver driver.Driver
	dsn    string
	mu     sync.Mutex
	heard  map[string][]any
}

func (l *listener) Driver() driver.Driver { return l.driver }

func (l *listener) Connect(context.Context) (driver.Conn, error) {
	conn, err := l.driver.Open(l.dsn)
	return listeningConn{conn, l}, err
}

type listeningConn struct {
	driver.Conn
	to *listener
}

func (c listeningConn) note(query string, args []driver.NamedValue) {
	c.to.mu.Lock()
	defer c.to.mu.Unlock()
	if _, known := c.to.heard[query]; !known {
		c.to.heard[query] = make([]any, len(args))
		for i, a := range args {
			c.to.heard[query][i] = a.Value
		}
	}
}

func (c listeningConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

func (c listeningConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.note(query, args)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c listeningConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.note(query, args)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

// scan matches a full scan of a table or an index.
var scan = regexp.MustCompile(`^SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?`)

// No query of the bot on SQLite reads the history: every statement uses an index.
func TestSQLite_NoStatementScans(t *testing.T) {
	s := onSQLite(t).Store
	write, read := s.Pools()
	l := &listener{driver: write.Driver(), heard: map[string][]any{},
		dsn: "file:" + (&url.URL{Path: s.Path()}).EscapedPath() + "?_pragma=busy_timeout(1000)&_txlock=immediate"}
	s.SetPools(sql.OpenDB(l), sql.OpenDB(l))
	for _, pool := range []*sql.DB{write, read} {
		if err := pool.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 3 {
		j := newJourney(n)
		for _, step := range steps {
			if err := step.do(deadline(t), s, j); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
		}
	}
	if len(l.heard) < 30 {
		t.Fatalf("only %d statements were heard", len(l.heard))
	}
	raw := bypass(t, s)
	// Allowed scans: partial indexes of unfinished rows, single rows, and a statement's
	// own results.
	small := append(strings.Fields(value[string](t, raw, `SELECT group_concat(name, ' ') FROM sqlite_schema WHERE type = 'index' AND sql LIKE '% WHERE %'`)),
		"audit_head", "turnstile", "CONSTANT", "owing")
	for _, query := range slices.Sorted(maps.Keys(l.heard)) {
		rows, err := raw.QueryContext(deadline(t), `EXPLAIN QUERY PLAN `+query, l.heard[query]...)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var line string
			if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, line)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		for _, line := range plan {
			// One person may have asked for any number of requests.
			if read := scan.FindStringSubmatch(line); read != nil && !slices.Contains(small, read[1]) && !slices.Contains(small, read[2]) ||
				strings.Contains(line, "askers") && strings.Contains(line, "(slack_id=?)") {
				t.Errorf("%s\n\tis looked up so: %s", query, strings.Join(plan, "; "))
				break
			}
		}
	}
}
