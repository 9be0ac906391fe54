package graphtest

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The permissions for registrations. Source: the pages "Create application", "List
// applications", "Create servicePrincipal" and "Grant an appRoleAssignment for a service
// principal". Application.ReadWrite.OwnedBy, which goes by who made an application, is not
// modelled.
var (
	mayReadApps = []string{"Application.Read.All", permissionApps, "Directory.Read.All", "Directory.ReadWrite.All"}
	mayEditApps = []string{permissionApps}
	mayAssign   = []string{permissionAssign}
)

const (
	permissionApps   = "Application.ReadWrite.All"
	permissionAssign = "AppRoleAssignment.ReadWrite.All"
)

// Application is the registration of an application, beside the one of Config, and its
// service principal.
type Application struct {
	// ID is the object ID, AppID the client ID. AddApplication makes what is empty.
	ID, AppID   string
	DisplayName string
	// SignInAudience is AzureADMyOrg, the single tenant, when empty.
	SignInAudience string
	Required       []RequiredResource
	Passwords      []Password
	Federated      []FederatedCredential
	// PrincipalID is the object ID of the service principal. Empty means that there is
	// none, and that the application cannot sign in.
	PrincipalID string
	// Granted are the permissions of Graph that the service principal was granted, by
	// their names. What the application may do follows these alone, not Required.
	Granted []string
}

// RequiredResource is what a registration asks of one resource.
type RequiredResource struct {
	ResourceAppID string           `json:"resourceAppId"`
	Access        []ResourceAccess `json:"resourceAccess"`
}

// ResourceAccess is one permission, by its ID. Type is Role for one of applications and
// Scope for a delegated one.
type ResourceAccess struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// Password is a client secret. Graph answers Secret once, when it is made.
type Password struct {
	KeyID, DisplayName, Secret string
	Start, End                 time.Time
}

// single is the audience of an application for one tenant alone.
const single = "AzureADMyOrg"

// applicationResource and what a registration holds. Source: Graph's "application resource
// type". What is answered without $select is nearly everything there.
var applicationResource = resource{
	name: "microsoft.graph.application",
	known: words(`id deletedDateTime addIns api appId applicationTemplateId appRoles certification createdDateTime
		defaultRedirectUri description disabledByMicrosoftStatus displayName groupMembershipClaims identifierUris info
		isDeviceOnlyAuthSupported isFallbackPublicClient keyCredentials notes oauth2RequirePostResponse optionalClaims
		parentalControlSettings passwordCredentials publicClient publisherDomain requestSignatureVerification
		requiredResourceAccess samlMetadataUrl serviceManagementReference servicePrincipalLockConfiguration signInAudience
		spa tags tokenEncryptionKeyId uniqueName verifiedPublisher web`),
	collections: words(`addIns appRoles identifierUris keyCredentials passwordCredentials requiredResourceAccess tags`),
	unmodelled: words(`logo appManagementPolicies createdOnBehalfOf extensionProperties federatedIdentityCredentials
		homeRealmDiscoveryPolicies owners synchronization tokenIssuancePolicies tokenLifetimePolicies`),
	standard: words(`id deletedDateTime addIns api appId appRoles createdDateTime description displayName identifierUris
		isFallbackPublicClient keyCredentials notes passwordCredentials requiredResourceAccess signInAudience tags uniqueName web`),
}

// AddApplication registers an application, and returns it with its IDs. It gets a service
// principal where PrincipalID or Granted says so.
func (s *Server) AddApplication(a Application) Application {
	for _, id := range []*string{&a.ID, &a.AppID} {
		if *id == "" {
			*id = newGUID()
		}
	}
	if a.SignInAudience == "" {
		a.SignInAudience = single
	}
	if a.PrincipalID == "" && len(a.Granted) > 0 {
		a.PrincipalID = newGUID()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	added := a.clone()
	s.applications = append(s.applications, &registration{Application: added, created: s.config.Now()})
	return a
}

// Applications are all that were added, or made by a client, in that order.
func (s *Server) Applications() []Application {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Application
	for _, a := range s.applications {
		all = append(all, a.clone())
	}
	return all
}

func (a Application) clone() Application {
	a.Required, a.Passwords, a.Federated, a.Granted = slices.Clone(a.Required), slices.Clone(a.Passwords), slices.Clone(a.Federated), slices.Clone(a.Granted)
	for i, of := range a.Required {
		a.Required[i].Access = slices.Clone(of.Access)
	}
	return a
}

// registration is an application as the directory has it.
type registration struct {
	Application
	created time.Time
}

func (a *registration) properties() map[string]any {
	passwords := []any{}
	for _, p := range a.Passwords {
		passwords = append(passwords, p.properties())
	}
	return applicationResource.with(map[string]any{
		"id": a.ID, "appId": a.AppID, "displayName": orNull(a.DisplayName), "signInAudience": a.SignInAudience,
		"createdDateTime": stampOrNull(a.created), "passwordCredentials": passwords,
		"requiredResourceAccess": append([]RequiredResource{}, a.Required...),
	})
}

// properties of a client secret are those that are told later, the secret not among them.
// Source: Graph's "passwordCredential resource type".
func (p Password) properties() map[string]any {
	return map[string]any{
		"customKeyIdentifier": nil, "displayName": orNull(p.DisplayName), "keyId": p.KeyID, "secretText": nil,
		"hint": p.Secret[:min(3, len(p.Secret))], "startDateTime": stampOrNull(p.Start), "endDateTime": stampOrNull(p.End),
	}
}

// registrations answers what is asked of applications and service principals, and is nil
// for what is not modelled.
func (s *Server) registrations(what string, r *http.Request, version, rest string, at address, v *visit) func() answer {
	answers := map[string]func(*http.Request, string, string, address, *visit) answer{
		"GET applications":                                 s.listApplications,
		"GET applications/*":                               s.getApplication,
		"POST applications":                                s.createApplication,
		"PATCH applications/*":                             s.updateApplication,
		"POST applications/*/" + opAddPassword:             s.addPassword,
		"POST applications/*/" + opRemovePassword:          s.removePassword,
		"GET applications/*/federatedIdentityCredentials":  s.listFederated,
		"POST applications/*/federatedIdentityCredentials": s.createFederated,
		"GET servicePrincipals":                            s.listPrincipals,
		"GET servicePrincipals/*":                          s.getPrincipal,
		"POST servicePrincipals":                           s.createPrincipal,
		"GET servicePrincipals/*/appRoleAssignments":       s.listAssignments,
		"POST servicePrincipals/*/appRoleAssignments":      s.assignRole,
		"POST servicePrincipals/*/appRoleAssignedTo":       s.assignRole,
	}
	found := answers[what]
	if found == nil {
		return nil
	}
	return func() answer { return found(r, version, rest, at, v) }
}

const (
	opAddPassword    = "addPassword"
	opRemovePassword = "removePassword"
)

// registered finds an application by its object ID, or by its client ID where the address
// says appId. It wants s.mu held.
func (s *Server) registered(at address) *registration {
	for _, a := range s.applications {
		if at.form == appIDKey && strings.EqualFold(a.AppID, at.key) || at.form != appIDKey && strings.EqualFold(a.ID, at.key) {
			return a
		}
	}
	return nil
}

var byNameOrAppID = regexp.MustCompile(`^(?i:(displayName|appId))\s+eq\s+'((?:[^']|'')*)'$`)

func (s *Server) listApplications(r *http.Request, version, rest string, _ address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadApps); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, applicationResource, version)
	wanted := byNameOrAppID.FindStringSubmatch(q.filter)
	if err == nil && q.filter != "" && wanted == nil {
		err = errUnmodelled
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []map[string]any
	for _, a := range s.applications {
		if wanted != nil {
			value := a.AppID
			if strings.EqualFold(wanted[1], "displayName") {
				value = a.DisplayName
			}
			if !strings.EqualFold(value, unquote(wanted[2])) {
				continue
			}
		}
		found = append(found, choose(a.properties(), q.selected, true))
	}
	return s.page(v, version, rest, "applications", q, found, defaultPage)
}

func (s *Server) getApplication(r *http.Request, version, _ string, at address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadApps); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, applicationResource, version)
	if err == nil && (q.filter != "" || q.top != 0) {
		err = errors.New("query options $filter and $top do not apply to a single resource")
	}
	if err != nil {
		return s.badQuery(v, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.registered(at)
	if a == nil {
		return s.notFound(v, at.key)
	}
	body := choose(a.properties(), q.selected, true)
	body["@odata.context"] = s.GraphURL() + "/" + version + "/$metadata#applications" + q.context() + "/$entity"
	return jsonAnswer(http.StatusOK, body)
}

// applicationBody is what may be said of an application when it is made or changed. A
// field that is nil was not sent.
type applicationBody struct {
	DisplayName    *string            `json:"displayName"`
	SignInAudience *string            `json:"signInAudience"`
	Required       []RequiredResource `json:"requiredResourceAccess"`
}

// sent reads a body that holds the fields of into and no others: what else Graph takes
// there is not modelled.
func (s *Server) sent(r *http.Request, v *visit, into any) (denied answer, ok bool) {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	switch err := decoder.Decode(into); {
	case err == nil:
		return answer{}, true
	case strings.Contains(err.Error(), "unknown field"):
		return s.unmodelled(v), false
	default:
		return s.graphError(v, http.StatusBadRequest, "BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."), false
	}
}

func (body applicationBody) invalid() string {
	audiences := []string{single, "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"}
	if body.DisplayName != nil && *body.DisplayName == "" {
		return "Invalid value specified for property 'displayName' of resource 'Application'."
	}
	if body.SignInAudience != nil && !slices.Contains(audiences, *body.SignInAudience) {
		return "Invalid value specified for property 'signInAudience' of resource 'Application'."
	}
	for _, of := range body.Required {
		for _, one := range of.Access {
			if !guid.MatchString(of.ResourceAppID) || !guid.MatchString(one.ID) || one.Type != "Role" && one.Type != "Scope" {
				return "Invalid value specified for property 'resourceAccess' of resource 'RequiredResourceAccess'."
			}
		}
	}
	return ""
}

// createApplication makes a registration, and no service principal. Two may have the same
// name.
func (s *Server) createApplication(r *http.Request, version, _ string, _ address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayEditApps); !ok {
		return denied
	}
	var body applicationBody
	if denied, ok := s.sent(r, v, &body); !ok {
		return denied
	}
	if body.DisplayName == nil {
		return s.badRequest(v, "A value is required for property 'displayName' of resource 'Application'.")
	}
	if invalid := body.invalid(); invalid != "" {
		return s.badRequest(v, invalid)
	}
	made := Application{DisplayName: *body.DisplayName, Required: body.Required}
	if body.SignInAudience != nil {
		made.SignInAudience = *body.SignInAudience
	}
	made = s.AddApplication(made)
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.registered(address{key: made.ID}).properties()
	all["@odata.context"] = s.GraphURL() + "/" + version + "/$metadata#applications/$entity"
	return jsonAnswer(http.StatusCreated, all)
}

// updateApplication changes what was sent. A list is replaced as a whole.
func (s *Server) updateApplication(r *http.Request, _, _ string, at address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayEditApps); !ok {
		return denied
	}
	var body applicationBody
	if denied, ok := s.sent(r, v, &body); !ok {
		return denied
	}
	if invalid := body.invalid(); invalid != "" {
		return s.badRequest(v, invalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.registered(at)
	if a == nil {
		return s.notFound(v, at.key)
	}
	if body.DisplayName != nil {
		a.DisplayName = *body.DisplayName
	}
	if body.SignInAudience != nil {
		a.SignInAudience = *body.SignInAudience
	}
	if body.Required != nil {
		a.Required = body.Required
	}
	return answer{status: http.StatusNoContent, header: http.Header{}}
}

// addPassword makes a client secret. Source: Graph's "application: addPassword": two years
// by default, and the secret in this one answer.
func (s *Server) addPassword(r *http.Request, version, _ string, at address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayEditApps); !ok {
		return denied
	}
	var body struct {
		Credential struct {
			DisplayName string     `json:"displayName"`
			Start       *time.Time `json:"startDateTime"`
			End         *time.Time `json:"endDateTime"`
		} `json:"passwordCredential"`
	}
	if denied, ok := s.sent(r, v, &body); !ok {
		return denied
	}
	made := Password{KeyID: newGUID(), DisplayName: body.Credential.DisplayName, Secret: rand.Text() + "~" + rand.Text()[:8], Start: s.config.Now()}
	if body.Credential.Start != nil {
		made.Start = *body.Credential.Start
	}
	made.End = made.Start.AddDate(2, 0, 0)
	if body.Credential.End != nil {
		made.End = *body.Credential.End
	}
	if !made.End.After(made.Start) {
		return s.badRequest(v, "Invalid value specified for property 'endDateTime' of resource 'PasswordCredential'.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.registered(at)
	if a == nil {
		return s.notFound(v, at.key)
	}
	a.Passwords = append(a.Passwords, made)
	all := made.properties()
	all["secretText"] = made.Secret
	all["@odata.context"] = s.GraphURL() + "/" + version + "/$metadata#microsoft.graph.passwordCredential"
	return jsonAnswer(http.StatusOK, all)
}

// removePassword ends a client secret. What Graph answers where there is none is not
// documented.
func (s *Server) removePassword(r *http.Request, _, _ string, at address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayEditApps); !ok {
		return denied
	}
	var body struct {
		KeyID string `json:"keyId"`
	}
	if denied, ok := s.sent(r, v, &body); !ok {
		return denied
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.registered(at)
	if a == nil {
		return s.notFound(v, at.key)
	}
	before := len(a.Passwords)
	a.Passwords = slices.DeleteFunc(a.Passwords, func(p Password) bool { return strings.EqualFold(p.KeyID, body.KeyID) })
	if len(a.Passwords) == before {
		return s.badRequest(v, "No password credential found with keyId '"+body.KeyID+"'.")
	}
	return answer{status: http.StatusNoContent, header: http.Header{}}
}

// signsIn finds the registered application that a form names, if it has a service
// principal.
func (s *Server) signsIn(form url.Values) *registration {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.registered(address{form: appIDKey, key: form.Get("client_id")})
	if a == nil || a.PrincipalID == "" {
		return nil
	}
	return a
}

// holds reports whether a secret is one of an application's at a time.
func (s *Server) holds(a *registration, secret string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(a.Passwords, func(p Password) bool {
		return secret != "" && p.Secret == secret && !now.Before(p.Start) && now.Before(p.End)
	})
}
