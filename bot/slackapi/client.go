// Package slackapi speaks to Slack's Web API: calls, errors and rate limits. It knows
// which refusals last and which may pass, and no error of it holds a secret.
package slackapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// Results of a call to Slack, besides Slack's own codes.
const (
	// OK means that the call worked.
	OK = "ok"
	// Silent means that no answer came, or none from Slack.
	Silent = "no_answer"
)

// CallObserver receives each call to Slack's Web API: the method (or
// "response_url"), OK, Silent or Slack's code, and how long the call took.
type CallObserver func(method, result string, took time.Duration)

// Observe reports each call to f, which must return immediately. Call it before the
// first call to Slack.
func (s *Client) Observe(f CallObserver) { s.observe = f }

// Hear reports each later call to f.
func (s *Client) Hear(f func(method string, err error)) { s.heard.Store(&f) }

// called reports the result of a call. Deferred:
//
//	defer s.called("chat.update", time.Now(), &err)
func (s *Client) called(method string, began time.Time, err *error) {
	if hear := s.heard.Load(); hear != nil {
		(*hear)(method, *err)
	}
	if s.observe == nil {
		return
	}
	result := OK
	if *err != nil {
		result = Silent
		if e, ok := errors.AsType[*Error](*err); ok && e.Code != "" {
			result = e.Code
		}
	}
	s.observe(method, result, time.Since(began))
}

// Member is what Slack says of a user.
type Member struct {
	ID    string
	Email string
	// EmailConfirmed means that Slack calls the address confirmed.
	EmailConfirmed bool
	Standing       authz.Standing
}

// Client calls Slack's Web API. It wraps slack-go, and turns the empty answers that
// slack-go accepts into errors.
type Client struct {
	api  *slack.Client
	http *http.Client
	// apiOrigin is a scheme and host that may receive answers, besides Slack's hosts.
	apiOrigin string
	home      bot.Workspace
	// Pace keeps posts and updates below Slack's rate limits.
	Pace    *pace
	observe CallObserver // may be nil
	// heard receives each call too; the bot learns from it.
	heard atomic.Pointer[func(method string, err error)]
}

// NewClient wraps a slack-go client, which holds the bot token. apiURL is the
// address of the Web API; hc posts to response URLs and must have a time-out.
func NewClient(api *slack.Client, apiURL string, hc *http.Client) *Client {
	s := &Client{api: api, http: hc, Pace: newPace()}
	if u, err := url.Parse(apiURL); err == nil && u.Host != "" {
		s.apiOrigin = u.Scheme + "://" + u.Host
	}
	return s
}

// ChannelProblem reads a channel and returns only what is wrong with it.
func (s *Client) ChannelProblem(ctx context.Context, id string) (bot.ChannelProblem, error) {
	c, err := s.Channel(ctx, id)
	return c.Problem, err
}

// Channel is what Slack says of a channel.
type Channel struct {
	Name    string
	Private bool
	Problem bot.ChannelProblem
}

// Channel reads a channel. For a missing channel it returns only the problem.
func (s *Client) Channel(ctx context.Context, id string) (_ Channel, err error) {
	defer s.called("conversations.info", time.Now(), &err)
	c, err := s.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
	err = asError("conversations.info", err)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == "channel_not_found" {
		return Channel{Problem: bot.ChannelMissing}, nil
	}
	if err != nil {
		return Channel{}, err
	}
	if c.ID != id {
		return Channel{}, &Error{Method: "conversations.info", Code: Incomplete}
	}
	known := Channel{Name: c.Name, Private: c.IsPrivate}
	switch {
	case c.IsArchived:
		known.Problem = bot.ChannelArchived
	case !c.IsMember:
		known.Problem = bot.ChannelWithout
	case c.IsExtShared:
		known.Problem = bot.ChannelShared
	}
	return known, nil
}

// Member looks a user up.
func (s *Client) Member(ctx context.Context, id string) (_ Member, err error) {
	defer s.called("users.info", time.Now(), &err)
	u, err := s.api.GetUserInfoContext(ctx, id)
	if err != nil {
		return Member{}, asError("users.info", err)
	}
	if u.ID != id {
		return Member{}, &Error{Method: "users.info", Code: Incomplete}
	}
	return s.member(u), nil
}

// GroupMembers lists the user IDs in a Slack user group.
// https://docs.slack.dev/reference/methods/usergroups.users.list
func (s *Client) GroupMembers(ctx context.Context, id string) (members []string, err error) {
	defer s.called("usergroups.users.list", time.Now(), &err)
	members, err = s.api.GetUserGroupMembersContext(ctx, id)
	if err != nil {
		return nil, asError("usergroups.users.list", err)
	}
	if members == nil {
		// The body was {} or {"ok":false}; an empty group is an empty list.
		return nil, &Error{Method: "usergroups.users.list", Code: Incomplete}
	}
	return members, nil
}

// membersPage is how many members of a channel one page lists: the most that Slack allows.
// https://docs.slack.dev/reference/methods/conversations.members
const membersPage = 999

// ChannelMembers lists a page of the user IDs in a channel, and returns the cursor of the
// next one, empty after the last. The first page has an empty cursor. The members of a
// shared channel include people of other workspaces.
func (s *Client) ChannelMembers(ctx context.Context, channel, cursor string) (members []string, next string, err error) {
	defer s.called("conversations.members", time.Now(), &err)
	members, next, err = s.api.GetUsersInConversationContext(ctx, &slack.GetUsersInConversationParameters{
		ChannelID: channel, Cursor: cursor, Limit: membersPage,
	})
	if err != nil {
		return nil, "", asError("conversations.members", err)
	}
	if members == nil {
		// The body was {} or {"ok":false}; a page without members is an empty list.
		return nil, "", &Error{Method: "conversations.members", Code: Incomplete}
	}
	return members, next, nil
}

// MemberByEmail finds the user with this confirmed address.
func (s *Client) MemberByEmail(ctx context.Context, address string) (_ Member, err error) {
	defer s.called("users.lookupByEmail", time.Now(), &err)
	u, err := s.api.GetUserByEmailContext(ctx, address)
	if err != nil {
		return Member{}, asError("users.lookupByEmail", err)
	}
	if u.ID == "" || !strings.EqualFold(u.Profile.Email, address) {
		return Member{}, &Error{Method: "users.lookupByEmail", Code: Incomplete}
	}
	return s.member(u), nil
}

func (s *Client) member(u *slack.User) Member {
	m := Member{ID: u.ID, Email: u.Profile.Email, EmailConfirmed: u.IsEmailConfirmed}
	switch {
	case u.IsWorkflowBot, u.IsConnectorBot:
		m.Standing = authz.WorkflowUser
	case u.IsBot, u.ID == "USLACKBOT":
		m.Standing = authz.BotUser
	case u.IsStranger:
		m.Standing = authz.StrangerUser
	case u.TeamID != s.home.TeamID && !slices.Contains(u.Enterprise.Teams, s.home.TeamID):
		m.Standing = authz.OtherWorkspace
	case u.Deleted: // after the strangers: their address never proves anything
		m.Standing = authz.Deleted
	case u.IsRestricted, u.IsUltraRestricted:
		m.Standing = authz.GuestUser
	default:
		m.Standing = authz.FullMember
	}
	return m
}

// Post posts a message to a channel, to a user's direct messages (to is then
// the user's ID), or into a thread. It returns the channel that holds the message.
func (s *Client) Post(ctx context.Context, to, thread string, m bot.Message) (channel, ts string, err error) {
	defer s.called("chat.postMessage", time.Now(), &err)
	options, err := s.options("chat.postMessage", m)
	if err != nil {
		return "", "", err
	}
	options = append(options, slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
	if thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
	}
	channel, ts, err = s.api.PostMessageContext(ctx, to, options...)
	if err == nil && (channel == "" || ts == "") {
		err = &Error{Method: "chat.postMessage", Code: Incomplete}
		return "", "", err
	}
	return channel, ts, asError("chat.postMessage", err)
}

// Update rewrites one of our messages; its buttons disappear unless m has some.
func (s *Client) Update(ctx context.Context, channel, ts string, m bot.Message) (err error) {
	defer s.called("chat.update", time.Now(), &err)
	options, err := s.options("chat.update", m)
	if err != nil {
		return err
	}
	_, got, _, err := s.api.UpdateMessageContext(ctx, channel, ts, options...)
	if err == nil && got != ts {
		return &Error{Method: "chat.update", Code: Incomplete}
	}
	return asError("chat.update", err)
}

// Delete removes one of our messages; Slack refuses anybody else's.
func (s *Client) Delete(ctx context.Context, channel, ts string) (err error) {
	defer s.called("chat.delete", time.Now(), &err)
	_, got, err := s.api.DeleteMessageContext(ctx, channel, ts)
	if err == nil && got != ts {
		return &Error{Method: "chat.delete", Code: Incomplete}
	}
	return asError("chat.delete", err)
}

func (s *Client) options(method string, m bot.Message) ([]slack.MsgOption, error) {
	blocks, err := blocksOf(m)
	if err != nil {
		return nil, &Error{Method: method, Err: err}
	}
	// parse=none: a bare @here or a URL in the top-level text stays text.
	return []slack.MsgOption{slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(blocks...), slack.MsgOptionParse(false)}, nil
}

// OpenForm opens a modal and returns its view ID. The trigger works once, for 3 seconds.
func (s *Client) OpenForm(ctx context.Context, trigger bot.Secret, view slack.ModalViewRequest) (id string, err error) {
	defer s.called("views.open", time.Now(), &err)
	answer, err := s.api.OpenViewContext(ctx, string(trigger), view)
	return viewID("views.open", answer, err)
}

// viewID returns the ID of the view in an answer. An answer without one is incomplete.
func viewID(method string, answer *slack.ViewResponse, err error) (string, error) {
	if err != nil {
		return "", asError(method, err)
	}
	if answer.ID == "" {
		return "", &Error{Method: method, Code: Incomplete}
	}
	return answer.ID, nil
}

// UpdateForm replaces an open modal by its view ID. Slack answers not_found if it was
// closed.
func (s *Client) UpdateForm(ctx context.Context, id string, view slack.ModalViewRequest) (err error) {
	defer s.called("views.update", time.Now(), &err)
	answer, err := s.api.UpdateViewContext(ctx, view, "", "", id)
	_, err = viewID("views.update", answer, err)
	return err
}

// UpdateNamedForm replaces an open modal by its external_id, which the app gives. Slack
// answers not_found while no modal has it.
func (s *Client) UpdateNamedForm(ctx context.Context, externalID string, view slack.ModalViewRequest) (err error) {
	defer s.called("views.update", time.Now(), &err)
	answer, err := s.api.UpdateViewContext(ctx, view, externalID, "", "")
	_, err = viewID("views.update", answer, err)
	return err
}

// PublishHome publishes a Home tab to one person, and returns the hash of what they see.
// With the hash of an earlier view, Slack refuses if somebody else has published one since:
// see HashConflict.
// https://docs.slack.dev/reference/methods/views.publish
func (s *Client) PublishHome(ctx context.Context, user string, view slack.HomeTabViewRequest, before string) (hash string, err error) {
	const method = "views.publish"
	defer s.called(method, time.Now(), &err)
	if len(view.Blocks.BlockSet) == 0 {
		return "", &Error{Method: method, Code: "no_blocks"} // slack-go would send null
	}
	request := slack.PublishViewContextRequest{UserID: user, View: view}
	if before != "" {
		request.Hash = &before
	}
	answer, err := s.api.PublishViewContext(ctx, request)
	if _, err = viewID(method, answer, err); err != nil {
		return "", err
	}
	return answer.Hash, nil
}

// HashConflict reports whether a Home tab is not the one that the bot published last.
func HashConflict(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == "hash_conflict"
}

// NoHomeTab reports whether the app has no Home tab: its installed manifest is older than
// the tab.
func NoHomeTab(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == NotEnabled
}

// NotEnabled is Slack's code for an app without a Home tab.
const NotEnabled = "not_enabled"

// NoView reports whether Slack knows no such modal: it was closed, or is not there yet.
// https://docs.slack.dev/reference/methods/views.update
func NoView(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Code == "not_found" || e.Code == "view_not_found")
}

// block is a block that is already JSON; it is sent as it is.
type block struct{ json.RawMessage }

func (block) BlockType() slack.MessageBlockType { return "" }
func (block) ID() string                        { return "" }

// blocksOf splits a message's JSON into blocks.
func blocksOf(m bot.Message) (blocks []slack.Block, err error) {
	var raw []json.RawMessage
	if len(m.Blocks) > 0 {
		err = json.Unmarshal(m.Blocks, &raw)
	}
	for _, one := range raw {
		blocks = append(blocks, block{one})
	}
	return blocks, err
}
