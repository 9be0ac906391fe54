package policyfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/authz"
)

// TestProblems breaks one thing at a time. Each text follows head and so
// begins on line 3, unless whole is set.
func TestProblems(t *testing.T) {
	const object = "01234567-89ab-cdef-0123-456789abcdef"
	for _, tt := range []struct {
		name  string
		text  string
		whole bool
		line  int
		says  []string
	}{
		// What is no policy at all.
		{"nothing", "", true, 1, []string{"empty", "policy example"}},
		{"only a comment", "# later\n", true, 1, []string{"empty"}},
		{"only a line", "---\n", true, 1, []string{"empty"}},
		{"not valid YAML", "expiry: [8h\n", false, 3, []string{"not valid YAML", "not checked"}},
		{"a name without quotes", "freeze: {unfreeze: [@alice]}\n", false, 3, []string{"not valid YAML", "quotes"}},
		{"wrong indentation", "lanes:\n  self:\n    approvals: 1\n   third_party: {}\n", false, 6, []string{"indentation"}},
		{"Latin-1", "version: 1 # caf\xe9\n", true, 1, []string{"UTF-8"}},
		{"too long", strings.Repeat("#", MaxSize+1), true, 1, []string{"longer than 64 KiB"}},
		{"a tab", "freeze:\n\tmax: 1h\n", false, 4, []string{"not valid YAML", "found character '\ufffd'"}},
		{"a list", "- version\n", true, 1, []string{"the policy must be a block", "approvers, expiry"}},
		{"a second document", "---\nlanes: {self: {approvals: 0}}\n", false, 3, []string{"second document", "---"}},
		{"a second document after an end", "...\nlanes: {self: {approvals: 0}}\n", false, 4, []string{"second document", "..."}},
		{"an empty second document", "---\n", false, 3, []string{"second document"}},
		{"an empty first document", "---\n---\n" + head, true, 1, []string{"empty", "more than one line ---"}},
		{"a directive", "%YAML 1.2\n---\nversion: 1\napprovers: [U0ALICE]\n", true, 1, []string{"directives", "Remove"}},

		// What YAML has and a policy has not.
		{"an anchor", "limits: &x {total: 1/1h}\n", false, 3, []string{"limits has an anchor", "Write the value out"}},
		{"an alias", "expiry: *x\n", false, 3, []string{"expiry has an alias"}},
		{"an alias in a list", "freeze: {unfreeze: [*x]}\n", false, 3, []string{"freeze.unfreeze has an alias"}},
		{"a bomb", "freeze: &a\n  unfreeze: &b [*a, *a, *a]\n", false, 3, []string{"anchor"}},
		{"a merge", "lanes:\n  self:\n    <<: {approvals: 0}\n", false, 5, []string{"merge key"}},
		{"a tag", "expiry: !!str 8h\n", false, 3, []string{"tag", "!!str"}},
		{"no value", "expiry:\n", false, 3, []string{"expiry has no value", "remove the line"}},
		{"null", "expiry: ~\n", false, 3, []string{"expiry has no value"}},
		{"an empty entry", "freeze:\n  unfreeze:\n  - U0ALICE\n  -\n", false, 6, []string{"freeze.unfreeze has no value"}},
		{"text of several lines", "expiry: |\n  8h\n", false, 3, []string{"text of several lines"}},

		// Keys.
		{"an unknown key", "expires: 8h\n", false, 3, []string{`"expires" is not a key of the policy`, "spelling", "expiry"}},
		{"an unknown key within", "lanes:\n  self:\n    approval: 2\n", false, 5, []string{`"approval" is not a key of lanes.self`, "approvals"}},
		{"a lane that is none", "lanes: {thirdparty: {approvals: 2}}\n", false, 3, []string{"third_party"}},
		{"a key of another case", "Expiry: 8h\n", false, 3, []string{`"Expiry" is not a key`}},
		{"a number for a key", "1: 8h\n", false, 3, []string{`"1" is not a key`}},
		{"a key twice", "expiry: 8h\nexpiry: 9h\n", false, 4, []string{"expiry is given twice", "line 3", "Keep one"}},
		{"a key twice within", "limits: {total: 1/1h, total: 2/1h}\n", false, 3, []string{"limits.total is given twice"}},
		{"an empty block", "lanes: {}\n", false, 3, []string{"lanes is empty", "third_party"}},
		{"no block", "lanes: 3\n", false, 3, []string{"lanes must be a block"}},

		// Version and approvers.
		{"no version", "approvers: [U0ALICE]\n", true, 1, []string{"version is missing", "version: 1"}},
		{"another version", "version: 2\napprovers: [U0ALICE]\n", true, 1, []string{"version must be 1", "2"}},
		{"a version in quotes", "version: '1'\napprovers: [U0ALICE]\n", true, 1, []string{"version must be 1"}},
		{"nobody", "version: 1\n", true, 1, []string{"no approvers are named", "REVOKE_APPROVERS"}},
		{"an empty list", "version: 1\napprovers: []\n", true, 2, []string{"approvers is an empty list"}},
		{"no list", "version: 1\napprovers: U0ALICE\n", true, 2, []string{"approvers must be a list", "[U0123456789"}},
		{"by name", "version: 1\napprovers: ['@alice']\n", true, 2, []string{`"@alice" is not a Slack user ID`, "Copy member ID"}},
		{"by address", "version: 1\napprovers:\n- U0ALICE\n- amir@contoso.example\n", true, 4, []string{`"amir@contoso.example" is not a Slack user ID`}},
		{"in small letters", "version: 1\napprovers: [u0alice]\n", true, 2, []string{`"u0alice"`}},
		{"a channel", "version: 1\napprovers: [C0123456789]\n", true, 2, []string{`"C0123456789" is not a`}},
		{"an object ID alone", "version: 1\napprovers: [" + object + "]\n", true, 2, []string{`"entra:` + object + `"`}},
		{"a number", "version: 1\napprovers: [12]\n", true, 2, []string{"approvers must hold IDs"}},
		{"an entra block", "version: 1\napprovers: [entra: " + object + "]\n", true, 2, []string{"approvers must hold IDs", `"entra:`}},
		{"twice", "version: 1\napprovers: [U0ALICE, U0ALICE]\n", true, 2, []string{`approvers names "U0ALICE" twice`}},
		{"twice by case", "version: 1\napprovers: ['entra:" + object + "', 'entra:" + strings.ToUpper(object) + "']\n", true, 2, []string{"twice"}},
		{"hostile text", "version: 1\napprovers: [\"\\x1b[31m\\u202e" + strings.Repeat("x", 100) + "\"]\n", true, 2, []string{`"\x1b[31m\u202exxx`, `…"`}},

		// Lanes.
		{"too many approvals", "lanes: {self: {approvals: 6}}\n", false, 3, []string{"lanes.self.approvals", "from 0 to 5", `"6"`}},
		{"fewer than none", "lanes: {self: {approvals: -1}}\n", false, 3, []string{"from 0 to 5"}},
		{"half a one", "lanes: {self: {approvals: 1.5}}\n", false, 3, []string{"whole number"}},
		{"in quotes", "lanes: {self: {approvals: '1'}}\n", false, 3, []string{"whole number"}},
		{"octal", "lanes: {self: {approvals: 01}}\n", false, 3, []string{"whole number"}},
		{"hexadecimal", "lanes: {self: {approvals: 0x1}}\n", false, 3, []string{"whole number"}},
		{"more digits than a number has", "lanes: {self: {approvals: 99999999999999999999999999}}\n", false, 3, []string{"whole number"}},
		{"nobody approves about others", "lanes:\n  third_party:\n    approvals: 0\n", false, 5, []string{"lanes.third_party.approvals cannot be 0", "lanes.self"}},
		{"yes", "lanes: {self: {requester_may_approve: yes}}\n", false, 3, []string{"true or false", `"yes"`}},
		{"who may not", "lanes: {self: {who_may_request: everybody}}\n", false, 3, []string{"anyone, approvers or a list", `"everybody"`}},
		{"nobody may", "lanes: {self: {who_may_request: []}}\n", false, 3, []string{"empty list"}},
		{"a block may", "lanes: {self: {who_may_request: {a: b}}}\n", false, 3, []string{"must be a list"}},
		{"reason maybe", "lanes: {self: {reason: maybe}}\n", false, 3, []string{"required or optional"}},
		{"ticket that does not compile", "lanes: {self: {ticket: 'INC-(['}}\n", false, 3, []string{"lanes.self.ticket is not a valid regular expression", "missing closing ]"}},
		{"ticket with look-ahead", "lanes: {self: {ticket: '(?=x)'}}\n", false, 3, []string{"RE2", "(?="}},
		{"ticket that demands nothing", "lanes: {self: {ticket: '[0-9]*'}}\n", false, 3, []string{"matches even an empty reason", "+"}},
		{"ticket of no text", "lanes: {self: {ticket: 12}}\n", false, 3, []string{"single quotes"}},
		{"ticket, but no reason", "lanes:\n  self:\n    ticket: X\n    reason: optional\n", false, 6, []string{"lanes.self.reason cannot be optional"}},
		{"ticket example of another pattern", "lanes:\n  self:\n    ticket_example: SEC-1\n    ticket: 'INC-[0-9]+'\n", false, 5,
			[]string{`lanes.self.ticket_example is "SEC-1", which does not match lanes.self.ticket`, "`INC-[0-9]+`", "would be refused"}},
		{"ticket example without a ticket", "lanes: {self: {ticket_example: INC-1}}\n", false, 3,
			[]string{"lanes.self.ticket_example is given, but lanes.self.ticket is not"}},
		{"ticket example of no text", "lanes: {self: {ticket: '[0-9]+', ticket_example: 12}}\n", false, 3, []string{"must be text", `"12"`, "in quotes"}},
		{"ticket example of nothing", "lanes: {self: {ticket: 'INC', ticket_example: ''}}\n", false, 3, []string{"lanes.self.ticket_example is empty"}},
		{"ticket example that is too long", "lanes: {self: {ticket: 'é+', ticket_example: " + strings.Repeat("é", 61) + "}}\n", false, 3,
			[]string{"has 61 characters, and at most 60"}},
		{"ticket example that steers a terminal", `lanes: {self: {ticket: 'INC', ticket_example: "INC\e[2J"}}` + "\n", false, 3,
			[]string{"control character", `"INC\x1b[2J"`}},
		{"ticket example that reads backwards", `lanes: {self: {ticket: 'INC', ticket_example: "INC\u202e1"}}` + "\n", false, 3,
			[]string{"invisible", `"INC\u202e1"`}},
		{"ticket example on two lines", `lanes: {self: {ticket: 'INC', ticket_example: "INC\n1"}}` + "\n", false, 3, []string{"control character"}},
		{"ticket example with spaces around", "lanes: {self: {ticket: 'INC', ticket_example: 'INC '}}\n", false, 3, []string{"ends with a space"}},
		{"ticket example with two spaces", "lanes: {self: {ticket: 'INC', ticket_example: 'INC  1'}}\n", false, 3, []string{"two in a row"}},
		{"timeout without a unit", "lanes: {self: {timeout: 15}}\n", false, 3, []string{"unit", `"15"`}},
		{"timeout too short", "lanes: {self: {timeout: 59s}}\n", false, 3, []string{"from 1 minute to 30 days"}},
		{"timeout too long", "lanes: {self: {timeout: 31d}}\n", false, 3, []string{"from 1 minute to 30 days"}},
		{"timeout that overflows", "lanes: {self: {timeout: 999999999d}}\n", false, 3, []string{"from 1 minute to 30 days"}},
		{"on_timeout otherwise", "lanes: {self: {on_timeout: revoke}}\n", false, 3, []string{"expire or execute"}},
		{"execute about others", "lanes:\n  third_party:\n    on_timeout: execute\n", false, 5, []string{"cannot be execute", "lanes.self"}},

		// Protections.
		{"no list of protections", "protected: {match: {roles: privileged}}\n", false, 3, []string{"protected must be a list"}},
		{"matches nobody", "protected:\n- approvals: 2\n", false, 4, []string{"protected does not say whom", "match"}},
		{"matches by nothing", "protected:\n- match: {}\n", false, 4, []string{"protected.match is empty", "groups, roles, users"}},
		{"by address", "protected:\n- match:\n    users: [ceo@contoso.example]\n", false, 5, []string{"object ID", "names change"}},
		{"by group as user", "protected:\n- match:\n    users: [S0TEAM]\n", false, 5, []string{`"S0TEAM" is not a Slack user ID`}},
		{"by user as group", "protected:\n- match:\n    groups: [U0ALICE]\n", false, 5, []string{`"U0ALICE" is not a Slack user group ID`}},
		{"the same account twice", "protected:\n- match:\n    users: [" + object + ", " + strings.ToUpper(object) + "]\n", false, 5, []string{"twice"}},
		{"another role", "protected:\n- match: {roles: admin}\n", false, 4, []string{"privileged"}},
		{"no approvals", "protected:\n- match: {roles: privileged}\n  approvals: 0\n", false, 5, []string{"protected.approvals", "from 1 to 5"}},

		// Waits.
		{"expiry too long", "expiry: 721h\n", false, 3, []string{"expiry", "30 days"}},
		{"expiry backwards", "expiry: -8h\n", false, 3, []string{"expiry"}},
		{"reminders without a beginning", "reminders: {max: 3}\n", false, 3, []string{"reminders does not say when", "after"}},
		{"a factor below 1", "reminders: {after: 1m, factor: 0.5}\n", false, 3, []string{"from 1 to 10"}},
		{"a factor above 10", "reminders: {after: 1m, factor: 10.1}\n", false, 3, []string{"from 1 to 10"}},
		{"an octal factor", "reminders: {after: 1m, factor: 010}\n", false, 3, []string{"from 1 to 10"}},
		{"an endless factor", "reminders: {after: 1m, factor: .inf}\n", false, 3, []string{"from 1 to 10"}},
		{"no factor", "reminders: {after: 1m, factor: .nan}\n", false, 3, []string{"from 1 to 10"}},
		{"too many reminders", "reminders: {after: 1m, max: 21}\n", false, 3, []string{"from 1 to 20"}},
		{"no reminders", "reminders: {after: 1m, max: 0}\n", false, 3, []string{"from 1 to 20"}},
		{"calling nobody", "reminders: {escalate: {after: 1m}}\n", false, 3, []string{"reminders.escalate does not say who", "Add to"}},
		{"calling never", "reminders: {escalate: {to: [U0ALICE]}}\n", false, 3, []string{"reminders.escalate does not say when", "Add after"}},
		{"calling an Entra group", "reminders: {escalate: {after: 1m, to: ['entra:" + object + "']}}\n", false, 3, []string{"Entra group, which is not allowed here"}},
		{"a reminder after the end", "expiry: 1h\nreminders: {after: 1h}\n", false, 4, []string{"reminders.after is 1 hour", "waits only 1 hour"}},
		{"a reminder after the end of a lane", "lanes: {self: {timeout: 20m}}\nreminders:\n  after: 30m\n", false, 5, []string{"only 20 minutes"}},
		{"a reminder after what is carried out", "lanes: {self: {on_timeout: execute}}\nreminders: {after: 16m}\n", false, 4, []string{"only 15 minutes"}},
		{"calling at the end", "reminders: {escalate: {after: 8h, to: [U0ALICE]}}\n", false, 3, []string{"8 hours"}},
		{"calling after the end", "reminders: {escalate: {after: 9h, to: [U0ALICE]}}\n", false, 3, []string{"reminders.escalate.after is 9 hours", "8 hours"}},

		// Limits, freeze, identity, the rest.
		{"a limit of zero", "limits: {per_approver: 0/1h}\n", false, 3, []string{"limits.per_approver allows nothing", "remove the line"}},
		{"no request at all", "limits: {per_requester: 0/1h}\n", false, 3, []string{"limits.per_requester allows nothing", "write none to have no limit"}},
		{"none of a limit that has no default", "limits: {total: none}\n", false, 3, []string{"limits.total must be a number and a duration"}},
		{"a limit without a time", "limits: {total: 5}\n", false, 3, []string{"limits.total", "5/1h"}},
		{"a limit without a number", "limits: {total: /1h}\n", false, 3, []string{"5/1h"}},
		{"a limit in seconds", "limits: {total: 5/59s}\n", false, 3, []string{"1 minute to 31 days"}},
		{"a limit in months", "limits: {total: 5/32d}\n", false, 3, []string{"1 minute to 31 days"}},
		{"a limit of too many", "limits: {total: 9999999999/1h}\n", false, 3, []string{"limits.total"}},
		{"a freeze too long", "freeze: {max: 25h}\n", false, 3, []string{"from 1 minute to 24 hours"}},
		{"unfrozen by a name", "freeze: {unfreeze: [alice]}\n", false, 3, []string{"freeze.unfreeze", `"alice"`}},
		{"matched by name", "identity: {match: [name]}\n", false, 3, []string{"map or email"}},
		{"matched by nothing", "identity: {match: []}\n", false, 3, []string{"empty list"}},
		{"matched twice", "identity: {match: [email, email]}\n", false, 3, []string{"email twice"}},
		{"the map last", "identity: {match: [email, map], map: {U0ALICE: " + object + "}}\n", false, 3, []string{"always comes first", "[map, email]"}},
		{"a map without its match", "identity:\n  match: [email]\n  map: {U0ALICE: " + object + "}\n", false, 5, []string{"identity.map is given but not used"}},
		{"a match without its map", "identity: {match: [map]}\n", false, 3, []string{"identity.match says map, but there is no map"}},
		{"domains without e-mail", "identity:\n  match: [map]\n  map: {U0ALICE: " + object + ", U0AMIR: " + strings.Replace(object, "0", "1", 1) + "}\n  email_domains: [contoso.example]\n", false, 6, []string{"identity.email_domains is given but not used"}},
		{"a domain with @", "identity: {email_domains: ['@contoso.example']}\n", false, 3, []string{"without @"}},
		{"any domain", "identity: {email_domains: ['*']}\n", false, 3, []string{"without @ or *"}},
		{"a domain twice", "identity: {email_domains: [a.example, A.example]}\n", false, 3, []string{"twice"}},
		{"a map that is a list", "identity: {map: [U0ALICE]}\n", false, 3, []string{"identity.map must be a block of lines"}},
		{"a map from a number", "identity: {map: {12: " + object + "}}\n", false, 3, []string{"identity.map must be a block of lines"}},
		{"a protected user in a block", "protected: [{match: {users: [{a: b}]}}]\n", false, 3, []string{"a block of keys"}},
		{"an empty map", "identity: {map: {}}\n", false, 3, []string{"identity.map must be a block of lines"}},
		{"a map by name", "identity:\n  map:\n    alice: " + object + "\n", false, 5, []string{`identity.map: "alice" is not a Slack user ID`}},
		{"a map to a name", "identity:\n  map:\n    U0ALICE: alice@contoso.example\n", false, 5, []string{"U0ALICE", "object ID"}},
		{"a map to nothing", "identity:\n  map:\n    U0ALICE:\n", false, 5, []string{"identity.map has no value"}},
		{"a map twice", "identity:\n  map:\n    U0ALICE: " + object + "\n    U0ALICE: " + object + "\n", false, 6, []string{`identity.map has "U0ALICE" twice`, "line 5"}},
		{"an approver who is not in the only map", "identity: {match: [map], map: {U0ALICE: " + object + "}}\n", false, 2, []string{"approvers names U0AMIR, who is not in identity.map"}},
		{"a requester who is not in the only map", "lanes:\n  self:\n    who_may_request: [U0BOB]\nidentity: {match: [map], map: {U0ALICE: " + object + ", U0AMIR: " + object + "}}\n", false, 5, []string{"lanes.self.who_may_request names U0BOB"}},
		{"an unfreezer who is not in the only map", "freeze: {unfreeze: [U0BOB]}\nidentity: {match: [map], map: {U0ALICE: " + object + ", U0AMIR: " + object + "}}\n", false, 3, []string{"freeze.unfreeze names U0BOB"}},
		{"told otherwise", "notify: {target: loud}\n", false, 3, []string{"plain or none"}},
		{"kept too short", "retention: 47h\n", false, 3, []string{"from 2 days"}},
		{"kept for no time", "retention: 0s\n", false, 3, []string{"from 2 days"}},

		// Rules that nobody could fulfil.
		{"more approvals than approvers", "lanes:\n  third_party:\n    approvals: 3\n", false, 5, []string{"lanes.third_party can never be fulfilled", "needs 3 approvals", "only 2 people can"}},
		{"in the self lane", "lanes:\n  self:\n    approvals: 3\n", false, 5, []string{"lanes.self can never be fulfilled"}},
		{"more than approvers who ask", "lanes:\n  third_party:\n    who_may_request: approvers\n    approvals: 3\n", false, 6, []string{"only 2 people can approve. Ask for fewer"}},
		{"two accounts of one person", "lanes: {self: {approvals: 2}}\nidentity: {map: {U0ALICE: " + object + ", U0AMIR: " + object + "}}\n", false, 3, []string{"needs 2 approvals", "only 1 person can"}},
		{"the requester leaves too few", "lanes:\n  third_party:\n    who_may_request: approvers\n    approvals: 2\n    requester_may_approve: false\n", false, 7, []string{"requester is always an approver", "only 1 person can", "requester_may_approve: true"}},
		{"the requester leaves nobody", "version: 1\napprovers: [U0ALICE]\nlanes:\n  self:\n    who_may_request: [U0ALICE]\n    requester_may_approve: false\n", true, 6, []string{"lanes.self can never", "nobody can"}},
		{"a protection beyond the approvers", "protected:\n- match: {roles: privileged}\n  approvals: 3\n", false, 5, []string{"the protection can never be fulfilled in the lane self", "block: true"}},
		{"a protection that leaves out the requester", "lanes: {third_party: {who_may_request: approvers}}\nprotected:\n- match: {groups: [S0TEAM]}\n  approvals: 2\n  requester_may_approve: false\n", false, 6, []string{"in the lane third_party"}},
		{"a protected approver", "protected:\n- match: {users: [U0ALICE]}\n  approvals: 2\n", false, 5, []string{"the protection of U0ALICE", "lane third_party", "only 1 person can"}},
		{"the only approver, protected", "version: 1\napprovers: [U0ALICE]\nprotected:\n- match: {users: [U0BOB]}\n- match: {users: [U0ALICE]}\n", true, 5, []string{"the protection of U0ALICE", "nobody can approve"}},
		{"a protected approver among few who may ask", "lanes:\n  third_party: {who_may_request: [U0ALICE]}\n  self: {who_may_request: [U0BOB, U0ALICE], requester_may_approve: false}\nprotected:\n- match: {users: [U0ALICE]}\n  approvals: 2\n", false, 8, []string{"the protection of U0ALICE", "lane self", "only 1 person can"}},
		{"a protected approver by account", "protected:\n- match: {users: [" + object + "]}\n  approvals: 2\nidentity: {map: {U0ALICE: " + object + "}}\n", false, 5, []string{"the protection of " + object}},
		{"protections that add up", "protected:\n- match: {users: [U0ALICE]}\n  requester_may_approve: false\n- match: {users: [U0ALICE]}\n  approvals: 2\n", false, 5, []string{"lane self"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := tt.text
			if !tt.whole {
				text = head + text
			}
			p, err := Parse([]byte(text), nil)
			e, ok := errors.AsType[*Error](err)
			if !ok || !cmp.Equal(p, authz.Policy{}) {
				t.Fatalf("%v, policy %+v", err, p)
			}
			if !slices.ContainsFunc(e.Problems, func(p Problem) bool {
				return p.Line == tt.line && p.Column > 0 && containsAll(p.Says, tt.says)
			}) {
				t.Errorf("want line %d: %q, but it says\n%v", tt.line, tt.says, e)
			}
			if strings.ContainsAny(err.Error(), "\x1b\u202e") {
				t.Errorf("it repeats what could garble a terminal:\n%q", err)
			}
		})
	}
}

func containsAll(text string, all []string) bool {
	return !slices.ContainsFunc(all, func(words string) bool { return !strings.Contains(text, words) })
}

// TestOneProblemEach: a mistake is told once, and what it spoils is not judged.
func TestOneProblemEach(t *testing.T) {
	for _, text := range []string{
		"- version\n",
		"version: 2\napprovers: [U0ALICE]\n",
		"version: 1\napprovers: ['@alice']\nlanes: {self: {approvals: 2}}\n",
		head + "reminders: {max: 99}\n",
		head + "reminders: {escalate: {after: 5, to: [U0ALICE]}}\n",
		head + "protected: [{match: {users: [x]}, approvals: 5}]\n",
		head + "identity: {match: [mail], map: {U0ALICE: 01234567-89ab-cdef-0123-456789abcdef}}\n",
		head + "identity: {match: [map], map: {U0ALICE: 01234567-89ab-cdef-0123-456789abcdef}}\nlanes: {self: {approvals: 2, who_may_request: approvers}}\n",
		head + "lanes: {self: {reason: maybe, ticket: X}}\n",
		head + "expiry: 5\nreminders: {after: 29d}\n",
		head + "lanes: {third_party: {approvals: 3}}\nprotected: [{match: {roles: privileged}, approvals: 2}]\n",
	} {
		_, err := Parse([]byte(text), nil)
		if e, ok := errors.AsType[*Error](err); !ok || len(e.Problems) != 1 {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

// TestAllAtOnce shows the whole error of a policy with several mistakes.
func TestAllAtOnce(t *testing.T) {
	_, err := Parse([]byte(`version: 1
approvers: [U0ALICE]
lanes:
  self:
    aprovals: 0
  third_party:
    approvals: 2
expiry: 8
limits: {total: 0/1h, per_target: 0/1h}
`), []string{"U0AMIR", "@eve"})
	want := `line 2: approvers are named here and in REVOKE_APPROVERS. Keep one: remove them here, or unset REVOKE_APPROVERS
line 5: "aprovals" is not a key of lanes.self. Correct the spelling or remove it: an unknown key could be a rule that has no effect. Keys here: approvals, on_timeout, reason, requester_may_approve, ticket, ticket_example, timeout, who_may_request
line 8: expiry must be a duration from 1 minute to 30 days with its unit, like 90s, 15m, 8h, 1h30m or 90d, not "8"
line 9: limits.total allows nothing, so it would stop everything. Write 1 or more before the slash, or remove the line to have no limit
line 9: limits.per_target allows nothing, so it would stop everything. Write 1 or more before the slash, or remove the line to have no limit`
	if err == nil || err.Error() != want {
		t.Errorf("want -, got +:\n%s", cmp.Diff(want, err.Error()))
	}
	e, _ := errors.AsType[*Error](err)
	if last := e.Problems[len(e.Problems)-1]; last.Line != 9 || last.Column != 23 {
		t.Errorf("the last problem is at %d:%d", last.Line, last.Column)
	}
}

// TestProblemsOutside: a name from REVOKE_APPROVERS has no line.
func TestProblemsOutside(t *testing.T) {
	_, err := Parse([]byte("version: 1\nexpiry: 8\n"), []string{"@alice", "U0AMIR"})
	if err == nil || !strings.HasPrefix(err.Error(), `REVOKE_APPROVERS: "@alice" is not a`) || !strings.Contains(err.Error(), "\nline 2: expiry") {
		t.Error(err)
	}
	_, err = Parse([]byte("version: 1\nidentity: {match: [map], map: {U0ALICE: 01234567-89ab-cdef-0123-456789abcdef}}\n"), []string{"U0ALICE", "U0AMIR"})
	if err == nil || !strings.HasPrefix(err.Error(), "REVOKE_APPROVERS names U0AMIR, who is not in identity.map") {
		t.Error(err)
	}
}

// TestPossible: what can be fulfilled is not refused.
func TestPossible(t *testing.T) {
	const alice, amir = "01234567-89ab-cdef-0123-456789abcdef", "11234567-89ab-cdef-0123-456789abcdef"
	for _, text := range []string{
		head + "lanes: {self: {approvals: 2}, third_party: {approvals: 2}}\n",
		head + "lanes: {third_party: {approvals: 2, requester_may_approve: false}}\n", // others ask
		head + "lanes: {third_party: {approvals: 1, requester_may_approve: false, who_may_request: approvers}}\n",
		head + "lanes: {third_party: {approvals: 2, requester_may_approve: false, who_may_request: [U0ALICE, U0BOB]}}\n",
		head + "lanes: {third_party: {approvals: 2, requester_may_approve: false, who_may_request: [S0TEAM]}}\n",
		head + "lanes: {self: {approvals: 0, requester_may_approve: false, who_may_request: approvers}}\n",
		"version: 1\napprovers: [U0ALICE]\nlanes: {self: {approvals: 0, requester_may_approve: false, who_may_request: approvers}}\n",
		"version: 1\napprovers: [S0TEAM]\nlanes: {third_party: {approvals: 5}}\n",
		"version: 1\napprovers: ['entra:" + alice + "', U0ALICE]\nlanes: {third_party: {approvals: 5}}\nprotected: [{match: {users: [U0ALICE]}, approvals: 5}]\n",
		"version: 1\napprovers: [U0ALICE]\n",
		head + "protected: [{match: {users: [U0ALICE]}}]\n",
		head + "protected: [{match: {users: [U0BOB], roles: privileged}, approvals: 2}]\n",
		head + "protected: [{match: {users: [U0ALICE]}, approvals: 5, block: true}]\n",
		// Nobody but Alice asks about others, so nobody asks about Alice.
		head + "lanes: {third_party: {who_may_request: [U0ALICE]}, self: {approvals: 2}}\nprotected: [{match: {users: [U0ALICE]}, approvals: 2}]\n",
		head + "identity: {match: [map], map: {U0ALICE: " + alice + ", U0AMIR: " + amir + "}}\nlanes: {self: {approvals: 2}}\n",
		head + "expiry: 1h\nreminders: {after: 59m}\n",
		head + "lanes: {self: {timeout: 10m}}\nreminders: {escalate: {after: 1h, to: [S0TEAM]}}\n", // in the other lane
	} {
		if _, err := Parse([]byte(text), nil); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

// TestLongLists: the largest policies are judged in no time worth speaking of.
func TestLongLists(t *testing.T) {
	var users strings.Builder
	for i := range 2800 {
		fmt.Fprintf(&users, "U0%05d, ", i)
	}
	began := time.Now()
	_, err := Parse([]byte("version: 1\napprovers: ["+users.String()+"]\n"+
		"lanes: {third_party: {who_may_request: approvers, requester_may_approve: false, approvals: 5}}\n"+
		"protected: [{match: {users: ["+users.String()+"]}}]\n"), nil)
	if took := time.Since(began); err != nil || took > 10*time.Second {
		t.Errorf("after %s: %v", took, err)
	}
}
