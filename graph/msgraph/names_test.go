package msgraph_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"testing"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

// Where Microsoft's names lead to the double, the bot's own clients need to be told
// nothing of it: instance discovery, assertions and pages by those names.
func TestMicrosoftsNames(t *testing.T) {
	server, err := graphtest.Start(graphtest.Config{
		AuthorityURL: "https://login.microsoftonline.com", GraphURL: "https://graph.microsoft.com",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	modelled(t, server)
	carol := server.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
	server.SetEmptyPages(2) // so that links are followed
	mine := newKeyPair(t, "bot")
	server.RegisterCertificate(mine.certificate)

	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(server.URL(), "https://"))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)

	app := environment{"AZURE_TENANT_ID": server.Config().TenantID, "AZURE_CLIENT_ID": server.Config().ClientID}
	for name, settings := range map[string]environment{
		"secret":      app.with("AZURE_CLIENT_SECRET", server.Config().ClientSecret),
		"certificate": app.with("AZURE_CLIENT_CERTIFICATE_PATH", file(t, "bot.pem", mine.pem(t))),
	} {
		t.Run(name, func(t *testing.T) {
			credential, _, err := msgraph.Credential(settings.get, msgraph.CredentialOptions{
				AuthorityHost: server.AuthorityURL(), GraphURL: server.GraphURL(), Transport: transport,
			})
			if err != nil {
				t.Fatal(err)
			}
			client, err := msgraph.New(msgraph.Config{Credential: credential, GraphURL: server.GraphURL(), Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			if found, err := client.Find(t.Context(), graph.ByUPN, carol.UserPrincipalName); err != nil || len(found) != 1 || found[0].ID != carol.ID {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}
