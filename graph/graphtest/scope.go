package graphtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// graphAppID is the application ID of Graph, which names it as well as its URL
// does. Source: "Scopes and permissions in the Microsoft identity platform".
const graphAppID = "00000003-0000-0000-c000-000000000000"

// openIDScopes are about the sign-in and not about a resource. MSAL adds them to
// every request, also where an application signs in for itself.
var openIDScopes = []string{"openid", "profile", "email", "offline_access"}

// scope is one permission of one resource.
type scope struct{ resource, permission string }

// scopesOf reads a scope parameter, OpenID's own ones left out. A permission
// without a resource is Graph's; source as above.
func scopesOf(text string) []scope {
	var found []scope
	for _, one := range strings.Fields(text) {
		if slices.Contains(openIDScopes, one) {
			continue
		}
		resource, permission := "https://graph.microsoft.com", one
		if at := strings.LastIndex(one, "/"); at >= 0 {
			resource, permission = one[:at], one[at+1:]
		}
		found = append(found, scope{resource, permission})
	}
	return found
}

// isGraph knows Graph by its public name and ID, and by this server's. A slash
// at the end belongs to the name of some resources and is kept in their scopes
// ("https://graph.microsoft.com//.default").
func (s *Server) isGraph(resource string) bool {
	resource = strings.TrimSuffix(resource, "/")
	return slices.Contains([]string{"https://graph.microsoft.com", s.GraphURL(), s.URL()}, resource) ||
		strings.EqualFold(resource, graphAppID)
}

// given refuses a form that lacks a parameter. Source: what Entra answered to
// people who forgot one, or sent JSON, of which it reads none: for example
// github.com/microsoftgraph/microsoft-graph-docs/issues/20272.
func (s *Server) given(form url.Values, names ...string) (denied answer, ok bool) {
	for _, name := range names {
		if form.Get(name) == "" {
			return s.entraError(http.StatusBadRequest, "invalid_request", "AADSTS900144",
				"The request body must contain the following parameter: '"+name+"'."), false
		}
	}
	return answer{}, true
}

// ownScopes refuses scopes with which an application cannot sign in for itself.
// Source: "OAuth 2.0 client credentials flow", and for the code and its words
// github.com/microsoftgraph/msgraph-sdk-python/issues/181.
func (s *Server) ownScopes(form url.Values) (denied answer, ok bool) {
	asked := scopesOf(form.Get("scope"))
	if len(asked) == 0 || slices.ContainsFunc(strings.Fields(form.Get("scope")), func(one string) bool {
		return !slices.Contains(openIDScopes, one) && !strings.HasSuffix(one, "/.default")
	}) {
		return s.entraError(http.StatusBadRequest, "invalid_scope", "AADSTS1002012",
			"The provided value for scope "+form.Get("scope")+" is not valid. Client credential flows must have a scope value "+
				"with /.default suffixed to the resource identifier (application ID URI)."), false
	}
	return s.knownResources(asked)
}

// knownResources refuses scopes of anything but Graph.
func (s *Server) knownResources(asked []scope) (denied answer, ok bool) {
	for _, one := range asked {
		if !s.isGraph(one.resource) {
			return s.entraError(http.StatusBadRequest, "invalid_resource", "AADSTS500011",
				"The resource principal named "+one.resource+" was not found in the tenant."), false
		}
	}
	return answer{}, true
}

// consented refuses what was not granted to a person who uses the application.
// Source of the code: "Microsoft Entra authentication and authorization error codes".
func (s *Server) consented(asked []scope) (denied answer, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range asked {
		if one.permission != ".default" && !slices.ContainsFunc(s.granted, func(has string) bool { return strings.EqualFold(has, one.permission) }) {
			return s.entraError(http.StatusBadRequest, "invalid_grant", "AADSTS65001",
				"The user or administrator has not consented to use the application with ID '"+s.config.ClientID+
					"'. Send an interactive authorization request for this user and resource."), false
		}
	}
	return answer{}, true
}
