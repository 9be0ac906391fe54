package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
	"revoke-sessions/graph/msgraph"
)

const noEntraToken = "Entra gave no token"

// entraSays is a call to Microsoft that failed.
func entraSays(what string, err error) verdict {
	if e := graph.AsError(err); e != nil {
		return verdict{broken, what + ": " + e.Error(), e.Remedy}
	}
	return verdict{broken, what + ": " + err.Error(), graph.Remedy(0, "")}
}

// entraToken signs in.
func (e *examination) entraToken(ctx context.Context) verdict {
	var err error
	if e.entra, e.signsInBy, err = e.runCommand.entra(e.around); err != nil {
		return verdict{broken, "The settings for the sign-in to Entra are not valid: " + err.Error(),
			"Correct the setting in the bot's environment. The README says which settings each kind of credential needs"}
	}
	if e.complaints("REVOKE_OPERATION", "REVOKE_FALLBACK") != "" {
		e.entra.Operation, e.entra.Fallback = "", "" // for reading, any will do
	}
	if e.grant, err = msgraph.GrantOf(ctx, e.entra); err != nil {
		return entraSays(fmt.Sprintf("The bot gets no token from Entra. It signs in with %s", e.signsInBy), err)
	}
	if e.directory, err = msgraph.New(e.entra); err != nil {
		return entraSays("Microsoft Graph cannot be called", err)
	}
	return fine("Entra gives a token: the bot signs in with %s, in the cloud %s", e.signsInBy, e.entra.Cloud)
}

// permissions reads them out of the token.
func (e *examination) permissions(context.Context) verdict {
	const what = "what the bot may do in Microsoft Graph"
	if e.directory == nil {
		return without(what, noEntraToken)
	}
	grant := e.grant
	if !grant.Known {
		return verdict{unchecked, "not checked: " + what + ", because the token cannot be read. That is not an error",
			"The checks below show what the bot may read. To see whether it may revoke, have somebody revoke their own sessions at a quiet moment, with /revoke-sessions me"}
	}
	missing, unknown := e.lacks(grant)
	kind, who := "application permission", "The app"
	if grant.Delegated {
		kind, who = "delegated permission", "The person who signed in"
	}
	remedy := "In the Entra admin centre, App registrations, API permissions: add it as " + kind +
		" of Microsoft Graph, grant admin consent, and restart the bot"
	mayNot := !grant.AllowsOperation(e.entra.Operation)
	fallsBack := mayNot && !grant.Delegated && e.entra.Fallback != "" && grant.AllowsOperation(e.entra.Fallback)
	if mayNot && !fallsBack {
		missing = append([]string{string(graph.MayRevoke) + " (without it nothing can be revoked)"}, missing...)
	}
	switch {
	case len(missing) > 0:
		return verdict{broken, who + " lacks the " + kind + " " + strings.Join(missing, "; and "), remedy}
	case fallsBack:
		return verdict{doubtful, fmt.Sprintf("%s is not permitted, so the bot uses %s for every revoke", e.entra.Operation, e.entra.Fallback),
			"That works. To use the first one, the bot needs the permission User.RevokeSessions.All. " + remedy}
	case len(unknown) > 0:
		return verdict{doubtful, who + " lacks the " + kind + " " + strings.Join(unknown, "; and ") + ". It is needed for nothing else",
			remedy + ". Or leave it: then cards say that this is unknown"}
	case grant.Delegated:
		return fine("The delegated permissions are enough. The Entra roles of the person who signed in decide whose sessions they may revoke")
	}
	return fine("The application permissions are enough")
}

// lacks names the permissions to read that a grant is without: those that the
// bot needs under this policy, and those by which cards tell more.
func (e *examination) lacks(grant graph.Grant) (missing, unknown []string) {
	policy := &e.read.policy
	forGroups, forRoles := "", ""
	if policy.AsksForRoles() {
		forRoles = "the policy's rule about privileged roles needs"
		forGroups = forRoles
	}
	if group := entraGroupIn(policy); group != "" {
		forGroups = "the policy's Entra group " + group + " needs"
	}
	const privileged = "whether the account is privileged"
	for _, p := range []struct {
		permission graph.Permission
		needs      string // who needs it; empty for nobody
		tells      string // what cards tell by it
	}{
		{graph.MayReadUsers, "finding accounts needs", ""},
		{graph.MayReadGroups, forGroups, privileged},
		{graph.MayReadRoles, forRoles, privileged},
		{graph.MayReadSignIns, "", "when the account last signed in"},
	} {
		switch {
		case grant.Allows(p.permission):
		case p.needs != "":
			missing = append(missing, fmt.Sprintf("%s (%s it)", p.permission, p.needs))
		default:
			unknown = append(unknown, fmt.Sprintf("%s, so cards cannot say %s", p.permission, p.tells))
		}
	}
	return missing, unknown
}

// entraGroupIn is the first Entra group that the policy names, or "".
func entraGroupIn(policy *authz.Policy) string {
	for _, name := range policy.Groups() {
		if id, ok := strings.CutPrefix(name, authz.EntraGroup); ok {
			return id
		}
	}
	return ""
}

// user reads any one account as the bot reads those that it is asked about.
func (e *examination) user(ctx context.Context) verdict {
	if e.directory == nil {
		return without("whether accounts can be read", noEntraToken)
	}
	before := e.now()
	id, at, err := e.directory.Anybody(ctx)
	e.compare("Microsoft's", at, before)
	var u graph.User
	if err == nil {
		u, err = e.directory.User(ctx, id)
	}
	if failed := graph.AsError(err); failed != nil {
		v := entraSays("No account can be read", err)
		if failed.Status == http.StatusForbidden {
			v.remedy = remedyUsers
		}
		return v
	}
	if unread := unreadable(u); len(unread) > 0 {
		return verdict{doubtful, "An account was read, but Graph left out its " + strings.Join(unread, ", "),
			remedyUsers + ". Without the two properties that end in ValidFromDateTime, no revoke can be verified"}
	}
	return fine("One account was read, with every property that the bot needs")
}

// administrators looks whether Microsoft may refuse to revoke an administrator,
// as far as the roles of the account that the bot signs in as tell. It comes after a call
// to Graph, whose token says who that is.
func (e *examination) administrators(ctx context.Context) verdict {
	const what = "whether Microsoft lets the bot revoke administrators"
	if e.directory == nil {
		return without(what, noEntraToken)
	}
	who := "The app"
	if e.grant.Delegated {
		who = "The person who signed in"
	}
	reaches, err := e.directory.ReachesAdministrators(ctx)
	switch failed := graph.AsError(err); {
	case failed != nil:
		return verdict{unchecked, "not checked: " + what + ", because " + failed.Error(), failed.Remedy}
	case reaches == graph.Yes:
		return fine("%s holds a role that also lets the bot revoke the sessions of administrators", who)
	case reaches == graph.No:
		return verdict{doubtful, who + " holds no role that lets the bot revoke the sessions of every administrator. Microsoft may refuse the revoke of an account that has an administrator role, or is in a group that can have one", graph.RemedyForReach}
	default:
		return verdict{unchecked, "not checked: " + what + ", because the bot cannot read whose token it is, or cannot read all roles of the owner",
			"The first revoke of an administrator will show it. Until then, know which Privileged Authentication Administrator to call"}
	}
}

const remedyUsers = "Grant the bot the permission User.Read.All, with admin consent. User.ReadBasic.All is not enough"

// unreadable names the properties that Graph did not tell, as Graph does. Those
// that an account need not have are not among them.
func unreadable(u graph.User) (names []string) {
	for _, p := range []struct {
		missing bool
		name    string
	}{
		{u.UPN == "", "userPrincipalName"},
		{u.Guest == graph.Unknown, "userType"},
		{u.Disabled == graph.Unknown, "accountEnabled"},
		{u.Synced == graph.Unknown, "onPremisesSyncEnabled"},
		{u.Restricted == graph.Unknown, "isManagementRestricted"},
		{u.Stamps.RefreshTokens.IsZero(), "refreshTokensValidFromDateTime"},
		{u.Stamps.Sessions.IsZero(), "signInSessionsValidFromDateTime"},
	} {
		if p.missing {
			names = append(names, p.name)
		}
	}
	return names
}
