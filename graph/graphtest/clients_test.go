package graphtest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot/testrun"
	"revoke-sessions/graph/graphtest"
)

// TestForeignClients drives the double with clients that this project did not write:
// what they can do against Microsoft they must be able to do here. It needs Node and a
// package registry, and is part of the full run only.
func TestForeignClients(t *testing.T) {
	if insideRealHosts() {
		arrange(t)
		clients := os.Getenv(clientsVariable)
		t.Run("identity", func(t *testing.T) { driveIdentity(t, clients, realHosts, "PLAIN=1") })
		t.Run("m365", func(t *testing.T) { driveM365(t, clients) })
		return
	}
	clients := testrun.ForeignClients(t, filepath.Join("testdata", "clients"))
	t.Run("identity", func(t *testing.T) { driveIdentity(t, clients, graphtest.Config{}) })
	t.Run("msal", func(t *testing.T) { driveMSAL(t, clients) })
	t.Run("real hosts", func(t *testing.T) { underRealHosts(t, clients) })
}

// realHosts is the double where Microsoft's names lead to it.
var realHosts = graphtest.Config{Address: "127.0.0.1:443", AuthorityURL: "https://" + authorityHost, GraphURL: "https://" + graphHost,
	AppDisplayName: "the bot"}

// clientsVariable tells the process under the real hosts' names where the clients are.
const clientsVariable = "GRAPHTEST_CLIENTS"

// cast is a double with an account, a certificate to sign in with, and the settings
// by which a client finds them.
type cast struct {
	*graphtest.Server
	carol    graphtest.User
	settings []string
	// pem is the path of the certificate and its key.
	pem string
}

func newCast(t *testing.T, config graphtest.Config) *cast {
	t.Helper()
	s, err := graphtest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.ReadableTokens()
	c := &cast{Server: s, pem: filepath.Join(t.TempDir(), "bot.pem")}
	c.carol = s.AddUser(graphtest.User{ID: carolID, DisplayName: "Carol Target", UserPrincipalName: "carol@contoso.example"})
	for _, name := range []string{"dave", "erin", "frank"} {
		s.AddUser(graphtest.User{DisplayName: name, UserPrincipalName: name + "@contoso.example"})
	}

	certificate, key := newKeyPair(t, "bot", time.Now())
	s.RegisterCertificate(certificate)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	roots, home := filepath.Join(t.TempDir(), "roots.pem"), t.TempDir()
	// The CLI for Microsoft 365 tells its makers of each command, unless told not to.
	silent := filepath.Join(home, "configstore", "cli-m365-config.json")
	if err := os.Mkdir(filepath.Dir(silent), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string][]byte{c.pem: both, roots: s.CertPEM(), silent: []byte(`{"disableTelemetry": true}`)} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256(certificate.Raw)
	c.settings = append(os.Environ(),
		"AUTHORITY="+s.AuthorityURL(), "GRAPH="+s.GraphURL(), "TENANT="+s.Config().TenantID, "APP="+s.Config().ClientID,
		"SECRET="+s.Config().ClientSecret, "PEM="+c.pem, "THUMBPRINT="+hex.EncodeToString(sum[:]), "USER="+carolID,
		"HOME="+home, "XDG_CONFIG_HOME="+home, "NODE_EXTRA_CA_CERTS="+roots)
	c.settings = append(c.settings, testrun.NodeEnvironment...)
	return c
}

// node runs a script of the clients' folder and returns what it printed. listens
// gets what it says on standard error.
func (c *cast) node(t *testing.T, clients string, listens io.Writer, script ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out, said bytes.Buffer
	command := exec.CommandContext(ctx, "node", script...)
	command.Dir, command.Env, command.Stdout, command.Stderr = clients, c.settings, &out, io.MultiWriter(&said, listens)
	if err := command.Run(); err != nil {
		t.Fatalf("node %s: %v\n%s\n%s", strings.Join(script, " "), err, out.Bytes(), said.Bytes())
	}
	return out.Bytes()
}

// same compares JSON with what it should be.
func same(t *testing.T, got []byte, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%v in %q", err, got)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Error(diff)
	}
}

// revoked wants the sessions of Carol to have been revoked so often, and nothing
// asked that the double does not model.
func (c *cast) revoked(t *testing.T, times int) {
	t.Helper()
	posts := c.Posts()
	if len(posts) != times {
		t.Errorf("%d revokes, want %d: %+v", len(posts), times, posts)
	}
	for _, p := range posts {
		if !p.Applied || p.Operation != "revokeSignInSessions" {
			t.Errorf("%+v", p)
		}
	}
	if now, _ := c.User(carolID); !now.SignInSessionsValidFrom.After(c.carol.SignInSessionsValidFrom) {
		t.Error("the stamp did not move")
	}
}

func driveIdentity(t *testing.T, clients string, config graphtest.Config, settings ...string) {
	c := newCast(t, config)
	c.settings = append(c.settings, settings...)
	metadata := c.GraphURL() + "/beta/$metadata#"
	same(t, c.node(t, clients, io.Discard, "identity.mjs"), `{
		"user": {"@odata.context": "`+metadata+`users(id,displayName,employeeId)/$entity", "id": "`+carolID+`", "displayName": "Carol Target", "employeeId": null},
		"pages": [["Carol Target", "dave"], ["erin", "frank"]],
		"revoked": {"@odata.context": "`+metadata+`Edm.Boolean", "value": true},
		"unknown": 501, "wrongSecret": "AADSTS7000215", "wrongScope": "AADSTS1002012"}`)
	c.revoked(t, 1)
	if unknown := c.Unknown(); len(unknown) != 1 || unknown[0].Path != "/beta/users/delta" {
		t.Errorf("%+v", unknown)
	}
}

func driveMSAL(t *testing.T, clients string) {
	c := newCast(t, graphtest.Config{})
	c.settings = append(c.settings, "APPROVE=1")
	same(t, c.node(t, clients, &person{c}, "msal.mjs"), `{
		"bySecret": "Bearer", "byCertificate": "Bearer", "person": "carol@contoso.example", "again": "carol@contoso.example", "another": true}`)
	if unknown := c.Unknown(); len(unknown) != 0 {
		t.Errorf("%+v", unknown)
	}
}

// person is Carol, who reads what a client says and types the code in it.
type person struct{ *cast }

func (p *person) Write(said []byte) (int, error) {
	var heard struct{ UserCode, Where string }
	if err := json.Unmarshal(said, &heard); err == nil && heard.Where == p.AuthorityURL()+"/device" {
		return len(said), p.ApproveDevice(heard.UserCode, carolID)
	}
	return len(said), nil // a warning of Node's
}

// driveM365 is the CLI for Microsoft 365, which knows Microsoft's hosts only by their
// own names.
func driveM365(t *testing.T, clients string) {
	const program = "node_modules/.bin/m365"
	for _, kind := range []string{"secret", "certificate"} {
		t.Run(kind, func(t *testing.T) {
			c := newCast(t, realHosts)
			login := []string{program, "login", "--authType", kind, "--appId", c.Config().ClientID, "--tenant", c.Config().TenantID}
			if kind == "secret" {
				login = append(login, "--secret", c.Config().ClientSecret)
			} else {
				login = append(login, "--certificateFile", c.pem)
			}
			c.node(t, clients, io.Discard, login...)
			var status struct{ ConnectedAs, AuthType string }
			if out := c.node(t, clients, io.Discard, program, "status", "--output", "json"); json.Unmarshal(out, &status) != nil || status.ConnectedAs != "the bot" {
				t.Errorf("%s", out)
			}
			same(t, c.node(t, clients, io.Discard, program, "entra", "user", "get", "--id", carolID, "--properties", "id,displayName,employeeId", "--output", "json"),
				`{"id": "`+carolID+`", "displayName": "Carol Target", "employeeId": null}`)
			c.node(t, clients, io.Discard, program, "entra", "user", "session", "revoke", "--userId", carolID, "--force")
			c.node(t, clients, io.Discard, program, "entra", "user", "session", "revoke", "--userName", "carol@contoso.example", "--force")
			c.revoked(t, 2)
			for i, want := range []string{carolID, "carol@contoso.example"} {
				if p := c.Posts()[i]; p.ObjectID != want {
					t.Errorf("%+v, want %s", p, want)
				}
			}
			if unknown := c.Unknown(); len(unknown) != 0 {
				t.Errorf("%+v", unknown)
			}
			c.node(t, clients, io.Discard, program, "logout")
		})
	}
}
