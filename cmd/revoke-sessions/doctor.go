package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/listen"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/graph"
	"revoke-sessions/graph/msgraph"
)

// doctorCommand checks everything that run needs, by the same settings. It
// revokes nobody, posts nothing and stores nothing, and may run beside the bot.
type doctorCommand struct {
	runCommand
	CountSockets bool `help:"Open a socket for a moment to count the open ones. A click that Slack sends to this socket is lost, so use it only when nobody is using the bot."`
	JSON         bool `name:"json" help:"Write a JSON array of {check, result, says, remedy} instead of text."`
}

// checkWithin bounds one check.
const checkWithin = 15 * time.Second

// result is how a check ended.
type result string

// The results. Only broken makes the exit code 1.
const (
	well      result = "ok"
	doubtful  result = "warn"
	broken    result = "FAIL"
	unchecked result = "skip"
)

// verdict is what a check found.
type verdict struct {
	result       result
	says, remedy string
}

// fine is the verdict that needs no remedy.
func fine(format string, args ...any) verdict { return verdict{well, fmt.Sprintf(format, args...), ""} }

// without is the verdict on what could not be looked at.
func without(what, why string) verdict {
	return verdict{unchecked, "not checked: " + what + ", because " + why, ""}
}

// finding is a verdict as it is printed.
type finding struct {
	Check  string `json:"check"`
	Result result `json:"result"`
	Says   string `json:"says"`
	Remedy string `json:"remedy"`
}

// check is one of doctor's, under a name that stays.
type check struct {
	name string
	look func(*examination, context.Context) verdict
}

// checks are in the order in which one needs the other.
var checks = []check{
	{"settings", (*examination).settings},
	{"slack_bot_token", (*examination).botToken},
	{"slack_scopes", (*examination).scopes},
	{"slack_app_token", (*examination).appToken},
	{"slack_channel", (*examination).channel},
	{"slack_socket", (*examination).socket},
	{"slack_sockets_open", (*examination).socketsOpen},
	{"slack_messages_tab", (*examination).messagesTab},
	{"slack_home_tab", (*examination).homeTab},
	{"entra_token", (*examination).entraToken},
	{"entra_permissions", (*examination).permissions},
	{"entra_user", (*examination).user},
	{"entra_administrators", (*examination).administrators},
	{"groups", (*examination).groups},
	{"database", (*examination).database},
	{"rules", (*examination).rules},
	{"clock", (*examination).clock},
	{"policy", (*examination).quorum},
}

// examination is what the checks know by now.
type examination struct {
	*doctorCommand
	around *surroundings
	now    func() time.Time
	read   settings

	slack    *slackapi.Client // nil where nothing may be sent to Slack
	home     slackapi.Installation
	slackIs  bool // the bot token works
	ask      func(context.Context) (leave bot.Secret, err error)
	leave    bot.Secret // empty without leave to open a socket
	deaf     error      // why there is none, where that is not the token's fault
	greeting *listen.Greeting

	entra     msgraph.Config
	directory *msgraph.Client // nil where no token can be had
	signsInBy string          // the kind of credential
	grant     graph.Grant     // of the token

	skews []skew
}

// Run examines, and prints as it goes.
func (c *doctorCommand) Run(ctx context.Context, s *surroundings) error {
	e := &examination{doctorCommand: c, around: s, now: s.at.now, read: c.runCommand.read(s)}
	if e.now == nil {
		e.now = time.Now
	}
	if e.complaints("SLACK_API_URL") == "" {
		api := listen.NewAPI(e.read.botToken, e.read.appToken, c.SlackAPI)
		e.slack = slackapi.NewClient(api, c.SlackAPI, listen.HTTPClient(5*time.Second))
		e.ask = func(ctx context.Context) (bot.Secret, error) { return listen.Ask(ctx, api) }
	}
	defer func() {
		if e.directory != nil {
			e.directory.Close()
		}
	}()
	all := []finding{}
	count := map[result]int{}
	for _, check := range checks {
		f := e.carryOut(ctx, check)
		if ctx.Err() != nil {
			return fmt.Errorf("stopped at the check %s. The checks after it were not made", check.name)
		}
		all = append(all, f)
		count[f.Result]++
		if !c.JSON {
			f.print(s)
		}
	}
	if c.JSON {
		out := json.NewEncoder(s.stdout)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		if err := out.Encode(all); err != nil {
			return fmt.Errorf("write what was found: %w", err)
		}
	}
	if count[broken] > 0 {
		return fmt.Errorf("doctor found problems that stop the bot from working: %s", tally(count))
	}
	if !c.JSON {
		fmt.Fprintf(s.stdout, "Nothing was found that stops the bot from working: %s.\n", tally(count))
	}
	return nil
}

// carryOut makes one check. What it says may hold names from a directory and
// from Slack.
func (e *examination) carryOut(ctx context.Context, c check) finding {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	v := c.look(e, ctx)
	return finding{Check: c.name, Result: v.result, Says: sentence(v.says), Remedy: sentence(v.remedy)}
}

// sentence is text on one line that ends with a full stop, or with a statement of SQL.
func sentence(text string) string {
	text = strings.TrimRight(bot.Clean(text, 1500), ".: ")
	if text == "" || strings.HasSuffix(text, ";") {
		return text
	}
	return text + "."
}

func (f finding) print(s *surroundings) {
	fmt.Fprintf(s.stdout, "%-4s  %s\n", f.Result, f.Says)
	if f.Remedy != "" {
		fmt.Fprintf(s.stdout, "      %s\n", f.Remedy)
	}
}

// tally counts the results by the words that are printed before them.
func tally(count map[result]int) string {
	return fmt.Sprintf("%d ok, %d warn, %d FAIL, %d skip", count[well], count[doubtful], count[broken], count[unchecked])
}

// complaints are what is wrong with some of the settings, or "".
func (e *examination) complaints(about ...string) string {
	var all []string
	for _, w := range e.read.wrong {
		if slices.Contains(about, w.about) {
			all = append(all, w.says)
		}
	}
	return strings.Join(all, ". ")
}

// elsewhere are the settings that have a check of their own.
var elsewhere = []string{"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "REVOKE_CHANNEL", "REVOKE_POLICY", "AZURE_CLOUD", "REVOKE_DATABASE_URL"}

// settings are those that no other check looks at.
func (e *examination) settings(context.Context) verdict {
	var wrong []string
	for _, w := range e.read.wrong {
		if !slices.Contains(elsewhere, w.about) {
			wrong = append(wrong, w.says)
		}
	}
	if len(wrong) > 0 {
		return verdict{broken, strings.Join(wrong, ". "), "Correct the setting in the bot's environment. The README lists every setting"}
	}
	return fine("All settings that have no line of their own below are valid")
}

// remedyIn parts a complaint of run's, "what: remedy", at its colon.
func remedyIn(complaint, otherwise string) (says, remedy string) {
	says, remedy, ok := strings.Cut(complaint, ": ")
	if !ok || strings.HasSuffix(says, "_FILE") {
		return complaint, otherwise
	}
	return says, strings.ToUpper(remedy[:1]) + remedy[1:]
}

// slackSays is a Web API call that failed, and what to do about it.
func slackSays(what string, err error) verdict {
	e, ok := errors.AsType[*slackapi.Error](err)
	switch {
	case !ok:
		return verdict{broken, fmt.Sprintf("%s: %v", what, err), remedyNetwork}
	case e.Code == "missing_scope":
		return verdict{broken, fmt.Sprintf("%s: SLACK_BOT_TOKEN lacks the scope %s", what, e.Needed), remedyScope}
	case e.RetryAfter > 0:
		return verdict{broken, fmt.Sprintf("%s: Slack asked the bot to wait", what), remedyWait}
	case e.NoAnswer():
		return verdict{broken, fmt.Sprintf("%s: %v", what, err), remedyNetwork}
	}
	return verdict{broken, fmt.Sprintf("%s: %v", what, err), remedyToken}
}

const (
	remedyNetwork = "Check that this machine reaches slack.com over HTTPS, through the proxy if it needs one, and see status.slack.com. Then try again"
	remedyWait    = "Try again in a minute. If this goes on, look for another program that uses the same bot token"
	remedyScope   = "Add the scope under OAuth & Permissions and reinstall the app"
	remedyToken   = "Copy the Bot User OAuth Token again from OAuth & Permissions in the Slack app's settings, and check that the app is installed. " +
		"If the token is right, the address of this machine may be missing there, under Restrict API Token Usage"
)
