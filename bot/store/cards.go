package store

import (
	"context"
	"fmt"
	"strings"

	"revoke-sessions/bot"
)

// Cards implements bot.Billboard.
func (b *billboard) Cards(ctx context.Context, ids []string, slackID string) (map[string]map[string]bot.Place, error) {
	cards := make(map[string]map[string]bot.Place, len(ids))
	if len(ids) == 0 {
		return cards, nil
	}
	args, list := []any{bot.CardKey, bot.ReceiptKey(slackID)}, make([]string, len(ids))
	for i, id := range ids {
		args, list[i] = append(args, id), fmt.Sprintf("$%d", i+3)
	}
	type card struct {
		request string
		at      bot.Place
	}
	all, err := rows(ctx, b.core, func(row scanner) (c card, err error) {
		return c, row.Scan(&c.request, &c.at.Key, &c.at.Channel, &c.at.TS)
	}, `SELECT request_id, key, channel, ts FROM places WHERE key IN ($1, $2) AND request_id IN (`+strings.Join(list, ", ")+`)`, args...)
	for _, c := range all {
		if cards[c.request] == nil {
			cards[c.request] = map[string]bot.Place{}
		}
		cards[c.request][c.at.Key] = c.at
	}
	return cards, err
}
