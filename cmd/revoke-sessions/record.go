package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

const (
	// noteEvery is how often the marker is written while rows are added, and how soon
	// a running bot sees that its database has lost some.
	noteEvery = time.Second
	// noteWithin bounds one such look.
	noteWithin = 5 * time.Second
)

// restorer ends what was open in a database that has lost rows; *engine.Bot is one.
type restorer interface {
	Restored(ctx context.Context, back bot.StepBack) error
}

// recordSettings are those of the bot's by which a database is known again.
type recordSettings struct {
	Marker string        `setting:"REVOKE_MARKER" placeholder:"FILE" help:"A file outside the database with the last row of the audit chain. With it the bot sees that a backup was restored. By default beside an SQLite file ($REVOKE_MARKER)."`
	Expect *store.Anchor `name:"expect-anchor" placeholder:"SEQ:HASH" help:"A row that the audit chain must have, from an \"audit anchor\" line of the log. If the row is missing, the open requests end as not known."`
}

// record is what watches the database from outside.
type record struct {
	marker   *store.Marker // nil where there is no place for one
	expected *store.Anchor // by the person who starts the bot; nil for none
}

func (c recordSettings) record(databaseURL string) record {
	return record{store.NewMarker(databaseURL, c.Marker), c.Expect}
}

// watch compares the database with what was noted of it, before anything is done,
// and then as long as it runs. What cannot be noted is said and stops nothing. stop
// notes the last row.
func (r record) watch(ctx context.Context, db *store.Store, b restorer, log *slog.Logger) (stop func(), err error) {
	step := func(back *bot.StepBack, err error) error {
		if err == nil && back != nil {
			err = b.Restored(ctx, *back)
		}
		return err
	}
	if r.expected != nil {
		if err := step(store.Expect(*r.expected).Compare(ctx, db)); err != nil {
			return nil, fmt.Errorf("compare the audit chain with --expect-anchor: %w", err)
		}
	}
	if r.marker == nil {
		return func() {}, nil
	}
	if err := r.marker.Load(); err != nil {
		log.Error("the marker file cannot be read, so it is not known whether a backup was restored", "error", err)
	}
	if err := step(r.marker.Compare(ctx, db)); err != nil {
		return nil, fmt.Errorf("compare the audit chain with %s: %w", r.marker.Path(), err)
	}
	failed := false
	note := func(within time.Duration) {
		look, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		err := step(r.marker.Note(look, db))
		if err != nil && !failed {
			log.Error("cannot write the last row of the audit chain to the marker file", "error", err)
		}
		failed = err != nil
	}
	note(noteWithin)
	ending, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(noteEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				note(noteWithin)
			case <-ending:
				note(noteEvery)
				return
			}
		}
	}()
	return func() { close(ending); <-ended }, nil
}
