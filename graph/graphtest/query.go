package graphtest

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// knownProperties are those of User, by their names in Graph.
var knownProperties = []string{
	"id", "displayName", "userPrincipalName", "mail", "proxyAddresses", "userType", "externalUserState",
	"accountEnabled", "onPremisesSyncEnabled", "refreshTokensValidFromDateTime", "signInSessionsValidFromDateTime",
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
	// filter is nil when there was none.
	filter func(User) bool
	// top is 0 when there was none.
	top  int
	skip int
}

// context is the part of @odata.context that repeats the selection.
func (q query) context() string {
	if !q.explicit {
		return ""
	}
	return "(" + strings.Join(q.selected, ",") + ")"
}

// parseQuery reads the query options. Its errors are in Graph's words.
func parseQuery(values url.Values) (query, error) {
	q := query{selected: defaultProperties}
	for name, given := range values {
		if len(given) != 1 {
			return query{}, fmt.Errorf("query option '%s' was specified more than once, but it must be specified at most once", name)
		}
		var err error
		switch name {
		case "$select":
			q.selected, err = parseSelect(given[0])
			q.explicit = true
		case "$filter":
			q.filter, err = parseFilter(given[0])
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
		default:
			err = fmt.Errorf("the query parameter '%s' is not supported", name)
		}
		if err != nil {
			return query{}, err
		}
	}
	return q, nil
}

func parseSelect(list string) ([]string, error) {
	var selected []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(knownProperties, name) {
			return nil, fmt.Errorf("parsing OData Select and Expand failed: "+
				"could not find a property named '%s' on type 'microsoft.graph.user'", name)
		}
		selected = append(selected, name)
	}
	return selected, nil
}

var (
	equals   = regexp.MustCompile(`^(userPrincipalName|mail)\s+eq\s+'((?:[^']|'')*)'$`)
	anyProxy = regexp.MustCompile(`^proxyAddresses/any\((\w+):\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\)$`)
)

// parseFilter understands eq on three properties. As in Graph, values compare
// without regard to case, and a quote inside a value is written twice.
func parseFilter(text string) (func(User) bool, error) {
	text = strings.TrimSpace(text)
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
	return nil, fmt.Errorf("invalid filter clause")
}

func unquote(value string) string { return strings.ReplaceAll(value, "''", "'") }
