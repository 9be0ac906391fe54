package lifecycle

import (
	"context"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/graph"
)

// OwnAccount reports whether the bot itself signs in to Entra with the account: a
// revoke would sign the bot out. The caller has just read the account, so the bot is
// signed in.
func (k *base) OwnAccount(objectID string) bool {
	return objectID != "" && strings.EqualFold(k.directory.SignedInAs(), objectID)
}

// stampsFresh reports whether the stamps from before the call are new enough to
// compare the account with.
func (k *base) stampsFresh(r *bot.Request) bool {
	old, known := bot.Age(r.Before.ReadAt, k.now())
	return known && old <= lookup.Fresh
}

// readStamps reads the account's stamps, or returns zero Stamps if that fails.
func (k *base) readStamps(ctx context.Context, id string) graph.Stamps {
	u, err := k.people.Account(ctx, id)
	if err != nil {
		return graph.Stamps{}
	}
	return u.Stamps
}

// TargetAtClick reads the account again, because a click counts only if the account is
// still what the card shows. If Microsoft does not answer, the facts on the card count
// until they are lookup.Stale.
func (k *base) TargetAtClick(ctx context.Context, r *bot.Request) (t bot.TargetFacts, gone bool, age time.Duration, err error) {
	t, err = k.people.TargetNow(ctx, r.Target.ID, r.TargetSlackIDs(), !r.TargetFound)
	switch {
	case err == nil:
		return t, false, 0, nil
	case graph.IsNotFound(err):
		return t, true, 0, nil
	}
	old, known := bot.Age(r.Target.Stamps.ReadAt, k.now())
	if failed := lookup.Failed(bot.AboutAccounts, err); failed.Remedy != "" || !known || old >= lookup.Stale {
		return t, false, 0, failed
	}
	t.User = r.Target
	t.User.UPN, t.User.DisplayName, t.User.Stamps = r.Words.UPN, r.Words.DisplayName, graph.Stamps{}
	return t, false, max(0, old), nil
}
