package lifecycle

import (
	"context"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// maxPreviews bounds how many void requests origin goes back to.
const maxPreviews = 16

// OnRecord reads the audit rows of a request and compares them with what a decision
// is bound to and with the approvals so far. missing says what the rows do not show. The
// error is ErrConflict if somebody has changed the request since r was read.
func (k *base) OnRecord(ctx context.Context, r *bot.Request) (rec bot.Proof, missing string, err error) {
	rows, err := k.store.OnRecord(ctx, r.ID)
	if err != nil {
		return rec, "", err
	}
	rec = bot.ProofOf(rows)
	lane, askers, err := k.origin(ctx, r, &rec)
	if err != nil {
		return rec, "", err
	}
	switch ask := rec.Ask; {
	case ask == nil:
		missing = bot.NoAsk
	case rec.Ended:
		missing = bot.NotOpen
	case ask.TargetID != r.Target.ID:
		missing = bot.NoTarget
	case lane != r.Lane:
		missing = bot.NoLane
	case ask.Drill != r.Drill:
		missing = bot.NoDrill
	case ask.Digest != r.Digest:
		missing = bot.NoDigest
	case r.Need < ask.Need:
		missing = bot.NoNeed
	case ask.Operation != "" && ask.Operation != string(r.Operation):
		missing = bot.NoOperation
	case !bot.SameAskers(askers, r.Askers):
		missing = bot.NoAskers
	case !bot.SameApprovals(rec.Gave, r.Approvals, r.Digest):
		missing = bot.NoApprovals
	}
	return rec, missing, k.sameVersion(ctx, r, missing)
}

// sameVersion returns ErrConflict if rows seem to be missing only because they are newer
// than r. Without it, two clicks at the same moment would look like a changed database.
func (k *base) sameVersion(ctx context.Context, r *bot.Request, missing string) error {
	if missing == "" {
		return nil
	}
	stored, err := k.store.Request(ctx, r.ID)
	if err == nil && stored.Version != r.Version {
		err = bot.ErrConflict
	}
	return err
}

// origin returns the lane of the ask and everybody who asked, and notes in rec whether
// somebody wanted to deny it. For a preview that was made again, it reads the rows of
// the void request, which end where the preview's rows begin.
func (k *base) origin(ctx context.Context, r *bot.Request, rec *bot.Proof) (lane authz.Lane, askers []authz.Asker, err error) {
	first, askers, before := rec.Ask, rec.Askers, r.Replaces
	for range maxPreviews {
		switch {
		case first == nil:
			return "", askers, nil
		case first.Action == bot.ActRequested:
			return authz.LaneOf(first.ActorEntraID, first.TargetID), askers, nil
		}
		rows, err := k.store.OnRecord(ctx, before)
		if err != nil {
			return "", nil, err
		}
		last := slices.IndexFunc(rows, func(row bot.Row) bool { return row.Action == string(bot.Void) && row.Seq == first.Seq-1 })
		if last < 0 || rows[last].TargetID != first.TargetID {
			return "", askers, nil
		}
		earlier := bot.ProofOf(rows)
		askers, rec.Denying = append(earlier.Askers, askers...), rec.Denying || earlier.Denying
		if first = earlier.Ask; first == nil || first.Action == bot.ActRequested {
			continue
		}
		void, err := k.store.Request(ctx, before)
		if err != nil {
			return "", nil, err
		}
		before = void.Replaces
	}
	return "", askers, nil
}

// ReportUnrecorded logs that the audit rows do not show what the request says.
func (k *base) ReportUnrecorded(r *bot.Request, missing string) {
	k.log.Error("the audit chain does not show what the stored request says, so nothing is called: somebody may have changed the database",
		"request", r.ID, "state", r.State, "missing", missing)
}

// StopUnrecorded ends a request that differs from its audit rows. It makes no fresh
// preview, because somebody may have changed the stored data.
func (k *base) StopUnrecorded(ctx context.Context, r bot.Request, missing string, c bot.Change, e bot.Entry) (bot.Request, error) {
	was := r
	r.To(bot.Void)
	r.EndedAt, r.DueAt, r.Line, r.Changed = k.now().UTC(), time.Time{}, nil, []bot.Difference{bot.Unrecorded}
	e.Action, e.Reason, e.Digest, e.Changed, e.Code = string(bot.Void), string(bot.NotOnRecord), r.Digest, string(bot.Unrecorded), missing
	c.Request, c.Audit = r, []bot.Entry{e}
	r, err := k.Commit(ctx, c)
	if err == nil { // else somebody was first, and the rows were only newer
		k.ReportUnrecorded(&was, missing)
	}
	return r, err
}
