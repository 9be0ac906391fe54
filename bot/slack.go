package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
)

// Workspace is where the app is installed and who the bot is in it.
type Workspace struct {
	TeamID string
	// URL is the workspace's own address, https://name.slack.com/.
	URL   string
	AppID string
}

// Link leads to a message.
func (w Workspace) Link(channel, ts string) string {
	if ts == "" {
		return ""
	}
	return fmt.Sprintf("%sarchives/%s/p%s", w.URL, channel, strings.ReplaceAll(ts, ".", ""))
}

// Member is what Slack says of a user.
type Member struct {
	ID    string
	Email string
	// EmailConfirmed: Slack has seen the person answer from that address.
	EmailConfirmed bool
	Standing       authz.Standing
}

// SlackError is a Web API call that did not work. Its text names the method
// and Slack's code, and never a token, a URL or what was sent.
type SlackError struct {
	Method string
	// Code is Slack's error code, "ratelimited" for all three shapes of a
	// rate limit, or empty when there was no answer.
	Code   string
	Status int // HTTP status, where it alone is known
	// Needed is the scope that is lacking, with missing_scope.
	Needed string
	// RetryAfter is how long to leave the method alone; 0 for no such wish.
	RetryAfter time.Duration
	Err        error
}

func (e *SlackError) Error() string {
	switch {
	case e.Code != "":
		return e.Method + ": Slack answered " + e.Code
	case e.Redirected():
		return fmt.Sprintf("%s: Slack answered %d, a redirect, which is not followed: the token would go along. SLACK_API_URL must name the address itself", e.Method, e.Status)
	case e.Status != 0:
		return fmt.Sprintf("%s: Slack answered %d", e.Method, e.Status)
	}
	return e.Method + ": no answer from Slack"
}

// Redirected reports whether the answer was a redirect, which is not followed.
func (e *SlackError) Redirected() bool { return e.Code == "" && e.Status >= 300 && e.Status < 400 }

// Unwrap keeps only whether time ran out: other causes may hold a URL.
func (e *SlackError) Unwrap() error {
	for _, known := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(e.Err, known) {
			return known
		}
	}
	return nil
}

// NoAnswer reports whether Slack said nothing of the matter: the call may
// work later and nothing was learned from it.
func (e *SlackError) NoAnswer() bool {
	if e.Code == "" && (e.Status >= 400 && e.Status < 500 || e.Redirected()) {
		return false // whoever answers there is not Slack, or will not
	}
	return e.Code == "" || slices.Contains([]string{ratelimited, "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", incomplete}, e.Code)
}

const (
	ratelimited = "ratelimited"
	// incomplete is our own code for a 200 that lacks what was asked for:
	// slack-go returns no error for the bodies {} and {"ok":false}.
	incomplete = "incomplete_answer"
	// defaultRetryAfter is used where a rate limit names no time.
	defaultRetryAfter = 5 * time.Second
)

func slackError(method string, err error) error {
	if err == nil {
		return nil
	}
	e := &SlackError{Method: method, Err: err}
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		e.Code, e.RetryAfter = ratelimited, limited.RetryAfter
	} else if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		e.Status = status.Code
		if status.Code == http.StatusTooManyRequests {
			e.Code = ratelimited
		}
	} else if answer, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		e.Code = answer.Err
		e.Needed = Clean(answer.Needed, 100)
		if e.Code == "rate_limited" {
			e.Code = ratelimited
		}
	}
	if e.Code == ratelimited && e.RetryAfter <= 0 {
		e.RetryAfter = defaultRetryAfter
	}
	return e
}

// Slack speaks to Slack's Web API: slack-go with its silences made audible.
type Slack struct {
	api  *slack.Client
	http *http.Client
	// apiOrigin, scheme and host, may take answers besides Slack's own hosts.
	apiOrigin string
	home      Workspace
	pace      *pace
	observe   CallObserver // nil for nobody
	// heard is told of each call, too: the bot learns from it.
	heard atomic.Pointer[func(method string, err error)]
}

// NewSlack wraps a client that was built with a bot token and an HTTP client
// with a time-out. apiURL is where it talks to; hc posts to response URLs.
func NewSlack(api *slack.Client, apiURL string, hc *http.Client) *Slack {
	s := &Slack{api: api, http: hc, pace: newPace()}
	if u, err := url.Parse(apiURL); err == nil && u.Host != "" {
		s.apiOrigin = u.Scheme + "://" + u.Host
	}
	return s
}

// Connect asks Slack who the bot is and where. It must come first.
func (s *Slack) Connect(ctx context.Context) (Workspace, error) {
	i, err := s.Installation(ctx)
	return i.Workspace, err
}

// ChannelProblem is what keeps a channel from being the approvers'.
type ChannelProblem string

// The problems; the zero ChannelProblem is none.
const (
	ChannelMissing  ChannelProblem = "missing"
	ChannelArchived ChannelProblem = "archived"
	ChannelWithout  ChannelProblem = "bot_not_in_it"
	ChannelShared   ChannelProblem = "shared"
	// ChannelClosed is learned by posting alone.
	ChannelClosed ChannelProblem = "closed"
)

// Says names the problem and what to do, for a sentence that goes on.
func (p ChannelProblem) Says() string {
	switch p {
	case ChannelMissing:
		return "there is no such channel, or it is private and the bot has to be invited"
	case ChannelArchived:
		return "the channel is archived"
	case ChannelWithout:
		return "the bot is not in the channel and has to be invited"
	case ChannelShared:
		return "the channel is shared with another organisation, whose members read every card"
	case ChannelClosed:
		return "the bot may not post in the channel"
	}
	if code, ok := p.code(); ok {
		return "Slack refuses what I post there (" + code + ")"
	}
	return ""
}

// Mend says who must do what about a channel that cannot be posted to.
func (p ChannelProblem) Mend() string {
	switch p {
	case "":
		return ""
	case ChannelArchived:
		return "Please have it unarchived and the bot invited again, or have whoever runs the bot name another channel."
	case ChannelClosed:
		return "Please have an administrator let the bot post there, or whoever runs the bot name another channel."
	}
	if code, ok := p.code(); ok {
		return refusedMend(code)
	}
	return "Please /invite it. If the channel is gone for good, whoever runs the bot must name another."
}

// ChannelProblem looks at a channel.
func (s *Slack) ChannelProblem(ctx context.Context, id string) (ChannelProblem, error) {
	c, err := s.Channel(ctx, id)
	return c.Problem, err
}

// Channel is what Slack says of a channel.
type Channel struct {
	Name    string
	Private bool
	Problem ChannelProblem
}

// Channel looks at a channel. Of one that is missing only the problem is known.
func (s *Slack) Channel(ctx context.Context, id string) (_ Channel, err error) {
	defer s.called("conversations.info", time.Now(), &err)
	c, err := s.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
	err = slackError("conversations.info", err)
	if e, ok := errors.AsType[*SlackError](err); ok && e.Code == "channel_not_found" {
		return Channel{Problem: ChannelMissing}, nil
	}
	if err != nil {
		return Channel{}, err
	}
	if c.ID != id {
		return Channel{}, &SlackError{Method: "conversations.info", Code: incomplete}
	}
	known := Channel{Name: c.Name, Private: c.IsPrivate}
	switch {
	case c.IsArchived:
		known.Problem = ChannelArchived
	case !c.IsMember:
		known.Problem = ChannelWithout
	case c.IsExtShared:
		known.Problem = ChannelShared
	}
	return known, nil
}

// Member looks a user up.
func (s *Slack) Member(ctx context.Context, id string) (_ Member, err error) {
	defer s.called("users.info", time.Now(), &err)
	u, err := s.api.GetUserInfoContext(ctx, id)
	if err != nil {
		return Member{}, slackError("users.info", err)
	}
	if u.ID != id {
		return Member{}, &SlackError{Method: "users.info", Code: incomplete}
	}
	return s.member(u), nil
}

// GroupMembers lists the user IDs in a Slack user group.
// https://docs.slack.dev/reference/methods/usergroups.users.list
func (s *Slack) GroupMembers(ctx context.Context, id string) (members []string, err error) {
	defer s.called("usergroups.users.list", time.Now(), &err)
	members, err = s.api.GetUserGroupMembersContext(ctx, id)
	if err != nil {
		return nil, slackError("usergroups.users.list", err)
	}
	if members == nil {
		// The bodies {} and {"ok":false}; an empty group is an empty list.
		return nil, &SlackError{Method: "usergroups.users.list", Code: incomplete}
	}
	return members, nil
}

// MemberByEmail finds the user with this confirmed address.
func (s *Slack) MemberByEmail(ctx context.Context, address string) (_ Member, err error) {
	defer s.called("users.lookupByEmail", time.Now(), &err)
	u, err := s.api.GetUserByEmailContext(ctx, address)
	if err != nil {
		return Member{}, slackError("users.lookupByEmail", err)
	}
	if u.ID == "" || !strings.EqualFold(u.Profile.Email, address) {
		return Member{}, &SlackError{Method: "users.lookupByEmail", Code: incomplete}
	}
	return s.member(u), nil
}

func (s *Slack) member(u *slack.User) Member {
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
	case u.Deleted: // after what tells a stranger, whose address proves nothing at any time
		m.Standing = authz.Deleted
	case u.IsRestricted, u.IsUltraRestricted:
		m.Standing = authz.GuestUser
	default:
		m.Standing = authz.FullMember
	}
	return m
}

// Post posts a message to a channel, to a user's direct messages (to is then
// the user's ID), or into a thread. channel is where it really stands.
func (s *Slack) Post(ctx context.Context, to, thread string, m Message) (channel, ts string, err error) {
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
		err = &SlackError{Method: "chat.postMessage", Code: incomplete}
		return "", "", err
	}
	return channel, ts, slackError("chat.postMessage", err)
}

// Update rewrites one of our messages; its buttons go unless m has some.
func (s *Slack) Update(ctx context.Context, channel, ts string, m Message) (err error) {
	defer s.called("chat.update", time.Now(), &err)
	options, err := s.options("chat.update", m)
	if err != nil {
		return err
	}
	_, got, _, err := s.api.UpdateMessageContext(ctx, channel, ts, options...)
	if err == nil && got != ts {
		return &SlackError{Method: "chat.update", Code: incomplete}
	}
	return slackError("chat.update", err)
}

// Delete removes one of our messages; Slack refuses anybody else's.
func (s *Slack) Delete(ctx context.Context, channel, ts string) (err error) {
	defer s.called("chat.delete", time.Now(), &err)
	_, got, err := s.api.DeleteMessageContext(ctx, channel, ts)
	if err == nil && got != ts {
		return &SlackError{Method: "chat.delete", Code: incomplete}
	}
	return slackError("chat.delete", err)
}

func (s *Slack) options(method string, m Message) ([]slack.MsgOption, error) {
	blocks, err := decoded(m)
	if err != nil {
		return nil, &SlackError{Method: method, Err: err}
	}
	// parse=none: a bare @here or a URL in the top-level text stays text.
	return []slack.MsgOption{slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(blocks...), slack.MsgOptionParse(false)}, nil
}

// OpenForm opens a modal; the trigger lives 3 s and works once.
func (s *Slack) OpenForm(ctx context.Context, trigger Secret, view slack.ModalViewRequest) (err error) {
	defer s.called("views.open", time.Now(), &err)
	answer, err := s.api.OpenViewContext(ctx, string(trigger), view)
	if err == nil && answer.ID == "" {
		return &SlackError{Method: "views.open", Code: incomplete}
	}
	return slackError("views.open", err)
}

// decoded are the blocks of a message, which may have been stored.
func decoded(m Message) ([]slack.Block, error) {
	if len(m.Blocks) == 0 {
		return nil, nil
	}
	var blocks slack.Blocks
	err := json.Unmarshal(m.Blocks, &blocks)
	return blocks.BlockSet, err
}
