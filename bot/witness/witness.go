// Package witness wraps the store and Entra for tests that kill the bot: it reports the
// moment before and after each write and each revoke.
package witness

import (
	"context"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// Effects lists every effect of the bot on the outside. A test compares the list with
// what it observes, and kills the process before and after each effect.
var Effects = []bot.Effect{
	// What arrives.
	"store arrival",
	"ack", // handed to the socket, which writes it immediately
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
	"commit previewed_again", // in the same transaction, if a new card follows
	"commit held",
	"commit unasked",
	"commit reopened",
	"commit withheld",
	"commit queued",
	"commit waiting", // no audit row: only when to look again

	// The brake.
	"commit frozen",
	"commit unfreeze_asked",
	"commit unfrozen",

	// What only the audit chain records.
	"record policy_loaded",
	"record clock_set_back",
	"record refused",
	"record cancel_asked_again",
	"record late_answer",
	"record deny_pressed",

	// A request's messages, and the stored place of each.
	"post card", "update card", "note card",
	"post receipt", "update receipt", "note receipt",
	"post result", "update result", "note result",
	"post unknown", "update unknown", "note unknown",
	"post unread", "update unread", "note unread",
	"post unmoved", "update unmoved", "note unmoved",
	"post joined", "update joined", "note joined",
	"post cancel", "note cancel",
	"post approval", "note approval",
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
	"forget card", "forget receipt", "forget result", // somebody deleted it, or it is too old to edit
	"doubt card",
	"move card", "update moved", "note moved", // after REVOKE_CHANNEL changed
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
	"open form", "update form", "answer form",

	// The Home tab.
	"open home",
	"publish home",
	"published",

	"forget",
}

// Store wraps s so that w sees each write.
func Store(s bot.Store, w bot.Witness) bot.Store { return seenStore{s, w} }

// Entra wraps e so that w sees each revoke.
func Entra(e bot.Entra, w bot.Witness) bot.Entra { return seenEntra{e, w} }

type seenStore struct {
	bot.Store
	witness bot.Witness
}

func (s seenStore) Receive(ctx context.Context, a bot.Arrival) (bot.Arrival, bool, error) {
	defer s.witness.Sees("store arrival")()
	return s.Store.Receive(ctx, a)
}

func (s seenStore) Commit(ctx context.Context, c bot.Change) (bot.Request, error) {
	defer s.witness.Sees("commit", lastAction(c.Audit, "waiting"))()
	return s.Store.Commit(ctx, c)
}

func (s seenStore) CommitFreeze(ctx context.Context, c bot.FreezeChange) (bot.Freeze, error) {
	defer s.witness.Sees("commit", lastAction(c.Audit, ""))()
	return s.Store.CommitFreeze(ctx, c)
}

func (s seenStore) Record(ctx context.Context, settles int64, entries ...bot.Entry) error {
	if len(entries) == 0 {
		defer s.witness.Sees("settle arrival")()
	} else {
		defer s.witness.Sees("record", lastAction(entries, ""))()
	}
	return s.Store.Record(ctx, settles, entries...)
}

func (s seenStore) EnterRules(ctx context.Context, rules bot.Rules, row bot.Entry) error {
	defer s.witness.Sees("record", row.Action)()
	return s.Store.EnterRules(ctx, rules, row)
}

func (s seenStore) SetPlace(ctx context.Context, id string, p bot.Place) error {
	verb := "note"
	if p.TS == "" {
		verb = "forget"
	}
	defer s.witness.Sees(verb, bot.KeyKind(p.Key))()
	return s.Store.SetPlace(ctx, id, p)
}

func (s seenStore) MoveCard(ctx context.Context, id string, from, to bot.Place) error {
	defer s.witness.Sees("move card")()
	return s.Store.MoveCard(ctx, id, from, to)
}

func (s seenStore) Retell(ctx context.Context) error {
	defer s.witness.Sees("retell")()
	return s.Store.Retell(ctx)
}

func (s seenStore) Doubt(ctx context.Context, id, key string) error {
	defer s.witness.Sees("doubt", bot.KeyKind(key))()
	return s.Store.Doubt(ctx, id, key)
}

func (s seenStore) Told(ctx context.Context, t bot.Telling, version int64, retry bot.Retry) (bot.Telling, bool, error) {
	defer s.witness.Sees("told")()
	return s.Store.Told(ctx, t, version, retry)
}

func (s seenStore) Announce(ctx context.Context, n bot.Notice, audit ...bot.Entry) (bool, error) {
	defer s.witness.Sees("announce", bot.KeyKind(n.Key))()
	return s.Store.Announce(ctx, n, audit...)
}

func (s seenStore) Announced(ctx context.Context, n bot.Notice, retry bot.Retry) error {
	defer s.witness.Sees("announced")()
	return s.Store.Announced(ctx, n, retry)
}

func (s seenStore) Withdraw(ctx context.Context, kind, but string) error {
	defer s.witness.Sees("withdraw", kind)()
	return s.Store.Withdraw(ctx, kind, but)
}

func (s seenStore) SetNoticePlace(ctx context.Context, id int64, p bot.NoticePlace) error {
	defer s.witness.Sees("note notice")()
	return s.Store.SetNoticePlace(ctx, id, p)
}

func (s seenStore) OpenHome(ctx context.Context, slackID string) error {
	defer s.witness.Sees("open home")()
	return s.Store.OpenHome(ctx, slackID)
}

func (s seenStore) Published(ctx context.Context, h bot.Home, wide bool, retry bot.Retry) error {
	defer s.witness.Sees("published")()
	return s.Store.Published(ctx, h, wide, retry)
}

func (s seenStore) Forget(ctx context.Context, retention time.Duration) error {
	defer s.witness.Sees("forget")()
	return s.Store.Forget(ctx, retention)
}

type seenEntra struct {
	bot.Entra
	witness bot.Witness
}

func (s seenEntra) Revoke(ctx context.Context, objectID string) (graph.Revocation, error) {
	defer s.witness.Sees("revoke")()
	return s.Entra.Revoke(ctx, objectID)
}

// lastAction is the action of the last row, or none without rows.
func lastAction(rows []bot.Entry, none string) string {
	if len(rows) == 0 {
		return none
	}
	return rows[len(rows)-1].Action
}
