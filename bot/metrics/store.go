package metrics

import (
	"context"
	"errors"
	"time"

	"revoke-sessions/bot"
)

// The transactions of a store that are counted separately.
const (
	txAnnounce  = "announce"
	txBeat      = "beat"
	txClaim     = "claim"
	txCommit    = "commit"
	txDue       = "due"
	txForget    = "forget"
	txFreeze    = "freeze"
	txReceive   = "receive"
	txRecord    = "record"
	txStall     = "stall"
	txTelling   = "claim_telling"
	txTold      = "told"
	txSetPlace  = "set_place"
	txAnnounced = "announced"
	txWithdraw  = "withdraw"
	txRetell    = "retell"
)

// Their results.
const (
	storeOK        = "ok"
	storeDuplicate = "duplicate" // it was stored before
	storeConflict  = "conflict"  // somebody else was first
	storeHeld      = "held"      // a freeze or a limit is in the way
	storeUnclear   = "unclear"   // it may be stored; the database did not say
	storeError     = "error"
	storeGivenUp   = "given_up" // the caller stopped waiting
)

func (m *Metrics) registerStore() {
	m.store = m.newCalls("store_transactions", "Transactions of the database", "operation",
		[]string{txAnnounce, txAnnounced, txBeat, txClaim, txCommit, txDue, txForget, txFreeze, txReceive, txRecord, txStall, txTelling,
			txTold, txSetPlace, txWithdraw, txRetell},
		[]string{storeOK, storeError, storeGivenUp, storeUnclear},
		[]float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 2.5})
}

// Store returns next with its transactions counted.
func (m *Metrics) Store(next bot.Store) bot.Store {
	if m == nil {
		return next
	}
	return &store{Store: next, calls: m.store}
}

// store counts writes. It does not count reads.
type store struct {
	bot.Store
	calls calls
}

// counting counts one transaction. It is called with defer:
//
//	defer s.counting(txCommit, time.Now(), &err)
func (s *store) counting(operation string, began time.Time, err *error) {
	s.calls.count(operation, storeResult(*err), time.Since(began))
}

func storeResult(err error) string {
	_, limit := errors.AsType[*bot.LimitError](err)
	switch {
	case err == nil:
		return storeOK
	case errors.Is(err, bot.ErrConflict), errors.Is(err, bot.ErrTaken), errors.Is(err, bot.ErrNoRequest):
		return storeConflict
	case limit, errors.Is(err, bot.ErrFrozen):
		return storeHeld
	case errors.Is(err, bot.ErrUnclear):
		return storeUnclear
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return storeGivenUp
	}
	return storeError
}

func (s *store) Commit(ctx context.Context, c bot.Change) (_ bot.Request, err error) {
	defer s.counting(txCommit, time.Now(), &err)
	return s.Store.Commit(ctx, c)
}

func (s *store) Record(ctx context.Context, settles int64, entries ...bot.Entry) (err error) {
	defer s.counting(txRecord, time.Now(), &err)
	return s.Store.Record(ctx, settles, entries...)
}

func (s *store) CommitFreeze(ctx context.Context, c bot.FreezeChange) (_ bot.Freeze, err error) {
	defer s.counting(txFreeze, time.Now(), &err)
	return s.Store.CommitFreeze(ctx, c)
}

func (s *store) Receive(ctx context.Context, a bot.Arrival) (stored bot.Arrival, fresh bool, err error) {
	began := time.Now()
	stored, fresh, err = s.Store.Receive(ctx, a)
	result := storeResult(err)
	if err == nil && !fresh {
		result = storeDuplicate
	}
	s.calls.count(txReceive, result, time.Since(began))
	return stored, fresh, err
}

func (s *store) Claim(ctx context.Context, id string) (_ bot.Request, ok bool, err error) {
	defer s.counting(txClaim, time.Now(), &err)
	return s.Store.Claim(ctx, id)
}

func (s *store) Due(ctx context.Context, limit int) (_ bot.Work, err error) {
	defer s.counting(txDue, time.Now(), &err)
	return s.Store.Due(ctx, limit)
}

func (s *store) Stall(ctx context.Context, id string) (fresh bool, err error) {
	defer s.counting(txStall, time.Now(), &err)
	return s.Store.Stall(ctx, id)
}

func (s *store) Beat(ctx context.Context) (live int, err error) {
	defer s.counting(txBeat, time.Now(), &err)
	return s.Store.Beat(ctx)
}

func (s *store) ClaimTelling(ctx context.Context, id string) (t bot.Telling, mine bool, err error) {
	defer s.counting(txTelling, time.Now(), &err)
	return s.Store.ClaimTelling(ctx, id)
}

func (s *store) Told(ctx context.Context, t bot.Telling, version int64, retry bot.Retry) (next bot.Telling, more bool, err error) {
	defer s.counting(txTold, time.Now(), &err)
	return s.Store.Told(ctx, t, version, retry)
}

func (s *store) SetPlace(ctx context.Context, id string, p bot.Place) (err error) {
	defer s.counting(txSetPlace, time.Now(), &err)
	return s.Store.SetPlace(ctx, id, p)
}

func (s *store) MoveCard(ctx context.Context, id string, from, to bot.Place) (err error) {
	defer s.counting(txSetPlace, time.Now(), &err)
	return s.Store.MoveCard(ctx, id, from, to)
}

func (s *store) Retell(ctx context.Context) (err error) {
	defer s.counting(txRetell, time.Now(), &err)
	return s.Store.Retell(ctx)
}

func (s *store) SetNoticePlace(ctx context.Context, id int64, p bot.NoticePlace) (err error) {
	defer s.counting(txSetPlace, time.Now(), &err)
	return s.Store.SetNoticePlace(ctx, id, p)
}

func (s *store) Withdraw(ctx context.Context, kind, but string) (err error) {
	defer s.counting(txWithdraw, time.Now(), &err)
	return s.Store.Withdraw(ctx, kind, but)
}

func (s *store) Announce(ctx context.Context, n bot.Notice, audit ...bot.Entry) (fresh bool, err error) {
	defer s.counting(txAnnounce, time.Now(), &err)
	return s.Store.Announce(ctx, n, audit...)
}

func (s *store) Announced(ctx context.Context, n bot.Notice, retry bot.Retry) (err error) {
	defer s.counting(txAnnounced, time.Now(), &err)
	return s.Store.Announced(ctx, n, retry)
}

func (s *store) Forget(ctx context.Context, retention time.Duration) (err error) {
	defer s.counting(txForget, time.Now(), &err)
	return s.Store.Forget(ctx, retention)
}
