package slacktest

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"time"
)

// Config describes the workspace and the app installed in it. Every field has
// a usable default.
type Config struct {
	TeamID     string // default T0SLACKTEST
	TeamDomain string // default slacktest; the workspace is https://<domain>.slack.com
	AppID      string // default A0SLACKTEST
	BotUserID  string // the bot as a user; default U0BOT
	BotID      string // the bot as a bot; default B0BOT
	BotName    string // default bot

	BotToken string // default xoxb-…, new for every Server
	AppToken string // default xapp-1-<AppID>-…, new for every Server

	// Command is the slash command that the app owns; default /revoke-sessions.
	Command string
	// HomeTab is the manifest's home_tab_enabled. Without it, as in manifests before the
	// Home tab, views.publish answers not_enabled.
	HomeTab bool
	// Events are the manifest's bot_events; others are never sent.
	Events []string
	// Shortcuts are those of the manifest; nobody can run another. See Manifest.
	Shortcuts []Shortcut
	// Scopes of the bot token. Default: DefaultScopes.
	Scopes []string
	// AppScopes of the app-level token. Default: connections:write.
	AppScopes []string
	// Escape is the manifest's should_escape; nil sends commands as typed.
	Escape *Escape
	// MessagesTabReadOnly is the manifest's messages_tab_read_only_enabled: the app's
	// direct messages have no box to type into, so that nobody writes or types a command there.
	MessagesTabReadOnly bool
	// MessagesTabOff makes direct messages fail with messages_tab_disabled.
	MessagesTabOff bool

	// Now is the clock of message timestamps, triggers, response URLs and rate
	// limits; default time.Now. Acks are timed by the real clock, because a
	// real client sends them.
	Now func() time.Time
	// PingInterval is the time between the WebSocket PINGs that Slack sends on
	// each socket; default 10 s.
	PingInterval time.Duration
	// AckDeadline is how long an envelope may stay without ack before the
	// person sees an error; default 3 s, as in Slack.
	AckDeadline time.Duration
	// WarningGrace is how long a socket lives after disconnect/warning;
	// default 10 s, as in Slack.
	WarningGrace time.Duration
	// Lifetime is what a hello announces as approximate_connection_time, in
	// whole seconds; default 18060 s. The double ends no socket by itself:
	// Disconnect and its like do.
	Lifetime time.Duration
	// AckOnAnySocket makes an ack count that arrives on another socket than
	// its envelope went to. Whether Slack honours it is not documented, so by
	// default it is only recorded.
	AckOnAnySocket bool
	// RandomSeed other than 0 sends each envelope to a socket chosen at random
	// from this seed instead of round robin.
	RandomSeed uint64
	// NoRateLimits turns off Slack's documented tiers, which are enforced
	// otherwise. It says why: because the clock is moved by hand, for example, or
	// because load is what is tested.
	NoRateLimits string
	// Addr is the loopback address to listen on; default 127.0.0.1:0.
	Addr string
}

// DefaultScopes are the bot scopes of the app when Config.Scopes is nil.
var DefaultScopes = []string{"commands", "chat:write", "users:read", "users:read.email", "usergroups:read", "channels:read", "groups:read"}

// connectionsWrite is the scope that opens sockets.
const connectionsWrite = "connections:write"

// Escape says which of Slack's documented and observed forms a typed command
// takes when the manifest has should_escape: true.
type Escape struct {
	// Names sends <@U1|bob> instead of <@U1>.
	Names bool
	// Mailto sends <mailto:bob@contoso.example|bob@contoso.example> instead
	// of the bare address.
	Mailto bool
}

func (c Config) withDefaults() Config {
	c.TeamID = cmp.Or(c.TeamID, "T0SLACKTEST")
	c.TeamDomain = cmp.Or(c.TeamDomain, "slacktest")
	c.AppID = cmp.Or(c.AppID, "A0SLACKTEST")
	c.BotUserID = cmp.Or(c.BotUserID, "U0BOT")
	c.BotID = cmp.Or(c.BotID, "B0BOT")
	c.BotName = cmp.Or(c.BotName, "bot")
	c.BotToken = cmp.Or(c.BotToken, "xoxb-"+random(12))
	c.AppToken = cmp.Or(c.AppToken, "xapp-1-"+c.AppID+"-"+random(12))
	c.Command = cmp.Or(c.Command, "/revoke-sessions")
	c.Events, c.Shortcuts = slices.Clone(c.Events), slices.Clone(c.Shortcuts)
	if c.Scopes == nil {
		c.Scopes = DefaultScopes
	}
	c.Scopes = slices.Clone(c.Scopes)
	if c.AppScopes == nil {
		c.AppScopes = []string{connectionsWrite}
	}
	c.AppScopes = slices.Clone(c.AppScopes)
	if c.Now == nil {
		c.Now = time.Now
	}
	c.PingInterval = cmp.Or(c.PingInterval, 10*time.Second)
	c.AckDeadline = cmp.Or(c.AckDeadline, AckDeadline)
	c.WarningGrace = cmp.Or(c.WarningGrace, 10*time.Second)
	c.Lifetime = cmp.Or(c.Lifetime, 18060*time.Second)
	c.Addr = cmp.Or(c.Addr, "127.0.0.1:0")
	return c
}

// random returns n random bytes as hexadecimal digits.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand crashes the program instead
	return hex.EncodeToString(b)
}
