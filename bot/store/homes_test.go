package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

func openHome(t testing.TB, s *store.Store, who ...string) {
	t.Helper()
	for _, slackID := range who {
		if err := s.OpenHome(deadline(t), slackID); err != nil {
			t.Fatal(err)
		}
	}
}

func oweHomes(t testing.TB, s *store.Store, request string) {
	t.Helper()
	if err := s.OweHomes(deadline(t), request); err != nil {
		t.Fatal(err)
	}
}

func dueHomes(t testing.TB, s *store.Store) []bot.Home {
	t.Helper()
	all, err := s.DueHomes(deadline(t), 100)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func published(t testing.TB, s *store.Store, h bot.Home, wide bool, retry bot.Retry) {
	t.Helper()
	if err := s.Published(deadline(t), h, wide, retry); err != nil {
		t.Fatal(err)
	}
}

func noteHomeTab(t testing.TB, s *store.Store, code string) {
	t.Helper()
	if err := s.NoteHomeTab(deadline(t), code); err != nil {
		t.Fatal(err)
	}
}

// wantHomes claims what is due and checks whose it is, in any order.
func wantHomes(t testing.TB, s *store.Store, when string, want ...string) []bot.Home {
	t.Helper()
	all := dueHomes(t, s)
	var got []string
	for _, h := range all {
		got = append(got, h.SlackID)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: the Home tabs of %v are due, want %v", when, got, want)
	}
	return all
}

// shownHome opens a Home tab and publishes its view, in which the digest is "view". It
// lets the pause pass.
func shownHome(t testing.TB, s *store.Store, c *clock, who string, wide bool) {
	t.Helper()
	openHome(t, s, who)
	for _, h := range wantHomes(t, s, "opened", who) {
		h.Hash, h.Shown = "hash of "+who, "view"
		published(t, s, h, wide, bot.Retry{})
	}
	c.move(bot.HomePause)
}

func testHome(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	oweHomes(t, s, "")
	wantHomes(t, s, "nobody has opened one")
	openHome(t, s, "U-BOB", "U-BOB", "U-BOB")
	until := c.now().Add(bot.ClaimFor).Truncate(time.Microsecond)
	all := dueHomes(t, s)
	if diff := cmp.Diff([]bot.Home{{SlackID: "U-BOB", OpenedAt: c.now().Truncate(time.Microsecond).UTC(), Until: until}}, all); diff != "" {
		t.Fatalf("opened three times (-want +got):\n%s", diff)
	}
	wantHomes(t, s, "while it is claimed")
	h := all[0]
	h.Hash, h.Shown = "156772938.1827394", "digest"
	stranger := h
	stranger.Until, stranger.Hash = until.Add(-time.Second), "other"
	published(t, s, stranger, false, bot.Retry{})
	wantHomes(t, s, "after a report without the claim")
	published(t, s, h, false, bot.Retry{})
	c.move(bot.HomePause)
	wantHomes(t, s, "published")
	c.move(time.Minute)
	wantHomes(t, s, "a minute later")

	// Opened again: the hash is known, and the view is published even if it is the same.
	openHome(t, s, "U-BOB")
	if all = wantHomes(t, s, "opened again", "U-BOB"); len(all) == 1 && (all[0].Hash != h.Hash || all[0].Shown != "") {
		t.Errorf("opened again: %+v", all[0])
	}
}

func testHomeClaimedOnce(t *testing.T, open opener) {
	s := open(t, newClock().now)
	openHome(t, s, "U-BOB")
	ctx := deadline(t)
	got := make([][]bot.Home, 20)
	claims := 0
	for i, err := range atOnce(len(got), func(i int) (err error) { got[i], err = s.DueHomes(ctx, 10); return err }) {
		if err != nil {
			t.Fatal(err)
		}
		claims += len(got[i])
	}
	if claims != 1 {
		t.Errorf("claimed %d times", claims)
	}
}

func testHomeOrder(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	for _, who := range []string{"U-3", "U-1", "U-2"} {
		openHome(t, s, who)
		c.move(time.Second)
	}
	openHome(t, s, "U-3") // keeps its place
	if all, err := s.DueHomes(deadline(t), 0); err != nil || len(all) > 0 {
		t.Fatalf("none was wanted: %v, %v", all, err)
	}
	if all, err := s.DueHomes(deadline(t), -1); err != nil || len(all) > 0 {
		t.Fatalf("fewer than none were wanted: %v, %v", all, err)
	}
	var got []string
	for n := range 3 {
		all, err := s.DueHomes(deadline(t), 2)
		if err != nil || len(all) != []int{2, 1, 0}[n] {
			t.Fatalf("%v, %v", all, err)
		}
		for _, h := range all {
			got = append(got, h.SlackID)
		}
	}
	if want := []string{"U-3", "U-1", "U-2"}; !slices.Equal(got, want) {
		t.Errorf("claimed %v, want %v", got, want)
	}
}

// Who opens it again and again does not keep the others waiting.
func testHomeTurns(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	openHome(t, s, "U-EAGER")
	for _, h := range wantHomes(t, s, "opened", "U-EAGER") {
		openHome(t, s, "U-OTHER")
		c.move(time.Second)
		openHome(t, s, "U-EAGER")
		published(t, s, h, false, bot.Retry{})
	}
	c.move(bot.HomePause)
	if all, err := s.DueHomes(deadline(t), 1); err != nil || len(all) != 1 || all[0].SlackID != "U-OTHER" {
		t.Errorf("first: %v, %v", all, err)
	}
}

// Two calls for one person are HomePause apart, even if the first has failed. A view that
// was put off waits no longer than its Retry says.
func testHomePause(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	for name, one := range map[string]struct {
		retry bot.Retry
		wait  time.Duration
	}{
		"published": {wait: bot.HomePause},
		"failed":    {retry: bot.Retry{At: c.now().Add(time.Second)}, wait: bot.HomePause},
		"put off":   {retry: bot.Retry{At: c.now().Add(time.Second), PutOff: true}, wait: time.Second},
	} {
		who := "U-" + name
		began := c.now()
		if !one.retry.At.IsZero() {
			one.retry.At = began.Add(time.Second)
		}
		openHome(t, s, who)
		for _, h := range wantHomes(t, s, name, who) {
			published(t, s, h, false, one.retry)
		}
		if name == "published" {
			openHome(t, s, who)
		}
		c.move(one.wait - time.Microsecond)
		wantHomes(t, s, name+": too early")
		c.move(2 * time.Microsecond) // the clock has nanoseconds
		for _, h := range wantHomes(t, s, name+": after the pause", who) {
			published(t, s, h, false, bot.Retry{})
		}
	}
}

// The clock does not move: a time alone could not tell what was first.
func testHomeOwedAgain(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	create(t, s, pending("REQ-ACDEFG", "carol"))
	shownHome(t, s, c, "U-BOB", false)
	oweHomes(t, s, "REQ-ACDEFG")
	for _, h := range wantHomes(t, s, "its request has changed", "U-BOB") {
		if h.Hash != "hash of U-BOB" || h.Shown != "view" {
			t.Errorf("claimed %+v", h)
		}
		oweHomes(t, s, "REQ-ACDEFG")
		h.Shown = "next view"
		published(t, s, h, false, bot.Retry{})
	}
	wantHomes(t, s, "in the pause")
	c.move(bot.HomePause)
	for _, h := range wantHomes(t, s, "owed again", "U-BOB") {
		if h.Shown != "next view" {
			t.Errorf("claimed %+v", h)
		}
		published(t, s, h, false, bot.Retry{})
	}
	c.move(bot.HomePause)
	wantHomes(t, s, "published twice")
}

// Whether Slack got the view before or after somebody replaced it is not known.
func testHomeOpenedAgain(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	shownHome(t, s, c, "U-BOB", true)
	oweHomes(t, s, "")
	for _, h := range wantHomes(t, s, "something else waits", "U-BOB") {
		openHome(t, s, "U-BOB")
		oweHomes(t, s, "")
		published(t, s, h, true, bot.Retry{})
	}
	c.move(bot.HomePause)
	for _, h := range wantHomes(t, s, "opened again", "U-BOB") {
		if h.Shown != "" {
			t.Errorf("the same view would not be published: %+v", h)
		}
	}
}

// A claim that lapses leaves the view owed. It may have been published.
func testHomeLapses(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	shownHome(t, s, c, "U-BOB", true)
	oweHomes(t, s, "")
	lost := wantHomes(t, s, "something else waits", "U-BOB")
	c.move(bot.ClaimFor - time.Millisecond)
	wantHomes(t, s, "still claimed")
	c.move(time.Millisecond)
	again := wantHomes(t, s, "the claim has lapsed", "U-BOB")
	if len(lost) != 1 || len(again) != 1 {
		t.FailNow()
	}
	if again[0].Shown != "" || again[0].Hash != "hash of U-BOB" {
		t.Errorf("claimed %+v", again[0])
	}
	published(t, s, lost[0], true, bot.Retry{}) // late
	c.move(bot.ClaimFor)
	if again = wantHomes(t, s, "the late one changed nothing", "U-BOB"); len(again) != 1 || again[0].Shown != "" {
		t.Errorf("claimed %+v", again)
	}
	// Owed after the claim has lapsed, before its owner reports.
	c.move(bot.ClaimFor)
	oweHomes(t, s, "")
	published(t, s, again[0], true, bot.Retry{})
	c.move(bot.HomePause)
	wantHomes(t, s, "owed after the lapse", "U-BOB")
}

func testHomeRetry(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	openHome(t, s, "U-BOB")
	for _, h := range wantHomes(t, s, "opened", "U-BOB") {
		h.Hash = "the other hash"
		oweHomes(t, s, "")
		published(t, s, h, false, bot.Retry{At: c.now().Add(time.Minute)})
	}
	c.move(time.Minute - time.Millisecond)
	wantHomes(t, s, "before the retry")
	c.move(time.Millisecond)
	for _, h := range wantHomes(t, s, "the retry", "U-BOB") {
		if h.Hash != "the other hash" || h.Shown != "" {
			t.Errorf("claimed %+v", h)
		}
		published(t, s, h, false, bot.Retry{At: c.now().Add(time.Minute)})
	}
	c.move(bot.HomePause)
	openHome(t, s, "U-BOB") // does not wait for the retry
	wantHomes(t, s, "opened before the retry", "U-BOB")
}

// A request concerns all who asked for it and those who see all that waits.
func testHomesOfARequest(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	r := pending("REQ-ACDEFG", "carol")
	r.Askers = append(r.Askers, authz.Asker{SlackID: "U-DAVE"}, authz.Asker{SlackID: "U-NO-HOME"})
	r = create(t, s, r)
	r.Askers = append(r.Askers, authz.Asker{SlackID: "U-JOINED"})
	commit(t, s, bot.Change{Request: r})
	other := pending("REQ-OTHER", "erin")
	other.Askers = []authz.Asker{{SlackID: "U-OTHER"}}
	create(t, s, other)
	for who, wide := range map[string]bool{"U-BOB": false, "U-DAVE": false, "U-JOINED": false, "U-OTHER": false, "U-ALICE": true, "U-NOBODY": false} {
		shownHome(t, s, c, who, wide)
	}
	// again publishes what is due.
	again := func(when string, want ...string) {
		t.Helper()
		for _, h := range wantHomes(t, s, when, want...) {
			published(t, s, h, h.SlackID == "U-ALICE", bot.Retry{})
		}
		c.move(bot.HomePause)
	}
	again("nothing has changed")
	oweHomes(t, s, "REQ-ACDEFG")
	again("a request", "U-ALICE", "U-BOB", "U-DAVE", "U-JOINED")
	oweHomes(t, s, "REQ-OTHER")
	again("the other request", "U-ALICE", "U-OTHER")
	oweHomes(t, s, "")
	again("no request", "U-ALICE")
	oweHomes(t, s, "REQ-UNKNOWN")
	again("an unknown request", "U-ALICE")
	// An approver who is none any more.
	openHome(t, s, "U-ALICE")
	for _, h := range wantHomes(t, s, "opened", "U-ALICE") {
		published(t, s, h, false, bot.Retry{})
	}
	c.move(bot.HomePause)
	oweHomes(t, s, "")
	again("nobody sees all that waits")

	c.move(bot.HomeLife - time.Minute)
	openHome(t, s, "U-DAVE")
	again("opened", "U-DAVE")
	c.move(time.Minute)
	oweHomes(t, s, "REQ-ACDEFG")
	again("an hour later", "U-DAVE")
}

// The first view of an approver is being published when a request is stored: the view may
// not list it.
func testHomeBecomesWide(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	openHome(t, s, "U-ALICE")
	for _, h := range wantHomes(t, s, "opened", "U-ALICE") {
		create(t, s, pending("REQ-ACDEFG", "carol"))
		oweHomes(t, s, "REQ-ACDEFG")
		published(t, s, h, true, bot.Retry{})
	}
	c.move(bot.HomePause)
	wantHomes(t, s, "the request came in between", "U-ALICE")
}

// What waits for approvers does not stay in a tab that nobody corrects.
func testHomeCloses(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	shownHome(t, s, c, "U-BOB", false)
	shownHome(t, s, c, "U-ALICE", true)
	c.move(bot.HomeLife - bot.HomeCloses - 2*bot.HomePause)
	wantHomes(t, s, "before it closes")
	c.move(2 * bot.HomePause)
	for _, h := range wantHomes(t, s, "it closes", "U-ALICE") {
		if !h.Wide || c.now().Before(h.OpenedAt.Add(bot.HomeLife-bot.HomeCloses)) {
			t.Errorf("claimed %+v", h)
		}
		published(t, s, h, false, bot.Retry{})
	}
	c.move(bot.HomePause)
	wantHomes(t, s, "it is closed")
}

func testHomeTabRefused(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	want := func(code string, at time.Time) {
		t.Helper()
		got, noted, err := s.HomeTab(deadline(t))
		if err != nil || got != code || !noted.Equal(at) {
			t.Errorf("noted %q at %s, %v; want %q at %s", got, noted, err, code, at)
		}
	}
	want("", time.Time{})
	noteHomeTab(t, s, "")
	taken := c.now().Truncate(time.Microsecond)
	c.move(time.Second)
	noteHomeTab(t, s, "") // is known
	want("", taken)
	for range 2 {
		noteHomeTab(t, s, "not_enabled")
		refused := c.now().Truncate(time.Microsecond)
		want("not_enabled", refused)
		c.move(30 * time.Minute)
		openHome(t, s, "U-BOB")
		wantHomes(t, s, "refused")
		c.set(refused.Add(bot.HomeRefusedFor - time.Microsecond))
		wantHomes(t, s, "refused for less than an hour")
		c.move(time.Microsecond)
		for _, h := range wantHomes(t, s, "tried again", "U-BOB") {
			published(t, s, h, false, bot.Retry{})
		}
	}
	c.move(bot.HomePause)
	noteHomeTab(t, s, "not_enabled")
	openHome(t, s, "U-BOB")
	wantHomes(t, s, "refused again")
	noteHomeTab(t, s, "")
	want("", c.now().Truncate(time.Microsecond))
	wantHomes(t, s, "Slack takes them", "U-BOB")
}

func testHomeForgotten(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	shownHome(t, s, c, "U-GONE", true)
	openHome(t, s, "U-OWED")
	c.move(bot.HomeLife - bot.HomePause)
	openHome(t, s, "U-NEW")
	forget(t, s, 0) // U-GONE opened it an hour ago, no longer
	c.move(2 * time.Microsecond)
	oweHomes(t, s, "")
	wantHomes(t, s, "after an hour", "U-NEW", "U-OWED")
	c.move(bot.HomePause)
	forget(t, s, 0)
	// Nothing is known of those who open it again.
	openHome(t, s, "U-GONE", "U-OWED")
	for _, h := range wantHomes(t, s, "opened again", "U-GONE", "U-OWED") {
		if h.Hash != "" || h.Shown != "" {
			t.Errorf("remembered: %+v", h)
		}
	}
}

func testHomeCancelled(t *testing.T, open opener) {
	s := open(t, newClock().now)
	openHome(t, s, "U-BOB")
	ctx, cancel := context.WithCancel(deadline(t))
	cancel()
	_, due := s.DueHomes(ctx, 10)
	_, _, tab := s.HomeTab(ctx)
	for name, err := range map[string]error{
		"OpenHome": s.OpenHome(ctx, "U-DAVE"), "OweHomes": s.OweHomes(ctx, ""), "DueHomes": due, "HomeTab": tab,
		"Published": s.Published(ctx, bot.Home{SlackID: "U-BOB"}, true, bot.Retry{}), "NoteHomeTab": s.NoteHomeTab(ctx, "not_enabled"),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantHomes(t, s, "nothing was stored", "U-BOB")
}

// While no Home tab is open or due, nothing waits for the write lock.
func TestHomes_IdleTakesNoWriteLock(t *testing.T) {
	c := newClock()
	s := openSQLite(t, c.now)
	noteHomeTab(t, s, "")
	openHome(t, s, "U-BOB")
	for _, h := range dueHomes(t, s) {
		published(t, s, h, false, bot.Retry{})
	}
	do(t, bypass(t, s), `BEGIN IMMEDIATE`)
	ctx, cancel := context.WithTimeout(deadline(t), 500*time.Millisecond)
	defer cancel()
	all, err := s.DueHomes(ctx, 10)
	for name, err := range map[string]error{
		"DueHomes": err, "OweHomes": s.OweHomes(ctx, "REQ-ACDEFG"), "NoteHomeTab": s.NoteHomeTab(ctx, ""),
	} {
		if err != nil || len(all) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A start on SQLite frees the claims of the process that is gone.
func TestHomes_ClaimsOfAProcessThatIsGone(t *testing.T) {
	c, path := newClock(), newPath(t)
	s, err := store.Open(deadline(t), "sqlite:"+path, store.Options{Now: c.now, Exclusive: true})
	must0(t, err)
	shownHome(t, s, c, "U-BOB", true)
	shownHome(t, s, c, "U-DAVE", false)
	oweHomes(t, s, "")
	wantHomes(t, s, "something else waits", "U-BOB")
	closeStore(t, s)
	s = openAt(t, path, store.Options{Now: c.now, Exclusive: true})
	for _, h := range wantHomes(t, s, "after the start", "U-BOB") {
		if h.Shown != "" {
			t.Errorf("it may have published another view: %+v", h)
		}
	}
}

// One person's events do not grow the table.
func TestHomes_OneRowAPerson(t *testing.T) {
	s := openSQLite(t, newClock().now)
	for range 100 {
		openHome(t, s, "U-BOB")
	}
	if n := value[int](t, bypass(t, s), `SELECT count(*) FROM homes`); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// Several stores owe views to the same people at once, and none deadlocks.
func TestHomes_OwedBySeveralStores(t *testing.T) {
	t.Parallel()
	stores, _ := openSeveral(t, 3)
	const people = 30
	for i := range people {
		openHome(t, stores[0], fmt.Sprint("U-", i))
	}
	for _, h := range dueHomes(t, stores[0]) {
		published(t, stores[0], h, true, bot.Retry{At: stores[0].Now(), PutOff: true})
	}
	ctx := deadline(t)
	for _, err := range atOnce(24, func(i int) error {
		for range 10 {
			if err := stores[i%3].OweHomes(ctx, ""); err != nil {
				return err
			}
			if err := stores[i%3].OpenHome(ctx, fmt.Sprint("U-", i)); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if all := dueHomes(t, stores[1]); len(all) != people {
		t.Errorf("%d are due, want %d", len(all), people)
	}
}

// schemaFive is what a program of schema 5 has made, on either database, and stores as
// long as it runs beside this one.
func schemaFive(t *testing.T, folder string, versions ...int) (made string, stores func(id string) string) {
	t.Helper()
	for _, v := range versions {
		schema, err := os.ReadFile(fmt.Sprintf("schema/%s/%04d.sql", folder, v))
		must0(t, err)
		made += string(schema) + ";\n"
	}
	return made, func(id string) string {
		return strings.NewReplacer("REQUEST", id, "AT", fmt.Sprint(noon.UnixMicro())).Replace(`
			INSERT INTO requests (id, version, state, lane, drill, target_id, body, created_at, due_at, claimed_until, told, tell_due_at,
				tell_claimed_until, tell_tries, changed_at, asked_by) VALUES ('REQUEST', 1, 'pending', 'third_party', 0, 'target of REQUEST',
				'{"lane":"third_party","askers":[{"SlackID":"U-BOB"}],"target":{"ID":"target of REQUEST"}}', AT, AT, 0, 1, NULL, 0, 0, AT, 'U-BOB');
			INSERT INTO askers (slack_id, request_id) VALUES ('U-BOB', 'REQUEST')`)
	}
}

// testFromFive checks a database of schema 5 after its upgrade.
func testFromFive(t *testing.T, s *store.Store, c *clock, beside func(id string)) {
	t.Helper()
	if got := stored(t, s, "REQ-OLD"); got.State != bot.Pending || got.Askers[0].SlackID != "U-BOB" {
		t.Errorf("kept: %+v", got)
	}
	if code, at, err := s.HomeTab(deadline(t)); code != "" || !at.IsZero() || err != nil {
		t.Errorf("HomeTab: %q, %s, %v", code, at, err)
	}
	shownHome(t, s, c, "U-BOB", false)
	beside("REQ-BESIDE")
	for _, id := range []string{"REQ-OLD", "REQ-BESIDE"} {
		oweHomes(t, s, id)
		for _, h := range wantHomes(t, s, id, "U-BOB") {
			published(t, s, h, false, bot.Retry{})
		}
		c.move(bot.HomePause)
	}
}

func TestMigrate_FromVersionFive(t *testing.T) {
	path := newPath(t)
	db, err := sql.Open("sqlite", "file:"+path)
	must0(t, err)
	made, stores := schemaFive(t, "sqlite", 1, 2, 3, 4, 5)
	_, err = db.ExecContext(deadline(t), made+`PRAGMA user_version = 5;`+stores("REQ-OLD"))
	must0(t, errors.Join(err, db.Close()))
	c := newClock()
	s := openAt(t, path, store.Options{Now: c.now, Exclusive: true})
	raw := bypass(t, s)
	if v := value[int](t, raw, `PRAGMA user_version`); v != 6 {
		t.Errorf("user_version %d", v)
	}
	testFromFive(t, s, c, func(id string) { do(t, raw, stores(id)) })
}

func TestMigratePostgres_FromVersionFive(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, shared(t))
	raw := past(t, url)
	made, stores := schemaFive(t, "postgres", 3, 4, 5)
	_, err := raw.Exec(deadline(t), made+`
		CREATE TABLE schema_version (id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL, oldest BIGINT NOT NULL);
		INSERT INTO schema_version VALUES (1, 5, 3);`+stores("REQ-OLD"))
	must0(t, err)
	c := newClock()
	s := openURL(t, url, store.Options{Now: c.now, Exclusive: true})
	testFromFive(t, s, c, func(id string) {
		_, err := raw.Exec(deadline(t), stores(id))
		must0(t, err)
	})
	// A program of schema 5 may start on it.
	var version, oldest int
	must0(t, raw.QueryRow(deadline(t), `SELECT version, oldest FROM schema_version`).Scan(&version, &oldest))
	if version != 6 || oldest > 5 {
		t.Errorf("version %d, which %d can read", version, oldest)
	}
}
