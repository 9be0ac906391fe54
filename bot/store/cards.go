package store

import (
	"context"
	"fmt"
	"strings"

	"revoke-sessions/bot"
)

// Cards implements bot.Billboard.
func (b *billboard) Cards(ctx context.Context, ids []string) (map[string]bot.Place, error) {
	cards := make(map[string]bot.Place, len(ids))
	if len(ids) == 0 {
		return cards, nil
	}
	args, list := []any{bot.CardKey}, make([]string, len(ids))
	for i, id := range ids {
		args, list[i] = append(args, id), fmt.Sprintf("$%d", i+2)
	}
	type card struct {
		request string
		at      bot.Place
	}
	all, err := rows(ctx, b.core, func(row scanner) (c card, err error) {
		c.at.Key = bot.CardKey
		return c, row.Scan(&c.request, &c.at.Channel, &c.at.TS)
	}, `SELECT request_id, channel, ts FROM places WHERE key = $1 AND request_id IN (`+strings.Join(list, ", ")+`)`, args...)
	for _, c := range all {
		cards[c.request] = c.at
	}
	return cards, err
}
