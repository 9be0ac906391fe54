package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/listen"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/store"
)

const (
	noBotToken = "SLACK_BOT_TOKEN does not work"
	noAppToken = "SLACK_APP_TOKEN does not work"
	noSlackURL = "SLACK_API_URL is not valid, and the tokens must not be sent there"
)

// botToken asks Slack whose token it is.
func (e *examination) botToken(ctx context.Context) verdict {
	if e.slack == nil {
		return without("SLACK_BOT_TOKEN", noSlackURL)
	}
	if wrong := e.complaints("SLACK_BOT_TOKEN"); wrong != "" {
		says, remedy := remedyIn(wrong, remedyToken)
		return verdict{broken, says, remedy}
	}
	var err error
	before := e.now()
	e.home, err = e.slack.Installation(ctx)
	e.compare("Slack's", e.home.At, before)
	if err != nil {
		return slackSays("Slack does not say whose SLACK_BOT_TOKEN it is", err)
	}
	e.slackIs = true
	return fine("SLACK_BOT_TOKEN is a bot token: @%s, of the app %s, in the workspace %s (%s)", e.home.Bot, e.home.AppID, e.home.Team,
		e.home.TeamID)
}

// scopes compares what was granted with what the manifest asks for.
func (e *examination) scopes(context.Context) verdict {
	if e.home.Scopes == nil {
		why := "Slack's answer did not name them"
		if !e.slackIs {
			why = noBotToken
		}
		return without("the scopes of SLACK_BOT_TOKEN", why)
	}
	var needed, other []string
	for _, scope := range slackapi.Scopes {
		if slices.Contains(e.home.Scopes, scope.Name) {
			continue
		}
		if what := e.needs(scope); what != "" {
			needed = append(needed, scope.Name+" ("+what+")")
		} else {
			other = append(other, scope.Name+" ("+scope.For+")")
		}
	}
	switch {
	case len(needed) > 0:
		return verdict{broken, "SLACK_BOT_TOKEN lacks the scope " + strings.Join(slices.Concat(needed, other), "; and "), remedyScope}
	case len(other) > 0:
		return verdict{doubtful, "SLACK_BOT_TOKEN lacks a scope of the manifest that these settings and this policy do not need: " + strings.Join(other, ", "), remedyScope}
	}
	return fine("SLACK_BOT_TOKEN has every scope of the manifest")
}

// needs says what needs a scope, and "" where nothing does, or where the check
// of the channel shows it.
func (e *examination) needs(scope slackapi.Scope) string {
	switch scope.Name {
	case "channels:read", "groups:read":
		return ""
	case "usergroups:read":
		for _, group := range e.read.policy.Groups() {
			if !strings.HasPrefix(group, authz.EntraGroup) {
				return "the policy's Slack group " + group + " needs it"
			}
		}
		return ""
	case "users:read.email":
		if len(e.read.policy.Approvers) > 0 && !e.read.policy.Identity.ByEmail {
			return ""
		}
	}
	return "the bot needs it for: " + scope.For
}

// appOfToken is where an app-level token names its app. That is nowhere
// promised.
var appOfToken = regexp.MustCompile(`^xapp-[0-9]+-(A[A-Z0-9]+)-`)

// appToken asks for leave to open a socket, and opens none.
func (e *examination) appToken(ctx context.Context) verdict {
	if e.ask == nil {
		return without("SLACK_APP_TOKEN", noSlackURL)
	}
	if wrong := e.complaints("SLACK_APP_TOKEN"); wrong != "" {
		says, remedy := remedyIn(wrong, "Make an app-level token with connections:write under Basic Information in the Slack app's settings")
		return verdict{broken, says, remedy}
	}
	leave, err := e.ask(ctx)
	if f, ok := errors.AsType[*listen.Fatal](err); ok {
		return verdict{broken, fmt.Sprintf("Slack refuses SLACK_APP_TOKEN (%s)", f.Code), f.Sentence}
	}
	if err != nil {
		e.deaf = err
		return without("SLACK_APP_TOKEN", "Slack did not allow a socket, for another reason")
	}
	e.leave = leave
	const says = "SLACK_APP_TOKEN is an app-level token with the scope connections:write"
	app := appOfToken.FindStringSubmatch(string(e.read.appToken))
	switch {
	case app == nil || !e.slackIs:
		return fine(says + ". Whether it belongs to the same app as SLACK_BOT_TOKEN is only known once a socket is open")
	case app[1] != e.home.AppID:
		return verdict{broken, fmt.Sprintf("SLACK_APP_TOKEN belongs to the app %s, but SLACK_BOT_TOKEN to the app %s", app[1], e.home.AppID), remedyOneApp}
	}
	return fine(says+". It belongs to the app %s, as SLACK_BOT_TOKEN does", app[1])
}

const remedyOneApp = "Take both tokens from the settings of one app: Basic Information, App-Level Tokens, and OAuth & Permissions"

// channel looks at the approvers' channel.
func (e *examination) channel(ctx context.Context) verdict {
	if wrong := e.complaints("REVOKE_CHANNEL"); wrong != "" {
		says, remedy := remedyIn(wrong, "")
		return verdict{broken, says, remedy}
	}
	if !e.slackIs {
		return without("the approvers' channel", noBotToken)
	}
	c, err := e.slack.Channel(ctx, e.Channel)
	switch {
	case err != nil:
		return slackSays("The approvers' channel "+e.Channel+" cannot be read", err)
	case c.Problem != "":
		return verdict{broken, fmt.Sprintf("REVOKE_CHANNEL %s cannot be used: %s", e.Channel, message.ChannelSays(c.Problem)),
			remedyByProblem[c.Problem]}
	case !c.Private:
		return verdict{doubtful, fmt.Sprintf("#%s (%s) is a public channel, so the whole workspace can read the cards", c.Name, e.Channel),
			"Make it private in the channel's settings, or name a private one in REVOKE_CHANNEL"}
	}
	return fine("#%s (%s) is a private channel, not shared, and the bot is in it", c.Name, e.Channel)
}

var remedyByProblem = map[bot.ChannelProblem]string{
	bot.ChannelMissing:  "Type /invite @revoke-sessions in the channel, or correct REVOKE_CHANNEL. The ID is at the end of the channel's details",
	bot.ChannelArchived: "Unarchive it, or name another channel in REVOKE_CHANNEL",
	bot.ChannelWithout:  "Type /invite @revoke-sessions in the channel",
	bot.ChannelShared:   "Name a channel in REVOKE_CHANNEL that is not shared with another organisation",
}

// socket is whether Slack lets one be opened. It is opened only where somebody
// asked for the count.
func (e *examination) socket(ctx context.Context) verdict {
	const what = "whether a socket can be opened"
	switch {
	case e.deaf != nil:
		return verdict{broken, "Slack allows no socket: " + e.deaf.Error(),
			"Check in the Slack app's settings that Socket Mode is on, and that this machine reaches slack.com. Then try again"}
	case e.leave == "":
		return without(what, noAppToken)
	case !e.CountSockets:
		return fine("Slack allows a socket. None was opened, so no click is lost")
	}
	g, err := listen.Greet(ctx, e.leave)
	if err != nil {
		return verdict{broken, "Slack allowed a socket, but it does not work: " + err.Error(),
			"Check that this machine may open WebSockets to wss-primary.slack.com, through the proxy if it needs one, and that no more than 10 sockets are open for the app"}
	}
	e.greeting = &g
	if e.slackIs && g.AppID != "" && g.AppID != e.home.AppID {
		return verdict{broken, fmt.Sprintf("The socket belongs to the app %s, but SLACK_BOT_TOKEN to the app %s", g.AppID, e.home.AppID), remedyOneApp}
	}
	return fine("A socket was opened, Slack answered on it, and it was closed again")
}

// socketsOpen judges the number that Slack counted.
func (e *examination) socketsOpen(context.Context) verdict {
	const what = "how many sockets are open"
	switch {
	case e.leave == "":
		return without(what, "none could be opened to ask")
	case !e.CountSockets:
		return verdict{unchecked, "not checked: " + what + ", because doctor would have to open a socket for it. Slack may send somebody's click to that socket, and the click would be lost",
			"Run revoke-sessions doctor --count-sockets when nobody is using the bot. The bot itself warns in its log when Slack counts more sockets than it holds"}
	case e.greeting == nil:
		return without(what, "the socket could not be used")
	}
	switch others := e.greeting.Sockets - 1; {
	case others < 0:
		return without(what, "Slack did not say")
	case others == 0:
		return fine("No other socket is open, so no bot is connected with this token now")
	case others == 1:
		return fine("One other socket is open, which is right in the first hours of one bot")
	case others <= listen.DefaultSockets:
		return fine("%d other sockets are open, which is right while one bot is running", others)
	default:
		return verdict{doubtful, fmt.Sprintf("%d other sockets are open. Each replica of the bot holds %d sockets, and only one in its first hours. If there are more than that, somebody else may use the app-level token and get some of the clicks", others, listen.DefaultSockets),
			"After a restart or a broken connection, check again in a minute. If the sockets stay and you do not know whose they are, make a new app-level token and revoke this one"}
	}
}

// messagesTab cannot be found out by reading: that it is off shows when a
// direct message is refused (messages_tab_disabled).
// https://docs.slack.dev/reference/methods/chat.postMessage
func (e *examination) messagesTab(context.Context) verdict {
	return verdict{unchecked, "not checked: whether the bot may write direct messages, because only sending one would show it. The first drill shows it",
		"In the Slack app's settings, under App Home, the Messages Tab must be on, as in manifest.yml. If it is off, the log says messages_tab_disabled, " +
			"and the thread of a card names the people who got no message"}
}

// homeTab cannot be found out by reading either: the bot notes in the database whether
// Slack took the last one.
// https://docs.slack.dev/reference/methods/views.publish
func (e *examination) homeTab(ctx context.Context) verdict {
	return e.inDatabase(ctx, "whether the app has its Home tab", func(db *store.Store) (verdict, error) {
		code, at, err := db.HomeTab(ctx)
		return ofHomeTab(code, at), err
	})
}

// ofHomeTab judges what the bot has noted about Home tabs.
func ofHomeTab(code string, at time.Time) verdict {
	switch {
	case code != "":
		return verdict{doubtful, fmt.Sprintf("Slack refused a Home tab at %s (%s): the installed app has none. Everything else works",
			at.Format(time.RFC3339), bot.ShownCode(code)),
			"When every replica runs this version, put its manifest.yml into the Slack app's settings, under App Manifest, and install the app again. The bot tries again within an hour"}
	case at.IsZero():
		return verdict{unchecked, "not checked: whether the app has its Home tab, because the bot has published none yet",
			"Open the app in Slack. If it has no Home tab, or one that stays under construction while the bot runs, the installed manifest is older than this version's manifest.yml"}
	}
	return fine("Slack took a Home tab at %s", at.Format(time.RFC3339))
}
