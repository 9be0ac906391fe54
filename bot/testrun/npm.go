package testrun

import (
	"context"
	"fmt"
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

// ForeignClients installs clients that this project did not write: Packages, and in the
// full run only.
func ForeignClients(t installer, from string) (folder string) {
	t.Helper()
	if !full() {
		t.Skip("SKIPPED: in the full run only: it installs packages from npm")
	}
	return Packages(t, from)
}

// Packages copies a folder with a package.json to a temporary one, has npm install there
// what the package.json names, and returns that folder. It runs no script that a package
// brings, and asks the registry for nothing that npm has kept from another time.
//
// It skips the test where Node or npm is missing or npm cannot install, unless NodeVariable
// says that it must not.
func Packages(t installer, from string) (folder string) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, NodeVariable, program+" is not installed, so there are no packages from npm")
		}
	}
	folder = t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), installing)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "install", "--before="+published, "--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
	npm.Dir, npm.WaitDelay = folder, time.Second
	if out, err := npm.CombinedOutput(); err != nil {
		skip(t, NodeVariable, fmt.Sprintf("npm install: %v\n%s", err, out))
	}
	return folder
}

// skip skips a test that lacks a program, and fails it where the variable says "required".
func skip(t installer, variable, why string) {
	t.Helper()
	if os.Getenv(variable) == "required" {
		t.Fatalf("%s=required, and %s", variable, why)
	}
	t.Skipf("SKIPPED: %s", why)
}
