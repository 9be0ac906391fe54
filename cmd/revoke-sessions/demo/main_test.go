package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"revoke-sessions/bot/testrun"
)

// mood makes the bot of these tests, which is no bot at all, behave badly.
const mood = "REVOKE_TEST_MOOD"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == BotCommand {
		os.Exit(standIn())
	}
	testrun.Parallel(8)
	goleak.VerifyTestMain(m)
}

// standIn connects to Slack, tells Alice how far its clock is ahead, and ends as the
// real bot does.
func standIn() int {
	ctx, orders, clock, err := Hear(context.Background(), os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if os.Getenv(mood) == "dies" {
		return 3
	}
	socket, err := connect(orders)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer socket.Close()
	told := time.Duration(-1)
	for ctx.Err() == nil || os.Getenv(mood) == "stubborn" {
		if ahead := clock.Ahead(); ahead != told {
			told = ahead
			policy, err := os.ReadFile(orders.Environment["REVOKE_POLICY"])
			if err != nil {
				return 1
			}
			text := fmt.Sprintf("ahead %s, clock %s, policy %s", ahead, time.Until(clock.Now()).Round(time.Minute), policy)
			if _, err := call(orders, "chat.postMessage", "SLACK_BOT_TOKEN", url.Values{"channel": {Alice}, "text": {text}}); err != nil {
				return 1
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return 0
}

func connect(o Orders) (*websocket.Conn, error) {
	at, err := call(o, "apps.connections.open", "SLACK_APP_TOKEN", nil)
	if err != nil {
		return nil, err
	}
	socket, _, err := websocket.DefaultDialer.Dial(at, nil)
	return socket, err
}

func call(o Orders, method, token string, form url.Values) (at string, err error) {
	r, err := http.NewRequest(http.MethodPost, o.Environment["SLACK_API_URL"]+method, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+o.Environment[token])
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var said struct {
		OK         bool
		URL, Error string
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || !said.OK {
		return "", errors.Join(err, errors.New(method+": "+said.Error))
	}
	return said.URL, nil
}

// playground is a demo of a stand-in, whose page is open.
type playground struct {
	*Demo
	t    *testing.T
	page *httptest.Server
}

func config(t *testing.T, env ...string) Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Config{Timing: Timing(), Bot: func() *exec.Cmd {
		c := exec.Command(self, BotCommand)
		c.Env = append(os.Environ(), env...)
		return c
	}}
}

func play(t *testing.T, cfg Config) *playground {
	t.Helper()
	d, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := &playground{Demo: d, t: t, page: httptest.NewServer(d)}
	t.Cleanup(func() {
		p.page.Close()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// use uses a control of the panel as the page does, and returns the problem that people
// read.
func (p *playground) use(control, value string) (problem string) {
	p.t.Helper()
	status, answer := p.press(control, value)
	if status != http.StatusOK {
		p.t.Fatalf("%s %q: status %d", control, value, status)
	}
	return answer["problem"]
}

// press is use of what may not be there.
func (p *playground) press(control, value string) (status int, answer map[string]string) {
	p.t.Helper()
	body, err := json.Marshal(map[string]string{"control": control, "value": value})
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, p.page.URL+"/control", strings.NewReader(string(body)))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("X-Page", "1")
	got, err := p.page.Client().Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer got.Body.Close()
	if got.StatusCode == http.StatusOK {
		err = json.NewDecoder(got.Body).Decode(&answer)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return got.StatusCode, answer
}

type state struct {
	Instance string
	Panel    struct {
		Status   []string
		Controls []struct{ ID, Value string }
	}
	Channels []struct {
		ID       string
		Messages []struct{ Name, Text string }
	}
}

func (p *playground) state() (s state) {
	p.t.Helper()
	got, err := p.page.Client().Get(p.page.URL + "/state?as=" + Alice)
	if err != nil {
		p.t.Fatal(err)
	}
	defer got.Body.Close()
	if err := json.NewDecoder(got.Body).Decode(&s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

// values are those of all controls that have one.
func (s state) values() map[string]string {
	all := map[string]string{}
	for _, c := range s.Panel.Controls {
		all[c.ID] = c.Value
	}
	return all
}

// status waits until the panel says this line, or one that begins so.
func (p *playground) status(line string) {
	p.t.Helper()
	if !testrun.Seen(20*time.Second, func() bool {
		return slices.ContainsFunc(p.state().Panel.Status, func(l string) bool { return strings.HasPrefix(l, line) })
	}) {
		p.t.Fatalf("the panel never says %q: %q", line, p.state().Panel.Status)
	}
}

// alice waits until the bot has told her something.
func (p *playground) alice(words string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	slack := p.Stage().Slack
	if err := slack.Until(ctx, func() bool {
		for _, m := range slack.DMs(Alice) {
			if strings.Contains(m.Text, words) {
				return true
			}
		}
		return false
	}); err != nil {
		p.t.Fatalf("%q: %v: %+v", words, err, slack.DMs(Alice))
	}
}

// running is the line about the bot, which names its process.
func (p *playground) running() string {
	p.t.Helper()
	p.status("The bot runs (process ")
	return p.state().Panel.Status[0]
}

func (p *playground) folder() string { return p.world.Load().folder }

// gone fails unless a world's folder was deleted.
func gone(t *testing.T, folder string) {
	t.Helper()
	if _, err := os.Stat(filepath.Clean(folder)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", folder, err)
	}
}
