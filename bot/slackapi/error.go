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

// OfTheBot reports whether Slack's code may mean that Slack no longer accepts the
// token or the app.
func OfTheBot(code string) bool {
	switch code {
	case "account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked", "access_denied", "ekm_access_denied",
		"enterprise_is_restricted", "org_login_required", "team_access_not_granted":
		return true
	}
	return false
}

// ofTheApp reports whether Slack's code concerns the token or the whole app, so that
// no message can be sent at all.
// https://docs.slack.dev/reference/methods/chat.postMessage
func (e *Error) ofTheApp() bool {
	switch e.Code {
	case "account_inactive", "enterprise_is_restricted", "invalid_auth", "missing_scope", "not_allowed_token_type", "not_authed",
		"org_login_required", "token_expired", "token_revoked", "two_factor_setup_required":
		return true
	}
	return false
}

// Invalid reports whether Slack rejects the content of a message.
func (e *Error) Invalid() bool { return bot.ContentRefused(e.Code) }

// Lasting reports whether Slack will refuse every such message in this place until
// somebody fixes the cause. An unknown code counts as lasting.
func (e *Error) Lasting() bool {
	return e.Code != "" && !e.NoAnswer() && !e.ofTheApp() && !ofOneMessage(e)
}

// ofOneMessage reports whether the code concerns one message: it is gone, or can no
// longer be edited.
func ofOneMessage(e *Error) bool {
	return Orphaned(e) || slices.Contains([]string{"cant_update_message", "edit_window_closed"}, e.Code)
}

// Error is a Web API call that failed. Its text names the method and Slack's code,
// and never a token, a URL or what was sent.
type Error struct {
	// Method is the Web API method, or "response_url".
	Method string
	// Code is Slack's error code, "ratelimited" for all three shapes of a
	// rate limit, or empty if no answer came.
	Code string
	// Status is the HTTP status, if slack-go reports one.
	Status int
	// Needed is the missing scope, with missing_scope.
	Needed string
	// RetryAfter is how long Slack asked not to call the method; 0 if it did not ask.
	RetryAfter time.Duration
	// Err is the cause. It may hold secrets, so that Unwrap hides it.
	Err error
}

// Error names the method and Slack's code or the HTTP status.
func (e *Error) Error() string {
	switch {
	case e.Code != "":
		return e.Method + ": Slack answered " + e.Code
	case e.Redirected():
		return fmt.Sprintf("%s: Slack answered %d, a redirect, which is not followed: the token would go along. "+
			"SLACK_API_URL must name the address itself", e.Method, e.Status)
	case e.Status != 0:
		return fmt.Sprintf("%s: Slack answered %d", e.Method, e.Status)
	}
	return e.Method + ": no answer from Slack"
}

// Redirected reports whether the answer was a redirect, which Client never follows.
func (e *Error) Redirected() bool { return e.Code == "" && e.Status >= 300 && e.Status < 400 }

// Unwrap returns only an ended context: other causes may hold a URL.
func (e *Error) Unwrap() error {
	for _, known := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(e.Err, known) {
			return known
		}
	}
	return nil
}

// NoAnswer reports whether Slack gave no real answer: the same call may work later.
func (e *Error) NoAnswer() bool {
	if e.Code == "" && (e.Status >= 400 && e.Status < 500 || e.Redirected()) {
		return false // a proxy answered, or Slack refuses for good
	}
	return e.Code == "" || slices.Contains([]string{
		Ratelimited, "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", Incomplete,
	}, e.Code)
}

const (
	// Ratelimited is Slack's code for a rate limit.
	Ratelimited = "ratelimited"
	// Incomplete is our own code for a 200 without the expected content: slack-go
	// returns no error for the bodies {} and {"ok":false}.
	Incomplete = "incomplete_answer"
	// DefaultRetryAfter is the wait after a rate limit that names no time.
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

// Orphaned reports whether the message above a thread is gone.
func Orphaned(e *Error) bool {
	return slices.Contains([]string{"thread_not_found", "message_not_found", "cannot_reply_to_message"}, e.Code)
}

// Gone reports whether a message can no longer be edited.
// https://docs.slack.dev/reference/methods/chat.update
func Gone(e *Error) bool {
	return slices.Contains([]string{
		"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive", "channel_not_found",
	}, e.Code)
}

// Shut returns what is wrong with a channel if Slack will keep refusing posts there,
// and "" otherwise.
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

// GonePerson reports whether the account does not exist or is deactivated.
func GonePerson(e *Error) bool {
	return slices.Contains([]string{"user_not_found", "cannot_dm_bot", "user_disabled", "is_inactive", "channel_not_found"}, e.Code)
}

// Undeliverable reports whether no direct message can reach a person.
// https://docs.slack.dev/reference/methods/chat.postMessage
func Undeliverable(e *Error) bool { return GonePerson(e) || e.Code == bot.NoTab }
