package msgraph_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"revoke-sessions/graph"
	"revoke-sessions/graph/msgraph"
)

// asMachine makes this program sign in once, as on a virtual machine, and say
// what came of it.
const asMachine = "MSGRAPH_TEST_AS_MACHINE"

// TestDefaultChainReadsSettingsAsWeDo: what is set and empty, or was pasted with
// space around it, means the same to azidentity, which reads the process's
// environment, as to us. Each row is a process of its own, because azidentity
// keeps a machine's tokens for the whole process.
func TestDefaultChainReadsSettingsAsWeDo(t *testing.T) {
	if os.Getenv(asMachine) != "" {
		signInOnMachine()
		return
	}
	const id = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	for name, row := range map[string]struct {
		environment []string
		want        string
	}{
		"nothing set":              {nil, "the machine's own identity"},
		"no client":                {[]string{"AZURE_CLIENT_ID="}, "the machine's own identity"},
		"a space for a client":     {[]string{"AZURE_CLIENT_ID= "}, "the machine's own identity"},
		"no choice":                {[]string{"AZURE_TOKEN_CREDENTIALS="}, "the machine's own identity"},
		"a line end for a choice":  {[]string{"AZURE_TOKEN_CREDENTIALS=\n"}, "the machine's own identity"},
		"a choice and a space":     {[]string{"AZURE_TOKEN_CREDENTIALS=prod "}, "the machine's own identity"},
		"all empty, as a manifest": {[]string{"AZURE_TENANT_ID=", "AZURE_CLIENT_ID=", "AZURE_CLIENT_SECRET=", "AZURE_FEDERATED_TOKEN_FILE=", "AZURE_CLIENT_CERTIFICATE_PATH=", "AZURE_USERNAME=", "AZURE_TOKEN_CREDENTIALS=", "AZURE_AUTHORITY_HOST="}, "the machine's own identity"},
		"a client":                 {[]string{"AZURE_CLIENT_ID=" + id}, "identity " + id},
		"a client and a space":     {[]string{"AZURE_CLIENT_ID=" + id + " \n"}, "identity " + id},
		"no choice, a client":      {[]string{"AZURE_TOKEN_CREDENTIALS= ", "AZURE_CLIENT_ID=" + id}, "identity " + id},
		"a managed identity": {[]string{"AZURE_TOKEN_CREDENTIALS= ManagedIdentityCredential", "AZURE_CLIENT_ID= "},
			"the machine's own identity"},
	} {
		t.Run(name, func(t *testing.T) {
			program := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDefaultChainReadsSettingsAsWeDo$")
			program.Env = append(row.environment, asMachine+"=1", "HOME="+t.TempDir())
			said, err := program.CombinedOutput()
			if err != nil || !slices.Contains(strings.Split(string(said), "\n"), row.want) {
				t.Errorf("%v: %s", err, said)
			}
		})
	}
}

// signInOnMachine stands in for the metadata service of a virtual machine.
func signInOnMachine() {
	asked := "nobody"
	credential, _, err := msgraph.Credential(os.Getenv, msgraph.CredentialOptions{
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "169.254.169.254" {
				return nil, fmt.Errorf("asked %s", r.URL.Host)
			}
			answer := &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Request: r, Body: http.NoBody}
			if r.Header.Get("Metadata") == "" {
				return answer, nil // azidentity looks whether anybody is there
			}
			asked = "the machine's own identity"
			if r.URL.Query().Has("client_id") {
				asked = "identity " + r.URL.Query().Get("client_id")
			}
			answer.StatusCode = http.StatusOK
			answer.Body = io.NopCloser(strings.NewReader(`{"access_token":"x","expires_in":"600","resource":"x","token_type":"Bearer"}`))
			return answer, nil
		}),
	})
	if err == nil {
		_, err = credential.GetToken(context.Background(), forGraph)
	}
	if e := graph.AsError(err); e != nil {
		fmt.Println(e, e.Remedy)
	} else if err != nil {
		fmt.Println(err)
	}
	fmt.Println(asked)
}

// TestCredentialLeavesTheEnvironmentAlone: what was there before is there after.
func TestCredentialLeavesTheEnvironmentAlone(t *testing.T) {
	t.Setenv("AZURE_CLIENT_ID", "")
	t.Setenv("AZURE_TOKEN_CREDENTIALS", " prod ")
	t.Setenv("AZURE_REGIONAL_AUTHORITY_NAME", " westeurope\n")
	before := os.Environ()
	for _, e := range []environment{{}, {"AZURE_TOKEN_CREDENTIALS": "dev"}, {"AZURE_CLIENT_ID": "x"}} {
		if _, _, err := msgraph.Credential(e.get, msgraph.CredentialOptions{}); err != nil {
			t.Fatal(err)
		}
		after := os.Environ()
		slices.Sort(before)
		slices.Sort(after)
		if !slices.Equal(before, after) {
			t.Errorf("before %q, after %q", before, after)
		}
	}
}
