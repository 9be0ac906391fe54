package main

import (
	"bytes"
	"context"
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"revoke-sessions/graph/graphtest"
)

// revokes runs the command in this process.
func (th *theatre) revokes(ctx context.Context, args ...string) (code int, out, err string) {
	th.t.Helper()
	var o, e bytes.Buffer
	code = run(ctx, append([]string{"revoke"}, args...), th.getenv, strings.NewReader(""), &o, &e, th.at)
	return code, o.String(), e.String()
}

// tampers changes the database behind everybody's back.
func (th *theatre) tampers(statement string) {
	th.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(th.folder, "revoke-sessions.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		th.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		th.t.Fatal(err)
	}
}

// Only a file gives its place to another: whatever else has the name stands,
// and nothing is begun.
func TestHeadersTakeThePlaceOfAFileOnly(t *testing.T) {
	folder := t.TempDir()
	directory, link := filepath.Join(folder, "directory"), filepath.Join(folder, "link")
	for _, err := range []error{os.Mkdir(directory, 0o700), os.Symlink(os.DevNull, link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{directory, link} {
		th := newTheatre(t)
		before, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		code, out, says := th.revokes(t.Context(), "--user-id", "carol@contoso.example", "--confirm=false", "--rhv", name)
		if code != 2 || out != "" || !strings.Contains(says, "is not a regular file, so it cannot be replaced") || len(th.entra.Posts()) != 0 {
			t.Errorf("%s: exit code %d\n%s\n%s", name, code, out, says)
		}
		if after, err := os.Lstat(name); err != nil || after.Mode() != before.Mode() {
			t.Errorf("%s is %v now, and was %v", name, after, before)
		}
	}
}

func TestWhatIfLeavesTheHeaderFileAlone(t *testing.T) {
	th := newTheatre(t)
	file := filepath.Join(t.TempDir(), "headers.json")
	if err := os.WriteFile(file, []byte("of an earlier run"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, says := th.revokes(t.Context(), "--user-id", "carol@contoso.example", "--what-if", "--rhv", file); code != 0 {
		t.Fatal(code, says)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "of an earlier run" {
		t.Errorf("%q, %v", text, err)
	}
}

// script answers questions by whatever next says.
type script struct {
	bytes.Buffer
	next func() string
}

func (s *script) Read(p []byte) (int, error) { return copy(p, s.next()), nil }

// A run that breaks off says what was done, keeps its headers, and does not
// hide an unknown outcome behind the exit code of a plain failure.
func TestBrokenOffHidesNothing(t *testing.T) {
	th := newTheatre(t)
	if code, _, says := th.revokes(t.Context(), "--user-id", "bob@contoso.example", "--confirm=false"); code != 0 {
		t.Fatal(code, says)
	}
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Status: http.StatusInternalServerError})
	asked := 0
	th.at.terminal = &script{next: func() string {
		if asked++; asked == 1 {
			return "y\n"
		}
		th.tampers(`ALTER TABLE freezes RENAME TO elsewhere`)
		return "n\n"
	}}
	file := filepath.Join(t.TempDir(), "headers.json")
	code, out, says := th.revokes(t.Context(), "--user-id", "carol@contoso.example", "--user-id", "bob@contoso.example", "--user-id", "olga@contoso.example", "--rhv", file)
	if code != exitUnknown || !strings.Contains(out, "carol@contoso.example: unknown:") ||
		!strings.Contains(says, "Not started: olga@contoso.example.") || !strings.Contains(says, "read the database") {
		t.Errorf("exit code %d\n%s\n%s", code, out, says)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "carol@contoso.example") {
		t.Errorf("%s %v", text, err)
	}
}

// hurries has a minute pass in about a second from the next POST on, for what is
// tried again for a minute. It goes on until calm is called.
func (th *theatre) hurries() (calm func()) {
	posts, done := len(th.entra.Posts()), make(chan struct{})
	var passing sync.WaitGroup
	passing.Go(func() {
		for tick := time.Tick(10 * time.Millisecond); ; {
			select {
			case <-tick:
				if len(th.entra.Posts()) > posts {
					th.clock.advance(600 * time.Millisecond)
				}
			case <-done:
				return
			}
		}
	})
	return func() { close(done); passing.Wait() }
}

// What Microsoft did and the record does not show is no success, whatever the
// output.
func TestWhatIsNotRecordedIsSaid(t *testing.T) {
	for _, output := range []string{"text", "json", "bool"} {
		th := newTheatre(t)
		if code, _, says := th.revokes(t.Context(), "--user-id", "bob@contoso.example", "--confirm=false"); code != 0 {
			t.Fatal(code, says)
		}
		th.tampers(`CREATE TRIGGER full BEFORE UPDATE ON requests WHEN NEW.state = 'revoked' BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
		calm := th.hurries()
		code, out, says := th.revokes(t.Context(), "--user-id", "carol@contoso.example", "--confirm=false", "--output", output)
		calm()
		all := out + says
		if code != 1 || !strings.Contains(all, "This outcome could not be recorded: ") || !strings.Contains(all, "Carol Target's sessions are revoked.") ||
			!strings.Contains(all, "The account was not read after that, so this is not verified.") || strings.Contains(all, "valid since unknown") {
			t.Errorf("%s: exit code %d\n%s\n%s", output, code, out, says)
		}
		if output == "bool" && out != "true\n" {
			t.Errorf("%q", out)
		}
	}
}

// Where a refusal cannot be recorded, nor would what comes next.
func TestRefusalThatIsNotRecordedStopsTheRun(t *testing.T) {
	th := newTheatre(t)
	if code, _, says := th.revokes(t.Context(), "--user-id", "bob@contoso.example", "--confirm=false"); code != 0 {
		t.Fatal(code, says)
	}
	file := filepath.Join(t.TempDir(), "policy.yml")
	policy := "version: 1\napprovers: [" + aliceID + ", " + amirID + "]\nprotected:\n  - match: {users: [\"" + th.entraID("carol") + "\"]}\n    approvals: 2\n"
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	th.policy = file
	th.tampers(`CREATE TRIGGER full BEFORE INSERT ON audit WHEN NEW.entry LIKE '%"refused"%' BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	code, out, says := th.revokes(t.Context(), "--user-id", "carol@contoso.example", "--user-id", "bob@contoso.example", "--confirm=false")
	if code != 1 || !strings.Contains(out, "carol@contoso.example: refused: The policy protects this account") || !strings.Contains(out, "This refusal could not be recorded: record the refusal: ") ||
		!strings.Contains(says, "Stopped, because the database cannot be written to. Done: none. Not started: bob@contoso.example.") || len(th.entra.Posts()) != 1 {
		t.Errorf("exit code %d\n%s\n%s", code, out, says)
	}
}

// What is printed for --what-if is told by what was asked for, and not by its
// words.
func TestNoPreviewByItsWords(t *testing.T) {
	r := &accountResult{UserID: "carol@contoso.example", Outcome: outcomeRefused, Says: "What if: it were so?"}
	if got := r.line(); got != "carol@contoso.example: refused: What if: it were so?" {
		t.Errorf("%q", got)
	}
}

func TestLongListsAreCut(t *testing.T) {
	names := slices.Repeat([]string{"a@x\x1b"}, manyListed+2)
	if got := listed(names); !strings.HasSuffix(got, "a@x, a@x and 2 more") || strings.Count(got, "a@x") != manyListed || names[0] != "a@x\x1b" {
		t.Errorf("%q", got)
	}
	if got := listed(nil); got != "none" {
		t.Errorf("%q", got)
	}
}

// Microsoft's yes is told, too, where the request cannot even be read any more.
func TestNothingWasAskedIsSaidOnlyWhereItIsSo(t *testing.T) {
	th := newTheatre(t)
	if code, _, says := th.revokes(t.Context(), "--user-id", "bob@contoso.example", "--confirm=false"); code != 0 {
		t.Fatal(code, says)
	}
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Apply: true, Status: http.StatusNoContent, Match: func(*http.Request) bool {
		th.tampers(`UPDATE requests SET version = version + 1, body = 'torn' WHERE state = 'executing'`)
		return true
	}})
	code, out, says := th.revokes(t.Context(), "--user-id", "carol@contoso.example", "--confirm=false")
	if code != 1 || !strings.Contains(out, "carol@contoso.example: revoked: Carol Target's sessions are revoked.") || !strings.Contains(out, "This outcome could not be recorded: ") {
		t.Errorf("exit code %d\n%s\n%s", code, out, says)
	}
}

// A yes does not count for what was read long before it.
func TestALateYesIsAskedForAgain(t *testing.T) {
	th := newTheatre(t)
	asked := 0
	th.at.terminal = &script{next: func() string {
		if asked++; asked == 1 {
			th.clock.advance(6 * time.Minute)
			th.entra.Remove(th.entraID("carol"))
			return "a\n"
		}
		return "y\n"
	}}
	code, out, says := th.revokes(t.Context(), "--user-id", th.entraID("carol"), "--user-id", "bob@contoso.example")
	if code != 1 || asked != 2 || !strings.Contains(says, "looked up again") || !strings.Contains(out, "There is no account for") || len(th.entra.Posts()) != 1 {
		t.Errorf("exit code %d, asked %d times\n%s\n%s", code, asked, out, says)
	}
}

// What two would complain of is said once, and by the name of the setting.
func TestEachComplaintOnce(t *testing.T) {
	code, out, says := output(t, map[string]string{"AZURE_CLOUD": "moon"}, "revoke", "--user-id", "carol@contoso.example", "--confirm=false")
	if code != 2 || out != "" || strings.Count(says, `AZURE_CLOUD is "moon"`) != 1 || strings.Count(says, "moon") != 1 {
		t.Errorf("exit code %d\n%s\n%s", code, out, says)
	}
}
