package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"revoke-sessions/cmd/revoke-sessions/demo"
)

// demoCommand runs the unmodified bot between two doubles, in a temporary
// folder, with nothing leaving this machine.
type demoCommand struct {
	Auto   bool   `help:"Play three short stories in the terminal instead. The exit code is 0 only if every step is right."`
	Addr   string `default:"127.0.0.1:8484" help:"The address of the demo's page (default: ${default}). If the port is in use, the demo takes a free one."`
	Policy string `placeholder:"FILE" help:"Play by your own policy file. If nobody in the demo is an approver by it, the demo lists its people and their IDs."`
	Logs   bool   `help:"Show the bot's log."`
}

// Run sets the stage and lets people, or a script, play on it.
func (c *demoCommand) Run(ctx context.Context, s *surroundings) (err error) {
	if host, _, err := net.SplitHostPort(c.Addr); err != nil || host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return usageError("--addr must be an address of this machine, like 127.0.0.1:8484, because anybody who opens the page can act as everybody")
	}
	config, err := c.config(s)
	if err != nil {
		return err
	}
	// Closing the terminal ends the demo in order, too: it deletes its folder.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	if c.Auto {
		return demo.Play(ctx, config, s.stdout)
	}
	d, err := demo.Start(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return c.serve(ctx, d, s.stdout)
}

// config is what the demo needs to know of this program. It checks the policy file as
// the bot will.
func (c *demoCommand) config(s *surroundings) (config demo.Config, err error) {
	self, err := os.Executable()
	if err != nil {
		return config, err
	}
	config = demo.Config{Bot: func() *exec.Cmd { return exec.Command(self, demo.BotCommand) }, Timing: demo.Timing()}
	if c.Logs {
		config.Log = s.stderr
	}
	if c.Policy == "" {
		return config, nil
	}
	if c.Auto {
		return config, usageError("--auto plays by the demo's own rules: leave out --policy, or --auto")
	}
	policy, err := readPolicy(c.Policy, nil)
	if err != nil {
		return config, usageError(strings.ReplaceAll(err.Error(), "REVOKE_POLICY", "--policy"))
	}
	if err := demo.CheckApprovers(policy); err != nil {
		return config, usageError(fmt.Sprintf("--policy %s: %v", c.Policy, err))
	}
	config.Policy, err = filepath.Abs(c.Policy)
	return config, err
}

func (c *demoCommand) serve(ctx context.Context, d *demo.Demo, out io.Writer) error {
	listener, err := net.Listen("tcp", c.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		fmt.Fprintf(out, "\n  %s is in use, so the demo takes another port.", c.Addr)
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return err
	}
	server := &http.Server{Handler: d, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	fmt.Fprintf(out, "\n  Open http://%s\n\n", listener.Addr())
	fmt.Fprintln(out, "  You are Bob, who has lost his phone. Type /revoke-sessions me lost my phone,")
	if c.Policy == "" {
		fmt.Fprintln(out, "  then switch to Alice, an approver, and press Revoke sessions on the card.")
	} else {
		fmt.Fprintln(out, "  then switch to an approver, whom the card names, and decide.")
	}
	fmt.Fprintln(out, "  Everything runs on this machine and is deleted at the end. Ctrl-C ends it.")
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// demoBotCommand is the bot of the demo, in a process of its own so that it can be
// killed. It runs what revoke-sessions run does, with the clock and the addresses that
// the demo tells it.
type demoBotCommand struct{}

// Run runs until the demo ends.
func (demoBotCommand) Run(ctx context.Context, s *surroundings) error {
	ctx, orders, clock, err := demo.Hear(ctx, s.stdin)
	if err != nil {
		return usageError(err.Error())
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(orders.CertPEM)
	at := endpoints{
		graphURL: orders.GraphURL, authority: orders.Authority, roots: roots, now: clock.Now, timing: &orders.Timing,
		environ: func() []string { return slices.Collect(maps.Keys(orders.Environment)) },
	}
	getenv := func(name string) string { return orders.Environment[name] }
	if code := run(ctx, []string{"run"}, getenv, strings.NewReader(""), s.stdout, s.stderr, at); code != 0 {
		return exitWith(code)
	}
	return nil
}
