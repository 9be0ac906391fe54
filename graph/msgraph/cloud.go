package msgraph

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
)

// Cloud is one of Microsoft's clouds: where Graph is, and where Entra signs in
// to it. The two belong together, for a token of one cloud is worth nothing in
// another. The zero value is the public cloud.
type Cloud struct {
	name      string
	graph     string
	authority cloud.Configuration
}

// clouds are those that Microsoft runs; the first is the one of everybody who
// has not been told otherwise. GCC, as opposed to GCC High, is in the public
// one. Source: learn.microsoft.com/graph/deployments.
var clouds = []Cloud{
	{name: "public", graph: "https://graph.microsoft.com", authority: cloud.AzurePublic},
	{name: "usgov", graph: "https://graph.microsoft.us", authority: cloud.AzureGovernment},
	{name: "usgov-dod", graph: "https://dod-graph.microsoft.us", authority: cloud.AzureGovernment},
	{name: "china", graph: "https://microsoftgraph.chinacloudapi.cn", authority: cloud.AzureChina},
}

var public = clouds[0]

// CloudByName finds a cloud by the value of AZURE_CLOUD: public, usgov (GCC
// High, L4), usgov-dod (L5) or china (21Vianet). No name means public. Another
// one is an error that lists these.
func CloudByName(name string) (Cloud, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return public, nil
	}
	var known []string
	for _, c := range clouds {
		if strings.EqualFold(c.name, name) {
			return c, nil
		}
		known = append(known, c.name)
	}
	return Cloud{}, fmt.Errorf("AZURE_CLOUD is %q: it must be one of %s", name, strings.Join(known, ", "))
}

// String is the cloud's name.
func (c Cloud) String() string { return c.known().name }

// GraphURL is the address of Graph, without a version.
func (c Cloud) GraphURL() string { return c.known().graph }

// Authority is where Entra signs in to the cloud, in azcore's words.
func (c Cloud) Authority() cloud.Configuration { return c.known().authority }

func (c Cloud) known() Cloud {
	if c.graph == "" {
		return public
	}
	return c
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
