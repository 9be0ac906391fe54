package graphtest

import (
	"net/http"
	"slices"
	"strings"
)

// FederatedCredential lets a workload sign in as an application with the token of an
// issuer. The double keeps it and does not follow it: it cannot fetch the issuer's key.
// See Federate for a sign-in as the application of Config.
type FederatedCredential struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Issuer    string   `json:"issuer"`
	Subject   string   `json:"subject"`
	Audiences []string `json:"audiences"`
}

// federatedResource is one. Source: Graph's "federatedIdentityCredential resource type".
var federatedResource = resource{
	name:        "microsoft.graph.federatedIdentityCredential",
	known:       words(`id audiences description issuer name subject`),
	collections: words(`audiences`),
	standard:    words(`id audiences description issuer name subject`),
}

// The most of them that an application may have, and the longest name and other text.
// Source: Graph's "Create federatedIdentityCredential".
const (
	mostFederated    = 20
	longestName      = 120
	longestFederated = 600
)

func (f FederatedCredential) properties() map[string]any {
	return federatedResource.with(map[string]any{
		"id": f.ID, "name": f.Name, "issuer": f.Issuer, "subject": f.Subject, "audiences": append([]string{}, f.Audiences...),
	})
}

func (s *Server) listFederated(r *http.Request, version, rest string, at address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayReadApps); !ok {
		return denied
	}
	q, err := parseQuery(v.record.Query, federatedResource, version)
	if err == nil && q.filter != "" {
		err = errUnmodelled
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
	var found []map[string]any
	for _, f := range a.Federated {
		found = append(found, choose(f.properties(), q.selected, true))
	}
	return s.page(v, version, rest, "applications('"+a.ID+"')/federatedIdentityCredentials", q, found, defaultPage)
}

// createFederated adds one. Source of the errors about what is there already:
// github.com/Azure/azure-workload-identity/issues/434 and github.com/Azure/azure-dev/issues/1482.
// The order of the checks, and the words of the others, are not documented.
func (s *Server) createFederated(r *http.Request, version, _ string, at address, v *visit) answer {
	if denied, ok := s.authorize(r, v, mayEditApps); !ok {
		return denied
	}
	var body struct {
		Name        string   `json:"name"`
		Issuer      string   `json:"issuer"`
		Subject     string   `json:"subject"`
		Audiences   []string `json:"audiences"`
		Description *string  `json:"description"`
	}
	if denied, ok := s.sent(r, v, &body); !ok {
		return denied
	}
	invalid := func(property string) answer {
		return s.graphError(v, http.StatusBadRequest, "InvalidFederatedIdentityCredentialValue",
			"Invalid value specified for property '"+property+"' of resource 'FederatedIdentityCredential'.")
	}
	switch {
	case body.Name == "" || len(body.Name) > longestName || strings.Trim(body.Name, urlFriendly) != "":
		return invalid("name")
	case !strings.HasPrefix(body.Issuer, "https://") || len(body.Issuer) > longestFederated:
		return invalid("issuer")
	case body.Subject == "" || len(body.Subject) > longestFederated:
		return invalid("subject")
	case len(body.Audiences) != 1 || body.Audiences[0] == "" || len(body.Audiences[0]) > longestFederated:
		return invalid("audiences")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.registered(at)
	switch {
	case a == nil:
		return s.notFound(v, at.key)
	case slices.ContainsFunc(a.Federated, func(f FederatedCredential) bool { return strings.EqualFold(f.Name, body.Name) }):
		return s.graphError(v, http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue",
			"FederatedIdentityCredential with name "+body.Name+" already exists.")
	case slices.ContainsFunc(a.Federated, func(f FederatedCredential) bool { return f.Issuer == body.Issuer && f.Subject == body.Subject }):
		return s.graphError(v, http.StatusBadRequest, "InvalidFederatedIdentityCredentialValue",
			"The combination of issuer and subject must be unique for the application. Issuer "+body.Issuer+" and Subject: "+body.Subject+" already exist.")
	case len(a.Federated) >= mostFederated:
		return s.graphError(v, http.StatusBadRequest, "Request_BadRequest", "The application has too many federated identity credentials.")
	}
	made := FederatedCredential{ID: newGUID(), Name: body.Name, Issuer: body.Issuer, Subject: body.Subject, Audiences: body.Audiences}
	a.Federated = append(a.Federated, made)
	all := made.properties()
	all["@odata.context"] = s.GraphURL() + "/" + version + "/$metadata#applications('" + a.ID + "')/federatedIdentityCredentials/$entity"
	return jsonAnswer(http.StatusCreated, all)
}

// urlFriendly are the characters of a name that a URL holds as they are.
const urlFriendly = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~"
