package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
	"revoke-sessions/cmd/revoke-sessions/demo"
)

// TestDemoAuto plays the stories as a newcomer does.
func TestDemoAuto(t *testing.T) {
	code, stdout, stderr := output(t, nil, "demo", "--auto")
	if code != 0 || !strings.Contains(stdout, "Every step was right.") {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	if strings.Contains(stdout, "<@") || strings.Contains(stdout, "<!date") {
		t.Errorf("it shows raw markup:\n%s", stdout)
	}
}

// playground is a demo whose page is open.
type playground struct {
	*demo.Demo
	t   *testing.T
	url string
	log *lockedBuffer
}

func newPlayground(t *testing.T, change ...func(*demo.Config)) *playground {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &playground{t: t, log: &lockedBuffer{}}
	config := demo.Config{Bot: func() *exec.Cmd { return exec.Command(self, demo.BotCommand) }, Timing: *swiftly(), Log: p.log}
	config.Timing.AskEvery = 0
	for _, c := range change {
		c(&config)
	}
	if p.Demo, err = demo.Start(t.Context(), config); err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
	page := httptest.NewServer(p.Demo)
	p.url = page.URL
	t.Cleanup(func() {
		page.CloseClientConnections()
		page.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the bot's log:\n%s", p.log)
		}
	})
	return p
}

// use uses a control of the panel as the page does.
func (p *playground) use(control, value string) {
	p.t.Helper()
	body, err := json.Marshal(map[string]string{"control": control, "value": value})
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, p.url+"/control", strings.NewReader(string(body)))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("X-Page", "1")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	var said map[string]string
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || answer.StatusCode != http.StatusOK || said["problem"] != "" {
		p.t.Fatalf("%s %q: status %d, %v, %v", control, value, answer.StatusCode, said, err)
	}
}

// state is what the page shows somebody.
type shownState struct {
	Instance string
	Side     struct {
		Entries []struct{ Title, Result, Detail, Kind string }
	}
	Panel struct {
		Status   []string
		Controls []struct{ ID, Value string }
	}
}

func (p *playground) state(who string) (s shownState) {
	p.t.Helper()
	answer, err := http.Get(p.url + "/state?as=" + who)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

// status waits until the panel says a line that begins so.
func (p *playground) status(line string) {
	p.t.Helper()
	if !testrun.Seen(patience, func() bool {
		return slices.ContainsFunc(p.state(bobID).Panel.Status, func(l string) bool { return strings.HasPrefix(l, line) })
	}) {
		p.t.Fatalf("the panel never says %q: %q", line, p.state(bobID).Panel.Status)
	}
}

func (p *playground) acted(d *slacktest.Delivery) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	if _, err := d.Wait(ctx); err != nil {
		p.t.Fatal(err)
	}
}

func (p *playground) types(who, text string) {
	p.t.Helper()
	p.acted(p.Stage().Slack.As(who).Command(general, text))
}

// click presses a button of the card that says the words.
func (p *playground) click(who, action string, words ...string) {
	p.t.Helper()
	p.acted(p.Stage().Slack.As(who).Click(approvals, p.card(words...).TS, action))
}

// card waits for a card that says the words.
func (p *playground) card(words ...string) (found slacktest.Message) {
	p.t.Helper()
	return p.sees(func(s *slacktest.Server) []slacktest.Message { return s.Messages(approvals) }, words...)
}

// sees waits for a message that says the words.
func (p *playground) sees(messages func(*slacktest.Server) []slacktest.Message, words ...string) (found slacktest.Message) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	slack := p.Stage().Slack
	if err := slack.Until(ctx, func() bool {
		for _, m := range messages(slack) {
			if containsAll(plain(m), words) {
				found = m
				return true
			}
		}
		return false
	}); err != nil {
		var board []string
		for _, m := range messages(slack) {
			board = append(board, plain(m))
		}
		p.t.Fatalf("no message says %q:\n%s", words, strings.Join(board, "\n"))
	}
	return found
}

// posts fails unless Microsoft was asked so many times to revoke.
func (p *playground) posts(want int) {
	p.t.Helper()
	if got := len(p.Stage().Entra.Posts()); got != want {
		p.t.Errorf("%d POSTs, want %d", got, want)
	}
}

// TestDemoKill kills the bot between a click and Microsoft's answer: nothing is lost or
// done twice.
func TestDemoKill(t *testing.T) {
	t.Parallel()
	p := newPlayground(t)
	p.status("The bot runs (process ")
	p.use("microsoft", "late")
	p.types(bobID, "me lost my phone")
	p.click(aliceID, bot.ActionConfirm, "Bob Reporter lost a device")
	if _, err := p.Stage().Entra.AwaitPosts(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	p.use("kill", "")
	p.status("The bot was killed and starts again.")
	p.status("The bot runs (process ")
	p.card("sessions are revoked", "Verified")
	p.posts(1)
}

func TestDemoStartOver(t *testing.T) {
	t.Parallel()
	p := newPlayground(t)
	p.use("microsoft", "refuses")
	p.types(bobID, "me lost my phone")
	p.card("Bob Reporter lost a device")
	before := p.state(bobID)
	p.use("over", "")
	after := p.state(bobID)
	if after.Instance == before.Instance {
		t.Error("the page is of the same workspace")
	}
	for _, m := range p.Stage().Slack.Messages(approvals) {
		if strings.Contains(plain(m), "lost a device") {
			t.Errorf("kept: %s", plain(m))
		}
	}
	for _, c := range after.Panel.Controls {
		if c.ID == "microsoft" && c.Value != "well" {
			t.Errorf("Microsoft still %s", c.Value)
		}
	}
	p.types(bobID, "me lost my phone")
	p.click(aliceID, bot.ActionConfirm, "Bob Reporter lost a device")
	p.card("sessions are revoked", "Verified")
}
