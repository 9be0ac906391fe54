package demo

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"revoke-sessions/authz/policyfile"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

// TestPanelKill: the bot is away, and comes back as another process.
func TestPanelKill(t *testing.T) {
	t.Parallel()
	p := play(t, config(t))
	before := p.running()
	if problem := p.use("kill", ""); problem != "" {
		t.Fatal(problem)
	}
	if got := p.state().Panel.Status[0]; got != "The bot was killed and starts again." {
		t.Errorf("%q", got)
	}
	if problem := p.use("kill", ""); problem != "the bot is not running now. It starts again in a moment" {
		t.Errorf("a bot that is away was killed: %q", problem)
	}
	if after := p.running(); after == before {
		t.Errorf("the same process: %s", after)
	}
}

// TestPanelHour moves every clock, that of a bot included that starts later.
func TestPanelHour(t *testing.T) {
	t.Parallel()
	p := play(t, config(t))
	p.alice("ahead 0s, clock 0s")
	p.use("hour", "")
	p.status("The clock is 1 hour ahead.")
	p.alice("ahead 1h0m0s, clock 1h0m0s")
	p.use("kill", "")
	p.use("hour", "")
	p.status("The clock is 2 hours ahead.")
	p.alice("ahead 2h0m0s, clock 2h0m0s")
	if got := time.Until(p.Stage().Entra.Config().Now()).Round(time.Minute); got != 2*time.Hour {
		t.Errorf("Entra's clock is %s ahead", got)
	}
	messages := p.Stage().Slack.DMs(Alice)
	if got := time.Until(messages[len(messages)-1].Time()).Round(time.Minute); got != 2*time.Hour {
		t.Errorf("Slack's clock is %s ahead", got)
	}
}

// TestPanelApprovals changes the rules by a restart in order.
func TestPanelApprovals(t *testing.T) {
	t.Parallel()
	p := play(t, config(t))
	p.status("Rules: one approval.")
	p.alice("{approvals: 1}")
	before := p.running()
	if problem := p.use("approvals", "on"); problem != "" {
		t.Fatal(problem)
	}
	if after := p.running(); after == before {
		t.Errorf("the same process: %s", after)
	}
	p.status("Rules: two approvals.")
	p.alice("{approvals: 2}")
	text, err := os.ReadFile(filepath.Join(p.folder(), "policy.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policyfile.Parse(text, nil); err != nil {
		t.Error(err)
	}
	p.use("approvals", "")
	p.status("Rules: one approval.")
}

// TestPanelStartOver leaves nothing of the old world, and the page where it is.
func TestPanelStartOver(t *testing.T) {
	t.Parallel()
	p := play(t, config(t))
	start := p.state()
	p.use("microsoft", "refuses")
	p.use("slack", "on")
	p.use("approvals", "on")
	p.use("hour", "")
	p.Stage().Slack.As(Bob).Say(General, "", "hello")
	before, folder, bot := p.state(), p.folder(), p.running()
	if v := before.values(); v["microsoft"] != "refuses" || v["slack"] != "on" || v["approvals"] != "on" {
		t.Errorf("the panel shows %v", v)
	}
	if problem := p.use("over", ""); problem != "" {
		t.Fatal(problem)
	}
	after := p.state()
	if after.Instance == before.Instance || after.Instance == "" {
		t.Error("the page does not say that it is another workspace")
	}
	if got, want := after.values(), start.values(); got["microsoft"] != "well" || got["slack"] != "" || got["approvals"] != "" {
		t.Errorf("the panel shows %v, want %v", got, want)
	}
	if len(after.Panel.Status) != 2 || p.running() == bot {
		t.Errorf("the panel says %q", after.Panel.Status)
	}
	if n := len(p.Stage().Slack.Messages(General)); n != 1 {
		t.Errorf("%d messages in #general", n)
	}
	gone(t, folder)
}

// TestPanelSlackRefuses takes the bot out of the approvers' channel, and lets it in again.
func TestPanelSlackRefuses(t *testing.T) {
	t.Parallel()
	p := play(t, config(t))
	member := func() bool {
		for _, c := range p.Stage().Slack.Channels() {
			if c.ID == Approvals {
				return c.BotIsMember
			}
		}
		return false
	}
	p.use("slack", "on")
	if member() {
		t.Error("the bot is still in the channel")
	}
	p.use("slack", "")
	if !member() {
		t.Error("the bot is not back in the channel")
	}
}

// TestBotEndsByItself is said, and the bot is started again, once a second at most.
func TestBotEndsByItself(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	if _, err := Start(t.Context(), config(t, mood+"=dies")); err == nil || err.Error() != "the bot ended by itself (exit status 3). Start the demo with --logs to see why" {
		t.Errorf("a demo without a bot: %v", err)
	}
	p := play(t, cfg)
	healthy := p.world.Load().keeper
	dying := config(t, mood+"=dies").Bot
	var mu sync.Mutex
	var starts []time.Time
	healthy.mu.Lock()
	healthy.command = func() *exec.Cmd {
		mu.Lock()
		defer mu.Unlock()
		starts = append(starts, time.Now())
		return dying()
	}
	healthy.mu.Unlock()
	p.use("kill", "")
	p.status("The bot ended by itself (exit status 3) and starts again.")
	if !testrun.Seen(20*time.Second, func() bool { mu.Lock(); defer mu.Unlock(); return len(starts) > 2 }) {
		t.Fatal("it is not started again")
	}
	mu.Lock()
	for i := range starts[1:] {
		if pause := starts[i+1].Sub(starts[i]); pause < resting {
			t.Errorf("started again after %s", pause)
		}
	}
	mu.Unlock()
	if problem := p.use("approvals", "on"); problem != "the bot ended by itself (exit status 3)" {
		t.Errorf("a restart that failed: %q", problem)
	}
	healthy.mu.Lock()
	healthy.command = cfg.Bot
	healthy.mu.Unlock()
	p.running()
}

// TestBotCannotBeStarted says so, and goes on trying, also after a restart that failed.
func TestBotCannotBeStarted(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	p := play(t, cfg)
	k := p.world.Load().keeper
	from := func(bot func() *exec.Cmd) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.command = bot
	}
	nothing := filepath.Join(t.TempDir(), "nothing")
	for act, value := range map[string]string{"kill": "", "approvals": "on"} {
		from(func() *exec.Cmd { return exec.Command(nothing) })
		p.use(act, value)
		p.status("The bot cannot be started: ")
		from(cfg.Bot)
		p.running()
	}
}

// TestBotDoesNotStop: then it is killed.
func TestBotDoesNotStop(t *testing.T) {
	t.Parallel()
	d, err := Start(t.Context(), config(t, mood+"=stubborn"))
	if err != nil {
		t.Fatal(err)
	}
	began, folder := time.Now(), d.world.Load().folder
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < stopping || took > 3*stopping {
		t.Errorf("it took %s", took)
	}
	gone(t, folder)
}

// TestDemoClosed: whoever presses afterwards starts nothing.
func TestDemoClosed(t *testing.T) {
	t.Parallel()
	p := play(t, config(t))
	folder := p.folder()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	gone(t, folder)
	for _, control := range []string{"kill", "hour", "over"} {
		if problem := p.use(control, ""); problem != errOver.Error() {
			t.Errorf("%s: %q", control, problem)
		}
	}
	if err := p.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// TestDemoCannotStart leaves nothing behind.
func TestDemoCannotStart(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	cfg := config(t)
	cfg.Bot = func() *exec.Cmd { return exec.Command(filepath.Join(folder, "nothing")) }
	if _, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "cannot be started") {
		t.Errorf("%v", err)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestStartOverCannotStart: people play on in the world that is there.
func TestStartOverCannotStart(t *testing.T) {
	t.Parallel()
	p := play(t, config(t))
	before, bot := p.state(), p.running()
	p.acting.Lock()
	p.cfg.Bot = config(t, mood+"=dies").Bot
	p.acting.Unlock()
	if problem := p.use("over", ""); !strings.Contains(problem, "the bot ended by itself") {
		t.Errorf("the page says %q", problem)
	}
	if after := p.state(); after.Instance != before.Instance || p.running() != bot {
		t.Errorf("another world: %+v", after)
	}
}

// TestPanelOneAtATime: acts from several windows leave one world and one bot.
func TestPanelOneAtATime(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	p := play(t, config(t))
	var all sync.WaitGroup
	w := p.world.Load()
	over := p.act(w, func(ctx context.Context, _ string) error { return p.next(ctx) })
	restart := p.act(w, func(ctx context.Context, _ string) error { return w.keeper.restart(ctx) })
	var replaced atomic.Int64
	for range 3 {
		all.Go(func() {
			switch err := over(t.Context(), ""); {
			case err == nil:
				replaced.Add(1)
			case !errors.Is(err, errReplaced):
				t.Error(err)
			}
		})
		all.Go(func() {
			if err := restart(t.Context(), ""); err != nil && !errors.Is(err, errReplaced) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	p.running()
	if n := replaced.Load(); n != 1 {
		t.Errorf("who saw one world replaced it %d times", n)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestPolicyOfOnesOwn: the panel leaves it alone.
func TestPolicyOfOnesOwn(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	cfg.Policy = filepath.Join(t.TempDir(), "mine.yml")
	const rules = "version: 1\napprovers: [S0SECURITY]\n"
	if err := os.WriteFile(cfg.Policy, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	p := play(t, cfg)
	p.status("Rules: mine.yml.")
	p.alice("policy " + rules)
	if status, _ := p.press("approvals", "on"); status != http.StatusNotFound {
		t.Errorf("the panel offers to change it: %d", status)
	}
	if _, there := p.state().values()["approvals"]; there {
		t.Error("the panel shows it")
	}
	text, err := os.ReadFile(cfg.Policy)
	if err != nil || string(text) != rules {
		t.Errorf("%q, %v", text, err)
	}
}

func TestCheckApprovers(t *testing.T) {
	for rules, ok := range map[string]bool{
		"[U0ALICE, U0AMIR]": true, "[S0SECURITY]": true, `["entra:00000000-0000-4000-8000-0000000000a0"]`: true, "[U0STRANGER, U0BOB]": true,
		"[U0STRANGER, U0OTHER]": false, `["entra:00000000-0000-4000-8000-000000000001"]`: false,
	} {
		policy, err := policyfile.Parse([]byte("version: 1\napprovers: "+rules+"\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		err = CheckApprovers(policy)
		if (err == nil) != ok {
			t.Errorf("%s: %v", rules, err)
		}
		for _, p := range cast {
			if err != nil && (!strings.Contains(err.Error(), p.id) || !strings.Contains(err.Error(), p.full)) {
				t.Errorf("%s is not named: %v", p.full, err)
			}
		}
	}
}

// TestWorkspaceIsTheManifests holds the demo's workspace to what a real one gets.
func TestWorkspaceIsTheManifests(t *testing.T) {
	text, err := os.ReadFile("../../../manifest.yml")
	if err != nil {
		t.Fatal(err)
	}
	var m slacktest.Manifest
	if err := yaml.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	got, want := workspace(nil), m.Into(slacktest.Config{})
	if got.HomeTab != want.HomeTab || got.MessagesTabReadOnly != want.MessagesTabReadOnly || !slices.Equal(got.Events, want.Events) ||
		!slices.Equal(got.Shortcuts, want.Shortcuts) {
		t.Errorf("the demo has %+v, the manifest says %+v", got, want)
	}
}

// TestMessagesToStartFrom are those on which the message shortcut is tried.
func TestMessagesToStartFrom(t *testing.T) {
	t.Parallel()
	p := play(t, config(t))
	said := map[string]string{}
	for _, c := range p.state().Channels {
		for _, m := range c.Messages {
			said[c.ID] += m.Name + ": " + m.Text
		}
	}
	if said[General] != "Carol Target: My laptop was stolen on the train. Who can help?" || !strings.HasPrefix(said[Approvals], "Defender: Unusual sign-in of <@U0CAROL>") {
		t.Errorf("%v", said)
	}
}
