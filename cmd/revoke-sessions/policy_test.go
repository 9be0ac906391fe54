package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// policyFile writes a policy and answers its path.
func policyFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestPolicyExample: what is printed is the file, and what is printed can be used.
func TestPolicyExample(t *testing.T) {
	want, err := os.ReadFile("policy.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := output(t, nil, "policy", "example")
	if code != 0 || stdout != string(want) || stderr != "" {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	code, stdout, stderr = output(t, nil, "policy", "check", policyFile(t, stdout))
	if code != 0 || stderr != "" || !containsAll(stdout, []string{
		"policy.yml can be used (SHA-256 " + fmt.Sprintf("%x", sha256.Sum256(want)) + ")",
		"\nAn approver is Slack user U0EXAMPLE01", "\nOne approver can give at most 10 approvals in an hour.\n", "\nNote: people who may edit the Slack user group",
	}) {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
}

func TestPolicyCheck(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct {
		name   string
		text   string
		env    map[string]string
		args   []string
		code   int
		stdout string
		stderr []string
	}{
		{"all mistakes at once", "version: 1\napprovers: [U0ALICE]\nexpires: 8h\nlanes: {third_party: {approvals: 0}}\n", nil, nil, 1, "",
			[]string{"policy.yml cannot be used:\n  line 3: \"expires\" is not a key", "\n  line 4: lanes.third_party.approvals cannot be 0"}},
		{"approvers from outside", "version: 1\n", map[string]string{"REVOKE_APPROVERS": "U0ALICE, U0AMIR"}, nil, 0, "An approver is Slack user U0ALICE or U0AMIR.", nil},
		{"approvers as a flag", "version: 1\n", nil, []string{"--approvers", "U0ALICE"}, 0, "An approver is Slack user U0ALICE.", nil},
		{"approvers twice", "version: 1\napprovers: [U0ALICE]\n", map[string]string{"REVOKE_APPROVERS": "U0AMIR"}, nil, 1, "", []string{"line 2: approvers are named here and in REVOKE_APPROVERS"}},
		{"a wrong name outside", "version: 1\n", map[string]string{"REVOKE_APPROVERS": "@alice"}, nil, 1, "", []string{`REVOKE_APPROVERS: "@alice" is not a`}},
		{"no approvers", "version: 1\n", nil, nil, 1, "", []string{"line 1: no approvers are named"}},
		{"too long", strings.Repeat("# a line\n", 10000), nil, nil, 1, "", []string{"longer than 64 KiB"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := output(t, c.env, append([]string{"policy", "check", policyFile(t, c.text)}, c.args...)...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !containsAll(stderr, c.stderr) || (stdout == "") != (code != 0) || (stderr == "") != (code == 0) {
				t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
			}
		})
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{filepath.Join(folder, "none.yml")}, 1, "no such file"},
		{[]string{folder}, 1, "is a directory"},
		{nil, 2, "expected \"<file>\""},
	} {
		code, stdout, stderr := output(t, nil, append([]string{"policy", "check"}, c.args...)...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.says) {
			t.Errorf("%q: exit code %d\n%s\n%s", c.args, code, stdout, stderr)
		}
	}
}
