package msgraph_test

import (
	"strings"
	"testing"
	"time"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
)

func TestLastSignIn(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 11, day, 8, 30, 0, 0, time.UTC) }
	for name, row := range map[string]struct {
		user graphtest.User
		want time.Time
	}{
		"never":                 {graphtest.User{}, time.Time{}},
		"a success":             {graphtest.User{LastSuccessfulSignIn: at(3)}, at(3)},
		"a success, then tries": {graphtest.User{LastSuccessfulSignIn: at(3), LastSignIn: at(5), LastNonInteractiveSignIn: at(6)}, at(3)},
		"by the person":         {graphtest.User{LastSignIn: at(5), LastNonInteractiveSignIn: at(4)}, at(5)},
		"by a client":           {graphtest.User{LastSignIn: at(5), LastNonInteractiveSignIn: at(6)}, at(6)},
		"by a client alone":     {graphtest.User{LastNonInteractiveSignIn: at(6)}, at(6)},
		"null":                  {graphtest.User{LastSignIn: at(5), Null: []string{"signInActivity"}}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			got, err := tenant.client.LastSignIn(t.Context(), strings.ToUpper(tenant.AddUser(row.user).ID))
			if err != nil || !got.Equal(row.want) || got.Location() != time.UTC {
				t.Errorf("%v, want %v: %v", got, row.want, err)
			}
			if reads := tenant.Reads(); len(reads) != 1 || reads[0].Query.Get("$select") != "id,signInActivity" {
				t.Errorf("%+v", reads)
			}
		})
	}
}

func TestTheLastSignInIsInUTC(t *testing.T) {
	tenant := newTenant(t)
	tenant.Inject(graphtest.Fault{Body: []byte(`{"id":"` + tenant.carol.ID + `","signInActivity":{"lastSignInDateTime":"2026-11-20T10:00:00+01:00"}}`)})
	got, err := tenant.client.LastSignIn(t.Context(), tenant.carol.ID)
	if err != nil || got != time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestHowTheLastSignInCannotBeRead(t *testing.T) {
	for name, row := range map[string]struct {
		stage     func(*tenant)
		status    int
		code      string
		retryable bool
		remedy    string
	}{
		"no licence": {func(n *tenant) { n.SetPremium(false) }, 403,
			"Authentication_RequestFromNonPremiumTenantOrB2CTenant", false, "P1 or P2 licence"},
		"no permission": {func(n *tenant) { n.Withdraw("AuditLog.Read.All") }, 403,
			"Authentication_MSGraphPermissionMissing", false, "AuditLog.Read.All"},
		"may not read users": {func(n *tenant) { n.Withdraw("User.Read.All") }, 403, "Authorization_RequestDenied", false, "User.Read.All"},
		"no account":         {func(n *tenant) { n.Remove(n.carol.ID) }, 404, "Request_ResourceNotFound", false, "No such account"},
		"wait":               {func(n *tenant) { n.Inject(graphtest.Fault{Status: 429, RetryAfter: "5"}) }, 429, "TooManyRequests", true, "wait"},
		"outage":             {func(n *tenant) { n.Inject(graphtest.Fault{Status: 503}) }, 503, "serviceNotAvailable", true, "not available"},
		"somebody else": {func(n *tenant) { n.Inject(graphtest.Fault{Body: []byte(`{"id":"` + anybody + `"}`)}) }, 200,
			graph.CodeMismatch, false, "another account"},
		"nobody":  {func(n *tenant) { n.Inject(graphtest.Fault{Body: []byte(`{}`)}) }, 200, graph.CodeUnreadable, false, "proxy"},
		"no JSON": {func(n *tenant) { n.Inject(graphtest.Fault{Body: []byte(`<p>`), ContentType: "text/html"}) }, 200, graph.CodeUnreadable, false, "proxy"},
		"no time": {func(n *tenant) {
			n.Inject(graphtest.Fault{Body: []byte(`{"id":"` + n.carol.ID + `","signInActivity":{"lastSignInDateTime":"x"}}`)})
		}, 200, graph.CodeUnreadable, false, "proxy"},
		"not a 4xx": {func(n *tenant) { n.Inject(graphtest.Fault{Status: 204}) }, 204, graph.CodeUnreadable, false, "proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			row.stage(tenant)
			got, err := tenant.client.LastSignIn(t.Context(), tenant.carol.ID)
			e := wantError(t, err)
			if e.Status != row.status || e.Code != row.code || e.Retryable != row.retryable || e.Outcome != graph.NotDone ||
				e.Operation != "" || !strings.Contains(e.Remedy, row.remedy) || !got.IsZero() {
				t.Errorf("%v, %+v: %s", got, e, e.Remedy)
			}
			// It never stands in the way of anything else.
			tenant.ClearFaults()
			tenant.Grant("User.Read.All")
			tenant.AddUser(tenant.carol)
			if _, err := tenant.client.User(t.Context(), tenant.carol.ID); err != nil {
				t.Error(err)
			}
		})
	}
	tenant := newTenant(t)
	for _, id := range []string{"", "..", "me", "me-token-to-replace", "carol@contoso.example"} {
		_, err := tenant.client.LastSignIn(t.Context(), id)
		if e := wantError(t, err); e.Code != graph.CodeInvalidID || len(tenant.Requests()) != 0 {
			t.Errorf("%q: %+v", id, e)
		}
	}
}
