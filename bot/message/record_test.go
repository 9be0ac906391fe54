package message

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// told is an audit record with everything that a record can hold.
func told() bot.Record {
	at := time.Date(2026, time.March, 4, 12, 0, 0, 123456000, time.UTC)
	s := bot.Record{
		Request: "REQ-ACDEFG", Proof: bot.WordsMatch,
		Words: &bot.Words{
			DisplayName: "Carol Target", UPN: "carol@contoso.example", Reason: "stolen laptop", Also: map[string]string{"U0DAVE": "saw it too"},
		},
	}
	const people, calls = "6f1e0b52-0000-4000-8000-00000000000", "0a4f2c11-0000-4000-8000-00000000000"
	const bob, alice, carol = people + "1", people + "2", people + "3"
	const invalidate = "invalidateAllRefreshTokens"
	for i, e := range []bot.Entry{
		{Action: "requested", Actor: "U0BOB", ActorEntraID: bob, TargetID: carol, Origin: "command C0GENERAL", LookedUpMS: 12,
			Operation: invalidate, Typed: strings.Repeat("aa", 32)},
		{Action: "joined", Actor: "U0DAVE", TargetID: carol, Origin: "form", Typed: strings.Repeat("bb", 32)},
		{Action: "refused", Actor: "U0OLGA", Wanted: "confirm", Reason: "not_approver", Origin: "click C0APPROVALS/1772625600.000100"},
		{Action: "approved", Actor: "U0ALICE", ActorEntraID: alice, TargetID: carol, Origin: "click C0APPROVALS/1772625600.000100"},
		{Action: "executing", Actor: "bot", TargetID: carol, Operation: invalidate, StampBefore: "2026-01-05T08:00:00Z"},
		{Action: "approved", Actor: "bot", TargetID: carol, Operation: invalidate, Status: 429, Code: "TooManyRequests", Outcome: "not_done",
			RequestID: calls + "1", ClientRequestID: calls + "2"},
		{Action: "revoked", Actor: "bot", TargetID: carol, Operation: invalidate, Status: 204, Outcome: "done",
			RequestID: calls + "3", ClientRequestID: calls + "4"},
		{Action: "verified", Actor: "bot", TargetID: carol, StampBefore: "2026-01-05T08:00:00Z", StampAfter: "2026-03-04T12:00:06Z"},
	} {
		e.Request, e.At = s.Request, at.Add(time.Duration(i)*time.Second)
		s.Rows = append(s.Rows, bot.Row{Seq: int64(i + 7), Hash: strings.Repeat("0123456789abcde"+string(rune('0'+i)), 4), Entry: e})
	}
	s.Chain.Fits, s.Chain.Says = true, "Each row of the audit chain fits the row before it: 14 rows."
	return s
}

func TestMarkdown_Golden(t *testing.T) {
	erased := told()
	erased.Words, erased.Proof, erased.Rows = nil, bot.WordsErased, erased.Rows[:1]
	forged := told()
	forged.Proof, forged.Chain.Fits, forged.Chain.Says, forged.Rows = bot.WordsDiffer, false, "The check FAILED: row 3.", nil
	for name, s := range map[string]bot.Record{"whole": told(), "erased": erased, "forged": forged} {
		wantFile(t, name+".md", Markdown(&s))
	}
	text, err := json.MarshalIndent(told(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, "whole.json", string(text)+"\n")
}

// wantFile compares with testdata/story, or writes it with -update.
func wantFile(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "story", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// Each field of the rows and words appears in the record, new ones too.
func TestMarkdown_TellsEveryField(t *testing.T) {
	var e bot.Entry
	for i, v := range reflect.ValueOf(&e).Elem().Fields() {
		if v.Kind() == reflect.String {
			v.SetString("field-" + i.Name)
		}
	}
	e.Clock = time.Unix(0, 0).UTC()
	e.LookedUpMS, e.Status, e.Drill, e.Have, e.Need, e.Freeze, e.Count = 987, 599, true, 321, 654, 88, 777
	words := bot.Words{Also: map[string]string{"U0DAVE": "field-Also"}}
	for i, v := range reflect.ValueOf(&words).Elem().Fields() {
		if v.Kind() == reflect.String {
			v.SetString("field-" + i.Name)
		}
	}
	s := bot.Record{Request: e.Request, Words: &words, Proof: bot.WordsMatch, Rows: []bot.Row{{Seq: 765, Hash: "field-Hash", Entry: e}}}
	text := Markdown(&s)
	for _, of := range []reflect.Type{reflect.TypeFor[bot.Entry](), reflect.TypeFor[bot.Words]()} {
		for f := range of.Fields() {
			if f.Type.Kind() == reflect.String && !strings.Contains(text, "field-"+f.Name) {
				t.Errorf("%s.%s is not told", of, f.Name)
			}
		}
	}
	for _, part := range []string{
		"987 milliseconds", "599", "321 of 654", "number 88", "minute: 777", "DRILL", "Row 765", "field-Hash", "field-Also",
		"0001-01-01 00:00:00", "1970-01-01",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not told", part)
		}
	}
	columns, cells := bot.RowColumns(), bot.Row{Seq: 765, Hash: "field-Hash", Entry: e}.Cells()
	if len(columns) != reflect.TypeFor[bot.Entry]().NumField()+2 || len(cells) != len(columns) {
		t.Fatalf("%d columns and %d cells", len(columns), len(cells))
	}
	var asJSON map[string]any
	encoded, err := json.Marshal(bot.Row{Seq: 765, Hash: "field-Hash", Entry: e})
	if err == nil {
		err = json.Unmarshal(encoded, &asJSON)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, column := range columns {
		if _, ok := asJSON[column]; !ok || cells[i] == "" {
			t.Errorf("column %s: %q, in JSON %v", column, cells[i], asJSON[column])
		}
	}
}

// Each code that the program can write into a row has words, and there are no others.
func TestMarkdown_KnowsEveryCode(t *testing.T) {
	actions := slices.Clone(bot.Acts)
	for _, s := range bot.States {
		actions = append(actions, string(s))
	}
	for _, a := range actions {
		if said := actionWords((bot.Row{Entry: bot.Entry{Action: a}})); strings.Contains(said, "does not know") {
			t.Errorf("action %s has no words", a)
		}
	}
	for a := range happened {
		if !slices.Contains(actions, a) {
			t.Errorf("words for %s, which nothing writes", a)
		}
	}
	codes := slices.Concat(bot.Reasons, bot.ReasonsOfRecord)
	for _, r := range codes {
		if strings.Contains(reasonWords(r), "does not know") {
			t.Errorf("reason %s has no words", r)
		}
	}
	for r := range reasons {
		if !slices.Contains(codes, r) {
			t.Errorf("words for the reason %s, which nothing gives", r)
		}
	}
	for _, o := range []graph.Outcome{graph.Done, graph.NotDone, graph.OutcomeUnknown} {
		if outcomes[o] == "" {
			t.Errorf("outcome %s has no words", o)
		}
	}
	// Codes of a later version are shown unchanged.
	s := bot.Record{Rows: []bot.Row{{Entry: bot.Entry{Action: "abolished", Reason: "whim", Outcome: "odd"}}}}
	for _, code := range []string{"`abolished`", "`whim`", "`odd`"} {
		if !strings.Contains(Markdown(&s), code) {
			t.Errorf("%s is not shown", code)
		}
	}
	if reasonWords(authz.Reason("whim")) == "" {
		t.Error("an unknown reason has no words")
	}
}

// Typed text stays in its code span, on its line.
func TestMarkdown_HostileTextStaysInert(t *testing.T) {
	for typed, want := range map[string]string{
		"plain":                               "`plain`",
		"a `b` c":                             "``a `b` c``",
		"``` fence":                           "```` ``` fence ````",
		"`":                                   "`` ` ``",
		"":                                    "`  `",
		"@everyone <img src=x> [x](http://x)": "`@everyone <img src=x> [x](http://x)`",
		"one\n# two\r\n\n- three":             "`one # two - three`",
		"abc\u202Edef\u0000":                  "`abcdef`",
	} {
		if got := codeSpan(typed); got != want {
			t.Errorf("%q becomes %q, want %q", typed, got, want)
		}
	}
	s := told()
	s.Words = &bot.Words{Reason: "x\n# Approved by everyone\n", DisplayName: "` **bold** `", Also: map[string]string{"U\n# x": "y\n# x"}}
	s.Rows[0].Origin = "click\n# x"
	for line := range strings.Lines(Markdown(&s)) {
		if strings.HasPrefix(line, "# ") && line != "# Audit record of `REQ-ACDEFG`\n" {
			t.Errorf("typed text became a heading: %s", line)
		}
	}
}

func TestRow_CellsAreInert(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "C0GENERAL": "C0GENERAL", "a=1": "a=1",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1",
	} {
		if got := (bot.Row{Entry: bot.Entry{Origin: text}}).Cells()[slices.Index(bot.RowColumns(), "origin")]; got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
