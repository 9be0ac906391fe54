package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// world is a store plus raw access, for data that no method creates.
type world struct {
	*store.Store
	name string
	do   func(t testing.TB, query string, args ...any)
}

func onSQLite(t testing.TB) world {
	s := openAt(t, newPath(t), store.Options{Exclusive: true})
	raw := bypass(t, s)
	return world{s, "sqlite", func(t testing.TB, query string, args ...any) { t.Helper(); do(t, raw, query, args...) }}
}

func onPostgres(t testing.TB) world {
	url := newDatabase(t, shared(t))
	raw := past(t, url)
	return world{openURL(t, url, store.Options{Exclusive: true}), "postgres", func(t testing.TB, query string, args ...any) {
		t.Helper()
		if _, err := raw.Exec(context.Background(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}}
}

// finish adds n finished requests, each with its words, asker, card, three audit rows,
// two uses and its arrival, all copied from one that went the whole way. One person
// asked for all of them. The hashes are noise of the right size.
func (w world) finish(t testing.TB, n int) {
	t.Helper()
	s := w.Store
	a := receive(t, s, arrival(-1))
	r := pending("REQ-MODEL", "target-model")
	r.DueAt = time.Time{}
	r = commit(t, s, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}, Settles: a.ID})
	r.AcceptedAt = noon
	r = turn(t, s, turn(t, s, r, bot.Revoked), bot.Verified)
	toldAllAt(t, s, r.ID, r.Version)
	noise := `lower(hex(randomblob(32)))`
	if w.name == "postgres" {
		noise = `encode(sha256(i::text::bytea), 'hex')`
	}
	w.do(t, `BEGIN`)
	const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
	for _, query := range []string{
		`INSERT INTO requests (id, version, state, lane, drill, target_id, body, created_at, accepted_at, due_at, claimed_until,
			told, tell_due_at, tell_claimed_until, tell_tries, paused, changed_at, erased, line_at)
			SELECT 'REQ-OLD' || i, version, state, lane, drill, 'target-' || (i % 1000), body, created_at + i, accepted_at + i, due_at, claimed_until,
			told, tell_due_at, tell_claimed_until, tell_tries, paused, changed_at, erased, line_at FROM n, requests WHERE id = 'REQ-MODEL'`,
		`INSERT INTO words (request_id, salt, content) SELECT 'REQ-OLD' || i, salt || i, content FROM n, words WHERE request_id = 'REQ-MODEL'`,
		`INSERT INTO askers (slack_id, request_id) SELECT slack_id, 'REQ-OLD' || i FROM n, askers WHERE request_id = 'REQ-MODEL'`,
		`INSERT INTO places (request_id, key, channel, ts, shown) SELECT 'REQ-OLD' || i, 'card', 'C1', '1700000000.' || i, 'digest' FROM n`,
		`INSERT INTO audit (seq, request_id, entry, hash) SELECT seq + 3 * i, 'REQ-OLD' || i, entry, ` + noise + ` FROM n, audit`,
		`INSERT INTO arrivals (envelope, act, body, received_at, tries, due_at, claimed_until)
			SELECT envelope || i, act || i, '', received_at, 1, due_at, claimed_until FROM n, arrivals`,
	} {
		w.do(t, numbers+query, n)
	}
	w.do(t, `UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1)`)
	w.do(t, `COMMIT`)
	if w.name == "postgres" {
		w.do(t, `VACUUM ANALYZE`) // as its autovacuum does, some time later
	} else {
		w.do(t, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
}

// steps are the calls that a bot makes to its store for one request, from command to
// outcome and once a second besides; each for the nth request.
var steps = []struct {
	name string
	do   func(ctx context.Context, s *store.Store, j *journey) error
}{
	{"report", func(ctx context.Context, s *store.Store, j *journey) error {
		form := submission(fmt.Sprintf("V%d", j.n), 2*j.n)
		a, _, err := s.Receive(ctx, form)
		if err != nil {
			return err
		}
		if _, _, err := s.FormLedTo(ctx, form.ViewKey()); err != nil {
			return err
		}
		if _, _, err := s.PendingFor(ctx, j.r.Target.ID, j.r.Lane, false); err != nil {
			return err
		}
		if _, err := s.LastAccepted(ctx, j.r.Target.ID); err != nil {
			return err
		}
		j.r, err = s.Commit(ctx, bot.Change{Request: j.r, Audit: []bot.Entry{requested(j.r)}, Settles: a.ID, ViewKey: form.ViewKey(),
			Uses: []bot.Use{use(bot.PerRequester, "entra-bob", 1<<20, time.Hour)}})
		return err
	}},
	{"place", func(ctx context.Context, s *store.Store, j *journey) error {
		ts := fmt.Sprintf("1800000000.%d", j.n)
		if err := s.SetPlace(ctx, j.r.ID, bot.Place{Key: "card", Channel: "C1", TS: ts}); err != nil {
			return err
		}
		if _, err := s.Stands(ctx, "C1", ts); err != nil {
			return err
		}
		if err := s.Doubt(ctx, j.r.ID, "card"); err != nil {
			return err
		}
		if _, err := s.Places(ctx, j.r.ID); err != nil {
			return err
		}
		_, err := s.ResponseURLs(ctx, arrival(2*j.n).UserID, 3)
		return err
	}},
	{"click", func(ctx context.Context, s *store.Store, j *journey) error {
		a, _, err := s.Receive(ctx, arrival(2*j.n+1))
		if err != nil {
			return err
		}
		j.r.Decisions = []bot.Verdict{{Kind: authz.Confirm, SlackID: "U-ALICE", EntraID: "entra-alice", At: noon}}
		for _, state := range []bot.State{bot.Approved, bot.Executing, bot.Revoked} {
			j.r.State = state
			c := bot.Change{Request: j.r, Keep: true, Settles: a.ID, Audit: []bot.Entry{{Action: string(state), Request: j.r.ID, Actor: "U-ALICE"}}}
			switch state {
			case bot.Approved:
				c.Fenced, c.Uses = true, []bot.Use{use(bot.PerApprover, "entra-alice", 1<<20, time.Hour), use(bot.Total, "", 1<<20, time.Hour)}
			case bot.Executing:
				c.Fenced, c.InTurn = true, true
			case bot.Revoked:
				c.Request.DueAt, c.Answered = time.Now().Add(-time.Minute), true
			}
			if j.r, err = s.Commit(ctx, c); err != nil {
				return err
			}
		}
		return nil
	}},
	{"tell", func(ctx context.Context, s *store.Store, j *journey) error {
		return tell(ctx, s, j.r)
	}},
	{"claim", func(ctx context.Context, s *store.Store, j *journey) error {
		if _, _, err := s.Claim(ctx, j.r.ID); err != nil {
			return err
		}
		_, err := s.Arrival(ctx, 1)
		if errors.Is(err, bot.ErrNoRequest) {
			err = nil // its text is erased
		}
		return err
	}},
	{"announce", func(ctx context.Context, s *store.Store, j *journey) error {
		if _, err := s.Announce(ctx, notice(j.r.ID), bot.Entry{Action: "announced"}); err != nil {
			return err
		}
		if _, err := s.FreezePlaces(ctx, int64(j.n)); err != nil {
			return err
		}
		w, err := s.Due(ctx, 64)
		for _, n := range w.Notices {
			err = errors.Join(err, s.Announced(ctx, n, bot.Retry{}))
		}
		return err
	}},
	{"due", func(ctx context.Context, s *store.Store, _ *journey) error { _, err := s.Due(ctx, 64); return err }},
	{"open", func(ctx context.Context, s *store.Store, _ *journey) error { _, err := s.Open(ctx, "", 20); return err }},
	{"open of one", func(ctx context.Context, s *store.Store, _ *journey) error {
		_, err := s.Open(ctx, "U-BOB", 20)
		return err
	}},
	{"open of nobody", func(ctx context.Context, s *store.Store, _ *journey) error {
		_, err := s.Open(ctx, "U-NOBODY", 20)
		return err
	}},
	{"pending", func(ctx context.Context, s *store.Store, j *journey) error {
		_, _, err := s.PendingFor(ctx, "target-7", authz.ThirdParty, false)
		return err
	}},
	{"accepted", func(ctx context.Context, s *store.Store, _ *journey) error {
		if _, err := s.LastAccepted(ctx, "target-7"); err != nil {
			return err
		}
		_, _, err := s.LastRevoke(ctx, "target-7", "REQ-OTHER")
		return err
	}},
	{"forget", func(ctx context.Context, s *store.Store, _ *journey) error { return s.Forget(ctx, 365*24*time.Hour) }},
	{"census", func(ctx context.Context, s *store.Store, _ *journey) error { _, err := s.Census(ctx); return err }},
	{"beat", func(ctx context.Context, s *store.Store, _ *journey) error { _, err := s.Beat(ctx); return err }},
	{"home", func(ctx context.Context, s *store.Store, j *journey) error {
		if err := s.OpenHome(ctx, fmt.Sprint("U-", j.n)); err != nil {
			return err
		}
		if err := s.OweHomes(ctx, j.r.ID); err != nil {
			return err
		}
		all, err := s.DueHomes(ctx, 64)
		for _, h := range all {
			err = errors.Join(err, s.Published(ctx, h, true, bot.Retry{}))
		}
		if err != nil {
			return err
		}
		return s.NoteHomeTab(ctx, "")
	}},
	{"freeze", func(ctx context.Context, s *store.Store, j *journey) error {
		f, err := s.CommitFreeze(ctx, bot.FreezeChange{Freeze: bot.Freeze{By: authz.Asker{EntraID: "entra-alice", SlackID: "U-ALICE"}, BeganAt: time.Now()}, Audit: []bot.Entry{{Action: "frozen"}}})
		if err != nil {
			return err
		}
		if _, _, err := s.Frozen(ctx); err != nil {
			return err
		}
		if _, err := s.LastPulled(ctx, f.By); err != nil {
			return err
		}
		f.EndedAt = time.Now()
		_, err = s.CommitFreeze(ctx, bot.FreezeChange{Freeze: f, Audit: []bot.Entry{{Action: "unfrozen"}}})
		return err
	}},
	{"end", func(ctx context.Context, s *store.Store, j *journey) error {
		r, err := s.Request(ctx, j.r.ID)
		if err != nil {
			return err
		}
		r.DueAt = time.Time{}
		j.r, err = s.Commit(ctx, bot.Change{Request: r})
		if err != nil {
			return err
		}
		return tell(ctx, s, j.r)
	}},
}

func tell(ctx context.Context, s *store.Store, r bot.Request) error {
	t, mine, err := s.ClaimTelling(ctx, r.ID)
	if err != nil {
		return err
	}
	if !mine {
		return fmt.Errorf("nothing is to be told of %s", r.ID)
	}
	_, _, err = s.Told(ctx, t, r.Version, bot.Retry{})
	return err
}

// journey is one request on its way through the steps.
type journey struct {
	n int
	r bot.Request
}

func newJourney(n int) *journey {
	return &journey{n, pending(fmt.Sprint("REQ-", n), fmt.Sprint("fresh-", n))}
}

// BenchmarkHistory compares the cost of the next request after a million finished ones
// and after a thousand. Each step alternates between both stores, so that the machine's
// load affects both alike. A ratio of 1.2 is a fifth more. Run it with -benchtime 300x;
// making the million takes minutes.
func BenchmarkHistory(b *testing.B) {
	for name, open := range map[string]func(testing.TB) world{"sqlite": onSQLite, "postgres": onPostgres} {
		b.Run(name, func(b *testing.B) {
			var worlds [2]world
			for i, n := range []int{1000, 1_000_000} {
				worlds[i] = open(b)
				worlds[i].finish(b, n)
			}
			took := map[string]*[2]latencies{}
			for n := 1; b.Loop(); n++ {
				journeys := [2]*journey{newJourney(n), newJourney(n)}
				for _, step := range steps {
					if took[step.name] == nil {
						took[step.name] = &[2]latencies{}
					}
					for k := range worlds {
						i := (k + n) % 2 // the first one has colder caches
						began := time.Now()
						if err := step.do(context.Background(), worlds[i].Store, journeys[i]); err != nil {
							b.Fatalf("%s: %v", step.name, err)
						}
						took[step.name][i].add(time.Since(began))
					}
				}
			}
			for _, step := range steps {
				few, many := took[step.name][0].quantile(0.5), took[step.name][1].quantile(0.5)
				name := strings.ReplaceAll(step.name, " ", "-")
				b.ReportMetric(many, name+"-µs")
				b.ReportMetric(many/few, name+"-ratio")
			}
		})
	}
}
