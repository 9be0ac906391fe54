package testrun

import (
	"context"
	"os"
	"os/exec"
	"time"
)

// NodeVariable is the environment variable that says, with "required", that a test of
// clients from npm must not skip where Node or npm is missing.
const NodeVariable = "REVOKE_TEST_NODE"

// installing bounds what npm takes, with what it downloads.
const installing = 10 * time.Minute

// published is the day before which everything was published that npm may take: a
// package.json names what is installed, and this holds what that brings along.
const published = "2026-11-29"

// NodeEnvironment is what a Node process of a test gets beside what it needs: what a
// person has in their own settings is no part of the test.
var NodeEnvironment = []string{"HTTPS_PROXY=", "HTTP_PROXY=", "https_proxy=", "http_proxy=", "NODE_OPTIONS=", "NO_UPDATE_NOTIFIER=1"}

// installer is a test.
type installer interface {
	Helper()
	Skip(args ...any)
	Skipf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	TempDir() string
	Context() context.Context
}

// ForeignClients installs clients that this project did not write: it copies a folder
// with a package.json and scripts to a temporary one, has npm install there what the
// package.json names, and returns that folder. It runs no script that a package brings.
//
// It skips the test in the default run, and where Node or npm is missing, unless
// NodeVariable says that they must not be.
func ForeignClients(t installer, from string) (folder string) {
	t.Helper()
	if !full() {
		t.Skip("SKIPPED: in the full run only: it installs packages from npm")
	}
	for _, program := range []string{"node", "npm"} {
		switch _, err := exec.LookPath(program); {
		case err == nil:
		case os.Getenv(NodeVariable) == "required":
			t.Fatalf("%s=required, and %s is not installed: %v", NodeVariable, program, err)
		default:
			t.Skipf("SKIPPED: %s is not installed, so no client of others drives the double", program)
		}
	}
	folder = t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), installing)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "install", "--before="+published, "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
	npm.Dir, npm.WaitDelay = folder, time.Second
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm install: %v\n%s", err, out)
	}
	return folder
}
