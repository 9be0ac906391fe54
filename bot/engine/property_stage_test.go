package engine_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/engine"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph"
)

// handClock moves only when a test moves it. Everybody uses it.
type handClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *handClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *handClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// noticed is a store that signals each write, because every piece of work ends with
// one. It also records the requests on which a worker was overtaken: that worker gives
// up, and the request stays claimed.
type noticed struct {
	*store.Store
	wrote     chan struct{}
	now       func() time.Time
	mu        *sync.Mutex
	overtaken map[string]time.Time
}

func (n noticed) note() {
	select {
	case n.wrote <- struct{}{}:
	default:
	}
}

func (n noticed) Commit(ctx context.Context, c bot.Change) (bot.Request, error) {
	defer n.note()
	r, err := n.Store.Commit(ctx, c)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err == nil {
		delete(n.overtaken, c.Request.ID)
	} else if errors.Is(err, bot.ErrConflict) && c.Settles == 0 {
		n.overtaken[c.Request.ID] = n.now()
	}
	return r, err
}

func (n noticed) Record(ctx context.Context, settles int64, entries ...bot.Entry) error {
	defer n.note()
	return n.Store.Record(ctx, settles, entries...)
}

func (n noticed) CommitFreeze(ctx context.Context, c bot.FreezeChange) (bot.Freeze, error) {
	defer n.note()
	return n.Store.CommitFreeze(ctx, c)
}

func (n noticed) Told(ctx context.Context, t bot.Telling, version int64, retry bot.Retry) (bot.Telling, bool, error) {
	defer n.note()
	return n.Store.Told(ctx, t, version, retry)
}

func (n noticed) Announced(ctx context.Context, notice bot.Notice, retry bot.Retry) error {
	defer n.note()
	return n.Store.Announced(ctx, notice, retry)
}

// defects is a log handler that takes every error for a defect, except those that
// refusals of Microsoft cause. They come with a remedy, or leave too few approvers.
type defects struct {
	slog.Handler
	mu    *sync.Mutex
	found *[]string
}

func (d defects) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

func (d defects) WithAttrs([]slog.Attr) slog.Handler { return d }

func (d defects) Handle(_ context.Context, r slog.Record) error {
	text, expected := r.Message, r.Message == "too few approvers could decide"
	r.Attrs(func(a slog.Attr) bool {
		expected = expected || a.Key == "remedy" || a.Key == "panic" && a.Value.String() == fmt.Sprintf("%T", died{})
		text += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	if !expected {
		d.mu.Lock()
		*d.found = append(*d.found, text)
		d.mu.Unlock()
	}
	return nil
}

// stage is the whole bot without the socket and the Graph SDK.
type stage struct {
	clock  *handClock
	town   *town
	policy authz.Policy
	slack  *slacktest.Server
	entra  *entra
	store  noticed
	peek   *sql.DB // the same database, for reading
	bot    *engine.Bot

	askEvery time.Duration
	folder   string
	http     *http.Transport
	end      func() // ends the running bot
	mu       sync.Mutex
	broken   []string // what the bot logged as an error
	acts     int      // numbers envelopes
}

// newStage is a stage without a limit on how fast people may act.
func newStage(folder string, w *town, policy authz.Policy, clock *handClock) (*stage, error) {
	return newStageWith(folder, w, policy, clock, slacktest.Config{NoRateLimits: "the clock stands until a test moves it"}, 0)
}

// newStageWith is newStage with another Slack, and with a pace at which one person may
// ask.
func newStageWith(folder string, w *town, policy authz.Policy, clock *handClock, config slacktest.Config, askEvery time.Duration) (*stage, error) {
	s := &stage{clock: clock, town: w, policy: policy, askEvery: askEvery, http: &http.Transport{}, end: func() {}}
	config.Now = clock.now
	var err error
	if s.folder, err = os.MkdirTemp(folder, "case"); err != nil {
		return nil, err
	}
	if s.slack, err = slacktest.Start(config); err != nil {
		return nil, err
	}
	w.settle(s.slack)
	s.slack.AddChannel(slacktest.Channel{ID: channelOfCards, Name: "security", BotIsMember: true})
	s.entra = &entra{town: w, now: clock.now, caller: s.caller}
	path := filepath.Join(s.folder, "bot.db")
	opened, err := store.Open(context.Background(), "sqlite:"+path, store.Options{Now: clock.now})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.store = noticed{opened, make(chan struct{}, 1), clock.now, &sync.Mutex{}, map[string]time.Time{}}
	if s.peek, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)"); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.start(policy); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// start stops the running bot in good order, and runs another one on the same store.
func (s *stage) start(policy authz.Policy) error {
	s.end()
	s.end, s.policy = func() {}, policy
	client, home, err := connect(context.Background(), s.slack, s.http)
	if err != nil {
		return err
	}
	timing := bot.DefaultTiming()
	timing.Heartbeat = 0 // only the acts of people may notice an outage
	timing.Tick = time.Millisecond
	timing.AskEvery = s.askEvery
	s.bot = engine.New(bot.Config{
		Home: home, Channel: channelOfCards, Policy: policy, Operation: graph.InvalidateAllRefreshTokens, Timing: timing, Now: s.clock.now,
		Log: slog.New(defects{Handler: slog.DiscardHandler, mu: &s.mu, found: &s.broken}),
	}, s.store, client, s.entra)
	s.end = works(s.bot)
	return nil
}

func (s *stage) close() error {
	s.end()
	s.slack.Close()
	s.http.CloseIdleConnections()
	var errs []error
	if s.peek != nil {
		errs = append(errs, s.peek.Close())
	}
	if s.store.Store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(s.folder))...)
}

// caller finds the request of a call: it is executing, and has one attempt more than
// Entra has seen.
func (s *stage) caller(target string, known []revokeCall) (string, bool, error) {
	var frozen bool
	if err := s.peek.QueryRow(`SELECT EXISTS (SELECT 1 FROM freezes WHERE ended_at IS NULL)`).Scan(&frozen); err != nil {
		return "", false, err
	}
	rows, err := s.peek.Query(`SELECT id, json_array_length(body, '$.attempts') FROM requests
		WHERE target_id = $1 AND state = 'executing' AND drill = 0 ORDER BY id`, target)
	if err != nil {
		return "", frozen, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var begun int
		if err := rows.Scan(&id, &begun); err != nil {
			return "", frozen, err
		}
		seen := 0
		for _, c := range known {
			if c.request == id {
				seen++
			}
		}
		if seen < begun {
			return id, frozen, nil
		}
	}
	return "", frozen, errors.Join(errors.New("no request is executing"), rows.Err())
}

// patience is how long the bot may take to come to rest.
const patience = 30 * time.Second

// rest waits until the store owes nothing at this moment of the clock; then nothing is
// under way. It ignores requests that a worker gave up, because its process died in a
// call or it was overtaken, until their claim has lapsed.
func (s *stage) rest() error {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		owed, err := s.owed()
		if err != nil || len(owed) == 0 {
			return err
		}
		select {
		case <-s.store.wrote:
		case <-late.C:
			return fmt.Errorf("the bot did not come to rest; it owes %s", strings.Join(owed, ", "))
		}
	}
}

func (s *stage) owed() ([]string, error) {
	s.store.mu.Lock()
	dropped := maps.Clone(s.store.overtaken) // by request: when
	s.store.mu.Unlock()
	calls, dead := map[string]int{}, map[string]time.Time{}
	s.entra.mu.Lock()
	for _, c := range s.entra.calls {
		calls[c.request]++
		if delete(dead, c.request); c.reply == diesDone || c.reply == diesUndone {
			dead[c.request] = c.at
		}
	}
	s.entra.mu.Unlock()
	rows, err := s.peek.Query(`
		SELECT 'arrival', CAST(id AS TEXT), 0, 0 FROM arrivals WHERE due_at IS NOT NULL
		UNION ALL SELECT state, id, CASE WHEN claimed_until > $1 THEN claimed_until ELSE 0 END, coalesce(json_array_length(body, '$.attempts'), 0) FROM requests WHERE due_at <= $1
		UNION ALL SELECT 'telling', id, 0, 0 FROM requests WHERE tell_due_at <= $1
		UNION ALL SELECT 'notice', key, 0, 0 FROM notices WHERE due_at <= $1`, s.clock.now().UnixMicro())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var what, id string
		var claimed int64 // until when, or 0
		var attempts int
		if err := rows.Scan(&what, &id, &claimed, &attempts); err != nil {
			return nil, err
		}
		at, let := dropped[id]
		if died, ok := dead[id]; ok && what == string(bot.Executing) && attempts == calls[id] {
			at, let = died, true
		}
		// A later claim belongs to a worker that continues it.
		if let && claimed > 0 && claimed <= at.Add(bot.ClaimFor).UnixMicro() {
			continue
		}
		all = append(all, what+" "+id)
	}
	if on, frozen, err := s.store.Frozen(context.Background()); err != nil {
		return nil, err
	} else if frozen && !s.clock.now().Before(on.Until) {
		all = append(all, "the end of a freeze")
	}
	return all, rows.Err()
}

// logged returns the errors that the bot has logged since the last call.
func (s *stage) logged() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.broken
	s.broken = nil
	return all
}

// secrets are the secrets that come with every act.
type secrets struct {
	TriggerID   bot.Secret `json:"trigger_id"`
	ResponseURL bot.Secret `json:"response_url"`
}

// arrival is what the socket would deliver.
func (s *stage) arrival(kind bot.ArrivalKind, user string) bot.Arrival {
	s.acts++
	return bot.Arrival{
		Kind: kind, Envelope: fmt.Sprintf("envelope-%d", s.acts), Key: fmt.Sprintf("act-%d", s.acts),
		AppID: s.slack.AppID(), TeamID: s.slack.TeamID(), UserID: user, UserTeamID: s.slack.TeamID(),
	}
}

// typed is a command as it arrives.
func (s *stage) typed(user, text string) bot.Arrival {
	a := s.arrival(bot.CommandArrival, user)
	a.ChannelID, a.Text = s.slack.DirectChannel(user), text
	d := s.slack.As(user).Command("", text)
	s.unseal(&a, d)
	return a
}

// unseal copies the secrets that the Slack double would have sent. A deactivated user
// sends nothing.
func (s *stage) unseal(a *bot.Arrival, d *slacktest.Delivery) {
	var with secrets
	if len(d.Payload) > 0 && json.Unmarshal(d.Payload, &with) == nil {
		a.TriggerID, a.ResponseURL = with.TriggerID, with.ResponseURL
	}
}

// pressed is a click on a message that is in Slack.
func (s *stage) pressed(user string, at bot.Place, action, value string) bot.Arrival {
	a := s.arrival(bot.ClickArrival, user)
	a.ChannelID, a.MessageTS, a.MessageAppID, a.ActionID, a.Value = at.Channel, at.TS, s.slack.AppID(), action, value
	s.unseal(&a, s.slack.As(user).ClickRaw(func(c *slacktest.Click) {
		c.ChannelID, c.MessageTS, c.ActionID, c.Value = at.Channel, at.TS, action, value
	}))
	return a
}

// pressedHome is a press in a Home tab.
func (s *stage) pressedHome(user, action, value string) bot.Arrival {
	a := s.arrival(bot.ClickArrival, user)
	a.ActionID, a.Value = action, value
	s.unseal(&a, s.slack.As(user).PressHomeRaw(func(c *slacktest.Click) { c.ActionID, c.Value = action, value }))
	return a
}

// form is the form of one kind that somebody has open, if any.
func (s *stage) form(user, callback string) (slacktest.View, bool) {
	views := s.slack.Views(user)
	if len(views) == 0 || views[len(views)-1].CallbackID != callback {
		return slacktest.View{}, false
	}
	return views[len(views)-1], true
}

// submitted is the submission of the form of one kind that somebody has open, if any.
func (s *stage) submitted(user, callback, why string) (bot.Arrival, bool) {
	v, open := s.form(user, callback)
	if !open {
		return bot.Arrival{}, false
	}
	a := s.arrival(bot.FormArrival, user)
	a.CallbackID, a.Metadata, a.Reason = v.CallbackID, v.PrivateMetadata, why
	s.slack.As(user).Close(v.ID)
	return a, true
}

// deliver does with all arrivals at once what the socket does: store, ack, carry out.
func (s *stage) deliver(all ...bot.Arrival) error {
	var goOn []func()
	for _, a := range all {
		_, next, err := s.bot.Receive(context.Background(), a)
		if err != nil {
			return err
		}
		if next == nil {
			return fmt.Errorf("%s was taken for something that had arrived before", a.Envelope)
		}
		goOn = append(goOn, next)
	}
	for _, next := range goOn {
		next()
	}
	return nil
}

// owesNews reports whether people were not yet told of the newest version of a request.
func (s *stage) owesNews(id string) (owes bool, err error) {
	err = s.peek.QueryRow(`SELECT tell_due_at IS NOT NULL FROM requests WHERE id = $1`, id).Scan(&owes)
	return owes, err
}

// places are the messages of a request.
func (s *stage) places(id string) (map[string]bot.Place, error) {
	return s.store.Places(context.Background(), id)
}

// standing is the message that is now at a place in Slack.
func (s *stage) standing(p bot.Place) (slacktest.Message, bool) {
	h := s.slack.History(p.Channel, p.TS)
	if len(h) == 0 || h[len(h)-1].Deleted {
		return slacktest.Message{}, false
	}
	return h[len(h)-1], true
}

// rows are the audit rows after seq.
func (s *stage) rows(seq int64) ([]bot.Row, error) {
	found, err := s.peek.Query(`SELECT seq, entry FROM audit WHERE seq > $1 ORDER BY seq`, seq)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var all []bot.Row
	for found.Next() {
		var r bot.Row
		var text []byte
		if err := found.Scan(&r.Seq, &text); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &r.Entry); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, found.Err()
}

// buttonsOf are the requests with buttons in the channel that decide something, and the
// messages with them.
func (s *stage) buttonsOf() map[string][]string {
	found := map[string][]string{}
	for _, m := range s.slack.Messages(channelOfCards) {
		on := map[string]bool{}
		for _, b := range m.Buttons() {
			on[b.Value] = on[b.Value] || b.ActionID != bot.ActionDetails && b.ActionID != bot.ActionUnfreeze
		}
		maps.DeleteFunc(on, func(_ string, card bool) bool { return !card })
		for _, id := range slices.Sorted(maps.Keys(on)) {
			found[id] = append(found[id], m.TS)
		}
	}
	return found
}
