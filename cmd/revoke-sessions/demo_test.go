package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
	"revoke-sessions/cmd/revoke-sessions/demo"
)

// TestDemoAuto plays the stories as a newcomer does.
func TestDemoAuto(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := output(t, nil, "demo", "--auto")
	if code != 0 || !strings.Contains(stdout, "Every step was right.") {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	if found := regexp.MustCompile(`<[@!#]|[@#][USC]0[A-Z]+|UTC|\d\dZ`).FindString(stdout); found != "" {
		t.Errorf("it shows %q:\n%s", found, stdout)
	}
	for _, words := range []string{"@Alice Approver", "today", "1. A lost phone", "2. Two approvals", "3. A late answer"} {
		if !strings.Contains(stdout, words) {
			t.Errorf("it does not show %q:\n%s", words, stdout)
		}
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
	config.Timing.SecondPost = bot.DefaultTiming().SecondPost // or a late answer is not waited for
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

// shownState is what the page shows somebody.
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
	p.reportAndConfirm()
	if _, err := p.Stage().Entra.AwaitPosts(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	p.use("kill", "")
	p.status("The bot was killed and starts again.")
	p.status("The bot runs (process ")
	p.card("Bob Reporter's sessions are revoked", "Verified")
	p.posts(1)
}

// reportAndConfirm has Bob report his phone and Alice press the button.
func (p *playground) reportAndConfirm() {
	p.t.Helper()
	p.types(bobID, "me lost my phone")
	p.click(aliceID, bot.ActionConfirm, "Bob Reporter lost a device")
}

// TestDemoMicrosoft: each way in which Microsoft answers, and what the card then says.
func TestDemoMicrosoft(t *testing.T) {
	t.Parallel()
	for how, test := range map[string]struct {
		says   []string
		healed []string // once Microsoft answers again
	}{
		"well":      {says: []string{"sessions are revoked", "Verified"}},
		"slow":      {says: []string{"sessions are revoked", "seconds after the report", "Verified"}},
		"late":      {says: []string{"not known yet whether the sessions were revoked"}, healed: []string{"Microsoft gave no clear answer", "sessions are revoked", "Verified"}},
		"throttles": {says: []string{"waiting to ask Microsoft Entra again", "wait 15 seconds (status 429)"}},
		"refuses":   {says: []string{"Microsoft refused. Nothing was revoked."}},
		"hides":     {says: []string{"sessions are revoked", "Not visible in the account yet"}, healed: []string{"sessions are revoked", "Verified"}},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newPlayground(t, func(c *demo.Config) {
				if how == "slow" {
					c.Timing.Attempt = bot.DefaultTiming().Attempt
				}
				c.Timing.Recheck = []time.Duration{100 * time.Millisecond}
			})
			p.use("microsoft", how)
			p.reportAndConfirm()
			p.card(test.says...)
			if how == "hides" {
				p.use("microsoft", "well")
			}
			if test.healed != nil {
				p.card(test.healed...)
			}
			p.posts(1)
		})
	}
}

// TestDemoHour: approvers are reminded, and then it is too late.
func TestDemoHour(t *testing.T) {
	t.Parallel()
	p := newPlayground(t)
	p.types(bobID, "me lost my phone")
	card := p.card("Bob Reporter lost a device")
	p.use("hour", "")
	p.sees(func(s *slacktest.Server) []slacktest.Message { return s.Thread(approvals, card.TS) }, "nobody has decided this yet, 1 hour after the report")
	p.use("hour", "")
	p.card("Bob Reporter: nobody decided in 2 hours. Nothing was revoked.")
	p.posts(0)
}

// TestDemoApprovals: with the switch on, the first approval leaves the request open.
func TestDemoApprovals(t *testing.T) {
	t.Parallel()
	p := newPlayground(t)
	p.use("approvals", "on")
	p.types(bobID, "me lost my phone")
	p.click(aliceID, bot.ActionApprove, "Bob Reporter lost a device", "Waiting for 2 approvals")
	p.card("approved (1 of 2)", "Waiting for one more")
	p.posts(0)
	p.click(amirID, bot.ActionConfirm, "approved (1 of 2)", "Waiting for one more")
	p.card("Bob Reporter's sessions are revoked", "Verified")
	p.posts(1)
}

// TestDemoSlackRefuses: what the panel says of it is what the bot does.
func TestDemoSlackRefuses(t *testing.T) {
	t.Parallel()
	p := newPlayground(t)
	p.use("slack", "on")
	p.types(bobID, "me lost my phone")
	for _, who := range []string{aliceID, amirID} {
		p.sees(func(s *slacktest.Server) []slacktest.Message { return s.DMs(who) }, "Bob Reporter: a request waits for a decision", "only on the card")
	}
	p.use("slack", "")
	p.card("Bob Reporter lost a device")
}

// TestDemoStartOver: people play on in a new workspace.
func TestDemoStartOver(t *testing.T) {
	t.Parallel()
	p := newPlayground(t)
	p.types(bobID, "me lost my phone")
	p.card("Bob Reporter lost a device")
	p.use("over", "")
	for _, m := range p.Stage().Slack.Messages(approvals) {
		if strings.Contains(plain(m), "lost a device") {
			t.Errorf("kept: %s", plain(m))
		}
	}
	p.reportAndConfirm()
	p.card("sessions are revoked", "Verified")
}

// TestDemoGroups: a policy can name the demo's groups.
func TestDemoGroups(t *testing.T) {
	t.Parallel()
	for name, approvers := range map[string]string{"Slack": demo.SlackGroup, "Entra": "'entra:" + demo.EntraGroup + "'"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlayground(t, func(c *demo.Config) { c.Policy = rulesFile(t, "approvers: ["+approvers+"]") })
			p.reportAndConfirm()
			p.card("sessions are revoked", "Verified")
			p.words()
		})
	}
}

func rulesFile(t *testing.T, rules string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte("version: 1\n"+rules+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// words fails unless the column beside the workspace speaks in words.
func (p *playground) words() {
	p.t.Helper()
	kinds := map[string]bool{}
	for _, e := range p.state(bobID).Side.Entries {
		kinds[e.Kind] = true
		if strings.ContainsAny(e.Title, "/{}") || guid.MatchString(e.Title) {
			p.t.Errorf("the title %q", e.Title)
		}
		if !strings.Contains(e.Detail, "request-id ") || !strings.HasPrefix(e.Detail, "GET /") && !strings.HasPrefix(e.Detail, "POST /") {
			p.t.Errorf("%s: the detail %q", e.Title, e.Detail)
		}
		if e.Kind == "write" && (e.Title != "invalidateAllRefreshTokens for Bob Reporter" || e.Result != "204 No Content") {
			p.t.Errorf("the write is %q: %q", e.Title, e.Result)
		}
	}
	if !kinds["read"] || !kinds["write"] || !kinds["sign-in"] || kinds["error"] {
		p.t.Errorf("the kinds %v", kinds)
	}
}

var guid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-`)

// TestDemoPolicyRefused: before anything starts, and with what to write instead.
func TestDemoPolicyRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		says []string
	}{
		"nobody of the demo": {[]string{"--policy", rulesFile(t, "approvers: [U0STRANGER, U0OTHER]")}, []string{
			"rules.yml", "nobody in the demo is an approver", "U0ALICE", "Alice Approver", demo.ObjectID(2), "S0SECURITY", "entra:" + demo.EntraGroup}},
		"a slip of the pen": {[]string{"--policy", rulesFile(t, "approver: [U0ALICE]")}, []string{"--policy ", "rules.yml", "line 2", "approver"}},
		"no file":           {[]string{"--policy", filepath.Join(t.TempDir(), "none.yml")}, []string{"--policy: open ", "none.yml"}},
		"and the stories":   {[]string{"--auto", "--policy", rulesFile(t, "approvers: [U0ALICE, U0AMIR]")}, []string{"--auto plays by the demo's own rules"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := output(t, nil, append([]string{"demo"}, test.args...)...)
			if code != 2 || stdout != "" || !containsAll(stderr, test.says) {
				t.Errorf("exit code %d, want 2 and %q\n%s\n%s", code, test.says, stdout, stderr)
			}
		})
	}
}

// TestDemoBotIsTheDemosAlone: nobody is shown it, and nobody else can use it.
func TestDemoBotIsTheDemosAlone(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"demo", "--help"}} {
		if _, stdout, stderr := output(t, nil, args...); !strings.Contains(stdout, "demo") || strings.Contains(stdout+stderr, demo.BotCommand) {
			t.Errorf("%q:\n%s\n%s", args, stdout, stderr)
		}
	}
	if code, _, stderr := output(t, nil, demo.BotCommand); code != 2 || !strings.Contains(stderr, "Start revoke-sessions demo") {
		t.Errorf("without orders: exit code %d\n%s", code, stderr)
	}
	var err strings.Builder
	orders := `{"Environment": {"SLACK_API_URL": "https://slack.com/api/", "REVOKE_DATABASE_URL": "sqlite:/tmp/x.db"}, "GraphURL": "https://127.0.0.1:1", "Authority": "https://127.0.0.1:1"}`
	code := run(t.Context(), []string{demo.BotCommand}, func(string) string { return "" }, strings.NewReader(orders), io.Discard, &err, endpoints{})
	if code != 2 || !strings.Contains(err.String(), `the address of Slack is "https://slack.com/api/" and must be one of this machine`) {
		t.Errorf("with Slack's address: exit code %d\n%s", code, err.String())
	}
}

// TestDemoLeavesNoBot: a demo that is killed takes its bot along, and the bot stops in
// order. Both write to one pipe, which ends with the last of them.
func TestDemoLeavesNoBot(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	rules := rulesFile(t, "approvers: [U0ALICE, U0AMIR]")
	parent := exec.Command(self, "demo", "--logs", "--addr", "127.0.0.1:0", "--policy", filepath.Base(rules))
	parent.Dir = filepath.Dir(rules)
	parent.Env = append(os.Environ(), childEnv+"={}", "TMPDIR="+t.TempDir())
	parent.Stdout, parent.Stderr = write, write
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	defer func() { _ = parent.Process.Kill(); _ = parent.Wait() }() // it may have ended
	lines, log := bufio.NewScanner(read), ""
	for lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C ends it") {
		log += lines.Text() + "\n"
	}
	_, url, _ := strings.Cut(log, "Open ")
	url, _, _ = strings.Cut(url, "\n")
	p := &playground{t: t, url: url}
	p.status("The bot runs (process ")
	p.status("Rules: rules.yml.")
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := read.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		log += lines.Text() + "\n"
	}
	if err := lines.Err(); err != nil || !strings.Contains(log, `"msg":"stopped"`) {
		t.Errorf("the bot did not stop: %v\n%s", err, log)
	}
}

// TestDemoHangup: whoever closes the terminal leaves nothing behind.
func TestDemoHangup(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	d := exec.Command(self, "demo", "--addr", "127.0.0.1:0")
	d.Env = append(os.Environ(), childEnv+"={}", "TMPDIR="+folder)
	out, err := d.StdoutPipe()
	if err == nil {
		err = d.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Process.Kill() }() // it may have ended
	for lines := bufio.NewScanner(out); lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C ends it"); {
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("while it runs: %v, %v", left, err)
	}
	if err := d.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(); err != nil {
		t.Errorf("it ended: %v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}
