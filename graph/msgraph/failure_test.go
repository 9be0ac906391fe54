package msgraph

import (
	"net/http"
	"testing"

	"revoke-sessions/graph"
)

// A sign-in that says what is wrong with it is not told as a permission, or a
// setting, of the question that it was for.
func TestFailureKeepsTheRemedyOfTheSignIn(t *testing.T) {
	failed := &signInError{code: graph.CodeSignInFailed, remedy: "Look at the file."}
	for name, got := range map[string]*graph.Error{
		"accounts": failure(opFind, &exchange{}, failed),
		"groups":   question{op: opMembers, method: http.MethodGet, remedy: graph.RemedyForGroups}.failure(&exchange{}, failed),
		"roles":    question{op: opRoles, method: http.MethodGet, remedy: graph.RemedyForRoles}.failure(&exchange{}, failed),
	} {
		if got.Remedy != failed.remedy || got.Code != graph.CodeSignInFailed {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
