package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph"
)

// rules looks whether all who work on the database decide by the same rules, and by
// those of the settings that doctor reads.
func (e *examination) rules(ctx context.Context) verdict {
	const what = "whether every replica has the current rules"
	if e.complaints("REVOKE_POLICY", "REVOKE_CHANNEL", "REVOKE_OPERATION", "REVOKE_FALLBACK") != "" {
		return without(what, "some settings are not valid")
	}
	return e.inDatabase(ctx, what, func(db *store.Store) (verdict, error) {
		in, err := db.Replicas(ctx)
		return ofRules(in, bot.Rules{Policy: e.read.policy.Digest, Operation: operationOf(e.Operation), Fallback: graph.Operation(e.Fallback),
			Channel: e.Channel}), err
	})
}

// inDatabase looks in the database, if there is one that this version can read.
func (e *examination) inDatabase(ctx context.Context, what string, look func(*store.Store) (verdict, error)) verdict {
	if e.complaints("REVOKE_DATABASE_URL") != "" {
		return without(what, "some settings are not valid")
	}
	db, err := store.OpenReadOnly(ctx, e.Database)
	if errors.Is(err, store.ErrNoDatabase) {
		return without(what, "there is no database yet")
	}
	if err != nil {
		return without(what, "this version cannot read the database")
	}
	v, err := look(db)
	if err = errors.Join(err, db.Close()); err != nil {
		return without(what, "the database cannot be read")
	}
	return v
}

// ofRules judges what the database says of rules, beside those of the settings.
func ofRules(in bot.RulesInForce, here bot.Rules) verdict {
	const settings = "policy, REVOKE_APPROVERS, REVOKE_CHANNEL, REVOKE_OPERATION and REVOKE_FALLBACK"
	switch {
	case in.Digest == "":
		return without("whether every replica has the current rules", "no bot of this version has started on the database")
	case in.Others > 0:
		return verdict{broken, fmt.Sprintf("%d of the %d replicas have other rules than the replica that started last, at %s. They approve and revoke nothing", in.Others, in.Live, in.Since.Format(time.RFC3339)),
			"The rules of the last start count. Restart every replica with the same " + settings}
	case in.Digest != here.Digest():
		return verdict{doubtful, fmt.Sprintf("The bot started at %s with other rules than the settings here",
			in.Since.Format(time.RFC3339)),
			"If the settings here are newer, restart every replica. If not, give doctor the bot's own " + settings}
	}
	return fine("Every replica has the rules of these settings, since %s", in.Since.Format(time.RFC3339))
}
