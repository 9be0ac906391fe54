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
		{500, "", "fault of its own"},
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
		{0, "AADSTS1", "Look the number up"},
		{401, "AADSTS50173", "sign in again"},
	} {
		if got := graph.Remedy(row.status, row.code); !strings.Contains(got, row.want) {
			t.Errorf("Remedy(%d, %q) = %q, want something with %q", row.status, row.code, got, row.want)
		}
	}
}

func TestEveryCodeOfOursHasItsOwnRemedy(t *testing.T) {
	for _, code := range []string{
		graph.CodeInvalidID, graph.CodeInvalidSearch, graph.CodeSignInFailed, graph.CodeSignInUnreachable,
		graph.CodeNoCredential, graph.CodeDNS, graph.CodeRefused, graph.CodeTLS, graph.CodeNoConnection,
		graph.CodeConnectionLost, graph.CodeTimeout, graph.CodeCanceled, graph.CodeUnreadable,
		graph.CodeMismatch, graph.CodeInternal,
	} {
		if graph.Remedy(0, code) == graph.Remedy(0, "") {
			t.Errorf("%s has no remedy of its own", code)
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
		"groups, 403":           {graph.RemedyForGroups, 403, "Authorization_RequestDenied", "GroupMember.Read.All and User.Read.All"},
		"groups, 403, no code":  {graph.RemedyForGroups, 403, "", "GroupMember.Read.All"},
		"groups, 403, new code": {graph.RemedyForGroups, 403, "Forbidden", "GroupMember.Read.All"},
		"groups, 403, claims":   {graph.RemedyForGroups, 403, "insufficient_claims", "second factor"},
		"groups, 404":           {graph.RemedyForGroups, 404, "Request_ResourceNotFound", "No such group"},
		"groups, 404, proxy":    {graph.RemedyForGroups, 404, graph.CodeUnreadable, "proxy"},
		"groups, 503":           {graph.RemedyForGroups, 503, "", "not available"},
		"roles, 403":            {graph.RemedyForRoles, 403, "Authorization_RequestDenied", "RoleManagement.Read.Directory"},
		"roles, 403, claims":    {graph.RemedyForRoles, 403, "insufficient_claims", "second factor"},
		"roles, 429":            {graph.RemedyForRoles, 429, "", "wait"},
		"roles, unreadable":     {graph.RemedyForRoles, 200, graph.CodeUnreadable, "proxy"},
	} {
		if got := row.remedy(row.status, row.code); !strings.Contains(got, row.want) || !strings.HasSuffix(got, ".") {
			t.Errorf("%s: %q, want something with %q", name, got, row.want)
		}
	}
}
