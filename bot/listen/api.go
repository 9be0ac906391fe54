package listen

import (
	"net/http"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
)

// apiTimeout bounds every call to Slack's Web API. slack-go's own HTTP client
// has no time-out, and it opens sockets without one: a call that hangs would
// keep the bot deaf for ever.
const apiTimeout = 10 * time.Second

// NewAPI returns a Web API client for both tokens: bot (xoxb-) for calls,
// app-level (xapp-) for sockets. apiURL is Slack's own where empty. The client
// gives up on a call after 10 s, tries nothing twice, and logs nothing: with
// slack-go's debug option it would log what people typed, and ask Slack for
// connections that last six minutes.
func NewAPI(botToken, appToken bot.Secret, apiURL string) *slack.Client {
	return newAPI(botToken, appToken, apiURL, apiTimeout)
}

func newAPI(botToken, appToken bot.Secret, apiURL string, timeout time.Duration) *slack.Client {
	if apiURL == "" {
		apiURL = slack.APIURL
	}
	// slack-go appends the method's name to the URL as it is.
	if !strings.HasSuffix(apiURL, "/") {
		apiURL += "/"
	}
	return slack.New(string(botToken),
		slack.OptionAppLevelToken(string(appToken)),
		slack.OptionAPIURL(apiURL),
		slack.OptionHTTPClient(HTTPClient(timeout)),
	)
}

// HTTPClient is a client for Slack's addresses that follows no redirect: with most
// methods the bot token is in the body, which a redirect (307, 308) would take along
// to whatever host it names, and so would what is sent to a response URL. Slack
// answers none of its methods with one.
func HTTPClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
