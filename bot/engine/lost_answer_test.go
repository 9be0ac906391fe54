package engine_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/store"
)

// forgetful stores the first note of a telling, but loses the answer to it.
type forgetful struct {
	*store.Store
	once   sync.Once
	stored chan struct{} // closed when the note is stored
	lost   chan struct{} // closed to lose the answer
	notes  atomic.Int64
	claims atomic.Int64
	looks  atomic.Int64
}

func (f *forgetful) ClaimTelling(ctx context.Context, id string) (bot.Telling, bool, error) {
	t, mine, err := f.Store.ClaimTelling(ctx, id)
	if mine {
		f.claims.Add(1)
	}
	return t, mine, err
}

func (f *forgetful) Told(ctx context.Context, t bot.Telling, version int64, retry bot.Retry) (next bot.Telling, more bool, err error) {
	defer f.notes.Add(1)
	next, more, err = f.Store.Told(ctx, t, version, retry)
	if more {
		f.claims.Add(1)
	}
	f.once.Do(func() {
		close(f.stored)
		<-f.lost
		next, more, err = bot.Telling{}, false, context.DeadlineExceeded
	})
	return next, more, err
}

func (f *forgetful) Due(ctx context.Context, limit int) (bot.Work, error) {
	defer f.looks.Add(1)
	return f.Store.Due(ctx, limit)
}

// gate is the connection to Slack. It can hold back the next new message about a
// request.
type gate struct {
	http.RoundTripper
	about string
	shut  atomic.Bool
	held  chan struct{}
	open  chan struct{}
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "chat.postMessage") {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		says, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(says), g.about) && g.shut.CompareAndSwap(true, false) {
			close(g.held)
			<-g.open
		}
	}
	return g.RoundTripper.RoundTrip(r)
}

// TestTelling_NoteWithoutAnswer: a telling is noted, but the answer of the database is
// lost. Before it is noted again, another worker takes over the telling, and remains
// the only one.
func TestTelling_NoteWithoutAnswer(t *testing.T) {
	for name, row := range map[string]struct {
		fails   bool // the first try to post the card
		denied  bool // meanwhile
		replies int
	}{
		"of a card that Slack did not take": {fails: true},
		"of all that stood":                 {denied: true, replies: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkshop(t)
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			const id = "REQ-ACDEFG"
			g := &gate{RoundTripper: transport, about: id, held: make(chan struct{}), open: make(chan struct{})}
			f := &forgetful{Store: w.db, stored: make(chan struct{}), lost: make(chan struct{})}
			if row.fails {
				w.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Status: http.StatusInternalServerError, Times: 1,
					Match: func(p map[string]string) bool {
						return p["channel"] == channelOfCards && strings.Contains(p["text"], id)
					}})
			}
			r := w.asked(id, "carol")
			defer w.start(f, g)()

			<-f.stored
			g.shut.Store(true)
			w.clock.move(6 * time.Second)
			if row.denied {
				w.denied(r)
			}
			<-g.held // the second teller posts
			close(f.lost)
			w.wait("it is noted once more", func() bool { return f.notes.Load() > 1 })
			for range 2 {
				looks := f.looks.Load()
				w.wait("the clock has looked again", func() bool { return f.looks.Load() > looks+5 })
			}
			if n := f.claims.Load(); n != 2 {
				t.Errorf("it was told %d times", n)
			}
			close(g.open)
			w.wait("all is told", func() bool { return f.notes.Load() > 2 })
			if cards := w.stand(r.ID); len(cards) != 1 {
				t.Errorf("%d cards stand", len(cards))
			} else if thread := w.slack.Thread(channelOfCards, cards[0].TS); len(thread) != 1+row.replies {
				t.Errorf("%d messages in the thread, the card included", len(thread))
			}
		})
	}
}
