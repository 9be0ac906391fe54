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
	// begun says that skip is where a list goes on, and empty how many pages
	// without an entry came before.
	begun bool
	empty int
	// count says that $count=true was given.
	count bool
}

// context is the part of @odata.context that repeats the selection.
func (q query) context() string {
	if !q.explicit {
		return ""
	}
	return "(" + strings.Join(q.selected, ",") + ")"
}

// documentedOptions are the query options of Graph that the double does not know.
// Source: Graph's "Use query parameters to customize responses".
var documentedOptions = []string{"$count", "$expand", "$format", "$orderby", "$search", "$skip", "$deltatoken"}

// modelledOptions are those that it knows.
var modelledOptions = []string{"$select", "$filter", "$top", "$skiptoken"}

// option is the name of a query option as Graph spells it: in lower case, with a
// $, which beta allows to leave out. v1.0 does for some APIs, and Graph's page does
// not say for which, so that there it is not modelled.
func option(name, version string) string {
	name = strings.ToLower(name)
	if version == "beta" && !strings.HasPrefix(name, "$") {
		return "$" + name
	}
	return name
}

// parseQuery reads the query options. Its errors are in Graph's words, or
// errUnmodelled.
func parseQuery(values url.Values, of resource, version string) (query, error) {
	q := query{selected: of.answered(version)}
	seen := map[string]bool{}
	for _, given := range slices.Sorted(maps.Keys(values)) {
		texts := values[given]
		name, text := option(given, version), texts[0]
		if len(texts) != 1 || seen[name] {
			return query{}, fmt.Errorf("query option '%s' was specified more than once, but it must be specified at most once", name)
		}
		seen[name] = true
		var err error
		switch {
		case name == "$select":
			q.selected, err = parseSelect(text, of, version)
			q.explicit = true
		case name == "$filter":
			q.filter = strings.TrimSpace(text)
			// A quote inside a value is written twice, so that all are even.
			if q.filter == "" || strings.Count(q.filter, "'")%2 != 0 {
				err = errFilter
			}
		case name == "$top":
			q.top, err = strconv.Atoi(text)
			if err != nil || q.top < 1 || q.top > maxTop {
				err = fmt.Errorf("invalid page size specified: '%s'. Must be between 1 and %d inclusive", text, maxTop)
			}
		case name == "$skiptoken":
			token, empty := strings.CutPrefix(text, emptyPage)
			var at int
			at, err = strconv.Atoi(token)
			if empty {
				q.empty = at
			} else {
				q.begun, q.skip = true, at
			}
			if err != nil || at < 0 {
				err = fmt.Errorf("the specified skip token is invalid")
			}
		case name == "$count" && of.counts:
			q.count, err = strconv.ParseBool(text)
		case slices.Contains(documentedOptions, name), slices.Contains(modelledOptions, "$"+name):
			err = errUnmodelled
		default:
			err = fmt.Errorf("the query parameter '%s' is not supported", name)
		}
		if err != nil {
			return query{}, err
		}
	}
	return q, nil
}

func parseSelect(list string, of resource, version string) ([]string, error) {
	var selected []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if slices.ContainsFunc(of.unmodelled, func(known string) bool { return strings.EqualFold(known, name) }) {
			return nil, errUnmodelled
		}
		property := of.property(name, version)
		if property == "" {
			return nil, fmt.Errorf("parsing OData Select and Expand failed: "+
				"could not find a property named '%s' on type '%s'", name, of.name)
		}
		if !slices.Contains(selected, property) {
			selected = append(selected, property)
		}
	}
	return selected, nil
}

var (
	equals   = regexp.MustCompile(`^(?i:(userPrincipalName|mail))\s+eq\s+'((?:[^']|'')*)'$`)
	anyProxy = regexp.MustCompile(`^(?i:proxyAddresses/any)\((\w+):\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\)$`)
)

var errFilter = errors.New("invalid filter clause")

// errUnmodelled is about something that Graph documents and the double does not
// know.
var errUnmodelled = errors.New("not modelled")

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
			if strings.EqualFold(property, "mail") {
				return strings.EqualFold(u.Mail, value)
			}
			return strings.EqualFold(u.UserPrincipalName, value)
		}, nil
	}
	if m := anyProxy.FindStringSubmatch(text); m != nil {
		if m[1] != m[2] { // a variable that nobody declared
			return nil, errFilter // which is an error in OData, too
		}
		value := unquote(m[3])
		return func(u User) bool {
			return slices.ContainsFunc(u.ProxyAddresses, func(p string) bool { return strings.EqualFold(p, value) })
		}, nil
	}
	return nil, errUnmodelled
}

func unquote(value string) string { return strings.ReplaceAll(value, "''", "'") }

// page is the part of a list that q asks for, as an answer. rest is the path
// without its version, which the link to the next page repeats; size is how
// many Graph answers when nothing else is asked for.
func (s *Server) page(v *visit, version, rest, context string, q query, all []map[string]any, size int) answer {
	if q.top != 0 {
		size = q.top
	}
	if !q.begun && q.empty < s.emptyPages {
		return jsonAnswer(http.StatusOK, map[string]any{
			"@odata.context":  s.GraphURL() + "/" + version + "/$metadata#" + context + q.context(),
			"@odata.nextLink": s.next(v, version, rest, emptyPage+strconv.Itoa(q.empty+1)),
			"value":           []any{},
		})
	}
	start := min(q.skip, len(all))
	end := min(start+size, len(all))
	body := map[string]any{
		"@odata.context": s.GraphURL() + "/" + version + "/$metadata#" + context + q.context(),
		"value":          append([]map[string]any{}, all[start:end]...),
	}
	if q.count {
		body["@odata.count"] = len(all)
	}
	if end < len(all) {
		body["@odata.nextLink"] = s.next(v, version, rest, strconv.Itoa(end))
	}
	return jsonAnswer(http.StatusOK, body)
}

// next is the link to the page at a token.
func (s *Server) next(v *visit, version, rest, token string) string {
	query := maps.Clone(v.record.Query)
	maps.DeleteFunc(query, func(name string, _ []string) bool { return option(name, version) == "$skiptoken" })
	query.Set("$skiptoken", token)
	return s.GraphURL() + "/" + version + "/" + rest + "?" + query.Encode()
}

// emptyPage begins the token that follows a page without an entry.
const emptyPage = "empty"

// SetEmptyPages has every list begin with so many pages that hold nothing and
// link to the next, as Graph's do while it looks for what a filter leaves.
func (s *Server) SetEmptyPages(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emptyPages = n
}
