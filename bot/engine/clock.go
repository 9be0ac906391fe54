package engine

import (
	"context"
)

func (b *Bot) handBackAtLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, handBackWithin)
	defer cancel()
	b.handBack(ctx)
}
