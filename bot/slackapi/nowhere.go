package slackapi

import (
	"errors"
	"net/http"

	"github.com/slack-go/slack"
)

// Nowhere is a Client that asks nobody: a command line has no Slack, so that whatever
// would have to be asked there is unknown.
func Nowhere() *Client { return NewClient(slack.New("", slack.OptionHTTPClient(nobody{})), "", nil) }

type nobody struct{}

var errNobody = errors.New("the command line does not ask Slack")

func (nobody) Do(*http.Request) (*http.Response, error) { return nil, errNobody }
