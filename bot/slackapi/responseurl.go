package slackapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
)

// mostAnswered caps how much of a response URL's answer is read: "ok" or a short
// object.
const mostAnswered = 64 << 10

// Answer sends m to the one person whose action brought the response URL. slack-go
// checks only the status, and Slack also refuses with a 200.
func (s *Client) Answer(ctx context.Context, to bot.Secret, m bot.Message) (err error) {
	const method = "response_url"
	defer s.called(method, time.Now(), &err)
	if !s.ours(string(to)) {
		return &Error{Method: method, Code: "not_slack"}
	}
	blocks, err := blocksOf(m)
	if err != nil {
		return &Error{Method: method, Err: err}
	}
	body, err := json.Marshal(&slack.WebhookMessage{
		Text: m.Text, Blocks: &slack.Blocks{BlockSet: blocks}, ResponseType: slack.ResponseTypeEphemeral, Parse: "none",
	})
	if err != nil {
		panic(fmt.Sprintf("a message that is no JSON: %v", err)) // our own blocks
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, string(to), bytes.NewReader(body))
	if err != nil {
		return &Error{Method: method, Err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := s.http.Do(r)
	if err != nil {
		return &Error{Method: method, Err: err}
	}
	defer answer.Body.Close()
	says, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswered))
	switch {
	case answer.StatusCode == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After")) // 0 without one
		return asError(method, &slack.RateLimitedError{RetryAfter: time.Duration(seconds) * time.Second})
	case answer.StatusCode != http.StatusOK:
		return asError(method, slack.StatusCodeError{Code: answer.StatusCode})
	case err != nil:
		return &Error{Method: method, Err: err}
	}
	return took(method, says)
}

// took returns nil if a response URL accepted the answer: with "ok", an object with a
// true ok, or an empty body. Any other body comes from a host that did not deliver it.
func took(method string, says []byte) error {
	if text := string(bytes.TrimSpace(says)); text == "" || text == "ok" {
		return nil
	}
	var answer struct {
		OK    bool
		Error string
	}
	if err := json.Unmarshal(says, &answer); err == nil && answer.OK {
		return nil
	}
	return asError(method, slack.SlackErrorResponse{Err: cmp.Or(bot.SlackCode(answer.Error), Incomplete)})
}

// ours reports whether a response URL leads to Slack or its stand-in. Answers must go
// nowhere else.
func (s *Client) ours(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return false
	}
	if u.Scheme+"://"+u.Host == s.apiOrigin {
		return true
	}
	return u.Scheme == "https" && (strings.HasSuffix(u.Hostname(), ".slack.com") || strings.HasSuffix(u.Hostname(), ".slack-gov.com"))
}
