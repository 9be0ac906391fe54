package bot

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"revoke-sessions/authz"
)

// StepBack says that the database knows less than it did: it was restored from an
// older backup, or exchanged for another one.
type StepBack struct {
	// Seq and Hash are of a row of the chain that it once had, Head is the number of
	// its last row now.
	Seq, Head int64
	Hash      string
	// At is when the database was last seen with that row, by its own clock; zero if
	// that is not known.
	At time.Time
}

// DatabaseRestored is why a request is lost.
const DatabaseRestored authz.Reason = "database_restored"

// Anchor is the row that the database once had.
func (s StepBack) Anchor() string { return fmt.Sprintf("%d:%s", s.Seq, s.Hash) }

// losable reports whether something may have come of a request that this database
// knows nothing of: it was open, or could be tried again.
func (r *Request) losable() bool { return r.State.May(Lost) }

// Restored ends what was open in a database that has lost rows, as not known, says
// so to everybody whom it concerns, and drops what arrived before. It calls
// nothing. It must come before anything else is done, and may come again.
func (b *Bot) Restored(ctx context.Context, back StepBack) error {
	b.log.Error("the database has lost rows that it had: it was restored from an older backup, or exchanged. What was open is closed as not known, and nothing is called for it", "seq", back.Seq, "head", back.Head)
	before := back.At
	if before.IsZero() {
		before = b.now()
	}
	dropped, err := b.store.DropArrivals(ctx, before)
	if err != nil {
		return fmt.Errorf("drop what had arrived: %w", err)
	}
	open, broken, err := b.store.Unfinished(ctx, math.MaxInt32)
	if err != nil {
		return fmt.Errorf("find what was open: %w", err)
	}
	for _, one := range broken {
		b.log.Error("a stored row cannot be read; it is left as it is", "error", one)
	}
	closed := 0
	for _, r := range open {
		if r.CreatedAt.After(before) {
			continue // of after the step back
		}
		ended, err := b.lose(ctx, r)
		if err != nil {
			return fmt.Errorf("close %s: %w", r.ID, err)
		}
		if ended {
			closed++
		}
	}
	row := Entry{Action: "database_restored", Actor: b.actor, Origin: fmt.Sprintf("row %s is not there; the last row was %d", back.Anchor(), back.Head)}
	_, err = b.store.Announce(ctx, Notice{Key: "restored:" + back.Anchor(), Message: RestoredNotice(back, closed, b.view(ctx, nil, ""))}, row)
	if err != nil {
		return fmt.Errorf("record that the database has lost rows: %w", err)
	}
	b.log.Warn("closed what was open in a database that has lost rows", "found", closed, "arrivals", dropped)
	return nil
}

// lose ends one request as not known, whoever else may be at it.
func (b *Bot) lose(ctx context.Context, r Request) (ended bool, err error) {
	for r.losable() {
		r.to(Lost)
		r.EndedAt, r.DueAt, r.Line = b.now().UTC(), time.Time{}, nil
		e := r.entry(Lost, b.actor)
		e.Reason = string(DatabaseRestored)
		_, err = b.commit(ctx, Change{Request: r, Audit: []Entry{e}})
		if !errors.Is(err, ErrConflict) {
			return err == nil, err
		}
		if r, err = b.store.Request(ctx, r.ID); err != nil {
			return false, err
		}
	}
	return false, nil
}

// lost says what is known of a request that the database knows no end of.
func lost(r *Request, l *line) *line {
	if r.Drill {
		l.bold("Not known what became of the rehearsal for ").boldTyped(r.name()).bold(".")
	} else {
		l.bold("Not known whether ").boldTyped(r.name()).bold("'s sessions were revoked.")
	}
	l.say(" The bot's database has lost rows: it was restored from an older backup, or exchanged, or a standby took over. What happened to this account in between is not known here.")
	if r.Drill {
		return l.say(" Rehearse again if you need to.")
	}
	return l.say(" Look in Entra's audit log. If it is still needed, ask again with `/revoke-sessions`.")
}

// RestoredNotice tells the channel that the database has lost rows.
func RestoredNotice(back StepBack, closed int, v View) Message {
	p := &page{}
	l := (&line{}).bold("The bot's database has lost rows: it was restored from an older backup, or exchanged, or a standby took over.").
		say(" Its record ends at row %d, and the bot had noted row %d.", back.Head, back.Seq)
	switch closed {
	case 0:
		l.say(" No request was open in it.")
	case 1:
		l.say(" One request was open in it. It is closed as not known, and nothing is called for it.")
	default:
		l.say(" %d requests were open in it. They are closed as not known, and nothing is called for them.", closed)
	}
	p.add(l)
	p.add((&line{}).everyone(v.Approvers).say(", please look: what the lost rows held is not known here."))
	p.list(
		(&line{}).say("Cards of requests that are not in the backup have buttons that no longer work. If a request is still needed, it must be asked again."),
		(&line{}).say("A freeze that began after the backup is gone. If it is needed, freeze again: `/revoke-sessions freeze`."),
		(&line{}).say("What was revoked in between stands in Entra's audit log."),
	)
	return p.message()
}
