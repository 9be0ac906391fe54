package msgraph

import (
	"context"
	"errors"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"revoke-sessions/graph"
)

// GrantOf gets a token, as the client of the same configuration would, and
// tells what stands in it. A token that cannot be read is no error: then
// Grant.Known is false. The error is a *graph.Error.
func GrantOf(ctx context.Context, config Config) (graph.Grant, error) {
	if config.GraphURL == "" {
		config.GraphURL = config.Cloud.GraphURL()
	}
	token, err := signIn{config.Credential}.GetToken(ctx, policy.TokenRequestOptions{
		Scopes: []string{strings.TrimRight(config.GraphURL, "/") + "/.default"}, EnableCAE: true, // as kiota asks
	})
	if err != nil {
		failed, _ := errors.AsType[*signInError](err)
		return graph.Grant{}, failed.asGraphError()
	}
	return grantIn(token), nil
}

// grantIn reads a token. The names come from Entra, but nothing proves it here:
// whoever shows them must defuse them.
func grantIn(token azcore.AccessToken) graph.Grant {
	c, ok := readClaims(token.Token)
	if !ok || c.Audience == "" {
		return graph.Grant{}
	}
	g := graph.Grant{Known: true, Delegated: c.delegated(), Names: c.Roles}
	if g.Delegated {
		g.Names = strings.Fields(c.Scopes) // roles are then the person's in the app, and permit nothing
	}
	return g
}
