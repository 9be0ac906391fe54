package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// auditNoon is when the test databases begin; each row is an hour later.
var auditNoon = time.Date(2026, time.March, 4, 12, 0, 0, 123456000, time.UTC)

// auditDatabase makes a database with a chain of entries and answers its URL
// and path.
func auditDatabase(t *testing.T, entries ...bot.Entry) (url, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit.db")
	at := auditNoon
	db, err := store.Open(t.Context(), "sqlite:"+path, store.Options{Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := db.Record(t.Context(), 0, e); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Hour)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path, path
}

var fewEntries = []bot.Entry{
	{Action: "requested", Request: "REQ-ACDEFG", Actor: "U0BOB", ActorEntraID: "entra-bob", TargetID: "entra-bob", Origin: "command C0GENERAL", LookedUpMS: 12, Operation: "invalidateAllRefreshTokens"},
	{Action: "refused", Actor: "=cmd()", Wanted: "confirm", Reason: "not_approver", Origin: "click C0APPROVALS/1.2"},
	{Action: "revoked", Request: "REQ-ACDEFG", Actor: "bot", Status: 204, Outcome: "done", RequestID: "ms-1", ClientRequestID: "ms-2", StampBefore: "2026-01-05T08:00:00Z", StampAfter: "2026-03-04T14:00:00Z", Drill: true},
}

// headOf reads the head beside the command line.
func headOf(t *testing.T, url string) store.Anchor {
	t.Helper()
	db, err := store.OpenReadOnly(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	a, err := db.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAuditVerify(t *testing.T) {
	url, path := auditDatabase(t, fewEntries...)
	head := headOf(t, url)
	shorter, _ := auditDatabase(t, fewEntries[:1]...) // the same chain, two rows earlier
	older := headOf(t, shorter)
	env := map[string]string{"REVOKE_DATABASE_URL": url}
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stdout []string
		stderr []string
	}{
		{"no anchor", nil, 0, []string{"3 rows, from 2026-03-04 12:00:00 UTC to 2026-03-04 14:00:00 UTC, head " + head.String() + ".", "No anchor was given", "cannot tell whether", `"audit anchor"`, "--anchor SEQ:HASH"}, []string{"database: " + path}},
		{"the head as anchor", []string{"--anchor", head.String()}, 0, []string{"Anchor used: " + head.String(), "as they were when the anchor was logged.\n"}, nil},
		{"an older one", []string{"--anchor", older.String()}, 0, []string{"Anchor used: " + older.String(), "does not cover the rows after it (rows: 2)"}, nil},
		{"another hash", []string{"--anchor", "2:" + head.Hash}, 1, nil, []string{"does not fit at row 2", "is not the anchor's"}},
		{"too new", []string{"--anchor", "4:" + head.Hash}, 1, nil, []string{"does not fit at row 4", "the chain ends at row 3"}},
		{"no anchor at all", []string{"--anchor", "soon"}, 2, nil, []string{"an anchor is SEQ:HASH"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := output(t, env, append([]string{"audit", "verify"}, c.args...)...)
			if code != c.code || !containsAll(stdout, c.stdout) || !containsAll(stderr, c.stderr) || code != 0 && stdout != "" {
				t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
			}
		})
	}
}

func TestAuditOfADamagedChain(t *testing.T) {
	url, path := auditDatabase(t, fewEntries...)
	// The bot's name in row 1, at the same length, past SQLite: as somebody
	// with the file would do it.
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Replace(content, []byte(`"actor":"U0BOB"`), []byte(`"actor":"U0EVE"`), 1)
	if bytes.Equal(forged, content) {
		t.Fatal("row 1 was not found in the file")
	}
	if err := os.WriteFile(path, forged, 0o600); err != nil {
		t.Fatal(err)
	}
	const damage = "the audit chain does not fit at row 1: its contents were changed"
	for _, c := range []struct {
		args   []string
		stdout []string
		stderr string
	}{
		{[]string{"verify"}, nil, damage},
		{[]string{"show", "REQ-ACDEFG"}, []string{"The check FAILED: " + damage, "`U0EVE`"}, "the record of REQ-ACDEFG, or the audit chain that it is in, was changed"},
		{[]string{"export"}, []string{`"seq":1`, `"seq":2`, `"seq":3`}, damage},
	} {
		code, stdout, stderr := output(t, nil, append([]string{"audit", "--database", url}, c.args...)...)
		if code != 1 || !containsAll(stdout, c.stdout) || c.stdout == nil && stdout != "" || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%v: exit code %d\n%s\n%s", c.args, code, stdout, stderr)
		}
	}
}

func TestAuditShow(t *testing.T) {
	url, path := auditDatabase(t, fewEntries...)
	code, stdout, stderr := output(t, nil, "audit", "show", "req-acdefg", "--database", url)
	if code != 0 || !containsAll(stdout, []string{
		"# Audit record of `REQ-ACDEFG`", "**DRILL", "2026-03-04 12:00:00.123: a revoke was requested", "`ms-1`", "2026-01-05T08:00:00Z",
		"Names and reasons were erased", "Each row of the audit chain fits the row before it: 3 rows", "No anchor from outside",
	}) || strings.Contains(stdout, "cmd()") || !strings.Contains(stderr, path) {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	code, stdout, stderr = output(t, nil, "audit", "show", "REQ-ACDEFG", "--format", "json", "--database", url)
	var story bot.Record
	if err := json.Unmarshal([]byte(stdout), &story); err != nil || code != 0 {
		t.Fatalf("exit code %d: %v\n%s\n%s", code, err, stdout, stderr)
	}
	if len(story.Rows) != 2 || story.Rows[1].Seq != 3 || story.Rows[1].RequestID != "ms-1" || story.Proof != bot.WordsErased || !story.Chain.Fits {
		t.Errorf("%+v", story)
	}
	code, stdout, stderr = output(t, nil, "audit", "show", "REQ-NOBODY", "--database", url)
	if code != 1 || stdout != "" || !strings.Contains(stderr, `there is no request "REQ-NOBODY" in the audit chain of `+path) {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	for _, args := range [][]string{{"audit", "show"}, {"audit", "show", "REQ-ACDEFG", "--format", "pdf"}} {
		if code, _, _ := output(t, nil, args...); code != 2 {
			t.Errorf("%v: exit code %d, want 2", args, code)
		}
	}
}

// The golden files are testdata/audit/export.*. The hashes in them are real: a
// change there breaks every chain that exists.
func TestAuditExport(t *testing.T) {
	url, _ := auditDatabase(t, fewEntries...)
	for _, format := range []string{"jsonl", "csv"} {
		code, stdout, stderr := output(t, nil, "audit", "export", "--format", format, "--database", url)
		want, err := os.ReadFile(filepath.Join("testdata", "audit", "export."+format))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), stdout); code != 0 || diff != "" {
			t.Errorf("%s: exit code %d (-want +got):\n%s\n%s", format, code, diff, stderr)
		}
	}
	empty, _ := auditDatabase(t)
	if code, stdout, _ := output(t, nil, "audit", "export", "--format", "csv", "--database", empty); code != 0 || stdout != strings.Join(bot.RowColumns(), ",")+"\n" {
		t.Errorf("an empty chain as CSV: exit code %d\n%s", code, stdout)
	}
	if code, stdout, _ := output(t, nil, "audit", "verify", "--database", empty); code != 0 || !strings.Contains(stdout, "no rows yet") {
		t.Errorf("an empty chain: exit code %d\n%s", code, stdout)
	}
}

func TestAuditExportSince(t *testing.T) {
	url, _ := auditDatabase(t, fewEntries...) // at 12:00, 13:00 and 14:00
	now := func() time.Time { return auditNoon.Add(150 * time.Minute) }
	for since, want := range map[string][]string{
		"2026-03-04":                {"1", "2", "3"},
		"2026-03-05":                nil,
		"2026-03-04T13:00:00.1234Z": {"2", "3"},
		"2026-03-04T16:00:00+03:00": {"2", "3"},
		"2h":                        {"2", "3"},
		"90m":                       {"2", "3"},
		"1h":                        {"3"},
		"0s":                        nil,
		"":                          {"1", "2", "3"},
	} {
		var out, log bytes.Buffer
		code := run(t.Context(), []string{"audit", "export", "--format", "csv", "--since=" + since, "--database", url}, func(string) string { return "" }, strings.NewReader(""), &out, &log, endpoints{now: now})
		records, err := csv.NewReader(&out).ReadAll()
		if code != 0 || err != nil {
			t.Fatalf("since %q: exit code %d, %v\n%s", since, code, err, log.String())
		}
		var got []string
		for _, r := range records[1:] {
			got = append(got, r[0])
		}
		if !slices.Equal(got, want) {
			t.Errorf("since %q: rows %v, want %v", since, got, want)
		}
	}
	for _, since := range []string{"yesterday", "-1h", "31.01.2026"} {
		if code, stdout, stderr := output(t, nil, "audit", "export", "--since="+since, "--database", url); code != 2 || stdout != "" || !strings.Contains(stderr, "--since") {
			t.Errorf("since %q: exit code %d\n%s\n%s", since, code, stdout, stderr)
		}
	}
}

// closedPipe is an output whose reader has gone.
type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, errors.New("the pipe is closed") }

func TestAuditSaysWhenItCannotWrite(t *testing.T) {
	url, _ := auditDatabase(t, fewEntries...)
	for _, args := range [][]string{{"verify"}, {"show", "REQ-ACDEFG"}, {"show", "REQ-ACDEFG", "--format=json"}, {"export"}, {"export", "--format=csv"}} {
		var log bytes.Buffer
		code := run(t.Context(), append([]string{"audit", "--database", url}, args...), func(string) string { return "" }, strings.NewReader(""), closedPipe{}, &log, endpoints{})
		if code != 1 || !strings.Contains(log.String(), "the pipe is closed") {
			t.Errorf("%v: exit code %d\n%s", args, code, log.String())
		}
	}
}

func TestAuditCreatesNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.db")
	env := map[string]string{"REVOKE_DATABASE_URL": "sqlite:" + path}
	for _, args := range [][]string{{"verify"}, {"show", "REQ-ACDEFG"}, {"export"}} {
		code, stdout, stderr := output(t, env, append([]string{"audit"}, args...)...)
		if code != 1 || stdout != "" || !strings.Contains(stderr, "there is no database at "+path) {
			t.Errorf("%v: exit code %d\n%s\n%s", args, code, stdout, stderr)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a database was created: %v", err)
	}
}

// The whole way: a request is played through the bot, and its evidence is read
// beside it; the anchors of the bot's log hold, before and after it stops.
func TestAuditBesideARunningBot(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.typed(bobID, "me lost my phone")
	th.click(aliceID, bot.ActionConfirm)
	th.poll("the revoke is verified", func() bool { return th.count("verified") == 1 })

	id := th.requestID()
	code, stdout, stderr := output(t, th.environment(), "audit", "show", id)
	if code != 0 || !containsAll(stdout, []string{
		"- Account: `Bob Reporter`", "- User principal name: `bob@contoso.example`", "- Reason: `lost my phone`",
		"These words match", "a revoke was requested", "`" + bobID + "`", "`" + aliceID + "`", "From: `click " + approvals + "/",
		"Microsoft's request ID: `", "Sessions valid since, after: `", "Each row of the audit chain fits",
	}) {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	code, stdout, stderr = output(t, th.environment(), "audit", "export")
	if code != 0 || strings.Count(stdout, "\n") != len(th.audit()) {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	for _, typed := range []string{"lost my phone", "contoso.example"} {
		if strings.Contains(stdout, typed) {
			t.Errorf("the rows hold what was typed: %s", typed)
		}
	}
	if code, stdout, stderr = output(t, th.environment(), "audit", "verify"); code != 0 {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	th.end()

	anchors := anchorsIn(t, th.log.String())
	if len(anchors) != 1 { // at the start there was nothing
		t.Fatalf("anchors %v, want the one of the stop", anchors)
	}
	if head := headOf(t, th.environment()["REVOKE_DATABASE_URL"]); anchors[0] != head {
		t.Errorf("the last anchor is %v, the head %v", anchors[0], head)
	}
	th.begin()
	th.end()
	if anchors = anchorsIn(t, th.log.String()); len(anchors) != 3 || anchors[0] != anchors[1] {
		t.Fatalf("anchors %v, want those of the second start and stop too", anchors)
	}
	for _, a := range anchors {
		if code, stdout, stderr = output(t, th.environment(), "audit", "verify", "--anchor", a.String()); code != 0 {
			t.Errorf("anchor %v: exit code %d\n%s\n%s", a, code, stdout, stderr)
		}
	}
}

// anchorsIn reads the anchor lines of a log as whoever keeps it would.
func anchorsIn(t *testing.T, log string) (anchors []store.Anchor) {
	t.Helper()
	for line := range strings.Lines(log) {
		var l struct {
			Msg, Hash, Level string
			Seq              int64
		}
		if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "audit anchor" && l.Level == "INFO" {
			anchors = append(anchors, store.Anchor{Seq: l.Seq, Hash: l.Hash})
		}
	}
	return anchors
}

func TestAnchorsAreLoggedWhileRowsAreAdded(t *testing.T) {
	var log bytes.Buffer
	heads := make(chan store.Anchor, 1)
	tick := make(chan time.Time)
	asked := 0
	var failing error
	head := func(context.Context) (store.Anchor, error) {
		asked++
		return <-heads, failing
	}
	seqs := func() []string { return regexp.MustCompile(`seq=\d+`).FindAllString(log.String(), -1) }

	// An empty chain has no anchor.
	heads <- store.Anchor{}
	stop := logAnchors(t.Context(), head, slog.New(slog.NewTextHandler(&log, nil)), tick)
	for _, seq := range []int64{2, 2, 5, 5, 5} {
		heads <- store.Anchor{Seq: seq, Hash: fmt.Sprint("hash", seq)}
		tick <- time.Time{}
	}
	heads <- store.Anchor{Seq: 5, Hash: "hash5"}
	stop()
	if got, want := seqs(), []string{"seq=2", "seq=5", "seq=5"}; !slices.Equal(got, want) || asked != 7 {
		t.Errorf("%v after %d looks, want %v\n%s", got, asked, want, log.String())
	}

	// At a start over a chain, and when the database does not answer.
	log.Reset()
	heads <- store.Anchor{Seq: 7, Hash: "hash7"}
	stop = logAnchors(t.Context(), head, slog.New(slog.NewTextHandler(&log, nil)), tick)
	if got := seqs(); !slices.Equal(got, []string{"seq=7"}) {
		t.Errorf("at the start: %v", got)
	}
	failing = errors.New("disk on fire")
	heads <- store.Anchor{Seq: 8}
	stop()
	if got := seqs(); len(got) != 1 || !strings.Contains(log.String(), "disk on fire") {
		t.Errorf("%s", log.String())
	}
}
