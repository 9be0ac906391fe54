package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"revoke-sessions/bot"
)

// BotCommand is the hidden command that is the bot in a process of its own.
const BotCommand = "demo-bot"

// Orders are what the demo tells its bot: the first line of its standard input, in JSON.
// Each further line moves the clock. The end of the input ends the bot, so that none
// outlives its demo, however that ends.
type Orders struct {
	// Environment is all the settings of the bot. It reads no others.
	Environment map[string]string
	// GraphURL and Authority are where Microsoft's double is, and CertPEM is its
	// certificate.
	GraphURL, Authority string
	CertPEM             []byte
	Timing              bot.Timing
	timeTold
}

// timeTold is how far the demo's clock is ahead of the machine's.
type timeTold struct{ Ahead time.Duration }

// Clock is the machine's, moved ahead by hand.
type Clock struct{ ahead atomic.Int64 }

// Now is the time.
func (c *Clock) Now() time.Time { return time.Now().Add(c.Ahead()) }

// Ahead is how far the clock was moved.
func (c *Clock) Ahead() time.Duration { return time.Duration(c.ahead.Load()) }

// set moves the clock.
func (c *Clock) set(ahead time.Duration) { c.ahead.Store(int64(ahead)) }

// Hear reads the orders, and goes on listening: it moves the clock as it is told, and
// ends the context that it returns when the demo has gone. It refuses orders that lead
// away from this machine.
func Hear(ctx context.Context, in io.Reader) (context.Context, Orders, *Clock, error) {
	lines := json.NewDecoder(in)
	var o Orders
	if err := lines.Decode(&o); err != nil {
		return ctx, o, nil, errors.New(BotCommand + " is the demo's bot: the demo starts it and tells it what to do. Start revoke-sessions demo")
	}
	if err := o.check(); err != nil {
		return ctx, o, nil, err
	}
	clock := &Clock{}
	clock.set(o.Ahead)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		for {
			var told timeTold
			if lines.Decode(&told) != nil {
				return // the demo has gone
			}
			clock.set(told.Ahead)
		}
	}()
	return ctx, o, clock, nil
}

// check holds the orders to this machine: a bot whose clock is moved by hand must not
// meet real people, accounts or requests.
func (o *Orders) check() error {
	for _, at := range []struct{ name, url string }{
		{"Slack", o.Environment["SLACK_API_URL"]}, {"Microsoft Graph", o.GraphURL}, {"Microsoft's sign-in", o.Authority},
	} {
		u, err := url.Parse(at.url)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || !net.ParseIP(u.Hostname()).IsLoopback() {
			return fmt.Errorf("%s works for the demo only: the address of %s is %q and must be one of this machine, like 127.0.0.1",
				BotCommand, at.name, bot.Clean(at.url, 200))
		}
	}
	database, isFile := strings.CutPrefix(o.Environment["REVOKE_DATABASE_URL"], "sqlite:")
	folder := filepath.Dir(database)
	if !isFile || filepath.Dir(folder) != filepath.Clean(os.TempDir()) || !strings.HasPrefix(filepath.Base(folder), folderPrefix) {
		return fmt.Errorf("%s works for the demo only: its database must be a file in the demo's temporary folder", BotCommand)
	}
	for name := range o.Environment {
		if !slices.Contains(settings, name) {
			return fmt.Errorf("%s works for the demo only, which does not set %s", BotCommand, bot.Clean(name, 100))
		}
	}
	return nil
}

// settings are the names of those that the demo sets, by Stage.Environment.
var settings = []string{
	"AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "REVOKE_APPROVERS", "REVOKE_CHANNEL", "REVOKE_DATABASE_URL", "REVOKE_EMERGENCY",
	"REVOKE_POLICY", "SLACK_API_URL", "SLACK_APP_TOKEN", "SLACK_BOT_TOKEN",
}

// folderPrefix begins the name of a demo's temporary folder.
const folderPrefix = "revoke-sessions-demo-"
