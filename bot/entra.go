package bot

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"revoke-sessions/graph"
)

// Unsigned are the codes of failed sign-ins that carry no number of Entra's and are not
// due to a missing answer.
var Unsigned = []string{graph.CodeNotSignedIn, graph.CodeNoCredential, graph.CodeSignInFailed}

// SignInRefused reports whether the bot has no valid sign-in to Microsoft: Entra gave
// none, or Graph rejected it. Then Microsoft answers nothing that the bot asks.
func SignInRefused(err error) bool {
	e := graph.AsError(err)
	return e != nil && !e.Retryable &&
		(e.Status == http.StatusUnauthorized || strings.HasPrefix(e.Code, "AADSTS") || slices.Contains(Unsigned, e.Code))
}

// Directory reads and revokes accounts in Entra; graph/msgraph implements it.
type Directory interface {
	// User reads one account by its object ID.
	User(ctx context.Context, objectID string) (graph.User, error)
	// Find lists the accounts that have the bare address in the property. It lists a
	// few at most, because callers need exactly one.
	Find(ctx context.Context, by graph.Key, address string) ([]graph.User, error)
	// Revoke ends the account's sessions. Only a nil error means yes; a *graph.Error
	// says what is known.
	Revoke(ctx context.Context, objectID string) (graph.Revocation, error)
}

// Groups reads groups and roles in Entra; graph/msgraph implements it.
type Groups interface {
	// MemberOf answers which of the groups hold the account, directly or
	// through other groups.
	MemberOf(ctx context.Context, objectID string, groupIDs []string) ([]string, error)
	// Members lists the accounts in a group, direct or nested.
	Members(ctx context.Context, groupID string) (graph.Group, error)
	// Privileged reports whether the account holds a privileged role. It is
	// graph.Unknown if that could not be read; the error says why.
	Privileged(ctx context.Context, objectID string) (graph.Fact, error)
}

// SignIns reads sign-ins in Entra, where the licence allows it; graph/msgraph
// implements it.
type SignIns interface {
	// LastSignIn is when the account last signed in. Zero without an error means no
	// sign-in on record since April 2020.
	LastSignIn(ctx context.Context, objectID string) (time.Time, error)
}

// Entra is all that the bot uses of Microsoft Entra.
type Entra interface {
	Directory
	Groups
	SignIns
	// SignedInAs is the object ID of the person that the bot was signed in as for its
	// last call. It is empty if the bot is an application or the ID is not known. It
	// makes no call.
	SignedInAs() (objectID string)
	// ReachesAdministrators reports whether the identity that the bot signs in with
	// holds a role by which Microsoft lets it revoke administrators.
	ReachesAdministrators(ctx context.Context) (graph.Fact, error)
}
