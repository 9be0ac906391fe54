package store

import (
	"context"
	"encoding/json"
	"fmt"

	"revoke-sessions/bot"
)

// OnRecord implements bot.Ledger. It checks each row against the hash of the row before
// it in the chain and leaves out those that do not fit.
func (c *chain) OnRecord(ctx context.Context, requestID string) ([]bot.Row, error) {
	type linked struct {
		stored
		before string
	}
	found, err := rows(ctx, c.core, func(row scanner) (l linked, err error) {
		l.request = requestID
		return l, row.Scan(&l.seq, &l.entry, &l.hash, &l.before)
	}, `SELECT a.seq, a.entry, a.hash, coalesce((SELECT hash FROM audit WHERE seq = a.seq - 1), '')
		FROM audit a WHERE a.request_id = $1 ORDER BY a.seq`, requestID)
	if err != nil {
		return nil, fmt.Errorf("read what is on record of a request: %w", err)
	}
	var all []bot.Row
	for _, l := range found {
		r := bot.Row{Seq: l.seq, Hash: l.hash}
		if !l.follows(Anchor{l.seq - 1, l.before}) || json.Unmarshal([]byte(l.entry), &r.Entry) != nil || r.Request != requestID {
			continue
		}
		all = append(all, r)
	}
	return all, nil
}
