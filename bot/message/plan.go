package message

import (
	"fmt"
	"slices"
	"strings"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// CardMoves reports whether a card moves along to a new approvers' channel: somebody may
// still have to press something on it.
func CardMoves(r *bot.Request, v View) bool {
	return r.State == bot.Pending || r.State == bot.Approved || r.State == bot.Executing || r.State == bot.Unknown || r.Retryable(v.Now)
}

// Drawing makes a message of a request. It is called when the message is sent: what was
// learned of Slack since it was planned is in the View.
type Drawing func(r *bot.Request, v View) bot.Message

// Post is one message that a request owes to people.
type Post struct {
	// Key identifies the message among those of its request.
	Key string
	// To is a channel, or a user who gets a direct message. A Thread post goes under
	// the card instead.
	To     string
	Thread bool
	Once   bool // never edited: it says what was true when it was posted
	past   bool // about an outcome that a later one replaced
	// EditOnly means that it only corrects a posted message, and is dropped if that
	// cannot be edited.
	EditOnly bool
	Tells    string // stored as its Place's Tells
	Draw     Drawing
	// alone is the message for a reader who cannot read the card; nil if Draw is.
	alone Drawing
	// Outcome means that a receipt tells the outcome, which no other message does.
	Outcome bool
	// Urgency defaults to OfOutcome.
	Urgency bot.Urgency
}

// InChannel reports whether a post belongs in the approvers' channel.
func (p Post) InChannel() bool { return p.Thread || p.Key == bot.CardKey }

// Plan lists the messages that a request owes, in the order in which they are sent.
// Posted messages matter only to posts that correct or replace them.
func Plan(r *bot.Request, v View, channel string, places map[string]bot.Place) []Post {
	if r.AtConsole() {
		return nil
	}
	outcomes := outcomePosts(r, v)
	return slices.Concat(
		[]Post{cardPost(r, v, channel)},
		outcomes,
		notePosts(r, v),
		reopenedPosts(r, v),
		undecidedPosts(r, v),
		unreachedPosts(r, v, places),
		elsewherePosts(r, v, outcomes, places),
		movedPosts(r, v, places),
		askerPosts(r, v, places),
		targetPosts(r, v),
	)
}

func cardPost(r *bot.Request, v View, channel string) Post {
	p := Post{Key: bot.CardKey, To: channel, Draw: card}
	if r.State == bot.Pending {
		p.Urgency = bot.OfCard
	}
	if v.Meanwhile != nil && (r.State != bot.Approved || offersDeny(r, v)) {
		p.Tells = v.Meanwhile.ID
	}
	return p
}

// outcomePosts tell the thread the outcome of each decision, and doubts about it.
func outcomePosts(r *bot.Request, v View) (all []Post) {
	add := func(p Post) {
		p.Thread = true
		all = append(all, p)
	}
	now := len(r.Decisions)
	for n := 1; n <= now; n++ {
		key := fmt.Sprintf("unknown:%d", n)
		switch {
		case !r.Attempts.Of(n).WereUnclear():
		case n == now && r.State == bot.Unknown:
			add(Post{Key: key, Draw: result, alone: resultAlone})
		default:
			add(Post{Key: key, past: true, Urgency: bot.OfAside, Draw: func(r *bot.Request, _ View) bot.Message { return superseded(r, n) }})
		}
	}
	if r.State.Accepted() || r.State.Undone() || r.State == bot.Failed || r.State == bot.Drilled || r.State == bot.Lost {
		add(Post{Key: fmt.Sprintf("result:%d", now), Draw: result, alone: resultAlone})
	}
	if !r.UnreadAt.IsZero() {
		add(Post{Key: "unread", Draw: notRead})
	}
	if !r.UnmovedAt.IsZero() {
		add(Post{Key: "unmoved", Draw: unmoved})
	}
	return all
}

// notePosts tell the thread who joined, that the target asks to cancel, who approved if
// others must follow, and which approvals lapsed.
func notePosts(r *bot.Request, v View) (all []Post) {
	add := func(key string, draw Drawing) {
		all = append(all, Post{Key: key, Thread: true, Urgency: bot.OfAside, Draw: draw})
	}
	if len(r.AskedBy()) > 1 || r.Words.Also[r.Requester().SlackID] != "" {
		add(bot.JoinedKey, func(r *bot.Request, _ View) bot.Message { return alsoAsked(r) })
	}
	if !r.CancelAskedAt.IsZero() {
		add(bot.CancelKey, cancelAsked)
	}
	if n := len(r.Approvals); n > 0 && (r.State == bot.Pending || r.Retryable(v.Now)) {
		key := fmt.Sprintf("approval:%d", r.Approvals[n-1].At.Unix())
		all = append(all, Post{Key: key, Thread: true, Once: true, Urgency: bot.OfAside, Draw: approvalNote})
	}
	for n := range r.Lapsed {
		add(fmt.Sprintf("lapsed:%d", n+1), func(r *bot.Request, _ View) bot.Message { return lapsed(r, n) })
	}
	return all
}

// reopenedPosts ask for a new decision, and tell the requesters.
func reopenedPosts(r *bot.Request, v View) (all []Post) {
	for n, x := range r.Reopened {
		if x.Decision != len(r.Decisions) || r.State != bot.Pending {
			continue
		}
		key := bot.ReopenedKey(n)
		note := func(r *bot.Request, v View) bot.Message { return reopenedNote(r, n, v) }
		toAsker := func(r *bot.Request, v View) bot.Message { return reopenedReceipt(r, n, v) }
		all = append(all, Post{Key: key, Thread: true, Once: true, Draw: note})
		for _, id := range r.AskedBy() {
			all = append(all, Post{Key: key + ":" + id, To: id, Once: true, Urgency: bot.OfAside, Draw: toAsker})
		}
	}
	return all
}

// undecidedPosts press for a decision while nobody decides.
func undecidedPosts(r *bot.Request, v View) (all []Post) {
	if r.State != bot.Pending {
		return nil
	}
	add := func(p Post) {
		p.Once, p.Urgency = true, bot.OfAside
		all = append(all, p)
	}
	if r.NotExecuted != "" {
		key := asked(r, "not_executed")
		add(Post{Key: key, Thread: true, Draw: notExecutedNote})
		for _, id := range r.AskedBy() {
			add(Post{Key: key + ":" + id, To: id, Draw: notExecutedNote})
		}
	}
	if r.Reminded > 0 {
		add(Post{Key: asked(r, fmt.Sprintf("reminder:%d", r.Reminded)), Thread: true, Draw: reminder})
	}
	if r.Escalated {
		add(Post{Key: asked(r, "escalation"), Thread: true, Draw: escalation})
	}
	return all
}

// elsewherePosts repeat an outcome by direct message to the people who decided, while it
// cannot be posted in the thread. A repeated outcome is edited later, too.
func elsewherePosts(r *bot.Request, v View, outcomes []Post, places map[string]bot.Place) (all []Post) {
	for _, p := range outcomes {
		said := p.Draw
		if p.alone != nil {
			said = p.alone
		}
		draw := func(r *bot.Request, v View) bot.Message { return elsewhere(said(r, v), r) }
		_, posted := places[p.Key]
		for _, id := range r.Inform() {
			key := bot.ElsewhereKey + p.Key + ":" + id
			if _, begun := places[key]; begun || v.Shut != "" && !posted && !p.past {
				all = append(all, Post{Key: key, To: id, Urgency: p.Urgency, Draw: draw})
			}
		}
	}
	return all
}

// movedPosts correct the messages in former channels: cards, and outcomes that may
// change.
func movedPosts(r *bot.Request, v View, places map[string]bot.Place) (all []Post) {
	for key := range places {
		parts := strings.SplitN(key, ":", 3)
		if len(parts) < 3 || parts[0]+":" != bot.MovedKey {
			continue
		}
		switch bot.KeyKind(parts[2]) {
		case bot.CardKey:
			all = append(all, Post{Key: key, EditOnly: true, Draw: movedCard})
		case "unknown", "result", "unread", "unmoved":
			all = append(all, Post{Key: key, EditOnly: true, Draw: movedOutcome})
		}
	}
	slices.SortFunc(all, func(a, b Post) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// askerPosts are each requester's receipt, and what it cannot tell them.
//
// Each requester reads the outcome once. Slack notifies nobody of an edit, so an outcome
// after which its reader must do something, and a doubt, are messages of their own, and
// the receipt only points to them. A good outcome is the receipt itself. If that is gone,
// it is posted again; if it stands above later news, the outcome is a message of its
// own, too. An older version sent every outcome so: those messages stay in use.
func askerPosts(r *bot.Request, v View, places map[string]bot.Place) (all []Post) {
	for _, id := range r.AskedBy() {
		var own []Post
		add := func(key string, draw Drawing) { own = append(own, Post{Key: key, To: id, Draw: draw}) }
		key := outcomeKey(r, v, id)
		if _, told := places[key]; key != "" && (told || !good(r, id) || laterNews(places, id)) {
			add(key, outcomeNote)
		}
		if !r.UnreadAt.IsZero() {
			add("unread_note:"+id, unreadNote)
		}
		if !r.UnmovedAt.IsZero() {
			add("unmoved_note:"+id, unmovedNote)
		}
		draw := func(r *bot.Request, v View) bot.Message {
			if slices.ContainsFunc(own, func(p Post) bool { return readable(places, p.Key) }) {
				return closedReceipt(r, v)
			}
			return receipt(r, v, id)
		}
		all = append(append(all, own...), Post{
			Key: bot.ReceiptKey(id), To: id, Urgency: bot.OfAside, Draw: draw, EditOnly: len(own) > 0, Outcome: key != "" && len(own) == 0,
		})
	}
	return all
}

// outcomeKey names the message that tells a requester the outcome of the decision in
// force; empty if there is none to tell.
func outcomeKey(r *bot.Request, v View, id string) string {
	switch {
	case r.Stuck(v.Now):
		return fmt.Sprintf("stuck:%d:%s", len(r.Decisions), id)
	case r.Over():
		return fmt.Sprintf("outcome:%d:%s", len(r.Decisions), id)
	}
	return ""
}

// good reports whether an outcome asks its reader to do nothing. A doubt about an
// accepted revoke has a message of its own.
func good(r *bot.Request, id string) bool {
	return r.State == bot.Drilled || r.State.Accepted() && r.Target.Guest != graph.Yes ||
		r.State == bot.Cancelled && r.Verdict().SlackID == id
}

// laterNews reports whether a message to this requester stands below their receipt.
func laterNews(places map[string]bot.Place, id string) bool {
	for key := range places {
		kind := bot.KeyKind(key)
		if strings.HasSuffix(key, ":"+id) && slices.Contains([]string{"outcome", "stuck", "reopened", "not_executed"}, kind) {
			return true
		}
	}
	return false
}

// readable reports whether a message is posted where its reader finds it again.
func readable(places map[string]bot.Place, key string) bool {
	at := places[key]
	return at.TS != "" && at.Channel != bot.Privately
}

// targetPosts tell the target of somebody else's request the outcome.
func targetPosts(r *bot.Request, v View) []Post {
	silent := v.Policy != nil && v.Policy.SilentTarget
	happened := r.State == bot.Drilled || r.State.Accepted() && r.Target.Guest != graph.Yes
	if r.Lane != authz.ThirdParty || r.TargetSlackID == "" || silent || !happened {
		return nil
	}
	return []Post{{Key: bot.TargetKey, To: r.TargetSlackID, Draw: func(r *bot.Request, _ View) bot.Message { return targetNote(r) }}}
}

// unreachedPosts are the approvers' direct messages about a channel where the bot cannot
// post: new ones, and corrections of old ones. If there is no card and no known problem,
// the old ones stay as they are.
func unreachedPosts(r *bot.Request, v View, places map[string]bot.Place) (all []Post) {
	unread := r.State == bot.Pending && v.Shut != ""
	_, asked := places[bot.CancelKey]
	for _, of := range []struct {
		key     string
		news    bool
		urgency bot.Urgency
		draw    Drawing
	}{
		{bot.UnreachedKey, unread, bot.OfCard, unreachedNote},
		{bot.CancelUnreachedKey, unread && !asked && !r.CancelAskedAt.IsZero(), bot.OfOutcome, cancelUnreached},
	} {
		told := ToldOf(places, of.key)
		for _, id := range v.Able {
			if of.news && !slices.Contains(told, id) && (of.key != bot.CancelUnreachedKey || id != r.TargetSlackID) {
				all = append(all, Post{Key: of.key + id, To: id, Urgency: of.urgency, Draw: of.draw})
			}
		}
		if r.State == bot.Pending && v.Shut == "" && v.CardLink == "" {
			continue
		}
		for _, id := range told {
			draw := of.draw
			if !slices.Contains(v.Readers, id) {
				if r.State == bot.Pending && v.Guessed {
					continue // perhaps still an approver
				}
				draw = func(r *bot.Request, _ View) bot.Message { return noConcern(r) }
			}
			all = append(all, Post{Key: of.key + id, To: id, Urgency: bot.OfAside, EditOnly: true, Draw: draw})
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

// Rings reports whether a direct message is news that its reader must not miss. A receipt
// repeats the answer to the command, unless it has the only button or tells the outcome.
func (p Post) Rings(r *bot.Request) bool {
	switch bot.KeyKind(p.Key) + ":" {
	case bot.ReceiptKind + ":":
		return p.Outcome || r.OnlySelf() && r.State == bot.Pending
	case bot.UnreachedKey, bot.CancelUnreachedKey:
		return false
	}
	return true
}

// ToldSincePosts correct the thread's notes about people whom the bot could not write to,
// and has reached since.
func ToldSincePosts(r *bot.Request, places map[string]bot.Place) (all []Post) {
	for key := range places {
		direct, ok := strings.CutPrefix(key, bot.UntoldKey)
		at, told := places[direct]
		if !ok || !told {
			continue
		}
		id := direct[strings.LastIndex(direct, ":")+1:]
		if direct == bot.TargetKey {
			id = r.TargetSlackID
		}
		draw := func(r *bot.Request, _ View) bot.Message { return toldSince(r, id, at.Channel == bot.Privately) }
		all = append(all, Post{Key: key, Thread: true, EditOnly: true, Urgency: bot.OfAside, Draw: draw})
	}
	slices.SortFunc(all, func(a, b Post) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// asked makes the key of a message that rings once each time that people are asked.
func asked(r *bot.Request, key string) string {
	if r.AskedAgainAt.IsZero() {
		return key
	}
	return fmt.Sprintf("%s:%d", key, r.AskedAgainAt.Unix())
}
