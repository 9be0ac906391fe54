package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// Keys of the messages that a request has in Slack.
const (
	cardKey   = "card"
	joinedKey = "joined" // one note for all who asked too
	// ofReceipts begins the keys of all receipts.
	ofReceipts = "receipt:"
)

func receiptKey(slackID string) string { return ofReceipts + slackID }

// A telling that Slack did not take is tried again after tellRetry, and then
// after twice as long each time; tellRetrySoon where Slack had no part in it.
const (
	tellRetry     = 5 * time.Second
	tellRetryMost = 10 * time.Minute
	tellRetrySoon = time.Second
	// tellMargin is what must be left of a step for one more message. Of a request
	// with many askers the rest goes in the next step.
	tellMargin = 2 * time.Second
)

// post is one message that a request owes to people.
type post struct {
	key string
	// to is a channel, or a user whose direct messages it goes to; a thread
	// post goes under the card.
	to     string
	thread bool
	once   bool // says what was so when it was posted, and is not edited
	past   bool // of an outcome that another has followed
	// editOnly: what it says may be over, and nobody needs it where it cannot be
	// edited.
	editOnly bool
	tells    string // the Tells of its Place
	show     func() Message
	able     []string // who is mentioned where no user group can be
	// urgency is ofOutcome unless it says otherwise.
	urgency urgency
}

// owed lists what a request owes, in the order in which it is sent.
// What stands already decides only about messages that take the place of others.
func owed(r *Request, v *View, channel string, places map[string]Place) []post {
	if r.AtConsole() {
		return nil
	}
	var all []post
	add := func(p post) { all = append(all, p) }
	aside := func(p post) { p.urgency = ofAside; add(p) }
	card := post{key: cardKey, to: channel, show: func() Message { return Card(r, *v) }}
	if r.State == Pending {
		card.urgency = ofCard
	}
	if v.Meanwhile != nil && (r.State != Approved || r.offersDeny(*v)) {
		card.tells = v.Meanwhile.ID
	}
	add(card)

	var outcomes []post
	outcome := func(p post) {
		p.thread = true
		add(p)
		outcomes = append(outcomes, p)
	}
	now := len(r.Decisions)
	for n := 1; n <= now; n++ {
		key := fmt.Sprintf("unknown:%d", n)
		switch {
		case !r.wasUnclear(n):
		case n == now && r.State == Unknown:
			outcome(post{key: key, show: func() Message { return Result(r, *v) }})
		default:
			outcome(post{key: key, past: true, urgency: ofAside, show: func() Message { return superseded(r, n) }})
		}
	}
	if r.State.Accepted() || r.State.Undone() || r.State == Failed || r.State == Drilled || r.State == Lost {
		outcome(post{key: fmt.Sprintf("result:%d", now), show: func() Message { return Result(r, *v) }})
	}
	if !r.UnreadAt.IsZero() {
		outcome(post{key: "unread", show: func() Message { return Unread(r, *v) }})
	}
	if !r.UnmovedAt.IsZero() {
		outcome(post{key: "unmoved", show: func() Message { return Unmoved(r, *v) }})
	}
	if len(r.askedBy()) > 1 || r.Words.Also[r.requester().SlackID] != "" {
		aside(post{key: joinedKey, thread: true, show: func() Message { return alsoAsked(r) }})
	}
	if !r.CancelAskedAt.IsZero() {
		aside(post{key: "cancel", thread: true, show: func() Message { return cancelAsked(r, *v) }})
	}
	for n := range r.Lapsed {
		aside(post{key: fmt.Sprintf("lapsed:%d", n+1), thread: true, show: func() Message { return lapsed(r, n) }})
	}
	for n, x := range r.Reopened {
		if x.Decision != len(r.Decisions) || r.State != Pending {
			continue
		}
		add(post{key: reopenedKey(n), thread: true, once: true, show: func() Message { return ReopenedNote(r, n, *v) }})
		for _, id := range r.askedBy() {
			aside(post{key: reopenedKey(n) + ":" + id, to: id, once: true, show: func() Message { return ReopenedReceipt(r, n, *v) }})
		}
	}
	if r.State == Pending && r.NotExecuted != "" {
		aside(post{key: r.asked("not_executed"), thread: true, once: true, show: func() Message { return NotExecutedNote(r, *v) }})
		for _, id := range r.askedBy() {
			aside(post{key: r.asked("not_executed") + ":" + id, to: id, once: true, show: func() Message { return NotExecutedNote(r, *v) }})
		}
	}
	if r.State == Pending && r.Reminded > 0 {
		aside(post{key: r.asked(fmt.Sprintf("reminder:%d", r.Reminded)), thread: true, once: true, show: func() Message { return Reminder(r, *v) }})
	}
	if r.State == Pending && r.Escalated {
		aside(post{key: r.asked("escalation"), thread: true, once: true, show: func() Message { return Escalation(r, *v) }})
	}
	all = append(all, unreachedOwed(r, v, places)...)
	for _, p := range outcomes {
		_, stands := places[p.key]
		for _, id := range r.inform() {
			key := elsewhereKey + p.key + ":" + id
			if _, begun := places[key]; begun || v.Shut != "" && !stands && !p.past {
				add(post{key: key, to: id, urgency: p.urgency, show: func() Message { return Elsewhere(p.show(), r) }})
			}
		}
	}
	all = append(all, leftBehind(r, v, places)...)
	over := r.over()
	for _, id := range r.askedBy() {
		aside(post{key: receiptKey(id), to: id, show: func() Message { return Receipt(r, *v, id) }})
		switch {
		case r.stuck(v.Now):
			add(post{key: fmt.Sprintf("stuck:%d:%s", now, id), to: id, show: func() Message { return OutcomeNote(r, *v) }})
		case over:
			add(post{key: fmt.Sprintf("outcome:%d:%s", now, id), to: id, show: func() Message { return OutcomeNote(r, *v) }})
		}
		if !r.UnreadAt.IsZero() {
			add(post{key: "unread_note:" + id, to: id, show: func() Message { return UnreadNote(r, *v) }})
		}
		if !r.UnmovedAt.IsZero() {
			add(post{key: "unmoved_note:" + id, to: id, show: func() Message { return UnmovedNote(r, *v) }})
		}
	}
	silent := v.Policy != nil && v.Policy.SilentTarget
	if r.Lane == authz.ThirdParty && r.TargetSlackID != "" && !silent && (r.State == Drilled || r.State.Accepted() && r.Target.Guest != graph.Yes) {
		add(post{key: "target", to: r.TargetSlackID, show: func() Message { return TargetNote(r) }})
	}
	return all
}

// over reports whether there is an end that those who asked do not know by their
// own doing, and that no successor goes on from.
func (r *Request) over() bool {
	switch r.State {
	case Failed, Drilled, Denied, Expired, Lost:
		return true
	case Cancelled:
		return len(r.askedBy()) > 1
	case Void:
		return r.ReplacedBy == ""
	}
	return r.State.Accepted()
}

// letter is a post as it waits to be sent.
func (r *Request) letter(p post) letter {
	return letter{key: r.ID + " " + p.key, urgency: p.urgency, self: r.Lane == authz.Self, by: r.requester().SlackID, since: r.CreatedAt}
}

// inChannel reports whether a post stands in the approvers' channel.
func (p post) inChannel() bool { return p.thread || p.key == cardKey }

// wasUnclear reports whether a call of the nth decision had no clear outcome,
// then or still.
func (r *Request) wasUnclear(n int) bool {
	return slices.ContainsFunc(r.Attempts, func(a Attempt) bool { return a.Decision == n && (a.Unclear || a.Outcome == graph.OutcomeUnknown) })
}

// tell brings what stands in Slack up to the stored version, and goes on
// until it is the current one. One teller works on a request at a time;
// versions that came and went meanwhile are never shown.
func (b *Bot) tell(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, stepDeadline)
	defer cancel()
	t, mine, err := b.store.ClaimTelling(ctx, id)
	if err != nil {
		b.log.Error("claim the telling", "request", id, "error", err)
		return
	}
	for mine {
		version, p := b.show(ctx, id, t.Tries)
		var retry Retry
		if p.lasts > 0 {
			retry = Retry{At: b.now().Add(p.lasts), PutOff: !p.failed}
		}
		var next Telling
		if b.insistClaimed(ctx, b.log.With("request", id), "note what was told", func(ctx context.Context) (err error) {
			next, mine, err = b.store.Told(ctx, t, version, retry)
			return err
		}) != nil {
			return
		}
		t = next
	}
}

// pause is how long to wait until what does not stand is tried again; zero where
// all stands. failed: it was tried and failed, as against put off.
type pause struct {
	lasts  time.Duration
	failed bool
}

// and is the pause of two messages: until the first may go, and failed if either
// has.
func (p pause) and(other pause) pause {
	if other.lasts > 0 && (p.lasts == 0 || other.lasts < p.lasts) {
		p.lasts = other.lasts
	}
	p.failed = p.failed || other.failed
	return p
}

// doubled is the pause after so many tries, which are 1 or more.
func doubled(first time.Duration, tries int) time.Duration {
	return min(first<<min(tries-1, 10), tellRetryMost)
}

// show sends what differs from what stands there, and answers until when what
// does not stand waits.
func (b *Bot) show(ctx context.Context, id string, tries int) (version int64, until pause) {
	r, err := b.store.Request(ctx, id)
	_, broken := errors.AsType[*Unreadable](err)
	if err != nil {
		b.log.Error("read what to tell", "request", id, "error", err)
	}
	if err != nil && !broken {
		return 0, pause{doubled(tellRetrySoon, tries), true}
	}
	places, err := b.store.Places(ctx, id)
	if err != nil {
		b.log.Error("read what stands", "request", id, "error", err)
		return 0, pause{tellRetrySoon, true}
	}
	if broken {
		return 0, b.showUnreadable(ctx, id, places, tries)
	}
	v := b.view(ctx, &r, b.cfg.Home.Link(places[cardKey].Channel, places[cardKey].TS))
	if v.Meanwhile, err = b.meanwhile(ctx, &r); err != nil {
		b.log.Error("read whether the account was revoked meanwhile", "request", id, "error", err)
		return 0, pause{tellRetrySoon, true}
	}
	spoke := false // Slack took something in the approvers' channel
	deliver := func(p post) {
		if end, bound := ctx.Deadline(); bound && time.Until(end) < tellMargin {
			if !until.failed { // what failed has a pause of its own
				until = until.and(pause{lasts: tellRetrySoon})
			}
			return
		}
		before := places[p.key]
		p.able = v.Able
		its, problem := b.place(ctx, &r, places, p, tries)
		until = until.and(its)
		if problem != "" {
			v.Shut = problem
			b.noteShut(r.ID, p, problem)
		} else if now := places[p.key]; now != before && now.Channel == b.cfg.Channel {
			spoke = true
			b.lastShut.Store(nil)
		}
	}
	for _, p := range owed(&r, &v, b.cfg.Channel, places) {
		switch {
		case !p.inChannel():
			continue
		case p.thread && (places[cardKey].TS == "" || v.Shut != ""):
			continue // no card yet, or none to be reached, and that has a wait of its own
		case p.key == cardKey && places[cardKey].TS != "" && places[cardKey].Channel != b.cfg.Channel && r.moves(v):
			until = until.and(b.moveCard(ctx, &r, places, p, tries))
		}
		deliver(p)
	}
	if v.Shut == "" && !spoke {
		v.Shut = b.watched()
	}
	_, v.CancelPosted = places["cancel"]
	// What follows may speak of the card and of the channel, so it must know of them.
	v.CardLink = b.cfg.Home.Link(places[cardKey].Channel, places[cardKey].TS)
	for _, p := range owed(&r, &v, b.cfg.Channel, places) {
		if !p.inChannel() {
			v.Told, v.CancelTold = toldOf(places, unreachedKey), toldOf(places, cancelUnreachedKey)
			deliver(p)
		}
	}
	if places[cardKey].TS != "" && v.Shut == "" {
		for _, p := range toldSince(&r, places) {
			deliver(p)
		}
	}
	return r.Version, until
}

// place posts or edits one message and notes where it stands. closed is what is
// wrong with the approvers' channel, if that is why it could not.
func (b *Bot) place(ctx context.Context, r *Request, places map[string]Place, p post, tries int) (until pause, closed ChannelProblem) {
	m := p.show()
	m.able = p.able
	at, stands := places[p.key]
	at.Key = p.key
	digest := m.digest()
	if stands && (at.Shown == digest || at.TS == "" || at.Channel == privately || p.once) {
		return pause{}, ""
	}
	to, thread := p.to, ""
	if p.thread {
		to, thread = places[cardKey].Channel, places[cardKey].TS
	}
	var err error
	if stands {
		if wait := b.slack.pace.update(r.letter(p), b.now()); wait > 0 {
			return pause{lasts: wait}, ""
		}
		err = b.update(ctx, p.key, at.Channel, at.TS, m)
		if e, ok := errors.AsType[*SlackError](err); ok && p.editOnly && (gone(e) || shut(e) != "") {
			b.log.Warn("a message that cannot be edited stays as it is", "request", r.ID, "key", p.key, "error", err)
			at.Shown, err = digest, nil
		} else if ok && gone(e) && !(p.inChannel() && at.Channel == b.cfg.Channel && shut(e) != "") {
			b.log.Warn("a message of ours is gone or too old to edit; posting it anew", "request", r.ID, "key", p.key, "error", err)
			// Forgotten first: whoever clicks the new one before it is noted
			// must not be told that the old one is the live one.
			stands, err = false, b.store.SetPlace(ctx, r.ID, Place{Key: p.key})
		}
	}
	if err == nil && !stands {
		if wait := b.slack.pace.post(to, r.letter(p), b.now()); wait > 0 {
			return pause{lasts: wait}, ""
		}
		at.Channel, at.TS, err = b.post(ctx, p.key, to, thread, m)
	}
	if e, ok := errors.AsType[*SlackError](err); ok {
		asked := b.slack.pace.obey(e, b.now())
		b.log.Warn("tell", "request", r.ID, "key", p.key, "error", err, "remedy", tellRemedy(p, e))
		wait := doubled(tellRetry, tries)
		switch closed := shut(e); {
		case !p.inChannel() && !stands && e.lasting():
			return b.tellOtherwise(ctx, r, places, p, m, e, tries)
		case !p.inChannel() && undeliverable(e):
			return pause{}, "" // what stands there was true
		case asked > 0 && stands:
			return pause{lasts: max(asked, b.slack.pace.update(r.letter(p), b.now()))}, ""
		case asked > 0:
			return pause{lasts: max(asked, b.slack.pace.post(to, r.letter(p), b.now()))}, ""
		case p.inChannel() && closed != "":
			return pause{min(wait, shutRetry), true}, closed
		case p.thread && !stands && orphaned(e):
			return pause{b.doubtCard(ctx, r.ID), true}, ""
		}
		return pause{wait, true}, ""
	}
	if err != nil {
		b.log.Error("tell", "request", r.ID, "key", p.key, "error", err)
		return pause{tellRetry, true}, ""
	}
	at.Shown = digest
	at.saysNow(p.tells, b.now())
	places[p.key] = at
	log, what := b.log.With("request", r.ID, "key", p.key), "note where a message stands"
	note := func(ctx context.Context) error { return b.store.SetPlace(ctx, r.ID, at) }
	if stands { // an edit can be made again
		err = b.insistClaimed(ctx, log, what, note)
	} else { // where a new message stands nobody else knows
		err = b.insist(b.work, log, what, note)
	}
	if errors.Is(err, ErrConflict) {
		log.Warn("somebody else has posted this message meanwhile; theirs counts")
		delete(places, p.key) // nothing shall follow under ours
		if !stands {
			b.takeBack(log, at)
		}
	}
	if err != nil {
		return pause{tellRetrySoon, true}, ""
	}
	return pause{}, ""
}

// takeBack deletes a message that was posted a second time, as far as Slack lets
// it: a second card would go on asking for a decision.
func (b *Bot) takeBack(log *slog.Logger, at Place) {
	ctx, cancel := context.WithTimeout(b.work, courtesyWait)
	defer cancel()
	if err := b.delete(ctx, at.Channel, at.TS); err != nil {
		log.Warn("take back a message that stands twice", "channel", at.Channel, "error", err)
	}
}

// orphaned reports that there is no card over a thread any more.
func orphaned(e *SlackError) bool {
	return slices.Contains([]string{"thread_not_found", "message_not_found", "cannot_reply_to_message"}, e.Code)
}

// doubtCard has a card looked after that somebody has deleted, and answers how
// long to wait for that.
func (b *Bot) doubtCard(ctx context.Context, id string) time.Duration {
	if err := b.doubt(ctx, id); err != nil {
		b.log.Error("look after a card that is gone", "request", id, "error", err)
	}
	return tellRetrySoon
}

// gone reports that a message cannot be edited any more.
// https://docs.slack.dev/reference/methods/chat.update
func gone(e *SlackError) bool {
	return slices.Contains([]string{"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive", "channel_not_found"}, e.Code)
}

// digest tells whether a message already says what it should.
func (m Message) digest() string {
	text, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("a message that is no JSON: %v", err)) // our own blocks
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
