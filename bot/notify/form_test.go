package notify

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/slacktest"
)

// formStage is a Slack in which Bob has a form open.
func formStage(t *testing.T) (s *slacktest.Server, from *sender, view string) {
	t.Helper()
	s = bottest.PostedAll(t)
	hc := &http.Client{Timeout: bottest.Within}
	client := slackapi.NewClient(slack.New(s.BotToken(), slack.OptionAPIURL(s.APIURL())), s.APIURL(), hc)
	trigger, _ := bottest.Typed(t, s, bottest.Bob, "")
	policy := authz.New(bottest.Alice)
	view, err := client.OpenForm(bottest.Deadline(t), bot.Secret(trigger), message.FormFor(bot.FormMetadata{Opened: 1}, bot.Filled{PickedUser: bottest.Bob}, &policy, nil))
	if err != nil {
		t.Fatal(err)
	}
	return s, &sender{slack: client, log: slog.New(slog.DiscardHandler), now: time.Now}, view
}

// Slack may carry out the ack after the answer was sent: the answer waits for it.
func TestAnswerForm_WaitsForTheAck(t *testing.T) {
	s, from, view := formStage(t)
	answer := message.FormAnswer(bot.FormCallback, message.Note("Stored."))
	late := make(chan error, 1)
	go func() {
		for len(s.CallsOf("views.update")) < 2 { // the answer has been tried, and waits
			time.Sleep(time.Millisecond)
		}
		late <- from.slack.UpdateForm(t.Context(), view, message.FormChecking(bot.FormCallback, "checking-1"))
	}()
	if err := from.AnswerForm(bottest.Deadline(t), "checking-1", view, answer); err != nil {
		t.Fatal(err)
	}
	if err := <-late; err != nil {
		t.Fatal(err)
	}
	if open := s.Views(bottest.Bob); len(open) != 1 || !strings.Contains(open[0].Plain(), "Stored.") {
		t.Errorf("Bob reads %+v", open)
	}
}

// An ack that never came leaves the form as it was, and a closed form takes no answer.
func TestAnswerForm_WithoutTheAck(t *testing.T) {
	s, from, view := formStage(t)
	answer := message.FormAnswer(bot.FormCallback, message.Note("Stored."))
	if err := from.AnswerForm(bottest.Deadline(t), "checking-1", view, answer); err != nil || !strings.Contains(s.Views(bottest.Bob)[0].Plain(), "Stored.") {
		t.Fatal(err)
	}
	s.As(bottest.Bob).Close(view)
	if err := from.AnswerForm(bottest.Deadline(t), "checking-1", view, answer); !slackapi.NoView(err) {
		t.Errorf("a closed form: %v", err)
	}
	before := len(s.CallsOf("views.update"))
	if err := from.AnswerForm(bottest.Deadline(t), "", view, answer); !slackapi.NoView(err) || len(s.CallsOf("views.update")) != before+1 {
		t.Errorf("without an ack to wait for: %v, %d calls", err, len(s.CallsOf("views.update"))-before)
	}
}

// Only a view that is not there is waited for.
func TestAnswerForm_FailsAtOnce(t *testing.T) {
	s, from, view := formStage(t)
	s.Inject(slacktest.Fault{Method: "views.update", Error: "internal_error"})
	err := from.AnswerForm(bottest.Deadline(t), "checking-1", view, message.FormAnswer(bot.FormCallback, message.Note("Stored.")))
	if text, _ := json.Marshal(s.Views(bottest.Bob)); err == nil || len(s.CallsOf("views.update")) != 1 || strings.Contains(string(text), "Stored.") {
		t.Errorf("%v after %d calls", err, len(s.CallsOf("views.update")))
	}
}
