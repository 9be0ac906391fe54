package listen

import (
	"net/http"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
)

// apiTimeout bounds every call to Slack's Web API. slack-go's own HTTP client has no
// time-out, so one hung call could keep the bot without a socket for ever.
const apiTimeout = 10 * time.Second

// NewAPI returns a Web API client with both tokens: bot (xoxb-) for calls, app-level
// (xapp-) for sockets. An empty apiURL means Slack's own. The client gives up on a call
// after 10 s, does not retry, and logs nothing: slack-go's debug option would log what
// people typed, and would ask Slack for connections that last six minutes.
func NewAPI(botToken, appToken bot.Secret, apiURL string) *slack.Client {
	return newAPI(botToken, appToken, apiURL, apiTimeout)
}

func newAPI(botToken, appToken bot.Secret, apiURL string, timeout time.Duration) *slack.Client {
	if apiURL == "" {
		apiURL = slack.APIURL
	}
	// slack-go appends the method's name without a slash.
	if !strings.HasSuffix(apiURL, "/") {
		apiURL += "/"
	}
	return slack.New(string(botToken),
		slack.OptionAppLevelToken(string(appToken)),
		slack.OptionAPIURL(apiURL),
		slack.OptionHTTPClient(HTTPClient(timeout)),
	)
}

// HTTPClient returns a client for Slack's addresses that follows no redirect. A redirect
// (307, 308) would send the body to another host: with most methods it contains the bot
// token, and for a response URL the answer. Slack's methods do not redirect.
func HTTPClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
