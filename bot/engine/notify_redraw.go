package engine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"

	"revoke-sessions/authz"
	"revoke-sessions/bot/lookup"
)

// A card shows more than its request: who the approvers are, the policy, the
// emergency number, the channel that it stands in. Where these have changed since
// it was drawn, at a restart or because the approvers did, every open request is
// told again. Its messages are compared with what stands there, so that what has
// not changed costs no call.

// outlook is a digest of what open requests show beside themselves.
func (b *Bot) outlook(known lookup.Roster) [sha256.Size]byte {
	type shown struct {
		Approver, Entra string
		By              []string
		Able            bool
	}
	var people []shown
	for _, a := range known.People {
		people = append(people, shown{a.Actor.SlackID, a.Actor.EntraID, a.By, b.check(authz.Freeze, a.Actor, authz.Matter{}).Allowed})
	}
	slices.SortFunc(people, func(a, b shown) int { return strings.Compare(a.Approver, b.Approver) })
	text, _ := json.Marshal([]any{people, b.cfg.Policy.Digest, b.cfg.Policy.Approvers, b.cfg.Channel, b.cfg.Emergency, b.cfg.Home, b.cfg.Operation, b.cfg.Fallback}) // strings all
	return sha256.Sum256(text)
}

// redraw has every open request told again, and the freeze that is on, unless
// what they show beside themselves is as it was.
func (b *Bot) redraw(ctx context.Context, known lookup.Roster) {
	now := b.outlook(known)
	if last := b.drawnUnder.Swap(&now); last != nil && *last == now {
		return
	}
	b.retell(ctx)
}

// retell has what is open told again.
func (b *Bot) retell(ctx context.Context) {
	if err := b.store.Retell(ctx); err != nil {
		b.drawnUnder.Store(nil) // the next look tries again
		b.log.Error("have open requests told again", "error", err)
	}
}
