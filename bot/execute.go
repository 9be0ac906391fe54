package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// maxTries bounds the calls that one decision may cause while Microsoft asks
// to wait or cannot be reached.
const maxTries = 8

// advance drives a claimed request on as far as it can go now. It looks at
// the state and does what is missing; run late or twice it finds nothing.
func (b *Bot) advance(ctx context.Context, r Request) { b.advanceFrom(ctx, r, b.step) }

// advanceFrom is advance with a first step of its own.
func (b *Bot) advanceFrom(ctx context.Context, r Request, step func(context.Context, Request) (again bool, _ Request, err error)) {
	well := false // also where a defect stops it
	defer func() { b.stepped(r.ID, well) }()
	// Sixteen steps are far more than the longest way through the states.
	for range 16 {
		again, next, err := step(ctx, r)
		if errors.Is(err, ErrConflict) {
			// Somebody else went on with it, or a freeze began or ended: then
			// it still waits, and is looked at again.
			next, err = b.store.Request(ctx, r.ID)
			again = err == nil && (next.State == Pending || next.State == Approved)
		}
		if err != nil {
			b.log.Error("advance", "request", r.ID, "state", r.State, "error", err)
			return
		}
		if !again {
			well = true
			return
		}
		r, step = next, b.step
	}
}

// step does what is missing in the state that the request is in. again reports
// whether it can go further at once.
func (b *Bot) step(ctx context.Context, r Request) (again bool, _ Request, err error) {
	switch r.State {
	case Pending:
		return b.wait(ctx, r)
	case Approved:
		return b.begin(ctx, r)
	case Executing:
		if _, held := b.answers.Load(r.ID); held {
			return false, r, nil // this process knows the answer, and only cannot store it yet
		}
		return b.claimLost(ctx, r)
	case Unknown:
		return b.findOut(ctx, r)
	case Revoked, NotVisibleYet, Unreachable:
		return false, r, b.verify(ctx, r)
	case Failed:
		return false, r, b.closeRetry(ctx, r)
	}
	return false, r, nil
}

// closeRetry takes "Try again" off the card once its time is over.
func (b *Bot) closeRetry(ctx context.Context, r Request) error {
	r.DueAt = time.Time{}
	e := r.entry(Failed, "clock")
	e.Action = "retry_closed"
	_, err := b.commit(ctx, Change{Request: r, Audit: []Entry{e}})
	return err
}

func (r *Request) entry(s State, actor string) Entry {
	return Entry{Action: string(s), Request: r.ID, Actor: actor, TargetID: r.Target.ID, Drill: r.Drill}
}

// confirm stores, in the change c, a decision that leads to a call, and goes on
// with it. The call begins in the same transaction, unless the account has to be
// read before, which must not hold up the decision, or it is not its turn. An
// error means that the decision was not stored, but for ErrUnclear; one of the
// call is logged.
func (b *Bot) confirm(ctx context.Context, c Change) error {
	if r := c.Request; r.Drill || b.justRead(&r) {
		both, began := c, time.Now()
		both.InTurn = true
		r, err := b.beginCall(ctx, r, both)
		if _, turn := errors.AsType[*TurnError](err); !turn {
			if err == nil {
				b.advanceFrom(b.work, r, func(ctx context.Context, r Request) (bool, Request, error) { return b.makeCall(ctx, r, began) })
			}
			return err
		}
	}
	r, err := b.commit(ctx, c)
	if err == nil {
		b.advance(b.work, r)
	}
	return err
}

// begin executes an approved request, once the wait is over that Microsoft
// asked for, or holds it back while a freeze is on.
func (b *Bot) begin(ctx context.Context, r Request) (again bool, _ Request, err error) {
	if a := r.attempt(); a != nil && a.Decision == len(r.Decisions) {
		if now := b.now(); !waited(a.EndedAt, a.Wait, now) {
			r.DueAt = a.EndedAt.Add(a.Wait) // the end of a freeze has everything looked at
			r, err = b.commit(ctx, Change{Request: r})
			return false, r, err
		}
	}
	ready, next, err := b.standing(ctx, r)
	switch {
	case err == nil && !ready:
		// Where it waits for people, or ended, there is nothing more to do now.
		return false, next, nil
	case err == nil:
		r = next // and again as it is now known to be, if it has to wait
		again, next, err = b.execute(ctx, r)
	}
	if turn, ok := errors.AsType[*TurnError](err); ok {
		return b.queue(ctx, r, turn)
	}
	if errors.Is(err, ErrOtherRules) {
		return b.leaveToOthers(ctx, r)
	}
	if !errors.Is(err, ErrFrozen) {
		return again, next, err
	}
	e := r.entry(Approved, b.actor)
	e.Action = "held"
	return b.standStill(ctx, r, &e)
}

// standStill has a request wait for the end of the freeze that is on, which
// has it looked at again; or not at all, if it has ended in this moment.
func (b *Bot) standStill(ctx context.Context, r Request, e *Entry) (again bool, _ Request, err error) {
	freeze, frozen, err := b.store.Frozen(ctx)
	if err != nil || !frozen {
		return !frozen && err == nil, r, err
	}
	c := Change{Request: r}
	c.Request.DueAt = freeze.Until
	if e != nil {
		e.Freeze = freeze.ID
		c.Audit = []Entry{*e}
	}
	r, err = b.commit(ctx, c)
	return false, r, err
}

// queue has a request wait for its turn.
func (b *Bot) queue(ctx context.Context, r Request, turn *TurnError) (again bool, _ Request, err error) {
	c := Change{}
	if r.Line == nil {
		e := r.entry(Approved, b.actor)
		e.Action, e.Until = "queued", turn.Until.UTC().Format(time.RFC3339)
		c.Audit = []Entry{e}
	}
	r.Line, r.OtherRules = &Line{At: b.now().UTC(), Ahead: turn.Ahead}, false
	r.DueAt = turn.Until
	c.Request = r
	r, err = b.commit(ctx, c)
	return false, r, err
}

// execute makes one call to Graph, unless a freeze is on or it is not its turn.
// A second call after one of unknown effect is one more write for the limits; the
// first was counted with the decision.
func (b *Bot) execute(ctx context.Context, r Request) (again bool, _ Request, err error) {
	c := Change{Fenced: !r.passesOver(authz.Frozen), InTurn: true, Under: b.under(&r)}
	if n, _ := r.unresolved(); n > 0 {
		c.Uses = b.uses(&r)
	}
	return b.call(ctx, r, c)
}

// call makes one call to Graph: stored before it leaves, in the change c, and
// its outcome after.
func (b *Bot) call(ctx context.Context, r Request, c Change) (again bool, _ Request, err error) {
	if n, _ := r.unresolved(); n == 0 && !r.Drill && !b.justRead(&r) {
		// Read late rather than compare with something old; but something old
		// rather than nothing, for nobody else's revoke is likely in between.
		if read := b.stamps(ctx, r.Target.ID); read.Known() {
			r.Before = read
		}
	}
	began := time.Now()
	if r, err = b.beginCall(ctx, r, c); err != nil {
		return false, r, err
	}
	return b.makeCall(ctx, r, began)
}

// justRead reports whether the stamps that the account will be compared with are
// new enough for that.
func (b *Bot) justRead(r *Request) bool {
	old, known := age(r.Before.ReadAt, b.now())
	return known && old <= lookupFresh
}

// beginCall stores, in the change c, that a call to Graph begins.
func (b *Bot) beginCall(ctx context.Context, r Request, c Change) (Request, error) {
	now := b.now().UTC()
	r.to(Executing)
	r.DueAt, r.Line, r.OtherRules = now, nil, false
	r.Attempts = append(slices.Clone(r.Attempts), Attempt{Decision: len(r.Decisions), BeganAt: now})
	e := r.entry(Executing, b.actor)
	e.Operation, e.StampBefore = string(r.Operation), stampText(r.Before.ValidFrom())
	c.Request, c.Audit, c.Keep = r, append(c.Audit, e), true
	return b.commit(ctx, c)
}

// makeCall makes the call that beginCall stored, and stores its outcome. began is
// from before the claim, so that the call ends before the claim does, also if the
// process is stopped in between.
func (b *Bot) makeCall(ctx context.Context, r Request, began time.Time) (again bool, _ Request, err error) {
	call, cancel := context.WithDeadline(ctx, began.Add(b.cfg.Timing.Attempt))
	r.Attempts = slices.Clone(r.Attempts)
	r.attempt().BeganAt = b.now().UTC() // what was stored before may have had to wait
	var yes graph.Revocation
	if r.Drill {
		_, err = b.directory.User(call, r.Target.ID)
	} else {
		yes, err = b.directory.Revoke(call, r.Target.ID)
	}
	cancel()
	// What Microsoft has answered outlives the step: nobody else knows it.
	return b.conclude(b.work, r, len(r.Attempts)-1, yes, err)
}

// conclude stores what came of attempt n. If the claim was lost meanwhile and
// somebody else has called the outcome unknown, a yes still counts.
func (b *Bot) conclude(ctx context.Context, r Request, n int, yes graph.Revocation, callErr error) (again bool, _ Request, err error) {
	at := b.now().UTC() // however late it can be stored
	for {
		if r.State != Executing && r.State != Unknown || n != len(r.Attempts)-1 {
			// Too late to count, but not to be on record.
			e := r.entry(r.State, b.actor)
			e.Action, e.Operation, e.RequestID, e.ClientRequestID = "late_answer", string(yes.Operation), yes.RequestID, yes.ClientRequestID
			e.Status, e.Outcome = yes.Status, string(graph.Done)
			if callErr != nil {
				e.Outcome = string(graph.OutcomeUnknown)
			}
			if no := graph.AsError(callErr); no != nil {
				e.Outcome, e.Operation = string(no.Outcome), string(no.Operation)
				e.Status, e.Code, e.RequestID, e.ClientRequestID = no.Status, no.Code, no.RequestID, no.ClientRequestID
			}
			return false, r, b.store.Record(ctx, 0, e)
		}
		next := b.outcome(r, yes, callErr, at)
		e := next.entry(next.State, b.actor)
		a := next.attempt()
		e.Operation, e.Also = string(next.called()), alsoCalled(a)
		e.Status, e.Code, e.Outcome = a.Status, a.Code, string(a.Outcome)
		e.RequestID, e.ClientRequestID = a.RequestID, a.ClientRequestID
		c := Change{Request: next, Audit: []Entry{e}, Keep: next.State == Unknown, Answered: answered(a)}
		if a.Asked && next.State != Failed {
			// Where nobody waits any more, people decide whether to ask again. Nobody
			// else waits for longer than a request would for itself.
			c.Pushback = min(a.Wait, b.cfg.Timing.Patience)
		}
		stored, err := b.commitOutcome(ctx, c)
		if err == nil {
			return stored.State == Unknown, stored, nil
		}
		if !errors.Is(err, ErrConflict) {
			return false, next, fmt.Errorf("store what Microsoft answered: %w", err)
		}
		if r, err = b.store.Request(ctx, r.ID); err != nil {
			return false, next, fmt.Errorf("store what Microsoft answered: %w", err)
		}
		if mine := next.attempt(); r.State == next.State && n == len(r.Attempts)-1 && r.attempt().EndedAt.Equal(mine.EndedAt) {
			return r.State == Unknown, r, nil // it was stored, and only nobody said so
		}
	}
}

// commitOutcome is commit for what must not be lost because the database is away
// for a moment. Whether an earlier try was stored although it seemed not to be, a
// later one finds out: ErrConflict.
func (b *Bot) commitOutcome(ctx context.Context, c Change) (stored Request, err error) {
	b.answers.Store(c.Request.ID, true)
	defer b.answers.Delete(c.Request.ID)
	kept := answersKept
	if b.actor == consoleActor {
		kept = insistWithin // whoever sits there reads what could not be recorded
	}
	err = b.insistFor(ctx, b.log.With("request", c.Request.ID), "store what Microsoft answered", kept, func(ctx context.Context) (err error) {
		stored, err = b.commit(ctx, c)
		return err
	})
	return stored, err
}

// answered reports whether Microsoft dealt with the call, one way or the other.
func answered(a *Attempt) bool {
	return a.Outcome == graph.Done || a.Outcome == graph.NotDone && a.Wait == 0 && a.Status >= 400 && a.Status < 500
}

// outcome is what the request becomes by the answer to its last attempt, which
// came now.
func (b *Bot) outcome(r Request, yes graph.Revocation, callErr error, now time.Time) Request {
	r.Attempts = slices.Clone(r.Attempts)
	a := r.attempt()
	a.EndedAt = now
	if callErr == nil {
		a.Operation, a.Also = yes.Operation, yes.Also
		a.Outcome, a.Status, a.RequestID, a.ClientRequestID = graph.Done, yes.Status, yes.RequestID, yes.ClientRequestID
		if r.Drill {
			r.to(Drilled)
			r.DueAt = time.Time{}
			return r
		}
		r.to(Revoked)
		r.AcceptedAt, r.Reads = now, 0
		r.DueAt = now.Add(b.cfg.Timing.Verify[0])
		return r
	}
	no := graph.AsError(callErr)
	if no == nil {
		no = &graph.Error{Outcome: graph.OutcomeUnknown, Remedy: "Microsoft's answer could not be understood."}
	}
	a.Operation, a.Also = no.Operation, no.Also
	a.Status, a.Code, a.RequestID, a.ClientRequestID, a.Remedy = no.Status, no.Code, no.RequestID, no.ClientRequestID, no.Remedy
	a.Outcome = graph.OutcomeUnknown
	if no.Outcome == graph.NotDone || r.Drill {
		a.Outcome = graph.NotDone // a read changes nothing, whatever became of it
	}
	if no.Retryable && a.Outcome == graph.NotDone {
		a.Wait, a.Asked = no.RetryAfter, no.RetryAfter > 0
		if !a.Asked {
			tries, _ := r.tries()
			a.Wait = time.Second << tries
		}
	}
	// A plain no to this call says nothing about an earlier one.
	if r.openCalls() > 0 {
		r.to(Unknown)
		r.DueAt, r.Reads = now, 0
		return r
	}
	if no.Retryable {
		tries, first := r.tries()
		// No longer than the decision counts: see outlived.
		if end := now.Add(a.Wait); tries < maxTries && end.Sub(first) <= b.cfg.Timing.Patience && !end.After(b.shelf(&r)) {
			r.to(Approved)
			r.DueAt = now.Add(a.Wait)
			return r
		}
	}
	r.to(Failed)
	r.DueAt = r.verdict().At.Add(retryWindow)
	return r
}

// alsoCalled names what was refused before the call that counts.
func alsoCalled(a *Attempt) string {
	if a.Also == nil {
		return ""
	}
	return fmt.Sprintf("%s: status %d, code %s, request-id %s", a.Also.Operation, a.Also.Status, a.Also.Code, a.Also.RequestID)
}

// openCalls counts the calls of the decision in force that may have been
// carried out without anybody knowing.
func (r *Request) openCalls() int {
	n, _ := r.calls(func(a Attempt) bool { return a.Outcome == graph.OutcomeUnknown })
	return n
}

// interrupted is the Code of an attempt whose answer is not on record: its process
// was stopped in it, or the database was away until it was.
const interrupted = "interrupted"

// claimLost deals with a call whose process died in it: nobody knows.
func (b *Bot) claimLost(ctx context.Context, r Request) (again bool, _ Request, err error) {
	now := b.now().UTC()
	r.Attempts = slices.Clone(r.Attempts)
	a := r.attempt()
	a.EndedAt, a.Code, r.DueAt, r.Reads = now, interrupted, now, 0
	if r.Drill {
		a.Outcome = graph.NotDone // a read changes nothing
		r.to(Approved)
	} else {
		a.Outcome, a.Unclear = graph.OutcomeUnknown, true
		r.to(Unknown)
	}
	e := r.entry(r.State, "clock")
	e.Outcome, e.Code = string(a.Outcome), a.Code
	r, err = b.commit(ctx, Change{Request: r, Audit: []Entry{e}, Keep: true})
	return err == nil, r, err
}
