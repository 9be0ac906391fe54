package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// atTerminal is somebody who has typed what they will answer.
type atTerminal struct {
	io.Reader
	bytes.Buffer
}

func (a *atTerminal) Read(p []byte) (int, error) { return a.Reader.Read(p) }

func TestEachAccountIsAskedAbout(t *testing.T) {
	for name, row := range map[string]struct {
		typed string
		code  int
		posts int
		out   []string // of each account, in order
		err   string
	}{
		"yes to each":   {"y\nYES\ny\n", 0, 3, []string{"revoked", "revoked", "revoked"}, "Revoke all sessions of Olga Outsider (olga@contoso.example)? [y]es"},
		"no to one":     {"y\nn\ny\n", exitDeclined, 2, []string{"revoked", "declined", "revoked"}, "3 accounts: 2 revoked, 1 declined or not started."},
		"all":           {"n\na\n", exitDeclined, 2, []string{"declined", "revoked", "revoked"}, "Carol Target"},
		"quit":          {"y\nq\n", exitDeclined, 1, []string{"revoked", "declined"}, "Stopped, as you asked. Done: carol@contoso.example. Not started: olga@contoso.example."},
		"no answer":     {"y\n", exitDeclined, 1, []string{"revoked", "declined"}, "so this account is not revoked"},
		"nonsense":      {"perhaps\n\ny\nq\n", exitDeclined, 1, []string{"revoked", "declined"}, "Please type y, n, a or q"},
		"the preview":   {"q\n", exitDeclined, 0, []string{"declined"}, "It does not block sign-in, change the password or wipe the device."},
		"what is known": {"q\n", exitDeclined, 0, []string{"declined"}, "Sessions valid since"},
		"all of them":   {"a\n", 0, 3, []string{"revoked", "revoked", "revoked"}, "revoked."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			th := newTheatre(t)
			who := &atTerminal{Reader: strings.NewReader(row.typed)}
			th.at.terminal = who
			var out, log bytes.Buffer
			code := run(t.Context(), []string{"revoke", "--user-id", "carol@contoso.example", "--user-id", "bob@contoso.example", "--user-id", "olga@contoso.example"},
				th.getenv, strings.NewReader(""), &out, &log, th.at)
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if code != row.code || len(lines) != len(row.out) || !strings.Contains(log.String(), row.err) {
				t.Fatalf("exit code %d, want %d\n%s\n%s\nwithout %q", code, row.code, out.String(), log.String(), row.err)
			}
			for i, outcome := range row.out {
				if !strings.Contains(lines[i], ": "+outcome+": ") {
					t.Errorf("%s, want it %s", lines[i], outcome)
				}
			}
			if n := len(th.entra.Posts()); n != row.posts {
				t.Errorf("%d POSTs, want %d", n, row.posts)
			}
			if n := th.count("requested"); n != row.posts {
				t.Errorf("%d on record, want %d", n, row.posts)
			}
		})
	}
}
