package msgraph

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/microsoft/kiota-abstractions-go"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	"github.com/microsoftgraph/msgraph-beta-sdk-go/models"
	"github.com/microsoftgraph/msgraph-beta-sdk-go/users"

	"revoke-sessions/graph"
)

const (
	opRead = "read the account"
	opFind = "look for the account"
)

// selected is everything that the bot knows of an account. The stamps and most
// of the rest are answered only when they are named.
var selected = []string{
	"id", "displayName", "userPrincipalName", "mail", "proxyAddresses", "userType", "externalUserState", "accountEnabled",
	"onPremisesSyncEnabled", "isManagementRestricted", "refreshTokensValidFromDateTime", "signInSessionsValidFromDateTime",
}

// enough is how many hits are asked for, and ambiguous how many end the search.
const (
	enough    = 3
	ambiguous = 2
)

// maxSearch is the longest text that is looked for, in bytes. A user principal
// name and an SMTP address are both shorter.
const maxSearch = 320

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// objectID is id in lower case, if it is a GUID. Nothing else may name a user
// in a path: "" and ".." address something else, and "me-token-to-replace" is
// the bot itself.
func objectID(id string) (string, bool) {
	id = strings.ToLower(id)
	return id, guid.MatchString(id)
}

// User reads one account by its object ID. What is no GUID is refused without
// a request; graph.IsNotFound tells that there is no such account.
func (c *Client) User(ctx context.Context, id string) (graph.User, error) {
	id, ok := objectID(id)
	if !ok {
		return graph.User{}, refused(opRead, graph.CodeInvalidID)
	}
	var user models.Userable
	x, err := c.call(ctx, http.MethodGet, "/users/"+id, func(ctx context.Context) (err error) {
		user, err = users.NewUserItemRequestBuilderInternal(c.parameters(id), c.adapter).Get(ctx,
			&users.UserItemRequestBuilderGetRequestConfiguration{
				QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: selected},
			})
		return err
	})
	if err != nil || x.status != http.StatusOK {
		return graph.User{}, failure(opRead, x, err)
	}
	var raw rawUser
	if json.Unmarshal(x.body, &raw) != nil {
		return graph.User{}, failure(opRead, x, nil)
	}
	found, ok := account(user, raw, x.answeredAt)
	if !ok {
		return graph.User{}, failure(opRead, x, nil)
	}
	if found.ID != id {
		return graph.User{}, mismatch(opRead, x)
	}
	return found, nil
}

// Find looks for accounts by one property. The comparison is Graph's: without
// regard to case. For graph.ByProxy, value is an address without "smtp:". It
// returns at most four accounts, and none or one with a nil error only when
// Graph looked to the end: it may send pages on which nothing is before the one
// with the hit.
func (c *Client) Find(ctx context.Context, by graph.Key, value string) ([]graph.User, error) {
	filter, ok := filterFor(by, value)
	if !ok {
		return nil, refused(opFind, graph.CodeInvalidSearch)
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	q := question{
		op: opFind, method: http.MethodGet, path: "/users", remedy: graph.RemedyForAccounts,
		request: func(ctx context.Context) (*abstractions.RequestInformation, error) {
			return users.NewUsersRequestBuilderInternal(c.parameters(""), c.adapter).ToGetRequestInformation(ctx,
				&users.UsersRequestBuilderGetRequestConfiguration{
					QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
						Filter: &filter, Select: selected, Top: new(int32(enough)),
					},
				})
		},
	}
	var found []graph.User
	_, whole, err := list(ctx, c, q, ambiguous, func(one listedUser, x *exchange) *graph.Error {
		user, ok := account(one.user, one.raw, x.answeredAt)
		if !ok {
			return q.failure(x, nil)
		}
		if by == graph.ByUPN && !strings.EqualFold(user.UPN, value) || by == graph.ByMail && !strings.EqualFold(user.Mail, value) {
			return q.mismatch(x)
		}
		found = append(found, user)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case !whole && len(found) < ambiguous:
		return nil, q.unfinished()
	}
	return found, nil
}

// filterFor is the $filter that looks for value, with quotes doubled; the SDK
// does the percent-encoding.
func filterFor(by graph.Key, value string) (string, bool) {
	if value == "" || len(value) > maxSearch || !utf8.ValidString(value) ||
		strings.ContainsFunc(value, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }) {
		return "", false
	}
	quoted := strings.ReplaceAll(value, "'", "''")
	switch by {
	case graph.ByUPN, graph.ByMail:
		return string(by) + " eq '" + quoted + "'", true
	case graph.ByProxy:
		return "proxyAddresses/any(p:p eq 'smtp:" + quoted + "')", true
	default:
		return "", false
	}
}

// rawUser is what the SDK does not tell: whether a property was null or was
// not there.
type rawUser struct {
	Synced     json.RawMessage `json:"onPremisesSyncEnabled"`
	Restricted json.RawMessage `json:"isManagementRestricted"`
}

// listedUser is one user of a list.
type listedUser struct {
	user models.Userable
	raw  rawUser
}

// UnmarshalJSON reads a user as the SDK reads one that is alone in an answer.
func (l *listedUser) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &l.raw); err != nil {
		return err
	}
	node, err := jsonserialization.NewJsonParseNode(text)
	if err != nil {
		return err
	}
	read, err := node.GetObjectValue(models.CreateUserFromDiscriminatorValue)
	if err != nil {
		return err
	}
	l.user, _ = read.(models.Userable)
	return nil
}

// account translates a user. It is false without an object ID.
func account(u models.Userable, raw rawUser, readAt time.Time) (graph.User, bool) {
	if u == nil {
		return graph.User{}, false
	}
	id, ok := objectID(text(u.GetId()))
	if !ok {
		return graph.User{}, false
	}
	return graph.User{
		ID:          id,
		DisplayName: text(u.GetDisplayName()),
		UPN:         text(u.GetUserPrincipalName()),
		Mail:        text(u.GetMail()),
		Addresses:   addresses(u.GetProxyAddresses()),
		Guest:       guest(u),
		Disabled:    opposite(fact(u.GetAccountEnabled())),
		Synced:      nullIsNo(u.GetOnPremisesSyncEnabled(), raw.Synced),
		Restricted:  nullIsNo(u.GetIsManagementRestricted(), raw.Restricted),
		Stamps: graph.Stamps{
			RefreshTokens: instant(u.GetRefreshTokensValidFromDateTime()),
			Sessions:      instant(u.GetSignInSessionsValidFromDateTime()),
			ReadAt:        readAt,
		},
	}, true
}

// addresses are the SMTP ones among proxy addresses, which begin with their
// kind: "SMTP:" for the primary one, "smtp:" for aliases.
func addresses(proxies []string) []string {
	var all []string
	for _, p := range proxies {
		if kind, address, ok := strings.Cut(p, ":"); ok && strings.EqualFold(kind, "smtp") {
			all = append(all, address)
		}
	}
	return all
}

// guest goes by every sign of an external account; without any, it is no guest
// only if Graph said what type of user it is.
func guest(u models.Userable) graph.Fact {
	switch {
	case strings.EqualFold(text(u.GetUserType()), "Guest"),
		text(u.GetExternalUserState()) != "",
		strings.Contains(strings.ToUpper(text(u.GetUserPrincipalName())), "#EXT#"):
		return graph.Yes
	case text(u.GetUserType()) == "":
		return graph.Unknown
	default:
		return graph.No
	}
}

// nullIsNo takes null for a no, which it is by Graph's documentation of both
// properties: onPremisesSyncEnabled is "null if the user was never synced", and
// of isManagementRestricted "the default value is null and the default behavior
// is false". A property that is not there is unknown.
func nullIsNo(value *bool, raw json.RawMessage) graph.Fact {
	if value == nil && string(raw) == "null" {
		return graph.No
	}
	return fact(value)
}

func fact(value *bool) graph.Fact {
	switch {
	case value == nil:
		return graph.Unknown
	case *value:
		return graph.Yes
	default:
		return graph.No
	}
}

func opposite(f graph.Fact) graph.Fact {
	switch f {
	case graph.Yes:
		return graph.No
	case graph.No:
		return graph.Yes
	default:
		return graph.Unknown
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// mismatch is an answer about somebody else.
func mismatch(op string, x *exchange) *graph.Error {
	e := failure(op, x, nil)
	e.Code = graph.CodeMismatch
	e.Remedy = graph.Remedy(e.Status, e.Code)
	return e
}
