package graph

import (
	"net/http"
	"strings"
)

// Codes of Error for what went wrong before, or without, a code from
// Microsoft.
const (
	// CodeInvalidID: what should be an object ID is no GUID. Nothing was sent.
	CodeInvalidID = "invalid_object_id"
	// CodeInvalidSearch: the text cannot be looked for. Nothing was sent.
	CodeInvalidSearch = "invalid_search"
	// CodeInvalidHeader: a header that the caller may not set, or that cannot
	// be sent. Nothing was sent.
	CodeInvalidHeader = "invalid_header"

	// CodeSignInFailed: Entra gave the bot no token and named no number.
	CodeSignInFailed = "sign_in_failed"
	// CodeSignInUnreachable: Entra's sign-in did not answer, or answered that
	// it cannot at present.
	CodeSignInUnreachable = "sign_in_unreachable"
	// CodeNoCredential: no way to sign in is configured.
	CodeNoCredential = "no_credential"
	// CodeNotSignedIn: the bot is to work in the name of a person, and none has
	// signed in on this machine, or what was kept of it is gone.
	CodeNotSignedIn = "not_signed_in"
	// CodeOwnAccount: the sessions of the account with which the bot signs in
	// were to be revoked. Nothing was sent.
	CodeOwnAccount = "own_account"

	// CodeDNS, CodeRefused, CodeTLS and CodeNoConnection: no connection came
	// about, and nothing was sent.
	CodeDNS          = "name_not_resolved"
	CodeRefused      = "connection_refused"
	CodeTLS          = "certificate_not_trusted"
	CodeNoConnection = "no_connection"
	// CodeConnectionLost: the connection ended before the answer did.
	CodeConnectionLost = "connection_lost"
	// CodeTimeout: no answer in time.
	CodeTimeout = "timeout"
	// CodeCanceled: the caller gave up.
	CodeCanceled = "canceled"

	// CodeUnreadable: the answer is none that Graph documents.
	CodeUnreadable = "unreadable_answer"
	// CodeListUnfinished: page after page of a list came, and not its end.
	CodeListUnfinished = "list_not_finished"
	// CodeOperationGone: the account is there, but Graph does not know the
	// operation, or no longer.
	CodeOperationGone = "operation_gone"
	// CodeNothingFound: Graph knows the account or the operation not, and did
	// not tell which.
	CodeNothingFound = "nothing_found"
	// CodeMismatch: the answer is about another account than was asked for.
	CodeMismatch = "answer_mismatch"
	// CodeInternal: the request was held back, or the SDK failed.
	CodeInternal = "internal"
)

// Remedy says in one or two sentences, for a person, what a failed call means
// and what to do. It is never empty. status is Graph's HTTP status, 0 when
// there was none; code is Graph's error code, an AADSTS number, or one of the
// codes above, and counts for more than the status.
//
// The sentences hold for reads and for revokes: none says whether anything was
// revoked, which Outcome tells.
//
// Sources: learn.microsoft.com/graph/errors and
// learn.microsoft.com/entra/identity-platform/reference-error-codes.
func Remedy(status int, code string) string {
	if text, ok := remedyByCode[code]; ok {
		return text
	}
	if strings.HasPrefix(code, "AADSTS") {
		return "Entra did not let the bot sign in. Look up the number at login.microsoftonline.com/error " +
			"and check the bot's app registration."
	}
	if text, ok := remedyByStatus[status]; ok {
		return text
	}
	switch {
	case status >= 500:
		return "Microsoft has an error of its own. Try again in a minute. If it goes on, see the service health page."
	case status >= 400:
		return "Microsoft refused the request. An administrator should look up the code and check the bot's set-up."
	case status >= 300:
		return "Something answered with a redirect, which Microsoft Graph does not do. " +
			"Check the proxy and the Graph address in the bot's settings."
	case status > 0:
		return "The answer said neither yes nor no. Check the account before you act."
	default:
		return "Microsoft did not answer. Check the bot's network and try again."
	}
}

// RemedyForAccounts is Remedy for reading accounts and looking for them: its 403
// names the permission that they take.
func RemedyForAccounts(status int, code string) string {
	if denied(status, code) {
		return "The bot's app may not read accounts. An administrator must grant it the permission User.Read.All; User.ReadBasic.All is not enough."
	}
	return Remedy(status, code)
}

// Restricted is what to know beside Remedy where the account is in a restricted
// management unit, which a 403 to a revoke may then be about: Graph answers the same
// where a consent is missing. Empty for any other answer.
// https://learn.microsoft.com/entra/identity/role-based-access-control/admin-units-restricted-management
func Restricted(status int, code string) string {
	if !denied(status, code) {
		return ""
	}
	return "The account is in a restricted management unit, where the bot's app needs a role within that unit. That may be why. An administrator of that unit can tell."
}

// RemedyForGroups is Remedy for questions about groups and who is in them: its
// 403 names the permissions that they take.
func RemedyForGroups(status int, code string) string {
	switch {
	case denied(status, code):
		return "The bot's app may not read groups. An administrator must grant it the permissions " +
			"GroupMember.Read.All and User.Read.All."
	case status == http.StatusNotFound && code != CodeUnreadable:
		return "No such group or account in this organisation. Check the group's object ID in the bot's settings."
	}
	return Remedy(status, code)
}

// RemedyForRoles is Remedy for questions about roles: its 403 names the
// permission that they take.
func RemedyForRoles(status int, code string) string {
	if denied(status, code) {
		return "The bot's app may not read who holds a privileged role. An administrator must grant it " +
			"the permission RoleManagement.Read.Directory."
	}
	return Remedy(status, code)
}

// RemedyForReach is what to do where the bot holds no role by which Microsoft
// lets it revoke the sessions of administrators.
const RemedyForReach = "Give the bot's app, or the person in whose name it signs in, the Entra role Privileged Authentication Administrator " +
	"for the whole organisation. Or leave it, and know which holder of that role to call when an administrator loses a device."

// RemedyForPrivileged goes with an answer of Graph's that leaves out whether an
// account is privileged, as it does for an app that may read a part.
const RemedyForPrivileged = "Microsoft left out whether the account holds a privileged role. An administrator must grant the bot's app " +
	"the permissions User.Read.All, GroupMember.Read.All and RoleManagement.Read.Directory, whichever it lacks."

// RemedyForSignIns is Remedy for questions about the last sign-in: its 403
// names the licence and the permission that they take.
func RemedyForSignIns(status int, code string) string {
	if denied(status, code) || code == codeNoPermission {
		return "The bot's app may not read sign-ins. An administrator must grant it the permissions " +
			"AuditLog.Read.All and User.Read.All; this also takes an Entra ID P1 or P2 licence."
	}
	return Remedy(status, code)
}

// Graph's codes, both with 403, to questions about sign-ins: the organisation
// lacks the licence, or the app the permission. Neither is documented; see
// github.com/microsoftgraph/microsoft-graph-docs/issues/14120 and
// github.com/microsoftgraph/microsoft-graph-explorer-v4/issues/2731.
const (
	codeNoLicence    = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
	codeNoPermission = "Authentication_MSGraphPermissionMissing"
)

// denied tells a permission that is missing from a 403 with a cause of its own.
func denied(status int, code string) bool {
	return status == http.StatusForbidden &&
		(remedyByCode[code] == "" || remedyByCode[code] == remedyByCode["Authorization_RequestDenied"])
}

var remedyByStatus = map[int]string{
	400: "Microsoft could not make sense of the request. Check what was typed; if it looks right, it is a fault of the bot.",
	401: "The bot's sign-in was not accepted. Check the Graph address and the clock of the machine it runs on, then restart it.",
	403: "The bot's app may not do this to this account; administrators can need more. " +
		"Ask a Privileged Authentication Administrator, or revoke in the Entra portal.",
	404: "No such account in this organisation. Check the address; an account made a moment ago may need some minutes.",
	407: "A proxy wants a sign-in before it lets the bot out. Check the proxy settings of the machine it runs on.",
	408: "Microsoft did not get the whole request in time. Try again.",
	409: "Microsoft is changing the same account at this moment. Try again in a minute.",
	410: "Microsoft no longer offers this operation. An administrator should choose the other one in the bot's settings.",
	423: "Microsoft has locked the account for a moment. Try again in a minute.",
	429: "Microsoft asked the bot to wait because of too many requests. Try again after that.",
	503: "Microsoft Graph is not available at the moment. Try again in a minute. If it goes on, see the service health page.",
	504: "Microsoft took too long inside its own network. Try again in a minute.",
}

var remedyByCode = func() map[string]string {
	const (
		newSecret    = "The bot's client secret is wrong. Put in the secret's value, not its ID, or make a new secret."
		loginAgain   = "Run revoke-sessions login again, as the user that runs the bot"
		signedOut    = "The sign-in of the bot's own account was revoked, or its password was changed. " + loginAgain + "."
		signInEnded  = "The sign-in of the bot's own account has expired. " + loginAgain + "."
		signInOften  = "A policy ended the sign-in of the bot's own account after a set time. " + loginAgain + ", or let the bot use an app of its own."
		wantsPerson  = "Entra wants a person with a second factor for the bot's account. " + loginAgain + ", or let the bot use an app of its own."
		blocked      = "A Conditional Access policy blocks the bot's sign-in. Exclude it, or let the bot use an app of its own."
		wantsDevice  = "Entra wants the bot to run on a managed device. Let it use an app of its own or a workload identity."
		notFederated = "The bot's app does not trust the workload's identity. Compare issuer, subject and audience " +
			"with the app's federated credentials in Entra."
		wantsConsent = "The bot's app lacks an administrator's consent. Grant it User.RevokeSessions.All and User.Read.All."
		ownAccount   = "The bot's own account is disabled, locked or gone. An administrator must restore it."
		transient    = "Entra's sign-in has a short outage. Try again in a minute."
		unreachable  = "Entra's sign-in could not be reached. Check the bot's network and proxy, then try again."
		denied       = "The bot's app may not do this to this account: consent may be missing, or the account is an administrator's. " +
			"Ask a Privileged Authentication Administrator, or revoke in the Entra portal."
	)
	return map[string]string{
		CodeInvalidID:         "That is not an object ID. An object ID is made of 32 digits and letters a to f, in five groups.",
		CodeInvalidHeader:     "That header belongs to the bot, or cannot be sent. Leave it out.",
		CodeInvalidSearch:     "The bot cannot search for that. Type the user principal name, the e-mail address or the object ID.",
		CodeSignInFailed:      "Entra did not let the bot sign in. Check its tenant ID, client ID and secret.",
		CodeSignInUnreachable: unreachable,
		CodeNoCredential: "The bot has no way to sign in to Entra. Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, " +
			"or give it a managed identity.",
		CodeNotSignedIn: "Nobody is signed in for the bot on this machine. A restart of the machine may have ended the sign-in. " +
			"Run revoke-sessions login, as the user that runs the bot.",
		CodeOwnAccount: "This is the account with which the bot signs in to Entra; revoking its sessions would sign the bot out. " +
			"Do it in the Entra portal, and run revoke-sessions login afterwards, as the user that runs the bot.",
		CodeDNS:            "The name of Microsoft's server could not be resolved. Check the bot's network and DNS.",
		CodeRefused:        "The connection to Microsoft was refused. Check the bot's network, firewall and proxy.",
		CodeTLS:            "The certificate that answered is not Microsoft's or not trusted. Check the proxy and the machine's certificates.",
		CodeNoConnection:   "The bot could not connect to Microsoft. Check the bot's network and proxy, then try again.",
		CodeConnectionLost: "The connection ended before Microsoft's answer came. Read the account again before you act on it.",
		CodeTimeout:        "Microsoft did not answer in time. Read the account again before you act on it.",
		CodeCanceled:       "The bot stopped waiting before Microsoft answered. Read the account again before you act on it.",
		CodeUnreadable: "The answer was not in a form that Microsoft documents. Perhaps a proxy answered. " +
			"Check the network between the bot and Microsoft.",
		CodeListUnfinished: "Microsoft sent page after page without an end, so the bot does not know the answer. Try again in a minute.",
		CodeOperationGone:  remedyByStatus[410],
		CodeNothingFound: "Microsoft does not know the account or the operation, and did not say which. " +
			"Look up the account, then try again.",
		CodeMismatch: "Microsoft's answer was about another account, so it was not used. Try again. If it goes on, tell an administrator.",
		CodeInternal: "The bot could not make the call, because of a fault in the bot. Its log says where. Please report it.",

		"Request_ResourceNotFound":       remedyByStatus[404],
		"ResourceNotFound":               remedyByStatus[404],
		"Authorization_RequestDenied":    denied,
		"accessDenied":                   denied,
		"InvalidAuthenticationToken":     remedyByStatus[401],
		"insufficient_claims":            wantsPerson,
		"interaction_required":           wantsPerson,
		"Request_BadRequest":             remedyByStatus[400],
		"TooManyRequests":                remedyByStatus[429],
		"activityLimitReached":           remedyByStatus[429],
		"serviceNotAvailable":            remedyByStatus[503],
		"Directory_ConcurrencyViolation": remedyByStatus[409],
		codeNoLicence: "Microsoft tells this only to organisations with an Entra ID P1 or P2 licence. " +
			"Everything else works without.",
		codeNoPermission: "The bot's app lacks a permission. An administrator must grant it the " +
			"application permissions that the README lists.",

		"AADSTS7000215": newSecret,
		"AADSTS7000222": "The bot's client secret has expired. Make a new one; a certificate or a workload identity lasts longer.",
		"AADSTS7000218": "Entra got no secret from the bot. Set AZURE_CLIENT_SECRET; for the sign-in of a person, " +
			"let the app registration allow public client flows.",
		"AADSTS700027": "The key with which the bot proves who it is, its certificate's or its workload's, is not one that Entra knows. " +
			"Upload the certificate to the app registration, or correct the app's federated credentials.",
		"AADSTS700021":  "The bot's proof of identity names another app than AZURE_CLIENT_ID does. Correct whichever is wrong.",
		"AADSTS700023":  "The bot's proof of identity is meant for another place to sign in. Check AZURE_TENANT_ID, AZURE_CLOUD and AZURE_AUTHORITY_HOST.",
		"AADSTS700024":  "The bot's proof of identity is out of date. Check the clock of the machine it runs on.",
		"AADSTS50027":   "The bot's proof of identity is not in a form that Entra can read. Check the file that AZURE_FEDERATED_TOKEN_FILE names.",
		"AADSTS70021":   notFederated,
		"AADSTS700211":  notFederated,
		"AADSTS700212":  notFederated,
		"AADSTS700213":  notFederated,
		"AADSTS700016":  "The bot's app is not known in this organisation. Check AZURE_CLIENT_ID and AZURE_TENANT_ID.",
		"AADSTS7000112": "The bot's app is disabled. An administrator must enable it in Entra.",
		"AADSTS90002":   "The organisation was not found. Check AZURE_TENANT_ID.",
		"AADSTS500011":  "Entra does not know Microsoft Graph by the address in the bot's settings. Check the Graph address.",
		"AADSTS50173":   signedOut,
		"AADSTS50132":   signedOut,
		"AADSTS50133":   signedOut,
		"AADSTS700082":  signInEnded,
		"AADSTS70008":   signInEnded,
		"AADSTS70043":   signInOften,
		"AADSTS70020":   "Nobody entered the code in time. Run revoke-sessions login again.",
		"AADSTS50076":   wantsPerson,
		"AADSTS50079":   wantsPerson,
		"AADSTS50072":   wantsPerson,
		"AADSTS50074":   wantsPerson,
		"AADSTS50078":   wantsPerson,
		"AADSTS53003":   blocked,
		"AADSTS530032":  blocked,
		"AADSTS530003":  wantsDevice,
		"AADSTS53000":   wantsDevice,
		"AADSTS50097":   wantsDevice,
		"AADSTS65001":   wantsConsent,
		"AADSTS90094":   wantsConsent,
		"AADSTS650056":  wantsConsent,
		"AADSTS50057":   ownAccount,
		"AADSTS50034":   ownAccount,
		"AADSTS50053":   ownAccount,
		"AADSTS50196":   "Entra saw the same sign-in too often and stopped it. Stop the bot for some minutes, then look at its settings.",
		"AADSTS90033":   transient,
		"AADSTS90090":   transient,
		"AADSTS50033":   transient,
	}
}()
