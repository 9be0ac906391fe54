package msgraph

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-beta-sdk-go/models/odataerrors"

	"revoke-sessions/graph"
)

// maxPages ends a list that does not end by itself. Twenty pages of a
// membership list hold several times the groups that an account can be in.
const maxPages = 20

// question is a request that changes nothing and is answered with JSON.
type question struct {
	op string
	// method and path, without the version, are what it may send.
	method, path string
	// remedy is what failing means here.
	remedy func(status int, code string) string
	// request makes what is sent, anew each time: see Client.parameters.
	request func(context.Context) (*abstractions.RequestInformation, error)
	// heard, where set, is told the header of each answer.
	heard func(http.Header)
}

// failure is the package's failure with the question's remedy.
func (q question) failure(x *exchange, err error) *graph.Error {
	return failureOf(q.op, x, err, q.remedy)
}

// mismatch is an answer about something that was not asked for.
func (q question) mismatch(x *exchange) *graph.Error { return mismatch(q.op, x) }

// jsonErrors has Graph's errors read, for their code.
var jsonErrors = abstractions.ErrorMappings{"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue}

// get is a question that the imported parts of the SDK have no builder for: its
// packages for groups and roles would cost minutes and gigabytes of compiling.
// template is the path with "{id}" where id belongs; the names of options are
// percent-encoded, as in the SDK.
func (c *Client) get(template, id string, options map[string]any,
	headers map[string]string) func(context.Context) (*abstractions.RequestInformation, error) {
	return func(context.Context) (*abstractions.RequestInformation, error) {
		names := slices.Sorted(maps.Keys(options))
		request := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(
			abstractions.GET, "{+baseurl}"+template+"{?"+strings.Join(names, ",")+"}",
			map[string]string{"baseurl": c.adapter.GetBaseUrl(), "id": id})
		request.QueryParametersAny = maps.Clone(options) // the SDK empties it
		request.Headers.TryAdd("Accept", "application/json")
		for name, value := range headers {
			request.Headers.TryAdd(name, value)
		}
		return request, nil
	}
}

// ask sends a question, or the same one about the page after, and reads the
// answer into answer. Only 200 with JSON is one.
func (c *Client) ask(ctx context.Context, q question, page *url.URL, answer any) (*exchange, error) {
	x, err := c.call(ctx, q.method, q.path, func(ctx context.Context) error {
		request, err := q.request(ctx)
		if err != nil {
			return err
		}
		if page != nil {
			request.SetUri(*page)
		}
		_, err = c.adapter.SendPrimitive(ctx, request, "[]byte", jsonErrors)
		return err
	})
	if q.heard != nil {
		q.heard(x.header)
	}
	if err != nil || x.status != http.StatusOK {
		return x, q.failure(x, err)
	}
	if json.Unmarshal(x.body, answer) != nil {
		return x, q.failure(x, nil)
	}
	return x, nil
}

// unfinished is a list that went on for maxPages and did not come to its end.
func (q question) unfinished() *graph.Error {
	e := refused(q.op, graph.CodeListUnfinished)
	e.Remedy, e.Retryable = q.remedy(0, e.Code), true
	return e
}

// list reads a list page by page, until it has enough entries; 0 means all. A
// page without an entry is no end: Graph sends such pages while it looks, and
// the link on it leads on. whole says that it was read to its end. With an
// error come the entries that were read before. check judges each entry; what
// it refuses is refused with its whole page.
func list[T any](ctx context.Context, c *Client, q question, enough int, check func(T, *exchange) *graph.Error) (found []T, whole bool,
	err error) {
	var next *url.URL
	for range maxPages {
		var page struct {
			Value []T    `json:"value"`
			Next  string `json:"@odata.nextLink"`
		}
		x, err := c.ask(ctx, q, next, &page)
		if err != nil {
			return found, false, err
		}
		// A list that is missing is not an empty one.
		if page.Value == nil {
			return found, false, q.failure(x, nil)
		}
		for _, one := range page.Value {
			if refusal := check(one, x); refusal != nil {
				return found, false, refusal
			}
		}
		found = append(found, page.Value...)
		switch {
		case page.Next == "":
			return found, true, nil
		case enough > 0 && len(found) >= enough:
			return found, false, nil
		}
		var ok bool
		if next, ok = c.following(q.path, page.Next); !ok {
			return found, false, q.failure(x, nil)
		}
	}
	return found, false, nil
}

// valid is a check for list that goes by the entry alone.
func valid[T any](q question, ok func(T) bool) func(T, *exchange) *graph.Error {
	return func(one T, x *exchange) *graph.Error {
		if !ok(one) {
			return q.failure(x, nil)
		}
		return nil
	}
}

// following is the address of the next page. The link may choose nothing but
// the query: one to another host or path is not followed, for the token would
// go with it.
func (c *Client) following(path, link string) (*url.URL, bool) {
	own, err := url.Parse(c.adapter.GetBaseUrl() + path)
	if err != nil {
		return nil, false
	}
	u, err := url.Parse(link)
	if err != nil || u.Scheme != own.Scheme || u.User != nil || u.RawQuery == "" ||
		!strings.EqualFold(u.Host, own.Host) || !strings.EqualFold(u.EscapedPath(), own.EscapedPath()) {
		return nil, false
	}
	own.RawQuery = u.RawQuery
	return own, true
}
