package msgraph

import (
	"fmt"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
)

// endpoints are the two addresses of one Microsoft cloud. They belong
// together: a token of one cloud is worth nothing in another.
type endpoints struct {
	graph     string
	authority cloud.Configuration
}

// public is the cloud of everybody who has not been told otherwise.
// Source: learn.microsoft.com/graph/deployments.
var public = endpoints{
	graph:     "https://graph.microsoft.com",
	authority: cloud.AzurePublic,
}

// host reads the address of a Graph service: https, a host, perhaps a port,
// and nothing else. The bearer token goes there, so nothing is guessed.
func host(graphURL string) (*url.URL, error) {
	u, err := url.Parse(graphURL)
	if err != nil {
		return nil, fmt.Errorf("reading the Graph address: %w", err)
	}
	if u.Scheme != "https" || u.Hostname() == "" || u.User != nil || (u.Path != "" && u.Path != "/") ||
		u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the Graph address %q must be https:// and a host name alone", u.Redacted())
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}
