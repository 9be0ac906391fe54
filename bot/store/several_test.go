package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// The contract for concurrent callers also holds across processes: here, several stores
// on one database with the database's clock.

func openSeveral(t *testing.T, n int) (stores []*store.Store, url string) {
	t.Helper()
	url = newDatabase(t, shared(t))
	for range n {
		stores = append(stores, openURL(t, url, store.Options{}))
	}
	return stores, url
}

func TestDue_SeveralStoresClaimOnce(t *testing.T) {
	t.Parallel()
	stores, url := openSeveral(t, 2)
	const rows, lookers = 40, 10
	for i := range rows {
		receive(t, stores[0], arrival(i))
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		r.DueAt = r.CreatedAt
		create(t, stores[0], r)
		announce(t, stores[0], notice(fmt.Sprint("key-", i)))
		openHome(t, stores[0], fmt.Sprint("U-", i))
	}
	raw := past(t, url)
	if _, err := raw.Exec(deadline(t), `UPDATE arrivals SET claimed_until = 0`); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	var mu sync.Mutex
	seen := map[string]int{}
	most := 0
	for i, err := range atOnce(lookers, func(i int) error {
		// Each takes a few at a time, until nothing is left.
		for {
			w, err := stores[i%2].Due(ctx, 3)
			if err != nil {
				return err
			}
			homes, err := stores[i%2].DueHomes(ctx, 3)
			if err != nil {
				return err
			}
			mu.Lock()
			for _, a := range w.Arrivals {
				seen[a.Envelope]++
			}
			for _, r := range w.Drive {
				seen[r.ID]++
			}
			for _, n := range w.Notices {
				seen[n.Key]++
			}
			for _, h := range homes {
				seen[h.SlackID]++
			}
			most = max(most, len(w.Arrivals), len(w.Drive), len(w.Notices), len(homes))
			mu.Unlock()
			if len(w.Arrivals)+len(w.Drive)+len(w.Notices)+len(homes) == 0 {
				return nil
			}
		}
	}) {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if len(seen) != 4*rows || most != 3 {
		t.Errorf("%d rows claimed, at most %d at a time; want %d and 3", len(seen), most, 4*rows)
	}
	for row, n := range seen {
		if n != 1 {
			t.Errorf("%s was claimed %d times", row, n)
		}
	}
}

// Due does not wait for rows that others claim or change.
func TestDue_SkipsLockedRows(t *testing.T) {
	t.Parallel()
	stores, url := openSeveral(t, 1)
	s := stores[0]
	for i := range 2 {
		receive(t, s, arrival(i))
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		r.DueAt = r.CreatedAt
		create(t, s, r)
		announce(t, s, notice(fmt.Sprint("key-", i)))
		openHome(t, s, fmt.Sprint("U-", i))
	}
	raw := past(t, url)
	for _, query := range []string{
		`UPDATE arrivals SET claimed_until = 0`, `BEGIN`,
		`SELECT 1 FROM arrivals WHERE envelope = 'envelope-0' FOR UPDATE`,
		`SELECT 1 FROM requests WHERE id = 'REQ-0' FOR UPDATE`,
		`SELECT 1 FROM notices WHERE key = 'key-0' FOR UPDATE`,
		`SELECT 1 FROM homes WHERE slack_id = 'U-0' FOR UPDATE`,
	} {
		if _, err := raw.Exec(deadline(t), query); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(deadline(t), 2*time.Second)
	defer cancel()
	w, err := s.Due(ctx, 10)
	if err != nil {
		t.Fatalf("while another has rows locked: %v", err)
	}
	if len(w.Arrivals) != 1 || len(w.Drive) != 1 || len(w.Notices) != 1 {
		t.Errorf("claimed %d arrivals, %d requests and %d notices beside the locked ones, want one of each", len(w.Arrivals), len(w.Drive), len(w.Notices))
	}
	if homes, err := s.DueHomes(ctx, 10); err != nil || len(homes) != 1 {
		t.Errorf("claimed %v beside a locked Home tab, %v", homes, err)
	}
}

func TestCommit_SeveralStoresDecideOnce(t *testing.T) {
	t.Parallel()
	stores, _ := openSeveral(t, 3)
	ctx := deadline(t)
	for round := range 20 {
		r := create(t, stores[0], pending(fmt.Sprint("REQ-", round), "carol"))
		winner := oneWinner(t, atOnce(12, func(i int) error {
			mine := r
			mine.State = bot.Approved
			mine.Decisions = []bot.Verdict{{SlackID: fmt.Sprint("U", i)}}
			_, err := stores[i%3].Commit(ctx, bot.Change{Request: mine, Audit: []bot.Entry{{Action: "approved", Request: r.ID}}})
			return err
		}), bot.ErrConflict)
		if got := stored(t, stores[2], r.ID); got.Version != 2 || got.Decisions[0].SlackID != fmt.Sprint("U", winner) {
			t.Fatalf("version %d, decided by %s, want 2 by U%d", got.Version, got.Decisions[0].SlackID, winner)
		}
	}
	for round := range 20 {
		target := fmt.Sprint("target-", round)
		oneWinner(t, atOnce(12, func(i int) error {
			r := pending(fmt.Sprintf("REQ-%d-%d", round, i), target)
			_, err := stores[i%3].Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}})
			return err
		}), bot.ErrTaken)
	}
	if rows := chain(t, stores[0], ""); len(rows) != 60 {
		t.Errorf("%d audit rows, want 60", len(rows))
	}
}

// One delivery on the sockets of two processes is one arrival.
func TestReceive_SeveralStoresOnce(t *testing.T) {
	t.Parallel()
	stores, _ := openSeveral(t, 3)
	ctx := deadline(t)
	for round := range 20 {
		fresh := make([]bool, 12)
		for i, err := range atOnce(len(fresh), func(i int) (err error) {
			_, fresh[i], err = stores[i%3].Receive(ctx, arrival(round))
			return err
		}) {
			if err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
		n := 0
		for _, f := range fresh {
			if f {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("the same envelope was new %d times", n)
		}
	}
}

func TestLimit_SharedBySeveralStores(t *testing.T) {
	t.Parallel()
	stores, _ := openSeveral(t, 3)
	ctx := deadline(t)
	const limit = 5
	let := 0
	for i, err := range atOnce(45, func(i int) error {
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		_, err := stores[i%3].Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}, Uses: []bot.Use{use(bot.Total, "", limit, time.Hour)}})
		return err
	}) {
		if _, full := errors.AsType[*bot.LimitError](err); err != nil && !full {
			t.Fatalf("%d: %v", i, err)
		}
		if err == nil {
			let++
		}
	}
	if rows := chain(t, stores[0], ""); let != limit || len(rows) != limit {
		t.Errorf("%d were let through and %d audit rows stored, want %d", let, len(rows), limit)
	}
}

// After one process has stored a freeze, no other stores a fenced change. Fenced changes
// stored earlier come before it in the chain.
func TestFreeze_FencesSeveralStores(t *testing.T) {
	t.Parallel()
	stores, _ := openSeveral(t, 3)
	ctx := deadline(t)
	c := &clock{at: time.Now()}
	const commits = 30
	for round := range 5 {
		requests := make([]bot.Request, commits+1)
		for i := range requests {
			requests[i] = create(t, stores[i%3], pending(fmt.Sprintf("REQ-%d-%d", round, i), fmt.Sprintf("target-%d-%d", round, i)))
		}
		head, err := stores[0].Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		let := 0
		for i, err := range atOnce(len(requests), func(i int) error {
			s := stores[i%3]
			if i == commits/2 {
				_, err := s.CommitFreeze(ctx, bot.FreezeChange{Freeze: freezeOf(c), Audit: []bot.Entry{{Action: "frozen"}}})
				return err
			}
			for r := requests[i]; ; {
				r.State = bot.Approved
				_, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{{Action: "approved", Request: r.ID}}, Fenced: true})
				if !errors.Is(err, bot.ErrConflict) {
					return err
				}
				if r, err = s.Request(ctx, r.ID); err != nil {
					return err
				}
			}
		}) {
			switch {
			case i != commits/2 && err == nil:
				let++
			case err != nil && !errors.Is(err, bot.ErrFrozen):
				t.Fatalf("%d: %v", i, err)
			}
		}
		rows := chain(t, stores[0], "")[head.Seq:]
		if len(rows) != let+1 || rows[let].Action != "frozen" {
			t.Errorf("%d commits were let through, and after the freeze there are rows: %v", let, rows)
		}
		f, _, err := stores[1].Frozen(ctx)
		if err != nil {
			t.Fatal(err)
		}
		unfreeze(t, stores[2], c, f)
	}
}

// A fenced change under way when a freeze begins is stored before it. One that begins
// while the freeze is being stored is refused, even for a new request, which the freeze
// cannot have touched.
func TestFreeze_AndRunningCommits(t *testing.T) {
	t.Parallel()
	for _, freezeFirst := range []bool{true, false} {
		t.Run(fmt.Sprint("freeze first ", freezeFirst), func(t *testing.T) {
			t.Parallel()
			stores, url := openSeveral(t, 2)
			raw := past(t, url)
			do := func(query string) {
				t.Helper()
				if _, err := raw.Exec(deadline(t), query); err != nil {
					t.Fatal(err)
				}
			}
			ctx := deadline(t)
			acts := map[string]func() error{
				"frozen": func() error {
					_, err := stores[0].CommitFreeze(ctx, bot.FreezeChange{Freeze: freezeOf(newClock()), Audit: []bot.Entry{{Action: "frozen"}}})
					return err
				},
				"approved": func() error {
					r := pending("REQ-ACDEFG", "carol")
					r.State = bot.Approved
					_, err := stores[1].Commit(ctx, bot.Change{Request: r, Fenced: true, Audit: []bot.Entry{{Action: "approved", Request: r.ID}}})
					return err
				},
			}
			order := []string{"approved", "frozen"}
			if freezeFirst {
				order = []string{"frozen", "approved"}
			}
			// All wait for the head, or for each other.
			do(`BEGIN`)
			do(`SELECT 1 FROM audit_head FOR UPDATE`)
			answers := map[string]chan error{}
			for i, name := range order {
				answers[name] = make(chan error, 1)
				go func() { answers[name] <- acts[name]() }()
				untilWaiting(t, url, i+1)
			}
			do(`ROLLBACK`)
			if err := <-answers["frozen"]; err != nil {
				t.Fatal(err)
			}
			err := <-answers["approved"]
			if freezeFirst != errors.Is(err, bot.ErrFrozen) || !freezeFirst && err != nil {
				t.Errorf("the change: %v", err)
			}
			rows := chain(t, stores[0], "")
			if rows[len(rows)-1].Action != "frozen" {
				t.Errorf("after the freeze there are rows: %v", rows)
			}
		})
	}
}

// Thirty-two writers on three stores leave a chain without gaps, and the rows of a
// commit are adjacent.
func TestChain_SeveralStoresWriteIt(t *testing.T) {
	t.Parallel()
	stores, _ := openSeveral(t, 3)
	ctx := deadline(t)
	const writers, each = 32, 15
	for i, err := range atOnce(writers, func(i int) error {
		s := stores[i%3]
		for n := range each {
			r := pending(fmt.Sprintf("REQ-%d-%d", i, n), fmt.Sprintf("target-%d-%d", i, n))
			r, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r), {Action: "joined", Request: r.ID}}})
			if err != nil {
				return err
			}
			r.State = bot.Approved
			if _, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{{Action: "approved", Request: r.ID}}}); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Fatalf("writer %d: %v", i, err)
		}
	}
	rows := chain(t, stores[1], "") // checks that every link fits
	if len(rows) != writers*each*3 {
		t.Fatalf("%d rows, want %d", len(rows), writers*each*3)
	}
	state := map[string]string{}
	for i, row := range rows {
		want := map[string]string{"": "requested", "requested": "joined", "joined": "approved"}[state[row.Request]]
		if row.Action != want || row.Action == "joined" && rows[i-1].Request != row.Request {
			t.Fatalf("row %d is %s of %s after %q", i+1, row.Action, row.Request, state[row.Request])
		}
		state[row.Request] = row.Action
	}
}

// Replicas erase the same words at the same moment.
func TestForget_SeveralStoresAtOnce(t *testing.T) {
	t.Parallel()
	stores, url := openSeveral(t, 3)
	const n = 300
	for i := range n {
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		r.DueAt = time.Time{}
		create(t, stores[0], r)
		receive(t, stores[0], arrival(i))
		announce(t, stores[0], notice(fmt.Sprint("key-", i)))
	}
	raw := past(t, url)
	for _, query := range []string{
		`UPDATE requests SET changed_at = changed_at - 100 * 24 * 3600 * 1000000::bigint`,
		`UPDATE arrivals SET due_at = NULL, received_at = received_at - 100 * 24 * 3600 * 1000000::bigint WHERE id % 2 = 0`,
		`UPDATE arrivals SET due_at = NULL, received_at = received_at - 24 * 3600 * 1000000::bigint WHERE id % 2 = 1`,
		`UPDATE notices SET due_at = NULL, posted_at = 0`,
	} {
		if _, err := raw.Exec(deadline(t), query); err != nil {
			t.Fatal(err)
		}
	}
	ctx := deadline(t)
	for i, err := range atOnce(9, func(i int) error { return stores[i%3].Forget(ctx, month) }) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	var words, arrivals, secrets, notices int
	if err := raw.QueryRow(ctx, `SELECT (SELECT count(*) FROM words), (SELECT count(*) FROM arrivals),
		(SELECT count(*) FROM arrivals WHERE response_url IS NOT NULL OR body <> ''), (SELECT count(*) FROM notices)`).Scan(&words, &arrivals, &secrets, &notices); err != nil {
		t.Fatal(err)
	}
	if words != 0 || arrivals != n/2 || secrets != 0 || notices != 0 {
		t.Errorf("left: %d words, %d arrivals, %d of them with secrets, %d notices; want none, %d, none, none", words, arrivals, secrets, notices, n/2)
	}
	chain(t, stores[0], "")
}

// Each replica counts those with a recent beat; one that leaves is not waited for.
func TestBeat_CountsSeveralStores(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	beat := func(s *store.Store, want int) {
		t.Helper()
		if live, err := s.Beat(deadline(t)); err != nil || live != want {
			t.Errorf("%d live, %v; want %d", live, err, want)
		}
	}
	stays := openURL(t, url, store.Options{Exclusive: true})
	beat(stays, 1)
	goes, err := store.Open(deadline(t), url, store.Options{Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	beat(goes, 2)
	beat(stays, 2)
	closeStore(t, goes)
	beat(stays, 1)

	// A killed one does not leave.
	if _, err := past(t, url).Exec(deadline(t), `INSERT INTO replicas (name, seen_at) SELECT 'killed', seen_at - 16 * 1000000 FROM replicas`); err != nil {
		t.Fatal(err)
	}
	beat(stays, 1)
	beside := openURL(t, url, store.Options{Beside: true})
	beat(beside, 1) // the command line is no replica
	beat(stays, 1)
}
