package listen

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func TestFatal(t *testing.T) {
	for _, code := range []string{
		"invalid_auth", "account_inactive", "not_authed", "token_revoked", "token_expired", "not_allowed_token_type",
		"no_permission", "missing_scope", "forbidden_team", "access_denied", "team_disabled", "user_removed_from_team",
		"ekm_access_denied", "team_access_not_granted", "org_login_required",
	} {
		f := fatal(fmt.Errorf("opening: %w", slack.SlackErrorResponse{Err: code}))
		if f == nil || f.Code != code {
			t.Errorf("%s: fatal = %v", code, f)
		}
	}
	if f := fatal(slack.StatusCodeError{Code: 404, Status: "404 Not Found"}); f == nil || f.Code != codeNotFound {
		t.Errorf("404: fatal = %v", f)
	}
	for _, err := range []error{
		nil,
		errors.New("invalid_auth"), // only Slack's own answer counts
		slack.SlackErrorResponse{Err: "internal_error"},
		slack.SlackErrorResponse{Err: "ratelimited"},
		slack.SlackErrorResponse{Err: "something_new"},
		slack.StatusCodeError{Code: 503, Status: "503"},
		&slack.RateLimitedError{RetryAfter: time.Second},
	} {
		if f := fatal(err); f != nil {
			t.Errorf("%v: fatal = %v", err, f)
		}
	}
}

// Each sentence must say what to do, and where.
func TestFatal_SentencesNameTheRemedy(t *testing.T) {
	remedies := []string{"SLACK_APP_TOKEN", "SLACK_API_URL", "tart the bot again", "Ask a workspace administrator"}
	for code, sentence := range fatalSentences {
		named := false
		for _, r := range remedies {
			named = named || strings.Contains(sentence, r)
		}
		if !named || !strings.HasSuffix(sentence, ".") {
			t.Errorf("%s: %q", code, sentence)
		}
	}
}

func TestReason_LeavesOutTheTicket(t *testing.T) {
	//lint:ignore SA1007 what url.Parse refuses, it quotes
	_, err := url.Parse("wss://wss.example/link/?ticket=SECRET\x7f")
	if got := reason(fmt.Errorf("dialing: %w", err)); strings.Contains(got, "SECRET") || got == "" {
		t.Errorf("reason = %q", got)
	}
}
