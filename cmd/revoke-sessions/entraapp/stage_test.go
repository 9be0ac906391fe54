// Package entraapp tests deploy/entra-app.sh, which registers the bot in Entra. It drives
// the real Azure CLI, as Debian packages it, against the double of Entra and Graph. Nothing
// is asked of Microsoft: the CLI's proxy is the test's, and leads to the double alone.
package entraapp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"revoke-sessions/graph/graphtest"
)

const (
	script = "../../../deploy/entra-app.sh"

	// required is a variable with which a test fails where the Azure CLI is not installed.
	required = "REVOKE_TEST_AZ"
)

// azureCLI is the path of the real one. The test is skipped where there is none.
func azureCLI(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("az")
	switch {
	case err == nil:
	case os.Getenv(required) == "required":
		t.Fatalf("%s=required, and the Azure CLI is not installed: %v", required, err)
	default:
		t.Skip("SKIPPED: the Azure CLI is not installed, so deploy/entra-app.sh is not tried out")
	}
	return path
}

// stage is a tenant, and a shell in which somebody is signed in with the Azure CLI.
type stage struct {
	*graphtest.Server
	t *testing.T
	// folder is where the script runs.
	folder   string
	settings []string
	// log holds a line for each call of the Azure CLI and each wait. cli is the folder of
	// the Azure CLI.
	log, cli string

	mu      sync.Mutex
	strayed []string
}

// authorityHost is where a client of Entra asks, in each cloud here. MSAL for Python asks
// there which other names a cloud's own authority has, and the double knows of one.
const authorityHost = "login.microsoftonline.com"

// cloud is one of Microsoft's, by the name that the Azure CLI gives it.
type cloud struct{ name, graph string }

var (
	public = cloud{"AzureCloud", "graph.microsoft.com"}
	usgov  = cloud{"AzureUSGovernment", "graph.microsoft.us"}
)

// What lets somebody register applications, and grant permissions to them.
const mayRegister, mayConsent = "Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"

func newStage(t *testing.T) *stage { return newStageIn(t, public) }

func newStageIn(t *testing.T, in cloud) *stage {
	t.Helper()
	az := azureCLI(t)
	server, err := graphtest.Start(graphtest.Config{
		AuthorityURL: "https://" + authorityHost, GraphURL: "https://" + in.graph, Roles: []string{mayRegister, mayConsent},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := &stage{Server: server, t: t, folder: t.TempDir(), cli: t.TempDir()}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.lead(in, w, r) }))
	t.Cleanup(proxy.Close)

	programs := t.TempDir()
	s.log = filepath.Join(programs, "log")
	roots := filepath.Join(programs, "roots.pem")
	write := func(path, text string, mode os.FileMode) {
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(roots, string(server.CertPEM()), 0o600)
	// One line each, its arguments in quotation marks, as ps would show them to others.
	write(filepath.Join(programs, "az"), "#!/bin/bash\n{ printf 'az'; printf ' %q' \"$@\"; echo; } >>"+s.log+"\nexec "+az+" \"$@\"\n", 0o700)
	write(filepath.Join(programs, "sleep"), "#!/bin/bash\necho \"sleep $*\" >>"+s.log+"\n", 0o700)
	write(s.log, "", 0o600)
	s.signIn(in)
	s.settings = []string{
		"PATH=" + programs + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + s.cli, "AZURE_CONFIG_DIR=" + s.cli,
		"HTTPS_PROXY=" + proxy.URL, "REQUESTS_CA_BUNDLE=" + roots, "LANG=C.UTF-8",
	}
	t.Cleanup(func() {
		for _, r := range s.Unknown() {
			t.Errorf("the double does not model %s %s %s", r.Method, r.Path, r.Query)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.strayed) > 0 {
			t.Errorf("other hosts were called: %s", s.strayed)
		}
	})
	return s
}

// signIn leaves in the Azure CLI's folder what az login --service-principal would have. The
// command itself asks Azure's Resource Manager, of which there is no double. The log file is
// switched on because it would hold all that Graph answers.
func (s *stage) signIn(in cloud) {
	s.t.Helper()
	c := s.Config()
	account := map[string]any{
		"id": c.TenantID, "name": "N/A(tenant level account)", "state": "Enabled", "isDefault": true, "tenantId": c.TenantID,
		"environmentName": in.name, "user": map[string]string{"name": c.ClientID, "type": "servicePrincipal"},
	}
	for name, value := range map[string]any{
		"azureProfile.json": map[string]any{"installationId": "5f0c2f0e-6a53-11ef-8d3c-0d9c0a1b2c3d", "subscriptions": []any{account}},
		"service_principal_entries.json": []any{map[string]string{
			"tenant": c.TenantID, "client_id": c.ClientID, "client_secret": c.ClientSecret,
		}},
	} {
		text, err := json.Marshal(value)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.cli, name), text, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	settings := "[core]\ncollect_telemetry = no\n[logging]\nenable_log_file = yes\n[cloud]\nname = " + in.name + "\n"
	for name, text := range map[string]string{
		"config":        settings,
		"clouds.config": "[" + in.name + "]\nendpoint_active_directory = https://" + authorityHost + "\n",
	} {
		if err := os.WriteFile(filepath.Join(s.cli, name), []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// lead is the proxy: Microsoft's two names lead to the double, and nothing leads elsewhere.
// The Azure CLI tries whether it reaches azure.microsoft.com, and goes on where it does not.
func (s *stage) lead(in cloud, w http.ResponseWriter, r *http.Request) {
	if asked := r.Method + " " + r.Host; asked != "CONNECT "+authorityHost+":443" && asked != "CONNECT "+in.graph+":443" {
		s.mu.Lock()
		if r.Host != "azure.microsoft.com:443" {
			s.strayed = append(s.strayed, asked)
		}
		s.mu.Unlock()
		http.Error(w, "the test leads nowhere else", http.StatusForbidden)
		return
	}
	double, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "https://"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer double.Close()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	fmt.Fprint(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		io.Copy(double, buffered)
		double.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(client, double)
}

// result is what a run of the script was.
type result struct {
	code     int
	out, err string
	// log are the calls of the Azure CLI and the waits of this run.
	log []string
}

// run runs the script.
func (s *stage) run(arguments ...string) result {
	s.t.Helper()
	path, err := filepath.Abs(script)
	if err != nil {
		s.t.Fatal(err)
	}
	before := s.logged()
	r := s.shell(append([]string{path}, arguments...)...)
	r.log = s.logged()[len(before):]
	return r
}

// shell runs a program where the script runs.
func (s *stage) shell(words ...string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute)
	defer cancel()
	var out, said bytes.Buffer
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	command.Dir, command.Env, command.Stdout, command.Stderr, command.WaitDelay = s.folder, s.settings, &out, &said, time.Second
	err := command.Run()
	r := result{code: command.ProcessState.ExitCode(), out: out.String(), err: said.String()}
	if err != nil && r.code <= 0 {
		s.t.Fatalf("%v\n%s%s", err, r.out, r.err)
	}
	return r
}

// ends wants a run to end with an exit code, and to say some things.
func (r result) ends(t *testing.T, code int, says ...string) {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\n%s%s", r.code, code, r.out, r.err)
	}
	for _, text := range says {
		if !strings.Contains(r.err, text) {
			t.Errorf("it does not say %q:\n%s", text, r.err)
		}
	}
}

// waits are those of a run, in seconds.
func (r result) waits() []string {
	var waits []string
	for _, line := range r.log {
		if seconds, ok := strings.CutPrefix(line, "sleep "); ok {
			waits = append(waits, strings.TrimSpace(seconds))
		}
	}
	return waits
}

// environment is what a run printed to set.
func (r result) environment(t *testing.T) map[string]string {
	t.Helper()
	set := map[string]string{}
	for line := range strings.Lines(r.out) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok || !strings.HasPrefix(name, "AZURE_") || set[name] != "" {
			t.Errorf("the output has the line %q", line)
		}
		set[name] = value
	}
	return set
}

// writes are the requests to Graph so far that may change something.
func (s *stage) writes() []string {
	var writes []string
	for _, r := range s.Requests() {
		if r.Method != http.MethodGet {
			writes = append(writes, r.Method+" "+r.Path)
		}
	}
	return writes
}

// app is the only one that there is.
func (s *stage) app() graphtest.Application {
	s.t.Helper()
	all := s.Applications()
	if len(all) != 1 {
		s.t.Fatalf("%d applications: %+v", len(all), all)
	}
	return all[0]
}

func (s *stage) logged() []string {
	s.t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	return slices.Collect(strings.Lines(string(text)))
}
