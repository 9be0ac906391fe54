package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// Difference is one thing in which an account, or what would be done to it, is
// no longer what the card showed. It makes the request void.
type Difference string

// The differences. Others, such as a sign-in that a colleague has blocked
// meanwhile, only change the card.
const (
	Renamed        Difference = "renamed"
	GuestChanged   Difference = "guest"
	Gone           Difference = "gone"
	OtherOperation Difference = "operation"
	MoreApprovals  Difference = "more_approvals"
	NowBlocked     Difference = "now_blocked" // by a protection of the policy
	// AskedElsewhere: a newer request that waits asks for the same.
	AskedElsewhere Difference = "asked_elsewhere"
	// RevokedMeanwhile: the account was revoked by another request, which the card did
	// not say.
	RevokedMeanwhile Difference = "revoked_meanwhile"
	// Unrecorded: the audit chain does not show what the stored request says.
	Unrecorded Difference = "unrecorded"
	// Altered: the stored request does not fit its digest. Somebody changed it.
	Altered Difference = "altered"
)

// Differences lists every Difference, for tests that demand words for each.
var Differences = []Difference{Renamed, GuestChanged, Gone, OtherOperation, MoreApprovals, NowBlocked, AskedElsewhere, RevokedMeanwhile, Unrecorded, Altered}

// shown is what a confirmation is bound to, as a digest: the identity of the
// account, what would be done to it, and how many must say so.
func shown(u graph.User, upn string, operation, fallback graph.Operation, need int) string {
	h := sha256.New()
	for _, part := range []string{u.ID, upn, string(u.Guest), string(operation), string(fallback), fmt.Sprint(need)} {
		fmt.Fprintf(h, "%d:%s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// matterOf is the request as authz sees it, by what is known of the target now.
func (r *Request) matterOf(t aim) authz.Matter {
	m := r.matter()
	m.Target.MemberOf, m.Target.Unsure, m.Target.Privileged = t.in, t.unsure, t.privileged != graph.No
	if len(t.slackIDs) > 0 {
		m.Target.SlackIDs = union(m.Target.SlackIDs, t.slackIDs)
	}
	return m
}

// knownNow is matterOf with what cannot be read at the moment taken for what
// the card had.
func (r *Request) knownNow(t aim) authz.Matter {
	if t.privileged == graph.Unknown {
		t.privileged = r.Privileged
	}
	t.unsure = slices.DeleteFunc(slices.Clone(t.unsure), func(name string) bool { return !slices.Contains(r.TargetIn, name) })
	return r.matterOf(t)
}

// differences says what a confirmation is bound to and is no longer so.
func (b *Bot) differences(r *Request, t aim, gone bool, m authz.Matter) []Difference {
	if gone {
		return []Difference{Gone}
	}
	need := b.cfg.Policy.Require(m)
	upn := Clean(t.user.UPN, maxAddress)
	var all []Difference
	add := func(d Difference, is bool) {
		if is {
			all = append(all, d)
		}
	}
	add(NowBlocked, need.Blocked)
	add(Renamed, upn != r.Words.UPN)
	add(GuestChanged, t.user.Guest != r.Target.Guest)
	add(OtherOperation, b.cfg.Operation != r.Operation || b.cfg.Fallback != r.Fallback)
	add(MoreApprovals, need.Approvals > r.Need)
	// Requests of the first version have no digest.
	add(Altered, len(all) == 0 && r.Digest != "" && r.Digest != shown(t.user, upn, b.cfg.Operation, b.cfg.Fallback, r.Need))
	return all
}

// updateFacts takes over what may change without making the request void: a
// colleague may have blocked sign-in meanwhile, which is good practice.
func (r *Request) updateFacts(t aim) {
	name, known, found, stamps := r.Words.DisplayName, r.targetSlackIDs(), r.TargetFound, r.Target.Stamps
	t.slackIDs = union(known, t.slackIDs)
	r.aimAt(t)
	// The words are settled once a request is decided, who was the target
	// stays so, and the stamps on the card are what later reads are compared with.
	r.Words.DisplayName, r.TargetFound, r.Target.Stamps = name, r.TargetFound || found, stamps
}

// void ends a request whose card was no longer true, and makes a fresh preview
// of the same ask in the same transaction: what was asked for is not lost.
func (b *Bot) void(ctx context.Context, r Request, t aim, changed []Difference, c Change, e Entry) (Request, error) {
	r.to(Void)
	r.EndedAt, r.DueAt, r.Changed = b.now().UTC(), time.Time{}, changed
	e.Action, e.Digest, e.Changed = string(Void), r.Digest, joinDifferences(changed)
	c.Audit = []Entry{e}
	if !slices.Contains(changed, Gone) && !slices.Contains(changed, NowBlocked) {
		fresh := Request{
			Lane: r.Lane, Drill: r.Drill, Askers: r.Askers, Words: r.Words, Replaces: r.ID,
			Coverage: r.Coverage, CancelAskedAt: r.CancelAskedAt, AskersAlso: r.AskersAlso, DenyAsked: r.DenyAsked, TargetLeft: r.TargetLeft,
		}
		t.slackIDs, t.found = union(r.targetSlackIDs(), t.slackIDs), t.found || r.TargetFound
		// A click does not wait for these, but a new card is a new ask.
		b.people.completeFacts(ctx, &t)
		fresh.aimAt(t)
		fresh, err := b.draft(ctx, fresh)
		if err != nil {
			return r, err
		}
		fresh.RevokedBefore = r.RevokedBefore // what its people knew when it was asked for
		b.leaveToApprovers(&fresh)
		fresh.DueAt = b.attention(&fresh)
		r.ReplacedBy = fresh.ID
		again := fresh.entry(Pending, e.Actor)
		again.Action, again.Origin, again.ActorEntraID = "previewed_again", e.Origin, e.ActorEntraID
		again.Operation, again.Digest, again.Need = string(fresh.Operation), fresh.Digest, fresh.Need
		again.Until = fresh.executesAt()
		c.Successor, c.Audit = &fresh, append(c.Audit, again)
	}
	// Of a request that somebody altered it is not known what was called.
	c.GivesBack = r.nothingDone() && !slices.Contains(changed, Altered)
	// What a card asks for is judged by the rules in force.
	c.Request, c.Under = r, b.rules.Digest()
	return b.commit(ctx, c)
}

// union keeps the order and takes nothing twice.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, one := range b {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

func joinDifferences(all []Difference) string {
	words := make([]string, len(all))
	for i, d := range all {
		words[i] = string(d)
	}
	return strings.Join(words, ",")
}

// differenceWords say what has changed, for a sentence that goes on.
var differenceWords = map[Difference]string{
	Renamed:          "the account was renamed",
	GuestChanged:     "the account became a guest, or is none any more",
	Gone:             "the account does not exist any more",
	OtherOperation:   "the bot is set to another operation",
	MoreApprovals:    "more approvals are needed now",
	Altered:          "the stored request is not what the card showed; whoever runs the bot should look at the database",
	AskedElsewhere:   "its approvals no longer count, and a newer request asks for the same",
	RevokedMeanwhile: "another request for this account was carried out, which the card did not say",
	Unrecorded:       "the audit record does not show what the stored request says; whoever runs the bot should look at the database",
	NowBlocked:       "the policy lets nobody revoke this account here any more",
}

func inWords(all []Difference) string {
	var words []string
	for _, d := range all {
		words = append(words, differenceWords[d])
	}
	return strings.Join(words, "; ")
}

// voidLine says what made a request void, and what follows.
func voidLine(r *Request, l *line) *line {
	switch {
	case slices.Contains(r.Changed, Unrecorded):
		return l.bold("Stopped: the audit record does not show what the stored request says.").
			say(" Nothing is called for it. Somebody may have changed the database, so whoever runs the bot should look at it now. " +
				"Ask again with `/revoke-sessions` if it is still needed.")
	case slices.Contains(r.Changed, AskedElsewhere):
		return l.bold("An approval of this no longer counts, and %s asks for the same.", r.ReplacedBy).
			say(" Nothing was done here; whoever asked reads there what becomes of it.")
	}
	done := "Nothing was done."
	if slices.Contains(r.Changed, RevokedMeanwhile) {
		done = "Nothing was done for this one."
	}
	l.bold("This changed since the preview: %s. %s", inWords(r.Changed), done)
	if slices.Contains(r.Changed, NowBlocked) {
		return l
	}
	if r.ReplacedBy == "" {
		return l.say(" Ask again with `/revoke-sessions` if it is still needed.")
	}
	return l.say(" A new card follows: %s.", r.ReplacedBy)
}

// VoidNow answers whoever confirmed what was no longer true.
func VoidNow(r *Request) Message {
	p := &page{}
	l := voidLine(r, r.begin()).say(" Your click confirmed nothing.")
	if r.ReplacedBy != "" {
		l.say(" Please read the new card.")
	}
	p.add(l)
	return p.message()
}
