package notify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"

	"revoke-sessions/authz"
	"revoke-sessions/bot/lookup"
)

// A card shows more than its request: the approvers, the policy, the emergency number,
// its channel. If these have changed since it was drawn, at a restart or because the
// approvers changed, every open request is told again. A message that would say the
// same as the posted one costs no call.

// outlook is a digest of what open requests show apart from their own data.
func (tl *Teller) outlook(known lookup.Roster) [sha256.Size]byte {
	type shown struct {
		Approver, Entra string
		By              []string
		Able            bool
	}
	var people []shown
	for _, a := range known.People {
		people = append(people, shown{a.Actor.SlackID, a.Actor.EntraID, a.By, tl.cfg.Check(authz.Freeze, a.Actor, authz.Matter{}).Allowed})
	}
	slices.SortFunc(people, func(a, b shown) int { return strings.Compare(a.Approver, b.Approver) })
	text, _ := json.Marshal([]any{people, tl.cfg.Policy.Digest, tl.cfg.Policy.Approvers, tl.cfg.Channel, tl.cfg.Emergency, tl.cfg.Home,
		tl.cfg.Operation, tl.cfg.Fallback}) // cannot fail
	return sha256.Sum256(text)
}

// Redraw has every open request and the active freeze told again if their outlook has
// changed.
func (tl *Teller) Redraw(ctx context.Context, known lookup.Roster) {
	now := tl.outlook(known)
	if last := tl.drawnUnder.Swap(&now); last != nil && *last == now {
		return
	}
	tl.Retell(ctx)
}

// Retell has every open request and the active freeze told again.
func (tl *Teller) Retell(ctx context.Context) {
	if err := tl.store.Retell(ctx); err != nil {
		tl.drawnUnder.Store(nil) // the next Redraw tries again
		tl.log.Error("cannot have open requests shown again", "error", err)
	}
}
