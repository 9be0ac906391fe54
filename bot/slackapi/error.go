package slackapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
)

// OfTheBot reports whether Slack's code may say that the token or the app does
// not count any more.
func OfTheBot(code string) bool {
	switch code {
	case "account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked", "access_denied", "ekm_access_denied",
		"enterprise_is_restricted", "org_login_required", "team_access_not_granted":
		return true
	}
	return false
}

// ofTheApp reports whether Slack's code is about the token or the whole app: then
// no message goes anywhere.
// https://docs.slack.dev/reference/methods/chat.postMessage
func (e *Error) ofTheApp() bool {
	switch e.Code {
	case "account_inactive", "enterprise_is_restricted", "invalid_auth", "missing_scope", "not_allowed_token_type", "not_authed",
		"org_login_required", "token_expired", "token_revoked", "two_factor_setup_required":
		return true
	}
	return false
}

// Invalid reports whether Slack does not take what a message holds.
func (e *Error) Invalid() bool { return bot.ContentRefused(e.Code) }

// Lasting reports whether Slack will go on saying no to messages of this kind at
// this place until somebody mends something. That is so for every code that is not
// known to mean something else.
func (e *Error) Lasting() bool {
	return e.Code != "" && !e.NoAnswer() && !e.ofTheApp() && !ofOneMessage(e)
}

// ofOneMessage reports whether the code is about a message that stands no more, or
// can be edited no more.
func ofOneMessage(e *Error) bool {
	return Orphaned(e) || slices.Contains([]string{"cant_update_message", "edit_window_closed"}, e.Code)
}

// Error is a Web API call that did not work. Its text names the method
// and Slack's code, and never a token, a URL or what was sent.
type Error struct {
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

func (e *Error) Error() string {
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
func (e *Error) Redirected() bool { return e.Code == "" && e.Status >= 300 && e.Status < 400 }

// Unwrap keeps only whether time ran out: other causes may hold a URL.
func (e *Error) Unwrap() error {
	for _, known := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(e.Err, known) {
			return known
		}
	}
	return nil
}

// NoAnswer reports whether Slack said nothing of the matter: the call may
// work later and nothing was learned from it.
func (e *Error) NoAnswer() bool {
	if e.Code == "" && (e.Status >= 400 && e.Status < 500 || e.Redirected()) {
		return false // whoever answers there is not Slack, or will not
	}
	return e.Code == "" || slices.Contains([]string{Ratelimited, "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", Incomplete}, e.Code)
}

const (
	Ratelimited = "ratelimited"
	// Incomplete is our own code for a 200 that lacks what was asked for:
	// slack-go returns no error for the bodies {} and {"ok":false}.
	Incomplete = "incomplete_answer"
	// DefaultRetryAfter is used where a rate limit names no time.
	DefaultRetryAfter = 5 * time.Second
)

func asError(method string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Method: method, Err: err}
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		e.Code, e.RetryAfter = Ratelimited, limited.RetryAfter
	} else if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		e.Status = status.Code
		if status.Code == http.StatusTooManyRequests {
			e.Code = Ratelimited
		}
	} else if answer, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		e.Code = answer.Err
		e.Needed = bot.Clean(answer.Needed, 100)
		if e.Code == "rate_limited" {
			e.Code = Ratelimited
		}
	}
	if e.Code == Ratelimited && e.RetryAfter <= 0 {
		e.RetryAfter = DefaultRetryAfter
	}
	return e
}

// Orphaned reports that there is no card over a thread any more.
func Orphaned(e *Error) bool {
	return slices.Contains([]string{"thread_not_found", "message_not_found", "cannot_reply_to_message"}, e.Code)
}

// Gone reports that a message cannot be edited any more.
// https://docs.slack.dev/reference/methods/chat.update
func Gone(e *Error) bool {
	return slices.Contains([]string{"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive", "channel_not_found"}, e.Code)
}

// Shut says what is wrong with the channel where Slack will go on refusing what is
// posted there; empty where it will not.
// https://docs.slack.dev/reference/methods/chat.postMessage
func Shut(err error) bot.ChannelProblem {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok || !e.Lasting():
		return ""
	case e.Code == "channel_not_found":
		return bot.ChannelMissing
	case e.Code == "is_archived", e.Code == "is_inactive":
		return bot.ChannelArchived
	case e.Code == "not_in_channel":
		return bot.ChannelWithout
	case strings.HasPrefix(e.Code, "restricted_action"):
		return bot.ChannelClosed
	}
	return bot.ChannelRefuses(e.Code)
}

// GonePerson reports whether there is nobody at this account to write to.
func GonePerson(e *Error) bool {
	return slices.Contains([]string{"user_not_found", "cannot_dm_bot", "user_disabled", "is_inactive", "channel_not_found"}, e.Code)
}

// Undeliverable reports that a person cannot be written to at all.
// https://docs.slack.dev/reference/methods/chat.postMessage
func Undeliverable(e *Error) bool { return GonePerson(e) || e.Code == bot.NoTab }
