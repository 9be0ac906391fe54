package graphtest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// knownProperties are those of User, by their names in Graph.
var knownProperties = []string{
	"id", "displayName", "userPrincipalName", "mail", "proxyAddresses", "userType", "externalUserState",
	"accountEnabled", "onPremisesSyncEnabled", "isManagementRestricted", "refreshTokensValidFromDateTime",
	"signInSessionsValidFromDateTime", signInActivity,
}

// defaultProperties are the known ones among those that Graph answers when
// nothing is selected.
var defaultProperties = []string{"id", "displayName", "userPrincipalName", "mail"}

// maxTop is the largest page of users. Source: Graph's "List users".
const maxTop = 999

// query is what the double understands of OData.
type query struct {
	selected []string
	// explicit says that $select was given.
	explicit bool
	// filter is the text of $filter, empty when there was none.
	filter string
	// top is 0 when there was none.
	top  int
	skip int
	// count says that $count=true was given.
	count bool
}

// resource is what can be asked about one kind of thing.
type resource struct {
	// name is its type in Graph.
	name string
	// known are its properties, standard those answered without $select.
	known, standard []string
	// counts says that $count may be asked for.
	counts bool
}

var userResource = resource{name: "microsoft.graph.user", known: knownProperties, standard: defaultProperties}

// context is the part of @odata.context that repeats the selection.
func (q query) context() string {
	if !q.explicit {
		return ""
	}
	return "(" + strings.Join(q.selected, ",") + ")"
}

// parseQuery reads the query options. Its errors are in Graph's words.
func parseQuery(values url.Values, of resource) (query, error) {
	q := query{selected: of.standard}
	for name, given := range values {
		if len(given) != 1 {
			return query{}, fmt.Errorf("query option '%s' was specified more than once, but it must be specified at most once", name)
		}
		var err error
		switch name {
		case "$select":
			q.selected, err = parseSelect(given[0], of)
			q.explicit = true
		case "$filter":
			q.filter = strings.TrimSpace(given[0])
			if q.filter == "" {
				err = errFilter
			}
		case "$top":
			q.top, err = strconv.Atoi(given[0])
			if err != nil || q.top < 1 || q.top > maxTop {
				err = fmt.Errorf("invalid page size specified: '%s'. Must be between 1 and %d inclusive", given[0], maxTop)
			}
		case "$skiptoken":
			q.skip, err = strconv.Atoi(given[0])
			if err != nil || q.skip < 0 {
				err = fmt.Errorf("the specified skip token is invalid")
			}
		case "$count":
			q.count, err = strconv.ParseBool(given[0])
			if !of.counts || err != nil {
				err = fmt.Errorf("the query parameter '%s' is not supported", name)
			}
		default:
			err = fmt.Errorf("the query parameter '%s' is not supported", name)
		}
		if err != nil {
			return query{}, err
		}
	}
	return q, nil
}

func parseSelect(list string, of resource) ([]string, error) {
	var selected []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(of.known, name) {
			return nil, fmt.Errorf("parsing OData Select and Expand failed: "+
				"could not find a property named '%s' on type '%s'", name, of.name)
		}
		selected = append(selected, name)
	}
	return selected, nil
}

var (
	equals   = regexp.MustCompile(`^(userPrincipalName|mail)\s+eq\s+'((?:[^']|'')*)'$`)
	anyProxy = regexp.MustCompile(`^proxyAddresses/any\((\w+):\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\)$`)
)

var errFilter = errors.New("invalid filter clause")

// userFilter understands eq on three properties, and no text as no filter. As
// in Graph, values compare without regard to case, and a quote inside a value
// is written twice.
func userFilter(text string) (func(User) bool, error) {
	if text == "" {
		return func(User) bool { return true }, nil
	}
	if m := equals.FindStringSubmatch(text); m != nil {
		property, value := m[1], unquote(m[2])
		return func(u User) bool {
			if property == "mail" {
				return strings.EqualFold(u.Mail, value)
			}
			return strings.EqualFold(u.UserPrincipalName, value)
		}, nil
	}
	if m := anyProxy.FindStringSubmatch(text); m != nil && m[1] == m[2] {
		value := unquote(m[3])
		return func(u User) bool {
			return slices.ContainsFunc(u.ProxyAddresses, func(p string) bool { return strings.EqualFold(p, value) })
		}, nil
	}
	return nil, errFilter
}

func unquote(value string) string { return strings.ReplaceAll(value, "''", "'") }

// page is the part of a list that q asks for, as an answer. rest is the path
// without its version, which the link to the next page repeats; size is how
// many Graph answers when nothing else is asked for.
func (s *Server) page(v *visit, version, rest, context string, q query, all []map[string]any, size int) answer {
	if q.top != 0 {
		size = q.top
	}
	start := min(q.skip, len(all))
	end := min(start+size, len(all))
	body := map[string]any{
		"@odata.context": s.url + "/" + version + "/$metadata#" + context + q.context(),
		"value":          append([]map[string]any{}, all[start:end]...),
	}
	if q.count {
		body["@odata.count"] = len(all)
	}
	if end < len(all) {
		next := maps.Clone(v.record.Query)
		next.Set("$skiptoken", strconv.Itoa(end))
		body["@odata.nextLink"] = s.url + "/" + version + "/" + rest + "?" + next.Encode()
	}
	return jsonAnswer(http.StatusOK, body)
}
