package bot

import (
	"context"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/graph"
)

// Effect names a kind of thing that the bot does and that outlasts it: a
// transaction, a call to Slack, the call to Microsoft. Between two of them the
// process may die without a trace. Transactions are named by the last row that
// they add to the audit chain, messages by the key of their Place.
//
// Claims and signs of life are stored, too, and are no Effects: whoever dies with
// one more of them leaves nothing behind that does not lapse. Nor are the notes of
// what the bot cannot go on with: each try makes them again; see stalled.go.
type Effect string

// Effects lists every Effect. A test compares it with what is observed, and
// kills the process before and after each.
var Effects = []Effect{
	// What arrives.
	"store arrival",
	"ack", // handed to the socket, which writes it at once
	"settle arrival",

	// What becomes of a request.
	"commit requested",
	"commit joined",
	"commit reminded",
	"commit escalated",
	"commit approval",
	"commit cancel_asked",
	"commit deny_asked",
	"commit not_executed",
	"commit approved",
	"commit executing",
	"revoke", // the POST to Graph; a drill reads instead
	"commit revoked",
	"commit unknown",
	"commit failed",
	"commit drilled",
	"commit verified",
	"commit not_visible_yet",
	"commit unreachable",
	"commit unmoved_told",
	"commit unread_told",
	"commit stopped_looking",
	"commit retry_closed",
	"commit denied",
	"commit cancelled",
	"commit expired",
	"commit void",
	"commit previewed_again", // the same transaction, where a new card follows
	"commit held",
	"commit unasked",
	"commit reopened",
	"commit withheld",
	"commit queued",
	"commit waiting", // without a row: when to look again

	// The brake.
	"commit frozen",
	"commit unfreeze_asked",
	"commit unfrozen",

	// What is only on record.
	"record policy_loaded",
	"record clock_set_back",
	"record refused",
	"record cancel_asked_again",
	"record late_answer",
	"record deny_pressed",

	// The messages of a request, and the note of where each stands.
	"post card", "update card", "note card",
	"post receipt", "update receipt", "note receipt",
	"post result", "update result", "note result",
	"post unknown", "update unknown", "note unknown",
	"post unread", "update unread", "note unread",
	"post unmoved", "update unmoved", "note unmoved",
	"post joined", "update joined", "note joined",
	"post cancel", "note cancel",
	"post lapsed", "note lapsed",
	"post not_executed", "note not_executed",
	"post reopened", "note reopened",
	"post reminder", "note reminder",
	"post escalation", "note escalation",
	"post outcome", "update outcome", "note outcome",
	"post stuck", "update stuck", "note stuck",
	"post unread_note", "update unread_note", "note unread_note",
	"post unmoved_note", "update unmoved_note", "note unmoved_note",
	"post target", "update target", "note target",
	"post unreached", "update unreached", "note unreached",
	"post unreached_cancel", "update unreached_cancel", "note unreached_cancel",
	"post untold", "update untold", "note untold",
	"post elsewhere", "update elsewhere", "note elsewhere",
	"forget card", "forget receipt", "forget result", // of one that somebody deleted, or that is too old to edit
	"doubt card",
	"move card", "update moved", "note moved", // to the channel of another REVOKE_CHANNEL
	"retell",
	"delete stray",
	"told",

	// Messages that belong to no request.
	"announce coverage",
	"withdraw coverage",
	"post notice", "update notice", "note notice",
	"announced",
	"answer",
	"post answer", // by direct message
	"open form",

	"forget",
}

// AckEffect is bot/listen's.
const AckEffect Effect = "ack"

// Witness is told when an Effect is about to happen, and when it has happened
// or failed. Tests kill the process there. nil is no witness.
type Witness func(e Effect, over bool)

// Sees tells the witness that an Effect, whose name may come in words, is about
// to happen. What it returns must be called when that is over.
func (w Witness) Sees(words ...string) (over func()) {
	if w == nil {
		return unseen
	}
	e := Effect(strings.Join(words, " "))
	w(e, false)
	return func() { w(e, true) }
}

func unseen() {}

// kind is the part of a key or of an action that names what it is about.
func kind(key string) string {
	name, _, _ := strings.Cut(key, ":")
	return name
}

func (b *Bot) post(ctx context.Context, key, to, thread string, m Message) (channel, ts string, err error) {
	defer b.cfg.Witness.Sees("post", kind(key))()
	err = b.submit(to, m, func(m Message) (err error) {
		channel, ts, err = b.slack.Post(ctx, to, thread, m)
		return err
	})
	return channel, ts, err
}

func (b *Bot) update(ctx context.Context, key, channel, ts string, m Message) error {
	defer b.cfg.Witness.Sees("update", kind(key))()
	return b.submit(channel, m, func(m Message) error { return b.slack.Update(ctx, channel, ts, m) })
}

func (b *Bot) delete(ctx context.Context, channel, ts string) error {
	defer b.cfg.Witness.Sees("delete stray")()
	return b.slack.Delete(ctx, channel, ts)
}

func (b *Bot) openView(ctx context.Context, trigger Secret, view slack.ModalViewRequest) error {
	defer b.cfg.Witness.Sees("open form")()
	return b.slack.OpenForm(ctx, trigger, view)
}

func (b *Bot) respond(ctx context.Context, to Secret, m Message) error {
	defer b.cfg.Witness.Sees("answer")()
	return b.slack.Answer(ctx, to, m)
}

// seenStore shows a witness what is stored.
type seenStore struct {
	Store
	witness Witness
}

func (s seenStore) Receive(ctx context.Context, a Arrival) (Arrival, bool, error) {
	defer s.witness.Sees("store arrival")()
	return s.Store.Receive(ctx, a)
}

func (s seenStore) Commit(ctx context.Context, c Change) (Request, error) {
	defer s.witness.Sees("commit", lastAction(c.Audit, "waiting"))()
	return s.Store.Commit(ctx, c)
}

func (s seenStore) CommitFreeze(ctx context.Context, c FreezeChange) (Freeze, error) {
	defer s.witness.Sees("commit", lastAction(c.Audit, ""))()
	return s.Store.CommitFreeze(ctx, c)
}

func (s seenStore) Record(ctx context.Context, settles int64, entries ...Entry) error {
	if len(entries) == 0 {
		defer s.witness.Sees("settle arrival")()
	} else {
		defer s.witness.Sees("record", lastAction(entries, ""))()
	}
	return s.Store.Record(ctx, settles, entries...)
}

func (s seenStore) EnterRules(ctx context.Context, rules Rules, row Entry) error {
	defer s.witness.Sees("record", row.Action)()
	return s.Store.EnterRules(ctx, rules, row)
}

func (s seenStore) SetPlace(ctx context.Context, id string, p Place) error {
	verb := "note"
	if p.TS == "" {
		verb = "forget"
	}
	defer s.witness.Sees(verb, kind(p.Key))()
	return s.Store.SetPlace(ctx, id, p)
}

func (s seenStore) MoveCard(ctx context.Context, id string, from, to Place) error {
	defer s.witness.Sees("move card")()
	return s.Store.MoveCard(ctx, id, from, to)
}

func (s seenStore) Retell(ctx context.Context) error {
	defer s.witness.Sees("retell")()
	return s.Store.Retell(ctx)
}

func (s seenStore) Doubt(ctx context.Context, id, key string) error {
	defer s.witness.Sees("doubt", kind(key))()
	return s.Store.Doubt(ctx, id, key)
}

func (s seenStore) Told(ctx context.Context, t Telling, version int64, retry Retry) (Telling, bool, error) {
	defer s.witness.Sees("told")()
	return s.Store.Told(ctx, t, version, retry)
}

func (s seenStore) Announce(ctx context.Context, n Notice, audit ...Entry) (bool, error) {
	defer s.witness.Sees("announce", kind(n.Key))()
	return s.Store.Announce(ctx, n, audit...)
}

func (s seenStore) Announced(ctx context.Context, n Notice, retry Retry) error {
	defer s.witness.Sees("announced")()
	return s.Store.Announced(ctx, n, retry)
}

func (s seenStore) Withdraw(ctx context.Context, kind, but string) error {
	defer s.witness.Sees("withdraw", kind)()
	return s.Store.Withdraw(ctx, kind, but)
}

func (s seenStore) SetNoticePlace(ctx context.Context, id int64, p NoticePlace) error {
	defer s.witness.Sees("note notice")()
	return s.Store.SetNoticePlace(ctx, id, p)
}

func (s seenStore) Forget(ctx context.Context, retention time.Duration) error {
	defer s.witness.Sees("forget")()
	return s.Store.Forget(ctx, retention)
}

// seenEntra shows a witness what is asked of Microsoft.
type seenEntra struct {
	Entra
	witness Witness
}

func (s seenEntra) Revoke(ctx context.Context, objectID string) (graph.Revocation, error) {
	defer s.witness.Sees("revoke")()
	return s.Entra.Revoke(ctx, objectID)
}

func lastAction(rows []Entry, none string) string {
	if len(rows) == 0 {
		return none
	}
	return rows[len(rows)-1].Action
}
