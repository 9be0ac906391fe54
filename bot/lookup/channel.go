package lookup

import (
	"context"
	"errors"
	"slices"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// maxPages bounds how many pages of a channel's members are read. A channel with more
// members than these pages hold counts as one that could not be read.
const maxPages = 5

// errTooManyMembers means that a channel has members nobody looked at.
var errTooManyMembers = errors.New("the channel has more members than are looked up")

// channelMembers are the user IDs in a channel, or why they could not be read. A failure
// is remembered too, so that a list of many cards asks once.
type channelMembers struct {
	ids []string
	err error
}

// CanOpen reports whether a Slack user can open a message in a channel: somebody of this
// workspace who is a member of the channel. It grants no right. If Slack does not say who
// is a member, nobody counts, because a link must not reach a person who cannot open it.
// Each answer, and each failure, counts for a minute; the error is returned when it is new.
func (p *People) CanOpen(ctx context.Context, channel, slackID string) (bool, error) {
	ctx = context.WithValue(ctx, purposeKey{}, ForOthers) // a link is never urgent
	in, age, err := p.inChannel.Get(ctx, channel)
	if err == nil && age == 0 {
		err = in.err
	}
	if err != nil || age >= Fresh || !slices.Contains(in.ids, slackID) {
		return false, err
	}
	// A channel that is shared has members of other workspaces.
	m, age, err := p.members.Get(ctx, slackID)
	return err == nil && age < Fresh && (m.Standing == authz.FullMember || m.Standing == authz.GuestUser), err
}

// IsPublic reports whether every full member of the workspace can open a channel, as far as
// the bot can tell. It grants no right.
func (p *People) IsPublic(ctx context.Context, channel string) (bool, error) {
	ctx = context.WithValue(ctx, purposeKey{}, ForOthers) // a link is never urgent
	is, age, err := p.public.Get(ctx, channel)
	return is && age < Fresh, err
}

func (p *People) readPublic(ctx context.Context, channel string) (bool, error) {
	c, err := p.slack.Channel(ctx, channel)
	return err == nil && c.Problem != bot.ChannelMissing && c.Problem != bot.ChannelShared && !c.Private && c.Name != "", err
}

// membersOf reads all members of a channel, page by page. The budget counts each page.
func (p *People) membersOf(b *Budget) func(context.Context, string) (channelMembers, error) {
	return func(ctx context.Context, channel string) (channelMembers, error) {
		ids, err := p.readPages(ctx, b, channel)
		if err != nil {
			err = Failed(bot.Subject{Where: bot.AtSlack}, err)
		}
		return channelMembers{ids, err}, nil
	}
}

func (p *People) readPages(ctx context.Context, b *Budget, channel string) (members []string, err error) {
	for cursor, n := "", 0; n < maxPages; n++ {
		var more []string
		next := counted(b, "conversations.members", func(ctx context.Context, from string) (to string, err error) {
			more, to, err = p.slack.ChannelMembers(ctx, channel, from)
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
