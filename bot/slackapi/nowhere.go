package slackapi

import (
	"errors"
	"net/http"

	"github.com/slack-go/slack"
)

// Nowhere is a Client that never reaches Slack: at the command line, every look-up in
// Slack fails.
func Nowhere() *Client { return NewClient(slack.New("", slack.OptionHTTPClient(nobody{})), "", nil) }

type nobody struct{}

var errNobody = errors.New("the command line does not ask Slack")

func (nobody) Do(*http.Request) (*http.Response, error) { return nil, errNobody }
