package store

import (
	"context"
	"fmt"

	"revoke-sessions/bot"
)

// The queries of Census. Each walks an index of unfinished rows only, so that finished
// ones cost nothing, however many there are.
const (
	countPending = `SELECT coalesce(sum(CASE WHEN created_at > $1 THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN created_at <= $1 AND created_at > $2 THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN created_at <= $2 AND created_at > $3 THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN created_at <= $3 THEN 1 ELSE 0 END), 0)
		FROM requests WHERE state = 'pending' AND drill = 0`
	countOwing = `SELECT state, count(*) FROM (
		SELECT state FROM requests WHERE due_at IS NOT NULL
		UNION ALL SELECT state FROM requests WHERE tell_due_at IS NOT NULL AND due_at IS NULL) owing GROUP BY state`
	// $1 is the last overdue moment. Neither a claim nor a later next try makes a row
	// less overdue: failing work is claimed for each try.
	countOverdue = `SELECT (SELECT count(*) FROM arrivals WHERE due_at <= $1),
		(SELECT count(*) FROM requests WHERE due_at <= $1),
		(SELECT count(*) FROM requests WHERE tell_due_at IS NOT NULL
			AND (tell_due_at <= $1 OR tell_owed_at >= changed_at AND tell_owed_at BETWEEN 1 AND $1)),
		(SELECT count(*) FROM notices WHERE due_at IS NOT NULL AND (due_at <= $1 OR owed_at BETWEEN 1 AND $1))`
	countStalled  = `SELECT count(*) FROM requests WHERE stalled_at > 0 AND stalled_version = version`
	headAndFreeze = `SELECT seq, EXISTS (SELECT 1 FROM freezes WHERE ended_at IS NULL) FROM audit_head WHERE id = 1`
)

// Census counts unfinished work. Its cost grows with that, not with the size of the
// database.
func (s *Store) Census(ctx context.Context) (c bot.Census, err error) {
	now := s.now()
	var ages []any
	for _, age := range bot.PendingAges {
		ages = append(ages, micros(now.Add(-age)))
	}
	if err := s.row(ctx, countPending, ages...).Scan(&c.Pending[0], &c.Pending[1], &c.Pending[2], &c.Pending[3]); err != nil {
		return c, fmt.Errorf("count what is pending: %w", err)
	}
	type group struct {
		state bot.State
		n     int
	}
	rows, err := s.read.QueryContext(ctx, countOwing)
	groups, err := collect(rows, err, func(row scanner) (g group, err error) {
		err = row.Scan(&g.state, &g.n)
		return g, err
	})
	if err != nil {
		return c, fmt.Errorf("count what is owed: %w", err)
	}
	c.Owing = make(map[bot.State]int, len(groups))
	for _, g := range groups {
		c.Owing[g.state] = g.n
	}
	err = s.row(ctx, countOverdue, micros(now.Add(-bot.OverdueAfter))).
		Scan(&c.Overdue.Arrivals, &c.Overdue.Requests, &c.Overdue.Telling, &c.Overdue.Notices)
	if err != nil {
		return c, fmt.Errorf("count what is overdue: %w", err)
	}
	if err := s.row(ctx, countStalled).Scan(&c.Stalled); err != nil {
		return c, fmt.Errorf("count what cannot go on: %w", err)
	}
	if err := s.row(ctx, headAndFreeze).Scan(&c.Head, &c.Frozen); err != nil {
		return c, fmt.Errorf("read the head of the audit chain: %w", err)
	}
	return c, nil
}
