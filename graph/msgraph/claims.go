package msgraph

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// claims are what stands in an access token. Tokens are for Graph to read, and
// Microsoft does not promise that anybody else can; nothing proves here what
// stands in one.
// https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
type claims struct {
	Audience string   `json:"aud"`
	ObjectID string   `json:"oid"`
	Type     string   `json:"idtyp"`
	Scopes   string   `json:"scp"`
	Roles    []string `json:"roles"`
}

// readClaims is false for a token that is not legible.
func readClaims(token string) (c claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, false
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &c) != nil {
		return claims{}, false
	}
	return c, true
}

// delegated reports whether the token says that it is a person's: it has
// scopes, or a type that says so. One that does not is taken for an app's,
// unless Config.Delegated says otherwise.
func (c claims) delegated() bool { return c.Scopes != "" || c.Type == "user" }

// holder is the object ID of whoever the token is for: a person, or an app as it
// is known in the organisation.
func (c claims) holder() string {
	objectID, _ := objectID(c.ObjectID)
	if !guid.MatchString(objectID) {
		return ""
	}
	return objectID
}

// person is the object ID of the person whose token it is, and empty for an
// app's.
func (c claims) person() string {
	objectID := strings.ToLower(c.ObjectID)
	if !c.delegated() || !guid.MatchString(objectID) {
		return ""
	}
	return objectID
}
