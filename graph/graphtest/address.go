package graphtest

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// How an address names one object of a set. Graph evaluates the first two alike;
// the third is the alternate key of users in its metadata, the fourth that of
// applications ("Get application").
const (
	noKey      = iota
	slashKey   // users/{key}
	quotedKey  // users('key')
	upnKey     // users(userPrincipalName='key')
	appIDKey   // applications(appId='key'), servicePrincipals(appId='key')
	foreignKey // another named key, which the double does not know
	brokenKey  // parentheses that hold no key
)

// address is what a path below a version names. Names compare without regard to
// case, keys do not change. Sources: Graph's "Access data and methods by navigating
// Microsoft Graph" ("assume path URL resource names, … action and function names …
// are not case-sensitive"), "Get a user" (the form in parentheses, which a user
// principal name that begins with $ must have), and OData 4.01, URL Conventions, 4.3
// and 5.1.1.6.2: a quote inside a key is written twice.
type address struct {
	// set is the first segment without its key, as Graph spells it: "users".
	set string
	// form tells how key, percent-decoding and quoting done, was written.
	form int
	key  string
	// rest is what follows the key, or the set where there is none, with known
	// names as Graph spells them. An action has no namespace, a cast the long one.
	rest string
}

// The names in paths that the double knows, as Graph spells them. An action may come
// with a namespace, a cast must.
var (
	segmentNames = []string{
		"users", "groups", "me", "transitiveMemberOf", "transitiveMembers", "roleManagement", "directory", "roleDefinitions",
		"transitiveRoleAssignments", opInvalidateTokens, opRevokeSessions, opCheckGroups, "applications", "servicePrincipals",
		"federatedIdentityCredentials", "appRoleAssignments", "appRoleAssignedTo", opAddPassword, opRemovePassword,
	}
	actions = []string{opInvalidateTokens, opRevokeSessions, opCheckGroups, opAddPassword, opRemovePassword}
	// keyed are the sets of which one object may be named behind a slash.
	keyed = []string{"users", "groups", "applications", "servicePrincipals"}
)

const (
	namespace     = "microsoft.graph."
	opCheckGroups = "checkMemberGroups"
)

// functions are what may follow one of keyed and is no key. Source: the
// metadata of beta, as msgraph-beta-sdk-go v0.160.0 was made of it.
var functions = []string{
	"$count", "$ref", "$value", "delta", "getByIds", "getUserOwnedObjects", "validateProperties", "validatePassword",
	"getManagedAppBlockedUsers", "evaluateDynamicMembership",
}

var (
	inParentheses = regexp.MustCompile(`(?s)^([A-Za-z]+)\((.*)\)$`)
	quoted        = regexp.MustCompile(`^(?:(\w+)\s*=\s*)?'((?:[^']|'')*)'$`)
)

// parseAddress reads a path below a version, as sent.
func parseAddress(escaped string) address {
	segments := strings.Split(escaped, "/")
	for i, segment := range segments {
		if decoded, err := url.PathUnescape(segment); err == nil {
			segments[i] = decoded
		}
	}
	a := address{set: spelled(segments[0])}
	further := segments[1:]
	if m := inParentheses.FindStringSubmatch(segments[0]); m != nil {
		a.set = spelled(m[1])
		switch key := quoted.FindStringSubmatch(m[2]); {
		case key == nil:
			a.form, a.key = brokenKey, m[2]
		case key[1] == "":
			a.form, a.key = quotedKey, unquote(key[2])
		case a.set == "users" && strings.EqualFold(key[1], "userPrincipalName"):
			a.form, a.key = upnKey, unquote(key[2])
		case (a.set == "applications" || a.set == "servicePrincipals") && strings.EqualFold(key[1], "appId"):
			a.form, a.key = appIDKey, unquote(key[2])
		default:
			a.form, a.key = foreignKey, unquote(key[2])
		}
	} else if slices.Contains(keyed, a.set) && len(further) > 0 && !isFunction(further[0]) {
		a.form, a.key, further = slashKey, further[0], further[1:]
	}
	for i, segment := range further {
		further[i] = spelled(segment)
	}
	a.rest = strings.Join(further, "/")
	return a
}

// spelled is a name as Graph spells it, where the double knows it.
func spelled(name string) string {
	short, known := withoutNamespace(name), segmentNames
	if short != name {
		known = actions
		if strings.EqualFold(short, "user") {
			return namespace + "user"
		}
	}
	if at := slices.IndexFunc(known, func(known string) bool { return strings.EqualFold(short, known) }); at >= 0 {
		return known[at]
	}
	return name
}

// withoutNamespace cuts off Graph's namespace, or the alias of it that the metadata
// declares and the SDKs send.
func withoutNamespace(name string) string {
	for _, prefix := range []string{namespace, "graph."} {
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return name[len(prefix):]
		}
	}
	return name
}

// isFunction tells a function of a set from a key. A function may have
// parentheses, and its namespace.
func isFunction(segment string) bool {
	name, _, _ := strings.Cut(withoutNamespace(segment), "(")
	return slices.ContainsFunc(functions, func(known string) bool { return strings.EqualFold(name, known) })
}

// usable refuses a key with which no object can be found, whatever the directory
// holds.
func (s *Server) usable(a address, v *visit) (denied answer, ok bool) {
	switch {
	case a.form == foreignKey:
		return s.unmodelled(v), false
	case a.form == brokenKey:
		return s.graphError(v, http.StatusBadRequest, "BadRequest", "Bad Request - Error in query syntax."), false
	case a.form != noKey && (a.key == "" || a.key == "." || a.key == ".." || strings.Contains(a.key, "/")),
		// "Get a user" says so, and to use parentheses.
		a.form == slashKey && strings.HasPrefix(a.key, "$"):
		return s.badRequest(v, "Invalid object identifier '"+a.key+"'."), false
	}
	return answer{}, true
}

// findAt finds the user that an address names. It wants s.mu held.
func (s *Server) findAt(a address) *account {
	found := s.find(a.key)
	if found != nil && a.form == upnKey && !strings.EqualFold(found.user.UserPrincipalName, a.key) {
		return nil
	}
	return found
}
