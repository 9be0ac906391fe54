package msgraph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Account tells the object ID of the account that a record of Login is about:
// the one whose sessions the bot must not revoke, for it would sign itself
// out. A guest of the tenant is an error: the record holds the object ID that
// it has at home, and not the one that it has here.
func Account(record azidentity.AuthenticationRecord) (objectID string, err error) {
	objectID, home, _ := strings.Cut(strings.ToLower(record.HomeAccountID), ".")
	switch {
	case !guid.MatchString(objectID):
		return "", errors.New("the record of the sign-in does not tell the account's object ID")
	case !strings.EqualFold(home, record.TenantID):
		return "", errors.New("the account that signed in is a guest of this organisation, and its object ID here is not known")
	}
	return objectID, nil
}

// SignedInAs tells the object ID of the person with whose token the client's
// last request went to Graph. It is empty where that was an application's,
// where it could not be told, and before the first request. It asks nobody.
func (c *Client) SignedInAs() (objectID string) {
	if person := c.wire.person.Load(); person != nil {
		return *person
	}
	return ""
}

// SignedInAs tells the object ID of the account of a person as whom a
// credential signs in, and "" where it signs in as an application. For a
// DeviceCodeCredential it reads the record of the sign-in and sends nothing.
// Others are asked for a token for graphURL, in which the object ID stands if
// the token can be read at all; Microsoft does not promise that, so that ""
// may also mean "cannot be told".
func SignedInAs(ctx context.Context, credential azcore.TokenCredential, graphURL string) (objectID string, err error) {
	if t, ok := credential.(*turns); ok {
		if d, ok := t.inner.(*device); ok {
			record, _, err := readRecord(d.path)
			if err != nil {
				return "", err.asGraphError()
			}
			return Account(record)
		}
	}
	token, err := signIn{credential}.GetToken(ctx, policy.TokenRequestOptions{
		Scopes: []string{strings.TrimRight(graphURL, "/") + "/.default"}, EnableCAE: true, // as kiota asks
	})
	if err != nil {
		failed, _ := errors.AsType[*signInError](err)
		return "", failed.asGraphError()
	}
	return personIn(token.Token), nil
}

// personIn reads the object ID out of a token that speaks for a person.
func personIn(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		ObjectID string `json:"oid"`
		Type     string `json:"idtyp"`
		Scopes   string `json:"scp"`
	}
	if json.Unmarshal(text, &claims) != nil {
		return ""
	}
	objectID := strings.ToLower(claims.ObjectID)
	if !guid.MatchString(objectID) || claims.Type != "user" && claims.Scopes == "" {
		return ""
	}
	return objectID
}
