package graphtest

import (
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// GraphPrincipalID is the object ID of Graph's own service principal in the tenant.
const GraphPrincipalID = "2f6c1b0a-8d47-4a52-b1f3-90c5e7d8a614"

// PermissionIDs are the IDs of the application permissions of Graph that the double knows,
// by name; they are the same in every tenant. Source: Graph's permissions reference.
func PermissionIDs() map[string]string {
	ids := map[string]string{}
	for _, role := range graphRoles {
		ids[role.name] = role.id
	}
	return ids
}

// graphRoles are the application permissions of Graph: an app role each.
var graphRoles = []struct{ name, id, title string }{
	{permissionRevoke, "77f3a031-c388-4f99-b373-dc68676a979e", "Revoke all sign in sessions for a user"},
	{permissionUsers, "df021288-bdef-4463-88db-98f22de89214", "Read all users' full profiles"},
	{"User.ReadWrite.All", "741f803b-c850-494e-b5df-cde7c675a1ca", "Read and write all users' full profiles"},
	{permissionGroups, "98830695-27a2-44f7-8c18-0c3ebc9698f6", "Read all group memberships"},
	{permissionRoles, "483bed4a-2ad3-4361-a73b-c83ccdbdc53c", "Read all directory RBAC settings"},
	{permissionLogs, "b0afded3-3588-46d8-8b3d-9842eff778da", "Read all audit log data"},
	{"Directory.Read.All", "7ab1d382-f21e-4acd-a863-ba3e13f7da61", "Read directory data"},
	{permissionApps, "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9", "Read and write all applications"},
	{permissionAssign, "06b708a9-e830-4db3-a914-8e69da51d44f", "Manage app permission grants and app role assignments"},
}

// principalResource is a service principal. Source: Graph's "servicePrincipal resource
// type".
var principalResource = resource{
	name: "microsoft.graph.servicePrincipal",
	known: words(`id deletedDateTime accountEnabled addIns alternativeNames appDescription appDisplayName appId
		applicationTemplateId appOwnerOrganizationId appRoleAssignmentRequired appRoles description
		disabledByMicrosoftStatus displayName homepage info keyCredentials loginUrl logoutUrl notes
		notificationEmailAddresses oauth2PermissionScopes passwordCredentials preferredSingleSignOnMode
		preferredTokenSigningKeyThumbprint replyUrls resourceSpecificApplicationPermissions samlSingleSignOnSettings
		servicePrincipalNames servicePrincipalType signInAudience tags tokenEncryptionKeyId verifiedPublisher`),
	collections: words(`addIns alternativeNames appRoles keyCredentials notificationEmailAddresses oauth2PermissionScopes
		passwordCredentials replyUrls resourceSpecificApplicationPermissions servicePrincipalNames tags`),
	unmodelled: words(`customSecurityAttributes appManagementPolicies appRoleAssignedTo appRoleAssignments
		claimsMappingPolicies createdObjects delegatedPermissionClassifications endpoints federatedIdentityCredentials
		homeRealmDiscoveryPolicies memberOf oauth2PermissionGrants ownedObjects owners remoteDesktopSecurityConfiguration
		synchronization tokenIssuancePolicies tokenLifetimePolicies transitiveMemberOf`),
	standard: words(`id deletedDateTime accountEnabled alternativeNames appDisplayName appId appRoleAssignmentRequired
		appRoles displayName keyCredentials oauth2PermissionScopes passwordCredentials servicePrincipalNames
		servicePrincipalType signInAudience tags`),
}

// roleAssignmentResource is an app role that was assigned. Source: Graph's
// "appRoleAssignment resource type".
var roleAssignmentResource = resource{
	name:     "microsoft.graph.appRoleAssignment",
	known:    words(`id deletedDateTime appRoleId createdDateTime principalDisplayName principalId principalType resourceDisplayName resourceId`),
	standard: words(`id deletedDateTime appRoleId createdDateTime principalDisplayName principalId principalType resourceDisplayName resourceId`),
}

// principal is a service principal: Graph's, or an application's. The one of Config's
// application is not among them.
type principal struct {
	id, appID, name string
	of              *registration // nil for Graph's
}

func (p principal) properties() map[string]any {
	roles := []any{}
	audience := single
	if p.of == nil {
		audience = "AzureADMultipleOrgs"
		for _, role := range graphRoles {
			roles = append(roles, map[string]any{
				"id": role.id, "value": role.name, "displayName": role.title, "description": role.title + ", without a signed-in user.",
				"allowedMemberTypes": []string{"Application"}, "isEnabled": true, "origin": "Application",
			})
		}
	} else {
		audience = p.of.SignInAudience
	}
	return principalResource.with(map[string]any{
		"id": p.id, "appId": p.appID, "displayName": orNull(p.name), "appDisplayName": orNull(p.name), "accountEnabled": true,
		"appRoleAssignmentRequired": false, "appRoles": roles, "servicePrincipalNames": []string{p.appID},
		"servicePrincipalType": "Application", "signInAudience": audience,
	})
}

// principals are all of them. It wants s.mu held.
func (s *Server) principals() []principal {
	all := []principal{{id: GraphPrincipalID, appID: graphAppID, name: "Microsoft Graph"}}
	for _, a := range s.applications {
		if a.PrincipalID != "" {
			all = append(all, principal{id: a.PrincipalID, appID: a.AppID, name: a.DisplayName, of: a})
		}
	}
	return all
}

// principalAt finds one by its object ID or by its application's ID. It wants s.mu held.
func (s *Server) principalAt(at address) (principal, bool) {
	for _, p := range s.principals() {
		if at.form == appIDKey && strings.EqualFold(p.appID, at.key) || at.form != appIDKey && strings.EqualFold(p.id, at.key) {
			return p, true
		}
	}
	return principal{}, false
}

var byAppID = regexp.MustCompile(`^(?i:appId)\s+eq\s+'([^']+)'$`)

func (s *Server) listPrincipals(r *http.Request, version, rest string, _ address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadApps); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, principalResource, version)
	wanted := byAppID.FindStringSubmatch(q.filter)
	if err == nil && q.filter != "" && wanted == nil {
		err = errUnmodelled
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []map[string]any
	for _, p := range s.principals() {
		if wanted == nil || strings.EqualFold(p.appID, wanted[1]) {
			found = append(found, choose(p.properties(), q.selected, true))
		}
	}
	return s.page(v, version, rest, "servicePrincipals", q, found, defaultPage)
}

func (s *Server) getPrincipal(r *http.Request, version, _ string, at address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadApps); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, principalResource, version)
	if err == nil && (q.filter != "" || q.top != 0) {
		err = errors.New("query options $filter and $top do not apply to a single resource")
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, found := s.principalAt(at)
	if !found {
		return s.notFound(v, at.key)
	}
	body := choose(p.properties(), q.selected, true)
	body["@odata.context"] = s.GraphURL() + "/" + version + "/$metadata#servicePrincipals" + q.context() + "/$entity"
	return jsonAnswer(http.StatusOK, body)
}

// createPrincipal makes the service principal of a registered application. Source of the
// errors: for an application that is not there, or not there yet,
// github.com/hashicorp/vault-plugin-secrets-azure/issues/8; for a second one,
// Microsoft's page "Intune Provisioning Client service principal".
func (s *Server) createPrincipal(r *http.Request, version, _ string, _ address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayEditApps); !ok {
		return denied
	}
	var body struct {
		AppID   string `json:"appId"`
		Enabled *bool  `json:"accountEnabled"`
	}
	if denied, ok := s.sent(r, v, &body); !ok {
		return denied
	}
	if body.Enabled != nil && !*body.Enabled {
		return s.unmodelled(v)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.registered(address{form: appIDKey, key: body.AppID})
	_, exists := s.principalAt(address{form: appIDKey, key: body.AppID})
	switch {
	case exists:
		return s.graphError(v, http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue",
			"The service principal cannot be created, updated, or restored because the service principal name "+body.AppID+" is already in use.")
	case a == nil:
		return s.badRequest(v, "The appId '"+body.AppID+"' of the service principal does not reference a valid application object.")
	}
	a.PrincipalID = newGUID()
	p, _ := s.principalAt(address{key: a.PrincipalID})
	all := p.properties()
	all["@odata.context"] = s.GraphURL() + "/" + version + "/$metadata#servicePrincipals/$entity"
	return jsonAnswer(http.StatusCreated, all)
}

// assigned is an app role of Graph's that p was assigned.
func (p principal) assigned(role string) map[string]any {
	return roleAssignmentResource.with(map[string]any{
		"id": p.id[:8] + "-" + role, "appRoleId": role, "principalId": p.id, "principalDisplayName": orNull(p.name), "principalType": "ServicePrincipal",
		"resourceId": GraphPrincipalID, "resourceDisplayName": "Microsoft Graph",
	})
}

// listAssignments lists the app roles that a service principal was assigned.
func (s *Server) listAssignments(r *http.Request, version, rest string, at address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadApps); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, roleAssignmentResource, version)
	if err == nil && q.filter != "" {
		err = errUnmodelled
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, there := s.principalAt(at)
	if !there {
		return s.notFound(v, at.key)
	}
	var found []map[string]any
	if p.of != nil {
		for _, name := range p.of.Granted {
			found = append(found, choose(p.assigned(PermissionIDs()[name]), q.selected, true))
		}
	}
	return s.page(v, version, rest, "servicePrincipals('"+p.id+"')/appRoleAssignments", q, found, defaultPage)
}

// assignRole assigns an app role of Graph's to the service principal of an application,
// which is an administrator's consent. The address is either side. Source: Graph's "Grant
// an appRoleAssignment for a service principal" and "… to a service principal"; the words
// for what is there already, and for a role that is not, are those that many scripts look
// for. Whose Entra role a person needs for it is not modelled.
func (s *Server) assignRole(r *http.Request, version, _ string, at address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayAssign, mayReadApps); !ok {
		return denied
	}
	var body struct {
		PrincipalID string `json:"principalId"`
		ResourceID  string `json:"resourceId"`
		AppRoleID   string `json:"appRoleId"`
	}
	if denied, ok := s.sent(r, v, &body); !ok {
		return denied
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	side, there := s.principalAt(at)
	to, known := s.principalAt(address{key: body.PrincipalID})
	own := to.id
	if strings.HasSuffix(at.rest, "To") {
		own = GraphPrincipalID
	}
	ids := PermissionIDs()
	name := ""
	for of := range maps.Keys(ids) {
		if strings.EqualFold(ids[of], body.AppRoleID) {
			name = of
		}
	}
	switch {
	case !there:
		return s.notFound(v, at.key)
	case !known || to.of == nil:
		return s.notFound(v, body.PrincipalID)
	case side.id != own || !strings.EqualFold(body.ResourceID, GraphPrincipalID):
		return s.badRequest(v, "Not a valid reference update.")
	case name == "":
		return s.badRequest(v, "Permission being assigned was not found on application '"+graphAppID+"'.")
	case slices.Contains(to.of.Granted, name):
		return s.badRequest(v, "Permission being assigned already exists on the object")
	}
	to.of.Granted = append(to.of.Granted, name)
	all := to.assigned(ids[name])
	all["@odata.context"] = s.GraphURL() + "/" + version + "/$metadata#appRoleAssignments/$entity"
	return jsonAnswer(http.StatusCreated, all)
}
