//go:build linux

package msgraph_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

// TestASignInIsKept: a login in one process, as it were, and a bot in another.
// They share nothing but the files and the kernel's keyring.
func TestASignInIsKept(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	tenant := newTenant(t)
	dora := tenant.AddUser(graphtest.User{UserPrincipalName: "dora@contoso.example"})
	e := application(tenant.Server).with("AZURE_TOKEN_CREDENTIALS", "DeviceCodeCredential",
		"REVOKE_LOGIN_RECORD", filepath.Join(home, "login.json"))
	record, err := msgraph.Login(t.Context(), e.get, entraAt(tenant.Server), func(string) {
		codes := tenant.UserCodes()
		if err := tenant.ApproveDevice(codes[len(codes)-1], dora.ID); err != nil {
			t.Error(err)
		}
	})
	if err != nil && strings.Contains(err.Error(), "cannot be kept") {
		t.Skip("this machine's kernel has no keyring for us: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if who, err := msgraph.Account(record); err != nil || who != dora.ID {
		t.Errorf("%q, %v", who, err)
	}

	before := len(tenant.SignIns())
	const way = "a person's sign-in by device code"
	credential := choose(t, tenant.Server, e, way)
	mustReadCarol(t, tenant, credential)
	if len(tenant.SignIns()) != before {
		t.Error("the token that the login got was not found")
	}
	// What is on the disk is of no use to who finds it.
	err = filepath.WalkDir(home, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(path) == "login.json" {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), dora.ID) || strings.Contains(string(text), "refresh") {
			t.Errorf("%s is not encrypted", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	// Another start of the machine, or another user.
	if err := os.RemoveAll(filepath.Join(home, ".IdentityService")); err != nil {
		t.Fatal(err)
	}
	_, err = getToken(t.Context(), choose(t, tenant.Server, e, way), tenant.Server)
	if e := wantError(t, err); !strings.Contains(e.Remedy, "revoke-sessions login") {
		t.Errorf("%+v", e)
	}
}

// TestASignInThatCannotBeKept runs itself in a process whose cache has no
// place; the cache is tried out once in a process.
func TestASignInThatCannotBeKept(t *testing.T) {
	e := environment{"AZURE_TENANT_ID": "contoso.example", "AZURE_CLIENT_ID": "x", "AZURE_TOKEN_CREDENTIALS": "DeviceCodeCredential"}
	if os.Getenv("XDG_CACHE_HOME") != os.DevNull {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestASignInThatCannotBeKept$", "-test.v")
		again.Env = append(os.Environ(), "XDG_CACHE_HOME="+os.DevNull)
		out, err := again.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestASignInThatCannotBeKept") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	_, _, choosing := msgraph.Credential(e.get, msgraph.CredentialOptions{})
	_, login := msgraph.Login(context.Background(), e.get, msgraph.CredentialOptions{}, func(string) { t.Error("a code was shown") })
	for _, err := range []error{choosing, login} {
		if err == nil || !strings.Contains(err.Error(), "cannot be kept on this machine") || !strings.Contains(err.Error(), "seccomp") {
			t.Errorf("%v", err)
		}
	}
}
