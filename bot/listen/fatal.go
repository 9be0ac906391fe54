package listen

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/slack-go/slack"
)

// Fatal is a refusal by Slack that a retry cannot fix. Its text says what is wrong and what
// to do.
type Fatal struct {
	// Code is Slack's error string, "http_404", or "app_mismatch" for tokens
	// of two different apps.
	Code string
	// Sentence is for the operator.
	Sentence string
}

func (f *Fatal) Error() string {
	return fmt.Sprintf("Slack refuses the connection (%s). %s", f.Code, f.Sentence)
}

const (
	codeNotFound    = "http_404"
	codeAppMismatch = "app_mismatch"
)

// tokenPage is where the app-level token is made.
const tokenPage = "the app's settings at api.slack.com/apps, Basic Information, App-Level Tokens"

// fatalSentences lists the answers of apps.connections.open that a retry cannot fix. Every
// other answer is retried. slack-go itself gives up, without a log, on invalid_auth,
// account_inactive, not_authed, token_revoked and HTTP 404; it would retry the rest for ever.
// https://docs.slack.dev/reference/methods/apps.connections.open
var fatalSentences = map[string]string{
	"invalid_auth": "Slack does not accept the app-level token. Copy it again from " + tokenPage +
		", into SLACK_APP_TOKEN. If the token is right, this machine's address may be missing under OAuth & Permissions, Restrict API Token Usage.",
	"not_authed": "No app-level token was sent. Set SLACK_APP_TOKEN to the xapp- token from " + tokenPage + ".",
	"account_inactive": "The app-level token belongs to an app or a workspace that is no longer active. Install the app again (Install App), make a new token in " +
		tokenPage + ", and put it into SLACK_APP_TOKEN.",
	"token_revoked": "The app-level token was revoked. Make a new one in " + tokenPage + ", and put it into SLACK_APP_TOKEN.",
	"token_expired": "The app-level token has expired. Make a new one in " + tokenPage + ", and put it into SLACK_APP_TOKEN.",
	"not_allowed_token_type": "SLACK_APP_TOKEN holds a token of another kind; an app-level token begins with xapp-, the xoxb- token belongs into SLACK_BOT_TOKEN. Take it from " +
		tokenPage + ".",
	"no_permission":            "The app-level token may not open sockets. Make one with the scope connections:write in " + tokenPage + ", and put it into SLACK_APP_TOKEN.",
	"missing_scope":            "The app-level token lacks the scope connections:write. Make one with it in " + tokenPage + ", and put it into SLACK_APP_TOKEN.",
	"forbidden_team":           "The workspace of the app-level token may not use Socket Mode. Check in the app's settings, Install App, that the app is installed in the right workspace, and that SLACK_APP_TOKEN comes from that app.",
	"access_denied":            "Slack denies this app the connection. Ask a workspace administrator whether the app is still approved, and check its settings, Socket Mode and Install App.",
	"team_disabled":            "The Slack workspace is disabled. Ask its owner; then start the bot again.",
	"user_removed_from_team":   "The person who made the app-level token has left the workspace. Have a current collaborator of the app make a new one in " + tokenPage + ", and put it into SLACK_APP_TOKEN.",
	"ekm_access_denied":        "The workspace's administrators have suspended access (Enterprise Key Management). Ask them; then start the bot again.",
	"team_access_not_granted":  "The app has no access to this workspace. Have an organisation administrator add the app to it (Manage apps), then start the bot again.",
	"org_login_required":       "The workspace is being moved into an Enterprise organisation and cannot be reached until that is complete. Start the bot again then, with new tokens if the app had to be installed again.",
	"enterprise_is_restricted": "An Enterprise organisation's token cannot open sockets. Make an app-level token for the workspace's app in " + tokenPage + ", and put it into SLACK_APP_TOKEN.",
	"two_factor_setup_required": "The account behind the app-level token must set up two-factor authentication in Slack. Do that, or have another collaborator make a new token in " +
		tokenPage + "; then start the bot again.",
	codeNotFound: "apps.connections.open was not found there. Check SLACK_API_URL; leave it unset for Slack itself.",
}

// fatal returns the Fatal for err, or nil if the bot reconnects after err.
func fatal(err error) *Fatal {
	code := ""
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok && status.Code == http.StatusNotFound {
		code = codeNotFound
	}
	if answer, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		code = answer.Err
	}
	if sentence, ok := fatalSentences[code]; ok {
		return &Fatal{Code: code, Sentence: sentence}
	}
	return nil
}

// otherApp returns the Fatal for a socket of another app than the bot token's: commands
// would arrive here, and another bot would answer.
func otherApp(want, got string) *Fatal {
	return &Fatal{Code: codeAppMismatch, Sentence: fmt.Sprintf(
		"The two tokens belong to different apps: SLACK_APP_TOKEN to %s, SLACK_BOT_TOKEN to %s. Take both from the settings of one app: Basic Information, App-Level Tokens, and OAuth & Permissions.",
		got, want)}
}

// reason returns the text of err without its URL, because a socket's URL holds a ticket.
func reason(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Op + ": " + u.Err.Error()
	}
	return err.Error()
}
