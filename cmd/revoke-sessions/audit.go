package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/store"
)

// auditCommand reads the audit chain, also beside a running bot. It writes
// nothing to the database.
type auditCommand struct {
	Database string `setting:"REVOKE_DATABASE_URL" default:"sqlite:revoke-sessions.db" placeholder:"URL" help:"The bot's database with the audit chain: ${default} ($REVOKE_DATABASE_URL)."`

	Verify auditVerify `cmd:"" help:"Check that no row of the audit chain was changed, removed, added or moved."`
	Show   auditShow   `cmd:"" help:"Show the whole record of one request, as evidence for a ticket."`
	Export auditExport `cmd:"" help:"Write all rows of the audit chain to standard output."`
}

// open opens the database and says which on standard error.
func (c *auditCommand) open(ctx context.Context, s *surroundings) (*store.Store, error) {
	db, err := store.OpenReadOnly(ctx, c.Database)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(s.stderr, "database:", db.Path())
	return db, nil
}

// keepAnchor says how much a chain proves that was checked without an anchor.
const keepAnchor = "No anchor was given, so this check cannot tell whether the newest rows were cut off together with the chain's head, or the whole chain was written again. " +
	"To check that too, keep the bot's log in a place that people who can write to the database cannot change. " +
	`Then give the seq and hash of one of its "audit anchor" lines: --anchor SEQ:HASH.`

type auditVerify struct {
	Anchor *store.Anchor `placeholder:"SEQ:HASH" help:"Check that row SEQ has HASH, from an \"audit anchor\" line of the log."`
}

// Run checks the chain.
func (c *auditVerify) Run(ctx context.Context, s *surroundings, audit *auditCommand) (err error) {
	db, err := audit.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	seen, err := db.Verify(ctx, c.Anchor)
	if err != nil {
		return err
	}
	anchor := keepAnchor
	if c.Anchor != nil {
		anchor = fmt.Sprintf("Anchor used: %s. Row %d has this hash, so this row and all rows before it are as they were when the anchor was logged.", c.Anchor, c.Anchor.Seq)
		if after := seen.Rows - c.Anchor.Seq; after > 0 {
			anchor += fmt.Sprintf(" The anchor does not cover the rows after it (rows: %d).", after)
		}
	}
	_, err = fmt.Fprintf(s.stdout, "Each row of the audit chain fits the row before it: %s.\n%s\n", seen, anchor)
	return err
}

type auditShow struct {
	Request string `arg:"" placeholder:"REQ-…" help:"The request's ID, as its card shows it."`
	Format  string `enum:"md,json" default:"md" help:"How to print it: md or json (default: ${default})."`
}

// Run tells the story of one request.
func (c *auditShow) Run(ctx context.Context, s *surroundings, audit *auditCommand) (err error) {
	db, err := audit.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	id := strings.ToUpper(strings.TrimSpace(c.Request))
	story, err := db.Story(ctx, id)
	if errors.Is(err, bot.ErrNoRequest) {
		return fmt.Errorf("there is no request %q in the audit chain of %s. Check the ID, and that --database names the bot's database", bot.Clean(id, 40), db.Path())
	}
	if err != nil {
		return err
	}
	if story.Chain.Fits {
		story.Chain.Says += " " + noAnchorInShow
	}
	if c.Format == "json" {
		e := json.NewEncoder(s.stdout)
		e.SetIndent("", "  ")
		err = e.Encode(story)
	} else {
		_, err = io.WriteString(s.stdout, message.Markdown(&story))
	}
	if err == nil && !story.Sound() {
		err = fmt.Errorf("the record of %s, or the audit chain that it is in, was changed after it was written. See the end of the output, and run revoke-sessions audit verify", id)
	}
	return err
}

const noAnchorInShow = "No anchor from outside the database was used; audit verify --anchor SEQ:HASH uses one."

type auditExport struct {
	Since  string `placeholder:"TIME" help:"Only rows since this time: a day (2026-01-31, UTC), an instant (RFC 3339) or how long ago (720h)."`
	Format string `enum:"jsonl,csv" default:"jsonl" help:"How to print it: jsonl or csv (default: ${default})."`
}

// Run writes the rows out. A chain that does not fit is written out whole and
// then is a failure.
func (c *auditExport) Run(ctx context.Context, s *surroundings, audit *auditCommand) (err error) {
	now := time.Now
	if s.at.now != nil {
		now = s.at.now
	}
	since, err := parseSince(c.Since, now())
	if err != nil {
		return err
	}
	db, err := audit.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	out := bufio.NewWriter(s.stdout)
	write, flush := jsonLines(out)
	if c.Format == "csv" {
		write, flush = csvLines(out)
	}
	_, damage := db.Walk(ctx, func(r bot.Row) error {
		if r.At.Before(since) {
			return nil
		}
		return write(r)
	})
	// What was read goes out even if the chain turned out not to fit.
	return errors.Join(damage, flush(), out.Flush())
}

func jsonLines(out io.Writer) (write func(bot.Row) error, flush func() error) {
	e := json.NewEncoder(out)
	return func(r bot.Row) error { return e.Encode(r) }, func() error { return nil }
}

// csvLines begins with a header line, even if no row follows.
func csvLines(out io.Writer) (write func(bot.Row) error, flush func() error) {
	w := csv.NewWriter(out)
	_ = w.Write(bot.RowColumns()) // into a buffer; w.Error has what goes wrong
	return func(r bot.Row) error { return w.Write(r.Cells()) }, func() error { w.Flush(); return w.Error() }
}

// parseSince reads a day, an instant or how long ago; the zero time for "".
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, usageError(fmt.Sprintf("--since is %q. It must be a day like 2026-01-31, an instant like 2026-01-31T08:00:00Z or a duration like 720h", bot.Clean(text, 40)))
}

// anchorEvery is how often the log gets a copy of the chain's head while rows
// are added.
const anchorEvery = time.Hour

// logAnchors logs the head of the audit chain now, at each tick that finds it
// moved, and when stop is called, which waits for that: a log that is kept
// elsewhere then holds what `audit verify --anchor` asks for. An empty chain
// has no anchor.
func logAnchors(ctx context.Context, head func(context.Context) (store.Anchor, error), log *slog.Logger,
	tick <-chan time.Time) (stop func()) {
	var last store.Anchor
	anchor := func(always bool, within time.Duration) {
		ctx, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		a, err := head(ctx)
		switch {
		case err != nil:
			log.Error("cannot read the head of the audit chain for the log", "error", err)
		case a.Seq > 0 && (always || a != last):
			last = a
			log.Info("audit anchor", "seq", a.Seq, "hash", a.Hash)
		}
	}
	anchor(true, 5*time.Second)
	ending, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-tick:
				anchor(false, 5*time.Second)
			case <-ending:
				anchor(true, time.Second) // a stop must not wait for a database that is silent
				return
			}
		}
	}()
	return func() { close(ending); <-ended }
}
