package msgraph_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph/msgraph"
)

// askedFor is a credential that notes the scopes.
type askedFor struct{ scopes [][]string }

func (a *askedFor) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	a.scopes = append(a.scopes, options.Scopes)
	return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestClouds(t *testing.T) {
	for name, row := range map[string]struct{ name, graph, authority string }{
		"":          {"public", "https://graph.microsoft.com", "https://login.microsoftonline.com/"},
		"public":    {"public", "https://graph.microsoft.com", "https://login.microsoftonline.com/"},
		" Public ":  {"public", "https://graph.microsoft.com", "https://login.microsoftonline.com/"},
		"usgov":     {"usgov", "https://graph.microsoft.us", "https://login.microsoftonline.us/"},
		"usgov-dod": {"usgov-dod", "https://dod-graph.microsoft.us", "https://login.microsoftonline.us/"},
		"china":     {"china", "https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn/"},
	} {
		t.Run(name, func(t *testing.T) {
			cloud, err := msgraph.CloudByName(name)
			if err != nil {
				t.Fatal(err)
			}
			if cloud.String() != row.name || cloud.GraphURL() != row.graph ||
				strings.TrimSuffix(cloud.Authority().ActiveDirectoryAuthorityHost, "/") != strings.TrimSuffix(row.authority, "/") {
				t.Errorf("%s, %s, %+v", cloud, cloud.GraphURL(), cloud.Authority())
			}
			for _, own := range []string{"", "https://graph.example"} {
				want := row.graph
				if own != "" {
					want = own
				}
				var sent string
				credential := new(askedFor)
				client, err := msgraph.New(msgraph.Config{
					Credential: credential, Cloud: cloud, GraphURL: own,
					Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						sent = r.URL.String()
						return answering(204, ""), nil
					}),
				})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := client.Revoke(t.Context(), anybody); err != nil {
					t.Fatal(err)
				}
				if sent != want+"/beta/users/"+anybody+"/invalidateAllRefreshTokens" {
					t.Errorf("sent to %s", sent)
				}
				if diff := cmp.Diff([][]string{{want + "/.default"}}, credential.scopes); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestNoSuchCloud(t *testing.T) {
	for _, name := range []string{"germany", "AzurePublic", "us gov", "https://graph.microsoft.us"} {
		_, err := msgraph.CloudByName(name)
		if err == nil {
			t.Errorf("%q is a cloud", name)
			continue
		}
		for _, known := range []string{"AZURE_CLOUD", "public", "usgov", "usgov-dod", "china"} {
			if !strings.Contains(err.Error(), known) {
				t.Errorf("%q does not name %s", err, known)
			}
		}
	}
}

func TestTheZeroCloudIsThePublicOne(t *testing.T) {
	var zero msgraph.Cloud
	public, err := msgraph.CloudByName("public")
	if err != nil || zero.GraphURL() != public.GraphURL() || zero.String() != "public" ||
		zero.Authority().ActiveDirectoryAuthorityHost != public.Authority().ActiveDirectoryAuthorityHost {
		t.Errorf("%s, %v", zero, err)
	}
}
