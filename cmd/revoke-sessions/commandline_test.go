package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"revoke-sessions/graph/graphtest"
)

// TestCommandLine plays testdata/commandline: what somebody types in a shell
// and what they read, with the program in a process of its own. No bot runs
// until "restart" starts one. Beside the commands of TestStories:
//
//	exits CODE ARG… [< FILE]   runs revoke-sessions ARG…, which ends with CODE; its
//	                           standard output is then in the file out, its standard
//	                           error in err. REQ-LAST is the last request's ID in out
//	spelled FILE WORDS…        some line of the file says all the words
//	silent FILE                the file is empty
//	private FILE               the file may be read by its owner alone
//	sent NAME VALUE            the last revoke that Graph got had that header
//	entra FAULT…               Entra's sign-in: status=401 code=AADSTS… hang times=1
func TestCommandLine(t *testing.T) { playAll(t, "testdata/commandline", func(*theatre) {}) }

func init() {
	storyCommands["exits"] = exits
	storyCommands["spelled"] = spelled
	storyCommands["sent"] = sent
	storyCommands["entra"] = signInFault
	storyCommands["silent"] = func(ts *testscript.TestScript, neg bool, a []string) {
		if text := ts.ReadFile(a[0]); (text == "") == neg {
			ts.Fatalf("%s holds %q", a[0], text)
		}
	}
	storyCommands["private"] = func(ts *testscript.TestScript, _ bool, a []string) {
		info, err := os.Stat(ts.MkAbs(a[0]))
		if err != nil {
			ts.Fatalf("%v", err)
		}
		if info.Mode().Perm() != 0o600 {
			ts.Fatalf("%s has the mode %v", a[0], info.Mode())
		}
	}
}

func sent(ts *testscript.TestScript, _ bool, a []string) {
	got := "no POST"
	for _, r := range ts.Value(theatreKey{}).(*theatre).entra.Requests() {
		if r.Method == http.MethodPost {
			got = r.Header.Get(a[0])
		}
	}
	if got != a[1] {
		ts.Fatalf("%s: %q, want %q", a[0], got, a[1])
	}
}

func signInFault(ts *testscript.TestScript, _ bool, a []string) {
	f := graphtest.Fault{Entra: true, PathSuffix: "/token"}
	for _, word := range a {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "status":
			f.Status, err = strconv.Atoi(value)
		case "times":
			f.Times, err = strconv.Atoi(value)
		case "code":
			f.Code = value
		case "hang":
			f.Hang = true
		default:
			ts.Fatalf("no such fault: %s", word)
		}
		if err != nil {
			ts.Fatalf("%v", err)
		}
	}
	ts.Value(theatreKey{}).(*theatre).entra.Inject(f)
}

var requestIDs = regexp.MustCompile(`REQ-[A-Z0-9]{6}`)

// exits runs the program in a process of its own.
func exits(ts *testscript.TestScript, _ bool, a []string) {
	th := ts.Value(theatreKey{}).(*theatre)
	want, err := strconv.Atoi(a[0])
	if err != nil {
		ts.Fatalf("no exit code: %s", a[0])
	}
	args := a[1:]
	var stdin io.Reader
	if n := len(args); n > 1 && args[n-2] == "<" {
		stdin, args = strings.NewReader(ts.ReadFile(args[n-1])), args[:n-2]
	}
	for i, arg := range args {
		if arg == "REQ-LAST" {
			ids := requestIDs.FindAllString(ts.ReadFile("out"), -1)
			if len(ids) == 0 {
				ts.Fatalf("no request stands in out")
			}
			args[i] = ids[len(ids)-1]
		}
	}
	child, err := th.process(args...)
	if err != nil {
		ts.Fatalf("%v", err)
	}
	var out, log bytes.Buffer
	child.Dir, child.Stdin, child.Stdout, child.Stderr = ts.MkAbs("."), stdin, &out, &log
	err = child.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		ts.Fatalf("%v", err)
	}
	for name, text := range map[string][]byte{"out": out.Bytes(), "err": log.Bytes()} {
		if err := os.WriteFile(ts.MkAbs(name), text, 0o600); err != nil {
			ts.Fatalf("%v", err)
		}
	}
	ts.Logf("%s\n%s", out.String(), log.String())
	if got := child.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// process is the program in a process of its own, with the stage's settings and
// none of Slack's.
func (th *theatre) process(args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	at, err := json.Marshal(childEndpoints{th.at.graphURL, th.at.authority, th.entra.CertPEM(), th.at.timing, nil})
	if err != nil {
		return nil, err
	}
	child := exec.Command(self, args...)
	child.Env = []string{"HOME=" + th.folder, "TMPDIR=" + th.folder, childEnv + "=" + string(at)}
	settings := th.environment()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if !strings.HasPrefix(name, "SLACK_") && settings[name] != "" {
			child.Env = append(child.Env, name+"="+settings[name])
		}
	}
	return child, nil
}

func spelled(ts *testscript.TestScript, neg bool, a []string) {
	said := false
	for line := range strings.Lines(ts.ReadFile(a[0])) {
		said = said || containsAll(line, a[1:])
	}
	if said == neg {
		ts.Fatalf("%s says:\n%s", a[0], ts.ReadFile(a[0]))
	}
}
