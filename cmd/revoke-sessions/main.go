// Command revoke-sessions is a Slack bot that ends a Microsoft Entra user's
// sessions once an approver has said so. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"revoke-sessions/bot"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr, endpoints{}))
}

// commandLine is every subcommand with its flags; the environment variable
// that sets the same is in the tag "setting".
type commandLine struct {
	Run     runCommand     `cmd:"" default:"withargs" help:"Run the bot (the default)."`
	Demo    demoCommand    `cmd:"" help:"Try the bot on this machine, with a simulated Slack and Microsoft Graph."`
	Login   loginCommand   `cmd:"" help:"Sign in a person whose rights the bot uses."`
	Doctor  doctorCommand  `cmd:"" help:"Check everything that the bot needs. Say what is missing and what to do. Change nothing."`
	Revoke  revokeCommand  `cmd:"" help:"Revoke sessions from the command line, without Slack."`
	Audit   auditCommand   `cmd:"" help:"Check, show or export the audit chain."`
	Policy  policyCommand  `cmd:"" help:"Print an example policy file, or check a policy file."`
	Version versionCommand `cmd:"" help:"Print the version."`
	DemoBot demoBotCommand `cmd:"" hidden:""` // for the demo alone
}

// exitCode is panicked by kong's Exit, which offers no other way to leave.
type exitCode int

// run is main with everything handed in, so that tests can call it. It
// returns the exit code: 0, 1 for a failure, 2 for a command line or a setting
// that cannot work; revoke has two more.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer,
	at endpoints) (code int) {
	defer func() {
		if p := recover(); p != nil {
			c, ok := p.(exitCode)
			if !ok {
				panic(p)
			}
			code = int(c)
		}
	}()
	var cli commandLine
	parser, err := kong.New(&cli,
		kong.Name("revoke-sessions"),
		kong.Description("A Slack bot: somebody reports a lost device, an approver decides, Microsoft Entra revokes the sessions."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(c int) { panic(exitCode(c)) }),
		kong.Resolvers(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
			if value := getenv(flag.Tag.Get("setting")); value != "" {
				return value, nil
			}
			return nil, nil
		})),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&surroundings{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr, at: at}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "revoke-sessions:", err)
		return 2
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(stderr, "revoke-sessions:", shown(err.Error()))
		fmt.Fprintln(stderr, "See revoke-sessions --help, or the README for every setting.")
		return 2
	}
	if err := k.Run(); err != nil {
		if code, ok := errors.AsType[exitWith](err); ok && err.Error() == code.Error() {
			return int(code)
		}
		fmt.Fprintln(stderr, "revoke-sessions:", shown(err.Error()))
		if _, ok := errors.AsType[usageError](err); ok {
			return 2
		}
		return 1
	}
	return 0
}

// shown is a text of several lines for a terminal. Of what an argument, a file's
// name or an answer brought into it, nothing can steer the terminal or make it
// read otherwise than it is written.
func shown(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		begins := len(line) - len(strings.TrimLeft(line, " "))
		lines = append(lines, line[:begins]+bot.Clean(line, maxLine))
	}
	return strings.Join(lines, "\n")
}

// maxLine is how many characters of one line are shown: more than the longest
// address and path together.
const maxLine = 8192

// usageError is a command line or environment that cannot work.
type usageError string

func (e usageError) Error() string { return string(e) }

// surroundings are what a subcommand may touch beside its flags.
type surroundings struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	at             endpoints
}

// names are the names of all environment variables.
func (s *surroundings) names() (all []string) {
	environ := s.at.environ
	if environ == nil {
		environ = os.Environ
	}
	for _, setting := range environ() {
		name, _, _ := strings.Cut(setting, "=")
		all = append(all, name)
	}
	return all
}

// saysSomething leaves out what has no value on a line: of a row that is no
// call to Microsoft its status, of a line that no arrival brought its arrival.
func saysSomething(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		if a.Value.String() == "" {
			return slog.Attr{}
		}
	case slog.KindInt64:
		if a.Value.Int64() == 0 && (a.Key == "arrival" || a.Key == "status") {
			return slog.Attr{}
		}
	case slog.KindAny:
		// No error, or a string with a type of its own.
		if v := reflect.ValueOf(a.Value.Any()); !v.IsValid() || v.Kind() == reflect.String && v.Len() == 0 {
			return slog.Attr{}
		}
	}
	return a
}

// logger writes JSON, or text where a person is looking.
func (s *surroundings) logger(level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: saysSomething}
	if f, ok := s.stderr.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(s.stderr, o))
		}
	}
	return slog.New(slog.NewJSONHandler(s.stderr, o))
}

type versionCommand struct{}

func (versionCommand) Run(s *surroundings) error {
	version, revision := version()
	_, err := fmt.Fprintln(s.stdout, strings.TrimSpace("revoke-sessions "+version+" "+revision))
	return err
}

// version is what the program was built of; revision may be empty.
func version() (version, revision string) {
	version = "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = setting.Value
			}
		}
	}
	return version, revision
}
