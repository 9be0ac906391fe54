package engine_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// severed is the store of one process, which a test can make unreachable.
type severed struct {
	*store.Store
	off   atomic.Bool
	tried atomic.Int64 // calls of SetPlace while off
	notes atomic.Int64 // calls of SetPlace since
}

var errSevered = errors.New("the database is away")

func (s *severed) SetPlace(ctx context.Context, id string, p bot.Place) error {
	if s.off.Load() {
		s.tried.Add(1)
		return errSevered
	}
	defer s.notes.Add(1)
	return s.Store.SetPlace(ctx, id, p)
}

func (s *severed) Told(ctx context.Context, t bot.Telling, version int64, retry bot.Retry) (bot.Telling, bool, error) {
	if s.off.Load() {
		return t, false, errSevered
	}
	return s.Store.Told(ctx, t, version, retry)
}

func (s *severed) ClaimTelling(ctx context.Context, id string) (bot.Telling, bool, error) {
	if s.off.Load() && s.tried.Load() > 0 {
		return bot.Telling{}, false, errSevered
	}
	return s.Store.ClaimTelling(ctx, id)
}

func (s *severed) Due(ctx context.Context, limit int) (bot.Work, error) {
	if s.off.Load() && s.tried.Load() > 0 {
		return bot.Work{}, errSevered
	}
	return s.Store.Due(ctx, limit)
}

// line is a connection to Slack that a test can cut.
type line struct {
	http.RoundTripper
	cut atomic.Bool
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.cut.Load() {
		return nil, errors.New("Slack is away")
	}
	return l.RoundTripper.RoundTrip(r)
}

// TestCard_LateNoteChangesNothing: one process posts a card but cannot note its place
// for longer than its claim. Another process posts a card and continues. The late note
// of the first must not hide the second card.
func TestCard_LateNoteChangesNothing(t *testing.T) {
	w := newWorkshop(t)
	clock, workspace, db := w.clock, w.slack, w.db
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	first, wire := &severed{Store: db}, &line{RoundTripper: transport}
	first.off.Store(true)
	defer w.start(first, wire)()

	r := w.asked("REQ-ACDEFG", "carol")
	w.wait("the first has posted a card", func() bool { return first.tried.Load() > 0 })
	wire.cut.Store(true) // when it can note the card, its step is over, and it posts nothing more

	clock.move(bot.ClaimFor + time.Second)
	defer w.start(db, transport)()
	var card bot.Place
	w.wait("the second has posted a card", func() bool {
		places, err := db.Places(t.Context(), r.ID)
		card = places["card"]
		return err == nil && card.TS != ""
	})
	w.denied(r)
	shows := func(ts string) string {
		for _, m := range workspace.Messages(channelOfCards) {
			if m.TS == ts {
				return m.Text
			}
		}
		return "nothing"
	}
	w.wait("its card shows the decision", func() bool { return strings.Contains(shows(card.TS), "denied by") })

	wire.cut.Store(false)
	first.off.Store(false)
	w.wait("the first notes its own", func() bool { return first.notes.Load() > 0 })
	places, err := db.Places(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if live := places["card"]; live.TS != card.TS {
		t.Errorf("the live card is said to be one that shows %q", shows(live.TS))
	}
	w.wait("the first takes its card back", func() bool { return len(w.stand(r.ID)) == 1 })
}
