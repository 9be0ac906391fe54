package bot

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"revoke-sessions/graph"
)

// Unsigned are codes of a sign-in that failed with no number of Entra's, and
// not because nobody answered.
var Unsigned = []string{graph.CodeNotSignedIn, graph.CodeNoCredential, graph.CodeSignInFailed}

// SignInRefused reports that the bot has no sign-in to Microsoft that counts: Entra gave
// it none, or Graph did not take it. Nothing that it asks is answered then.
func SignInRefused(err error) bool {
	e := graph.AsError(err)
	return e != nil && !e.Retryable &&
		(e.Status == http.StatusUnauthorized || strings.HasPrefix(e.Code, "AADSTS") || slices.Contains(Unsigned, e.Code))
}

// Directory is Entra as the bot uses it; graph/msgraph implements it.
type Directory interface {
	// User reads one account by its object ID.
	User(ctx context.Context, objectID string) (graph.User, error)
	// Find lists the accounts that have the bare address in the property, at
	// most a few: more than one is already too many.
	Find(ctx context.Context, by graph.Key, address string) ([]graph.User, error)
	// Revoke ends the account's sessions. Anything but a nil error is not a
	// yes; a *graph.Error says what is known.
	Revoke(ctx context.Context, objectID string) (graph.Revocation, error)
}

// Groups is what Entra says of groups and roles; graph/msgraph implements it.
type Groups interface {
	// MemberOf answers which of the groups hold the account, directly or
	// through other groups.
	MemberOf(ctx context.Context, objectID string, groupIDs []string) ([]string, error)
	// Members lists the accounts in a group, direct or nested.
	Members(ctx context.Context, groupID string) (graph.Group, error)
	// Privileged reports whether the account holds a privileged role. What
	// could not be read is graph.Unknown; an error with it says why.
	Privileged(ctx context.Context, objectID string) (graph.Fact, error)
}

// SignIns is what Entra says of an account's use, where the licence allows it;
// graph/msgraph implements it.
type SignIns interface {
	// LastSignIn is when the account last signed in. Zero without an error
	// means that no sign-in is known since April 2020.
	LastSignIn(ctx context.Context, objectID string) (time.Time, error)
}

// Entra is all of them.
type Entra interface {
	Directory
	Groups
	SignIns
	// SignedInAs is the object ID of the person in whose name the bot asked
	// last, and empty where it asked as an application or that cannot be told. It
	// asks nobody.
	SignedInAs() (objectID string)
	// ReachesAdministrators reports whether whoever the bot signs in as holds a
	// role by which Microsoft lets it revoke administrators.
	ReachesAdministrators(ctx context.Context) (graph.Fact, error)
}
