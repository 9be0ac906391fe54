package lookup

import (
	"context"
	"errors"
	"slices"

	"revoke-sessions/authz"
)

// maxPages bounds how many pages of a channel's members are read. A channel with more
// members than these pages hold counts as one that could not be read.
const maxPages = 5

// errTooManyMembers means that a channel has members nobody looked at.
var errTooManyMembers = errors.New("the channel has more members than are looked up")

// CanOpen reports whether a Slack user can open a message in a channel: somebody of this
// workspace who is a member of the channel. It grants no right. With an error nobody
// counts, because a link must not reach a person who cannot open it. Each answer counts
// for a minute.
func (p *People) CanOpen(ctx context.Context, channel, slackID string) (bool, error) {
	ctx = context.WithValue(ctx, purposeKey{}, ForOthers) // a link is never urgent
	members, age, err := p.inChannel.Get(ctx, channel)
	if err != nil || age >= Fresh || !slices.Contains(members, slackID) {
		return false, err
	}
	// A channel that is shared has members of other workspaces.
	m, age, err := p.members.Get(ctx, slackID)
	return err == nil && age < Fresh && (m.Standing == authz.FullMember || m.Standing == authz.GuestUser), err
}

// readChannel reads all members of a channel, page by page. The budget counts each page.
func readChannel(
	b *Budget, page func(ctx context.Context, channel, cursor string) ([]string, string, error),
) func(context.Context, string) ([]string, error) {
	return func(ctx context.Context, channel string) (members []string, err error) {
		for cursor, n := "", 0; n < maxPages; n++ {
			var more []string
			next := counted(b, "conversations.members", func(ctx context.Context, from string) (to string, err error) {
				more, to, err = page(ctx, channel, from)
				return to, err
			})
			if cursor, err = next(ctx, cursor); err != nil {
				return nil, err
			}
			if members = append(members, more...); cursor == "" {
				return members, nil
			}
		}
		return nil, errTooManyMembers
	}
}
