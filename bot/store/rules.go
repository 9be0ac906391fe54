package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"revoke-sessions/bot"
)

// EnterRules implements bot.Rulebook.
func (r *replicas) EnterRules(ctx context.Context, rules bot.Rules, row bot.Entry) error {
	digest := rules.Digest()
	err := r.transaction(ctx, func(tx *tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO rules_in_force (id, digest, policy, since) VALUES (1, $1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, policy = excluded.policy, since = excluded.since`,
			digest, rules.Policy, micros(tx.now)); err != nil {
			return fmt.Errorf("put rules in force: %w", err)
		}
		return appendAudit(ctx, tx, []bot.Entry{row})
	})
	if err == nil {
		r.rules.Store(&digest)
	}
	return err
}

// RulesInForce implements bot.Rulebook.
func (r *replicas) RulesInForce(ctx context.Context) (in bot.RulesInForce, err error) {
	var since int64
	err = r.row(ctx, `SELECT digest, policy, since FROM rules_in_force WHERE id = 1`).Scan(&in.Digest, &in.Policy, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return bot.RulesInForce{}, nil
	}
	if err != nil {
		return in, fmt.Errorf("read the rules in force: %w", err)
	}
	in.Since = instant(sql.NullInt64{Int64: since, Valid: true})
	return in, nil
}

// Replicas adds to the rules in force how many processes are alive and how many of them
// have other rules. SQLite has one process, which has these rules.
func (r *replicas) Replicas(ctx context.Context) (in bot.RulesInForce, err error) {
	if in, err = r.RulesInForce(ctx); err != nil || r.folder() == (sqliteEngine{}).folder() {
		return in, err
	}
	err = r.row(ctx, `SELECT count(*), coalesce(sum(CASE WHEN rules <> $1 THEN 1 ELSE 0 END), 0)
		FROM replicas WHERE seen_at >= `+r.headTime()+` - $2`,
		in.Digest, replicaLives.Microseconds()).Scan(&in.Live, &in.Others)
	if err != nil {
		return in, fmt.Errorf("count the replicas by their rules: %w", err)
	}
	return in, nil
}
