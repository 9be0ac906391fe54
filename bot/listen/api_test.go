package listen

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/slack-go/slack"

	"revoke-sessions/bot/slackapi"
)

// No kind of redirect takes a token or a message to another host. It does not matter where
// the method carries its token: in a form, in JSON or in a header.
func TestHTTPClient_FollowsNoRedirect(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var elsewhere, asked atomic.Int64
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				elsewhere.Add(1)
				fmt.Fprint(w, `{"ok":true}`)
			}))
			defer other.Close()
			here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				http.Redirect(w, r, other.URL+r.URL.Path, status)
			}))
			defer here.Close()
			api := NewAPI("xoxb-SECRET", "xapp-SECRET", here.URL)
			slackSide := slackapi.NewClient(api, here.URL, HTTPClient(apiTimeout))
			_, err := slackSide.Connect(t.Context())
			if want := fmt.Sprintf("auth.test: Slack answered %d, a redirect, which is not followed: the token would go along. SLACK_API_URL must name the address itself", status); err == nil || err.Error() != want {
				t.Errorf("auth.test: %v, want %s", err, want)
			}
			_, err = Ask(t.Context(), api)
			if err == nil {
				t.Error("apps.connections.open: no error")
			}
			if _, _, err = api.PostMessageContext(t.Context(), "C0CARDS", slack.MsgOptionText("hello", false)); err == nil {
				t.Error("chat.postMessage: no error")
			}
			err = slack.PostWebhookCustomHTTPContext(t.Context(), here.URL+"/respond", HTTPClient(apiTimeout), &slack.WebhookMessage{Text: "hello"})
			if err == nil {
				t.Error("a response URL: no error")
			}
			if asked.Load() != 4 || elsewhere.Load() != 0 {
				t.Errorf("%d requests here and %d elsewhere, want 4 and none", asked.Load(), elsewhere.Load())
			}
		})
	}
}
