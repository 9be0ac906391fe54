package authz

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// executing carries out a report that nobody decided.
var executing = policy(func(p *Policy) {
	p.Self.Execute = true
	p.Protected = []Protection{{Users: []string{"carol"}, Approvals: 1}, {Groups: Circle{board}, Approvals: 1}}
})

func timeout(p Policy, d time.Duration) Policy {
	p.Self.Timeout, p.ThirdParty.Timeout = d, d
	return p
}

func TestWait(t *testing.T) {
	short := policy(func(p *Policy) { p.Expiry = 10 * time.Minute })
	privilegedBob := about(bob, bob)
	privilegedBob.Target.Privileged = true
	perhapsOnBoard := about(bob, bob)
	perhapsOnBoard.Target.Unsure = []string{board}
	third := executing
	third.ThirdParty.Execute = true
	long := timeout(executing, 20*time.Hour)
	for _, tt := range []struct {
		name    string
		policy  Policy
		matter  Matter
		until   time.Duration
		execute bool
	}{
		{"the default", New("UALICE"), about(carol, bob), 8 * time.Hour, false},
		{"the default of a report", New("UALICE"), about(bob, bob), 8 * time.Hour, false},
		{"the policy's expiry", short, about(carol, bob), 10 * time.Minute, false},
		{"the lane's own", timeout(short, time.Hour), about(carol, bob), time.Hour, false},
		{"a report is carried out", executing, about(bob, bob), 15 * time.Minute, true},
		{"when the lane says", timeout(executing, time.Hour), about(bob, bob), time.Hour, true},
		{"others' requests are not", timeout(executing, time.Hour), about(bob, alice), time.Hour, false},
		{"even if the lane said so", third, about(bob, alice), 8 * time.Hour, false},
		{"a protected target waits for an approver", executing, about(carol, carol), 8 * time.Hour, false},
		{"not only as long as nobody would have been asked", timeout(executing, time.Hour), about(carol, carol), 8 * time.Hour, false},
		{"and never for less than the lane says", long, about(carol, carol), 20 * time.Hour, false},
		{"a privileged target", executing, privilegedBob, 8 * time.Hour, false},
		{"perhaps a protected target", executing, perhapsOnBoard, 8 * time.Hour, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			until, execute := tt.policy.Wait(tt.matter)
			if until != tt.until || execute != tt.execute {
				t.Errorf("Wait = %s, %t; want %s, %t", until, execute, tt.until, tt.execute)
			}
			if may := tt.policy.MayExecute(tt.matter); may != tt.execute {
				t.Errorf("MayExecute = %t, want %t", may, tt.execute)
			}
		})
	}
}

func TestGroups(t *testing.T) {
	p := New("UALICE", oncall, "WBOB", admins)
	p.Self.WhoMayRequest = Circle{"SSELF", oncall}
	p.ThirdParty.WhoMayRequest = Circle{admins, "STHIRD", "UCAROL"}
	p.Freeze.Unfreeze = Circle{"STHAW", "UDAVE"}
	p.Protected = []Protection{
		{Users: []string{"UZOE", "SUSER", "carol"}, Approvals: 1},
		{Groups: Circle{board, oncall}, Approvals: 1},
		{Groups: Circle{"SVIP"}, Privileged: true, Approvals: 1},
	}
	// Whoever is only called for help needs no look-up.
	p.Reminders.EscalateTo = Circle{"SBOSSES"}
	want := Circle{oncall, admins, "SSELF", "STHIRD", "STHAW", board, "SVIP"}
	if diff := cmp.Diff(want, p.Groups()); diff != "" {
		t.Errorf("Groups (-want +got):\n%s", diff)
	}
	users := New("UALICE", "WBOB")
	if got := users.Groups(); len(got) != 0 {
		t.Errorf("Groups of users alone = %v", got)
	}
}

func TestAsksForRoles(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy Policy
		want   bool
	}{
		{"the default", New("UALICE"), false},
		{"other protections", protecting(vip, byGroup), false},
		{"one that goes by roles", protecting(vip, byRole), true},
		{"carrying out what nobody decided", policy(func(p *Policy) { p.Self.Execute = true }), true},
	} {
		if got := tt.policy.AsksForRoles(); got != tt.want {
			t.Errorf("%s: AsksForRoles = %t", tt.name, got)
		}
	}
}

func TestNew(t *testing.T) {
	one := Rule{Approvals: 1, RequesterMayApprove: true}
	want := Policy{
		Approvers: Circle{"UALICE", oncall}, Self: one, ThirdParty: one, Expiry: 8 * time.Hour,
		Limits: Limits{PerRequester: Limit{N: 10, Within: time.Hour}},
		Freeze: FreezeRule{Max: time.Hour}, Identity: Identity{ByMap: true, ByEmail: true},
	}
	if diff := cmp.Diff(want, New("UALICE", oncall)); diff != "" {
		t.Errorf("New (-want +got):\n%s", diff)
	}
}
