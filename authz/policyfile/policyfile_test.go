package policyfile

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
)

// head begins most policies here; what follows begins on line 3.
const head = "version: 1\napprovers: [U0ALICE, U0AMIR]\n"

var byText = cmp.Comparer(func(a, b *regexp.Regexp) bool { return a == b || a != nil && b != nil && a.String() == b.String() })

func example(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("../../cmd/revoke-sessions/policy.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestExample reads the example as people will, and says what it must mean.
func TestExample(t *testing.T) {
	text := example(t)
	got, err := Parse(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := authz.Policy{
		Digest:    fmt.Sprintf("%x", sha256.Sum256(text)),
		Approvers: authz.Circle{"U0EXAMPLE01", "U0EXAMPLE02", "S0EXAMPLE03", "entra:00000000-1111-2222-3333-444444444444"},
		Self:      authz.Rule{Approvals: 1, RequesterMayApprove: true, Timeout: 4 * time.Hour},
		ThirdParty: authz.Rule{
			Approvals: 2, WhoMayRequest: authz.Circle{"U0EXAMPLE04", "S0EXAMPLE05", "entra:00000000-5555-6666-7777-888888888888"},
			ReasonRequired: true, Ticket: regexp.MustCompile(`INC-[0-9]+`), TicketExample: "INC-1234", Timeout: 8 * time.Hour,
		},
		Protected: []authz.Protection{
			{Groups: authz.Circle{"S0EXAMPLE06", "entra:00000000-9999-aaaa-bbbb-cccccccccccc"}, Privileged: true, Approvals: 2},
			{Users: []string{"U0EXAMPLE07", "00000000-dddd-eeee-ffff-000000000000"}, Approvals: 1, RequesterMayApprove: true, Block: true},
		},
		Expiry: 8 * time.Hour,
		Reminders: authz.Reminders{
			After: 10 * time.Minute, Factor: 2, Max: 5,
			EscalateAfter: 30 * time.Minute, EscalateTo: authz.Circle{"U0EXAMPLE08", "S0EXAMPLE03"},
		},
		Limits: authz.Limits{
			PerRequester: authz.Limit{N: 5, Within: time.Hour}, PerApprover: authz.Limit{N: 10, Within: time.Hour},
			PerTarget: authz.Limit{N: 3, Within: 24 * time.Hour}, Total: authz.Limit{N: 30, Within: time.Hour},
		},
		Freeze: authz.FreezeRule{Max: time.Hour, Unfreeze: authz.Circle{"U0EXAMPLE01"}},
		Identity: authz.Identity{
			ByMap: true, ByEmail: true, EmailDomains: []string{"contoso.example"},
			Map: map[string]string{"U0EXAMPLE01": "00000000-0000-4444-8888-0000000000a1", "U0EXAMPLE02": "00000000-0000-4444-8888-0000000000a2"},
		},
		Retention: 90 * 24 * time.Hour,
	}
	if d := cmp.Diff(want, got, byText); d != "" {
		t.Errorf("want -, got +:\n%s", d)
	}
}

// TestExampleHasEveryKey: what the program knows stands in the example. That
// the program knows what stands there, TestExample shows.
func TestExampleHasEveryKey(t *testing.T) {
	f := &file{tree: tree{places: map[string]place{}, known: map[string]bool{}}, p: authz.New()}
	root, ok := f.value("", place{}, f.document(example(t)))
	if !ok {
		t.Fatal(f.err())
	}
	root.block(f.keys())
	given := map[string]bool{}
	for path := range f.places {
		given[name(path)] = true
	}
	if len(f.known) < 30 {
		t.Errorf("only %d keys are known", len(f.known))
	}
	for path := range f.known {
		// The ticket is shown in one lane; the lanes have the same keys.
		if !given[name(path)] && !strings.HasPrefix(path, "lanes.self.ticket") {
			t.Errorf("the example does not show %s", name(path))
		}
	}
}

// TestDefaults: a file that says only who approves is New, and so is each key
// that is written out with its default.
func TestDefaults(t *testing.T) {
	for _, text := range []string{
		head,
		head + "lanes: {self: {approvals: 1, requester_may_approve: true, who_may_request: anyone, reason: optional, on_timeout: expire}}\n",
		head + "lanes: {third_party: {approvals: 1, requester_may_approve: true, who_may_request: anyone, reason: optional, on_timeout: expire}}\n",
		head + "expiry: 8h\nfreeze: {max: 1h}\nidentity: {match: [map, email]}\nnotify: {target: plain}\n",
		"\ufeff---\r\nversion: 1\r\napprovers:\r\n  - \"U0ALICE\" # first\r\n  - 'U0AMIR'\r\n",
	} {
		got, err := Parse([]byte(text), nil)
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		want := authz.New("U0ALICE", "U0AMIR")
		want.Digest = got.Digest
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s\nwant -, got +:\n%s", text, d)
		}
	}
}

// TestValues reads what the example does not show.
func TestValues(t *testing.T) {
	read := func(text string) authz.Policy {
		t.Helper()
		p, err := Parse([]byte("version: 1\n"+text), []string{"U0ALICE", "U0AMIR", "U0ANNA"})
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		return p
	}
	for _, tt := range []struct {
		text string
		got  func(authz.Policy) any
		want any
	}{
		{"lanes: {self: {approvals: 0}}", func(p authz.Policy) any { return p.Self.Approvals }, 0},
		{"lanes: {self: {on_timeout: execute}}", func(p authz.Policy) any { return p.Self.Execute }, true},
		{"lanes: {self: {requester_may_approve: false}}", func(p authz.Policy) any { return p.Self.RequesterMayApprove }, false},
		{"lanes: {third_party: {who_may_request: approvers}}", func(p authz.Policy) any { return p.ThirdParty.WhoMayRequest }, authz.Circle{"U0ALICE", "U0AMIR", "U0ANNA"}},
		{"expiry: 1h30m", func(p authz.Policy) any { return p.Expiry }, 90 * time.Minute},
		{"expiry: 30d", func(p authz.Policy) any { return p.Expiry }, 720 * time.Hour},
		{"expiry: 60s", func(p authz.Policy) any { return p.Expiry }, time.Minute},
		{"reminders: {after: 5m}", func(p authz.Policy) any { return p.Reminders }, authz.Reminders{After: 5 * time.Minute, Factor: 2, Max: 5}},
		{"reminders: {after: 5m, factor: 1.5, max: 1}", func(p authz.Policy) any { return p.Reminders }, authz.Reminders{After: 5 * time.Minute, Factor: 1.5, Max: 1}},
		{"reminders: {escalate: {after: 5m, to: [W0EVE]}}", func(p authz.Policy) any { return p.Reminders }, authz.Reminders{EscalateAfter: 5 * time.Minute, EscalateTo: authz.Circle{"W0EVE"}}},
		{"reminders: {after: 10m, escalate: {after: 5m, to: [W0EVE]}}", func(p authz.Policy) any { return p.Reminders.EscalateAfter }, 5 * time.Minute},
		{"limits: {total:1/31d}", func(p authz.Policy) any { return p.Limits.Total }, authz.Limit{N: 1, Within: 31 * day}},
		{"limits: {total: 1/31d}", func(p authz.Policy) any { return p.Limits },
			authz.Limits{PerRequester: authz.Limit{N: 10, Within: time.Hour}, Total: authz.Limit{N: 1, Within: 31 * day}}},
		{"limits: {per_requester: none}", func(p authz.Policy) any { return p.Limits }, authz.Limits{}},
		{"freeze: {max: 24h}", func(p authz.Policy) any { return p.Freeze.Max }, 24 * time.Hour},
		{"identity: {match: [email], email_domains: [Contoso.Example]}", func(p authz.Policy) any { return p.Identity }, authz.Identity{ByEmail: true, EmailDomains: []string{"contoso.example"}}},
		{"notify: {target: none}", func(p authz.Policy) any { return p.SilentTarget }, true},
		{"protected: [{match: {users: [AAAAAAAA-bbbb-cccc-dddd-EEEEEEEEEEEE]}}]", func(p authz.Policy) any { return p.Protected },
			[]authz.Protection{{Users: []string{"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"}, Approvals: 1, RequesterMayApprove: true}}},
		{`protected: [{match: {groups: ["entra:AAAAAAAA-bbbb-cccc-dddd-EEEEEEEEEEEE"]}, approvals: 3}]`, func(p authz.Policy) any { return p.Protected },
			[]authz.Protection{{Groups: authz.Circle{"entra:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"}, Approvals: 3, RequesterMayApprove: true}}},
	} {
		if d := cmp.Diff(tt.want, tt.got(read(tt.text))); d != "" {
			t.Errorf("%s: want -, got +:\n%s", tt.text, d)
		}
	}
}

// TestApproversFromOutside: they count if the file names none, and the digest
// then says so.
func TestApproversFromOutside(t *testing.T) {
	text := []byte("version: 1\n")
	one, err := Parse(text, []string{" U0ALICE", "", "entra:AAAAAAAA-0000-0000-0000-000000000000 "})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(authz.Circle{"U0ALICE", "entra:aaaaaaaa-0000-0000-0000-000000000000"}, one.Approvers); d != "" {
		t.Error(d)
	}
	other, err := Parse(text, []string{"U0AMIR"})
	if err != nil {
		t.Fatal(err)
	}
	plain := fmt.Sprintf("%x", sha256.Sum256(text))
	if one.Digest == other.Digest || one.Digest == plain || len(one.Digest) != len(plain) {
		t.Errorf("digests %s, %s, of the text %s", one.Digest, other.Digest, plain)
	}
	own, err := Parse([]byte(head), []string{" ", ""})
	if err != nil || own.Digest != fmt.Sprintf("%x", sha256.Sum256([]byte(head))) {
		t.Errorf("%v, digest %s", err, own.Digest)
	}
}

func TestEnv(t *testing.T) {
	p, err := Env([]string{"U0ALICE", " S0TEAM ", ""})
	if err != nil {
		t.Fatal(err)
	}
	want := authz.New("U0ALICE", "S0TEAM")
	want.Digest = fmt.Sprintf("%x", sha256.Sum256([]byte("REVOKE_APPROVERS=U0ALICE,S0TEAM")))
	if d := cmp.Diff(want, p); d != "" {
		t.Error(d)
	}
	for _, tt := range []struct {
		names []string
		says  []string
	}{
		{nil, []string{"REVOKE_APPROVERS names nobody", "Copy member ID"}},
		{[]string{" ", ""}, []string{"REVOKE_APPROVERS names nobody"}},
		{[]string{"@alice", "U0ALICE", "U0ALICE"}, []string{`REVOKE_APPROVERS: "@alice" is not a Slack user ID`, `REVOKE_APPROVERS names "U0ALICE" twice`}},
		{[]string{"aaaaaaaa-0000-0000-0000-000000000000"}, []string{`For a group write "entra:aaaaaaaa-0000-0000-0000-000000000000"`}},
		{[]string{"entra:admins"}, []string{`"entra:admins" is no`, "object ID"}},
	} {
		p, err := Env(tt.names)
		e, ok := errors.AsType[*Error](err)
		if !ok || !cmp.Equal(p, authz.Policy{}) {
			t.Errorf("%q: %v, policy %+v", tt.names, err, p)
			continue
		}
		for _, words := range tt.says {
			if !strings.Contains(e.Error(), words) {
				t.Errorf("%q: it does not say %q:\n%v", tt.names, words, e)
			}
		}
		if strings.Contains(e.Error(), "line ") || e.Problems[0].Line != 0 {
			t.Errorf("%q: it names a line:\n%v", tt.names, e)
		}
	}
}
