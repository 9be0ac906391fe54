package msgraph

import (
	"errors"
	"strings"

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
