package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"revoke-sessions/graph"
)

func TestRemedyNamesWhatToDo(t *testing.T) {
	for _, row := range []struct {
		status int
		code   string
		want   string
	}{
		{404, "Request_ResourceNotFound", "No such account"},
		{404, "", "No such account"},
		{403, "Authorization_RequestDenied", "Privileged Authentication Administrator"},
		{403, "SomethingNew", "Privileged Authentication Administrator"},
		{401, "InvalidAuthenticationToken", "sign-in was not accepted"},
		{429, "TooManyRequests", "wait"},
		{503, "", "not available"},
		{423, "", "locked"},
		{500, "", "error of its own"},
		{418, "", "refused"},
		{302, "", "redirect"},
		{200, "", "neither yes nor no"},
		{200, graph.CodeUnreadable, "proxy"},
		{0, "", "did not answer"},
		{0, graph.CodeTimeout, "in time"},
		{0, graph.CodeNoCredential, "AZURE_CLIENT_SECRET"},
		{0, "AADSTS7000215", "secret's value"},
		{0, "AADSTS7000222", "expired"},
		{0, "AADSTS700016", "AZURE_CLIENT_ID"},
		{0, "AADSTS90002", "AZURE_TENANT_ID"},
		{0, "AADSTS65001", "User.RevokeSessions.All"},
		{0, "AADSTS53003", "Conditional Access"},
		{0, "AADSTS1", "Look up the number"},
		{0, "AADSTS700027", "Upload the certificate"},
		{0, graph.CodeNotSignedIn, "Run revoke-sessions login, as the user that runs the bot"},
		{0, graph.CodeOwnAccount, "run revoke-sessions login afterwards"},
		{401, "AADSTS50173", "revoke-sessions login again"},
	} {
		if got := graph.Remedy(row.status, row.code); !strings.Contains(got, row.want) {
			t.Errorf("Remedy(%d, %q) = %q, want something with %q", row.status, row.code, got, row.want)
		}
	}
}

func TestEveryCodeOfOursHasItsOwnRemedy(t *testing.T) {
	for _, code := range []string{
		graph.CodeInvalidID, graph.CodeInvalidSearch, graph.CodeSignInFailed, graph.CodeSignInUnreachable,
		graph.CodeNoCredential, graph.CodeNotSignedIn, graph.CodeOwnAccount, graph.CodeDNS, graph.CodeRefused, graph.CodeTLS, graph.CodeNoConnection,
		graph.CodeConnectionLost, graph.CodeTimeout, graph.CodeCanceled, graph.CodeUnreadable, graph.CodeListUnfinished,
		graph.CodeMismatch, graph.CodeInternal, graph.CodeInvalidHeader, graph.CodeOperationGone, graph.CodeNothingFound,
	} {
		if graph.Remedy(0, code) == graph.Remedy(0, "") {
			t.Errorf("%s has no remedy of its own", code)
		}
	}
}

// TestEveryCodeInTheCatalogueHasItsOwnRemedy: none of those that Graph and
// Entra are known to answer to a revoke is left to the general sentences.
func TestEveryCodeInTheCatalogueHasItsOwnRemedy(t *testing.T) {
	for code, want := range map[string]string{
		"Request_ResourceNotFound": "No such account", "Authorization_RequestDenied": "Privileged Authentication Administrator",
		"InvalidAuthenticationToken": "Graph address", "insufficient_claims": "second factor", "interaction_required": "second factor",
		"Request_BadRequest": "Check what was typed", "TooManyRequests": "wait", "activityLimitReached": "wait",
		"serviceNotAvailable": "not available", "Directory_ConcurrencyViolation": "same account",
		"Authentication_RequestFromNonPremiumTenantOrB2CTenant": "P1 or P2", "Authentication_MSGraphPermissionMissing": "lacks a permission",

		"AADSTS50173": "was revoked", "AADSTS50132": "was revoked", "AADSTS50133": "was revoked",
		"AADSTS700082": "has expired", "AADSTS70008": "has expired", "AADSTS70043": "after a set time", "AADSTS70020": "in time",
		"AADSTS50076": "second factor", "AADSTS50079": "second factor", "AADSTS50072": "second factor", "AADSTS50074": "second factor",
		"AADSTS50078": "second factor", "AADSTS53003": "Conditional Access", "AADSTS530032": "Conditional Access",
		"AADSTS530003": "managed device", "AADSTS53000": "managed device", "AADSTS50097": "managed device",
		"AADSTS65001": "consent", "AADSTS90094": "consent", "AADSTS650056": "consent",
		"AADSTS7000215": "not its ID", "AADSTS7000222": "expired", "AADSTS7000218": "public client flows",
		"AADSTS700027": "certificate", "AADSTS700016": "not known in this organisation", "AADSTS7000112": "disabled",
		"AADSTS90002": "organisation was not found", "AADSTS500011": "Graph address",
		"AADSTS50057": "must restore it", "AADSTS50034": "must restore it", "AADSTS50053": "must restore it",
		"AADSTS50196": "too often", "AADSTS90033": "short outage", "AADSTS90090": "short outage", "AADSTS50033": "short outage",
		"AADSTS700021": "names another app", "AADSTS700023": "another place to sign in", "AADSTS50027": "AZURE_FEDERATED_TOKEN_FILE",
		"AADSTS700024": "clock", "AADSTS70021": "federated credentials", "AADSTS700211": "federated credentials",
		"AADSTS700212": "federated credentials", "AADSTS700213": "federated credentials",
	} {
		for _, status := range []int{0, 400, 401} {
			if got := graph.Remedy(status, code); !strings.Contains(got, want) {
				t.Errorf("Remedy(%d, %s) = %q, want something with %q", status, code, got, want)
			}
		}
	}
}

// TestWhatAPersonMustSignInForAgain: each names the command that does it, and
// as whom to run it.
func TestWhatAPersonMustSignInForAgain(t *testing.T) {
	for _, code := range []string{
		graph.CodeNotSignedIn, graph.CodeOwnAccount, "insufficient_claims", "interaction_required",
		"AADSTS50173", "AADSTS50132", "AADSTS50133", "AADSTS700082", "AADSTS70008", "AADSTS70043",
		"AADSTS50076", "AADSTS50079", "AADSTS50072", "AADSTS50074", "AADSTS50078",
	} {
		if got := graph.Remedy(0, code); !strings.Contains(got, "revoke-sessions login") || !strings.Contains(got, "as the user that runs the bot") {
			t.Errorf("%s: %s", code, got)
		}
	}
}

func TestRemedyIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		status := rapid.IntRange(-1, 700).Draw(t, "status")
		code := rapid.OneOf(rapid.String(), rapid.Map(rapid.IntRange(0, 9999999), func(n int) string {
			return fmt.Sprintf("AADSTS%d", n)
		})).Draw(t, "code")
		text := graph.Remedy(status, code)
		if text == "" || !strings.HasSuffix(text, ".") || strings.Contains(text, "!") {
			t.Fatalf("Remedy(%d, %q) = %q", status, code, text)
		}
	})
}

func TestRemediesForQuestions(t *testing.T) {
	for name, row := range map[string]struct {
		remedy func(int, string) string
		status int
		code   string
		want   string
	}{
		"accounts, 403":           {graph.RemedyForAccounts, 403, "Authorization_RequestDenied", "may not read accounts. An administrator must grant it the permission User.Read.All"},
		"accounts, 403, claims":   {graph.RemedyForAccounts, 403, "insufficient_claims", "second factor"},
		"restricted, 403":         {graph.Restricted, 403, "Authorization_RequestDenied", "a role within that unit. That may be why."},
		"accounts, 404":           {graph.RemedyForAccounts, 404, "Request_ResourceNotFound", "No such account"},
		"groups, 403":             {graph.RemedyForGroups, 403, "Authorization_RequestDenied", "GroupMember.Read.All and User.Read.All"},
		"groups, 403, no code":    {graph.RemedyForGroups, 403, "", "GroupMember.Read.All"},
		"groups, 403, new code":   {graph.RemedyForGroups, 403, "Forbidden", "GroupMember.Read.All"},
		"groups, 403, claims":     {graph.RemedyForGroups, 403, "insufficient_claims", "second factor"},
		"groups, 404":             {graph.RemedyForGroups, 404, "Request_ResourceNotFound", "No such group"},
		"groups, 404, proxy":      {graph.RemedyForGroups, 404, graph.CodeUnreadable, "proxy"},
		"groups, 503":             {graph.RemedyForGroups, 503, "", "not available"},
		"sign-ins, 403":           {graph.RemedyForSignIns, 403, "Authorization_RequestDenied", "AuditLog.Read.All and User.Read.All"},
		"sign-ins, no permission": {graph.RemedyForSignIns, 403, "Authentication_MSGraphPermissionMissing", "AuditLog.Read.All"},
		"sign-ins, no licence":    {graph.RemedyForSignIns, 403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "Everything else works"},
		"sign-ins, claims":        {graph.RemedyForSignIns, 403, "insufficient_claims", "second factor"},
		"sign-ins, 404":           {graph.RemedyForSignIns, 404, "Request_ResourceNotFound", "No such account"},
		"roles, 403":              {graph.RemedyForRoles, 403, "Authorization_RequestDenied", "RoleManagement.Read.Directory"},
		"roles, 403, claims":      {graph.RemedyForRoles, 403, "insufficient_claims", "second factor"},
		"roles, 429":              {graph.RemedyForRoles, 429, "", "wait"},
		"roles, unreadable":       {graph.RemedyForRoles, 200, graph.CodeUnreadable, "proxy"},
	} {
		if got := row.remedy(row.status, row.code); !strings.Contains(got, row.want) || !strings.HasSuffix(got, ".") {
			t.Errorf("%s: %q, want something with %q", name, got, row.want)
		}
	}
}

// The unit is no reason for a no that says what else it is about.
func TestRestrictedIsOfDenialsAlone(t *testing.T) {
	if got := graph.Restricted(403, "insufficient_claims"); got != "" {
		t.Errorf("403: %q", got)
	}
	if got := graph.Restricted(404, "Request_ResourceNotFound"); got != "" {
		t.Errorf("404: %q", got)
	}
}
