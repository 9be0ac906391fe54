package message

import (
	"fmt"
	"slices"
	"strings"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// CardMoves reports whether a card belongs into the channel of now: somebody may
// still have to press something on it.
func CardMoves(r *bot.Request, v View) bool {
	return r.State == bot.Pending || r.State == bot.Approved || r.State == bot.Executing || r.State == bot.Unknown || r.Retryable(v.Now)
}

// leftBehind are the messages in channels of earlier that say what is not so any
// more: cards, and outcomes that another may follow.
func leftBehind(r *bot.Request, v *View, places map[string]bot.Place) (all []Post) {
	for key := range places {
		parts := strings.SplitN(key, ":", 3)
		if len(parts) < 3 || parts[0]+":" != bot.MovedKey {
			continue
		}
		switch bot.KeyKind(parts[2]) {
		case bot.CardKey:
			all = append(all, Post{Key: key, EditOnly: true, Show: func() bot.Message { return MovedCard(r, *v) }})
		case "unknown", "result", "unread", "unmoved":
			all = append(all, Post{Key: key, EditOnly: true, Show: func() bot.Message { return MovedOutcome(r, *v) }})
		}
	}
	slices.SortFunc(all, func(a, b Post) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// Post is one message that a request owes to people.
type Post struct {
	Key string
	// To is a channel, or a user whose direct messages it goes to; a thread
	// Post goes under the card.
	To     string
	Thread bool
	Once   bool // says what was so when it was posted, and is not edited
	past   bool // of an outcome that another has followed
	// EditOnly: what it says may be over, and nobody needs it where it cannot be
	// edited.
	EditOnly bool
	Tells    string // the Tells of its Place
	Show     func() bot.Message
	Able     []string // who is mentioned where no user group can be
	// Urgency is ofOutcome unless it says otherwise.
	Urgency bot.Urgency
}

// Plan lists what a request owes, in the order in which it is sent.
// What stands already decides only about messages that take the place of others.
func Plan(r *bot.Request, v *View, channel string, places map[string]bot.Place) []Post {
	if r.AtConsole() {
		return nil
	}
	var all []Post
	add := func(p Post) { all = append(all, p) }
	aside := func(p Post) { p.Urgency = bot.OfAside; add(p) }
	card := Post{Key: bot.CardKey, To: channel, Show: func() bot.Message { return Card(r, *v) }}
	if r.State == bot.Pending {
		card.Urgency = bot.OfCard
	}
	if v.Meanwhile != nil && (r.State != bot.Approved || offersDeny(r, *v)) {
		card.Tells = v.Meanwhile.ID
	}
	add(card)

	var outcomes []Post
	outcome := func(p Post) {
		p.Thread = true
		add(p)
		outcomes = append(outcomes, p)
	}
	now := len(r.Decisions)
	for n := 1; n <= now; n++ {
		key := fmt.Sprintf("unknown:%d", n)
		switch {
		case !r.WasUnclear(n):
		case n == now && r.State == bot.Unknown:
			outcome(Post{Key: key, Show: func() bot.Message { return Result(r, *v) }})
		default:
			outcome(Post{Key: key, past: true, Urgency: bot.OfAside, Show: func() bot.Message { return superseded(r, n) }})
		}
	}
	if r.State.Accepted() || r.State.Undone() || r.State == bot.Failed || r.State == bot.Drilled || r.State == bot.Lost {
		outcome(Post{Key: fmt.Sprintf("result:%d", now), Show: func() bot.Message { return Result(r, *v) }})
	}
	if !r.UnreadAt.IsZero() {
		outcome(Post{Key: "unread", Show: func() bot.Message { return Unread(r, *v) }})
	}
	if !r.UnmovedAt.IsZero() {
		outcome(Post{Key: "unmoved", Show: func() bot.Message { return Unmoved(r, *v) }})
	}
	if len(r.AskedBy()) > 1 || r.Words.Also[r.Requester().SlackID] != "" {
		aside(Post{Key: bot.JoinedKey, Thread: true, Show: func() bot.Message { return alsoAsked(r) }})
	}
	if !r.CancelAskedAt.IsZero() {
		aside(Post{Key: "cancel", Thread: true, Show: func() bot.Message { return cancelAsked(r, *v) }})
	}
	for n := range r.Lapsed {
		aside(Post{Key: fmt.Sprintf("lapsed:%d", n+1), Thread: true, Show: func() bot.Message { return lapsed(r, n) }})
	}
	for n, x := range r.Reopened {
		if x.Decision != len(r.Decisions) || r.State != bot.Pending {
			continue
		}
		add(Post{Key: bot.ReopenedKey(n), Thread: true, Once: true, Show: func() bot.Message { return ReopenedNote(r, n, *v) }})
		for _, id := range r.AskedBy() {
			aside(Post{Key: bot.ReopenedKey(n) + ":" + id, To: id, Once: true, Show: func() bot.Message { return ReopenedReceipt(r, n, *v) }})
		}
	}
	if r.State == bot.Pending && r.NotExecuted != "" {
		aside(Post{Key: r.Asked("not_executed"), Thread: true, Once: true, Show: func() bot.Message { return NotExecutedNote(r, *v) }})
		for _, id := range r.AskedBy() {
			aside(Post{Key: r.Asked("not_executed") + ":" + id, To: id, Once: true, Show: func() bot.Message { return NotExecutedNote(r, *v) }})
		}
	}
	if r.State == bot.Pending && r.Reminded > 0 {
		aside(Post{Key: r.Asked(fmt.Sprintf("reminder:%d", r.Reminded)), Thread: true, Once: true, Show: func() bot.Message { return Reminder(r, *v) }})
	}
	if r.State == bot.Pending && r.Escalated {
		aside(Post{Key: r.Asked("escalation"), Thread: true, Once: true, Show: func() bot.Message { return Escalation(r, *v) }})
	}
	all = append(all, unreachedOwed(r, v, places)...)
	for _, p := range outcomes {
		_, stands := places[p.Key]
		for _, id := range r.Inform() {
			key := bot.ElsewhereKey + p.Key + ":" + id
			if _, begun := places[key]; begun || v.Shut != "" && !stands && !p.past {
				add(Post{Key: key, To: id, Urgency: p.Urgency, Show: func() bot.Message { return Elsewhere(p.Show(), r) }})
			}
		}
	}
	all = append(all, leftBehind(r, v, places)...)
	over := r.Over()
	for _, id := range r.AskedBy() {
		aside(Post{Key: bot.ReceiptKey(id), To: id, Show: func() bot.Message { return Receipt(r, *v, id) }})
		switch {
		case r.Stuck(v.Now):
			add(Post{Key: fmt.Sprintf("stuck:%d:%s", now, id), To: id, Show: func() bot.Message { return OutcomeNote(r, *v) }})
		case over:
			add(Post{Key: fmt.Sprintf("outcome:%d:%s", now, id), To: id, Show: func() bot.Message { return OutcomeNote(r, *v) }})
		}
		if !r.UnreadAt.IsZero() {
			add(Post{Key: "unread_note:" + id, To: id, Show: func() bot.Message { return UnreadNote(r, *v) }})
		}
		if !r.UnmovedAt.IsZero() {
			add(Post{Key: "unmoved_note:" + id, To: id, Show: func() bot.Message { return UnmovedNote(r, *v) }})
		}
	}
	silent := v.Policy != nil && v.Policy.SilentTarget
	if r.Lane == authz.ThirdParty && r.TargetSlackID != "" && !silent && (r.State == bot.Drilled || r.State.Accepted() && r.Target.Guest != graph.Yes) {
		add(Post{Key: "target", To: r.TargetSlackID, Show: func() bot.Message { return TargetNote(r) }})
	}
	return all
}

// InChannel reports whether a post stands in the approvers' channel.
func (p Post) InChannel() bool { return p.Thread || p.Key == bot.CardKey }

// unreachedOwed are the approvers' direct messages about a channel that cannot be
// posted to: new ones while that is so, and those that stand, for what they say may
// be over. While neither a card nor what is in its way is known, they stay.
func unreachedOwed(r *bot.Request, v *View, places map[string]bot.Place) (all []Post) {
	unread := r.State == bot.Pending && v.Shut != ""
	_, asked := places["cancel"]
	for _, of := range []struct {
		key     string
		news    bool
		urgency bot.Urgency
		show    func(*bot.Request, View) bot.Message
	}{
		{bot.UnreachedKey, unread, bot.OfCard, UnreachedNote},
		{bot.CancelUnreachedKey, unread && !asked && !r.CancelAskedAt.IsZero(), bot.OfOutcome, CancelUnreached},
	} {
		show := func() bot.Message { return of.show(r, *v) }
		told := ToldOf(places, of.key)
		for _, id := range v.Able {
			if of.news && !slices.Contains(told, id) && (of.key != bot.CancelUnreachedKey || id != r.TargetSlackID) {
				all = append(all, Post{Key: of.key + id, To: id, Urgency: of.urgency, Show: show})
			}
		}
		if r.State == bot.Pending && v.Shut == "" && v.CardLink == "" {
			continue
		}
		for _, id := range told {
			now := show
			if !slices.Contains(v.Readers, id) {
				if r.State == bot.Pending && v.Guessed {
					continue // perhaps one of them
				}
				now = func() bot.Message { return NoConcern(r) }
			}
			all = append(all, Post{Key: of.key + id, To: id, Urgency: bot.OfAside, EditOnly: true, Show: now})
		}
	}
	return all
}

// ToldOf lists the approvers who have a direct message of this kind.
func ToldOf(places map[string]bot.Place, kind string) (told []string) {
	for key := range places {
		if id, ok := strings.CutPrefix(key, kind); ok {
			told = append(told, id)
		}
	}
	slices.Sort(told)
	return told
}

// Rings reports whether a direct message is news to its reader that they would wait
// for in vain. A receipt repeats what the answer to the command said, unless it has
// the only button.
func (p Post) Rings(r *bot.Request) bool {
	switch bot.KeyKind(p.Key) + ":" {
	case bot.OfReceipts:
		return r.OnlySelf() && r.State == bot.Pending
	case bot.UnreachedKey, bot.CancelUnreachedKey:
		return false
	}
	return true
}

// ToldSincePosts are the notes in the thread about people who were told after all, or
// answered at least.
func ToldSincePosts(r *bot.Request, places map[string]bot.Place) (all []Post) {
	for key := range places {
		direct, ok := strings.CutPrefix(key, bot.UntoldKey)
		if at, told := places[direct]; ok && told {
			id := direct[strings.LastIndex(direct, ":")+1:]
			if direct == "target" {
				id = r.TargetSlackID
			}
			all = append(all, Post{Key: key, Thread: true, EditOnly: true, Urgency: bot.OfAside, Show: func() bot.Message { return ToldSince(r, id, at.Channel == bot.Privately) }})
		}
	}
	slices.SortFunc(all, func(a, b Post) int { return strings.Compare(a.Key, b.Key) })
	return all
}
