package main

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"revoke-sessions/bot"
)

const deployFolder = "../../deploy"

func deployFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rule is one alert rule of Prometheus's.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func alertRules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions([]byte(deployFile(t, "prometheus-rules.yaml")), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if len(file.Groups) != 1 || len(file.Groups[0].Rules) < 10 {
		t.Fatalf("%d groups", len(file.Groups))
	}
	return file.Groups[0].Rules
}

// panel is one of the dashboard's.
type panel struct {
	ID      int
	Title   string
	Type    string
	GridPos struct{ H, W, X, Y int }
	Targets []struct{ Expr, RefID string }
}

func dashboardPanels(t *testing.T) []panel {
	t.Helper()
	var file struct {
		Title, UID string
		Panels     []panel
	}
	if err := json.Unmarshal([]byte(deployFile(t, "grafana-dashboard.json")), &file); err != nil {
		t.Fatal(err)
	}
	if file.Title == "" || file.UID == "" || len(file.Panels) < 10 {
		t.Fatalf("dashboard %q with %d panels", file.Title, len(file.Panels))
	}
	return file.Panels
}

// expressions are all that ask for numbers, by where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, r := range alertRules(t) {
		all["alert "+r.Alert] = r.Expr
	}
	for _, p := range dashboardPanels(t) {
		for _, target := range p.Targets {
			all["panel "+p.Title+" "+target.RefID] = target.Expr
		}
	}
	return all
}

var (
	sampleParts = regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})?$`)
	labelPair   = regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)
	selector    = regexp.MustCompile(`\b((?:revoke_sessions|process|go|promhttp)_[a-z_]+)(?:\{([^}]*)\})?`)
	matcher     = regexp.MustCompile(`^([a-z_]+)(=|!=|=~|!~)"([^"]*)"$`)
	grouping    = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// TestExpressions holds what the dashboard and the alerts ask for to the
// numbers of a bot that has done its work: each name, label and value exists,
// and each of the bot's own numbers is asked for somewhere.
func TestExpressions(t *testing.T) {
	th := newTheatre(t)
	th.served()
	th.at.timing.Heartbeat = time.Minute
	th.begin()
	th.typed(bobID, "me lost my phone")
	th.click(olgaID, bot.ActionConfirm)
	th.poll("Olga is refused", func() bool { return th.count("refused") == 1 })
	th.click(aliceID, bot.ActionConfirm)
	th.cardSays("Verified")
	th.quiet()

	values := map[string]map[string]map[string]bool{} // by name, label and value
	for sample := range th.samples() {
		parts := sampleParts.FindStringSubmatch(sample)
		if parts == nil {
			t.Fatalf("a sample that cannot be read: %s", sample)
		}
		if values[parts[1]] == nil {
			values[parts[1]] = map[string]map[string]bool{}
		}
		for _, pair := range labelPair.FindAllStringSubmatch(parts[2], -1) {
			if values[parts[1]][pair[1]] == nil {
				values[parts[1]][pair[1]] = map[string]bool{}
			}
			values[parts[1]][pair[1]][pair[2]] = true
		}
	}

	asked := map[string]bool{}
	for where, expression := range expressions(t) {
		balanced(t, where, expression)
		found := selector.FindAllStringSubmatch(expression, -1)
		if len(found) == 0 {
			t.Errorf("%s asks for nothing: %s", where, expression)
		}
		labels := map[string]bool{"instance": true, "job": true} // Prometheus's own
		for _, f := range found {
			name := f[1]
			asked[name] = true
			if values[name] == nil {
				t.Errorf("%s asks for %s, which does not exist", where, name)
				continue
			}
			for label := range values[name] {
				labels[label] = true
			}
			for _, m := range strings.FieldsFunc(f[2], func(r rune) bool { return r == ',' }) {
				parts := matcher.FindStringSubmatch(strings.TrimSpace(m))
				if parts == nil {
					t.Errorf("%s: no matcher: %s", where, m)
					continue
				}
				if parts[1] == "job" {
					continue
				}
				for value := range strings.SplitSeq(parts[3], "|") {
					if !values[name][parts[1]][value] {
						t.Errorf("%s: %s has no %s=%q", where, name, parts[1], value)
					}
				}
			}
		}
		for _, by := range grouping.FindAllStringSubmatch(expression, -1) {
			for label := range strings.SplitSeq(by[1], ",") {
				if label = strings.TrimSpace(label); !labels[label] {
					t.Errorf("%s: nothing there has the label %q", where, label)
				}
			}
		}
	}
	for name := range values {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		if strings.HasPrefix(name, "revoke_sessions_") && !asked[name] && !asked[base+"_bucket"] {
			t.Errorf("nobody asks for %s", name)
		}
	}
}

// balanced is as much of the language as can be checked without Prometheus:
// brackets and quotes close.
func balanced(t *testing.T, where, expression string) {
	t.Helper()
	closes := map[rune]rune{')': '(', ']': '[', '}': '{'}
	var open []rune
	quoted := false
	for _, r := range expression {
		switch {
		case r == '"':
			quoted = !quoted
		case quoted:
		case strings.ContainsRune("([{", r):
			open = append(open, r)
		case closes[r] != 0:
			if len(open) == 0 || open[len(open)-1] != closes[r] {
				t.Errorf("%s: %c closes nothing: %s", where, r, expression)
				return
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 || quoted {
		t.Errorf("%s does not close: %s", where, expression)
	}
}

// TestAlerts: each has what a person needs at night, and a section in the
// runbook; each section there has an alert.
func TestAlerts(t *testing.T) {
	sections := map[string]string{}
	runbook := deployFile(t, "RUNBOOK.md")
	for _, part := range regexp.MustCompile(`(?m)^### `).Split(runbook, -1)[1:] {
		name, text, _ := strings.Cut(part, "\n")
		sections[name] = text
	}
	duration := regexp.MustCompile(`^[1-9][0-9]*[smh]$`)
	for _, r := range alertRules(t) {
		text, ok := sections[r.Alert]
		delete(sections, r.Alert)
		if !ok {
			t.Errorf("%s: the runbook does not know it", r.Alert)
		}
		for _, part := range []string{"**Means.**", "**Look at.**", "**Do.**"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s: its section lacks %s", r.Alert, part)
			}
		}
		if r.Annotations["summary"] == "" || !strings.HasSuffix(r.Annotations["summary"], ".") {
			t.Errorf("%s: its summary is %q", r.Alert, r.Annotations["summary"])
		}
		if link := r.Annotations["runbook_url"]; !strings.HasSuffix(link, "/RUNBOOK.md#"+strings.ToLower(r.Alert)) {
			t.Errorf("%s: its link is %s", r.Alert, link)
		}
		if s := r.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		if r.For != "" && !duration.MatchString(r.For) {
			t.Errorf("%s: for %q", r.Alert, r.For)
		}
	}
	for name := range sections {
		t.Errorf("the runbook has a section on %s, which is no alert", name)
	}
	for _, link := range regexp.MustCompile(`\]\(#([a-z]+)\)`).FindAllStringSubmatch(runbook, -1) {
		if !strings.Contains(strings.ToLower(runbook), "\n### "+link[1]+"\n") {
			t.Errorf("the runbook leads to #%s, which is not there", link[1])
		}
	}
}

// TestRunbookCommands: every command line in the runbook is one, and every line
// of the log that it quotes is written somewhere.
func TestRunbookCommands(t *testing.T) {
	runbook := deployFile(t, "RUNBOOK.md")
	// What opens and closes with a quotation mark is an argument.
	words := regexp.MustCompile(`"[^"]*"|\S+`)
	commands := regexp.MustCompile("`(?:revoke-sessions|kubectl exec [^`]* /revoke-sessions) ([a-z][^`]*)`").FindAllStringSubmatch(runbook, -1)
	if len(commands) < 5 {
		t.Fatalf("%d commands", len(commands))
	}
	for _, c := range commands {
		var cli commandLine
		parser, err := kong.New(&cli, kong.Exit(func(int) { panic("the parser wants to leave") }))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(words.FindAllString(c[1], -1)); err != nil {
			t.Errorf("revoke-sessions %s: %v", c[1], err)
		}
	}
	source := productionSource(t)
	for _, p := range regexp.MustCompile(`\*\*Look at\.\*\*[^*]*`).FindAllString(runbook, -1) {
		_, log, ok := strings.Cut(strings.ReplaceAll(p, "\n", " "), "The log: ")
		if !ok {
			continue
		}
		for _, quoted := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(log, -1) {
			if !strings.Contains(source, quoted[1]) {
				t.Errorf("the runbook quotes %q, which no line of the log says", quoted[1])
			}
		}
	}
}

func productionSource(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range []string{".", "../../bot", "../../bot/*", "../../graph/msgraph"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
	}
	return all.String()
}

// TestSettingsOfDeployments: each environment variable that a file names is a
// setting. With one that is not the bot would not start.
func TestSettingsOfDeployments(t *testing.T) {
	source := productionSource(t)
	slackToo := []string{"SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN_FILE", "SLACK_APP_TOKEN", "SLACK_APP_TOKEN_FILE", "SLACK_API_URL"}
	name := regexp.MustCompile(`\b(?:REVOKE|SLACK|AZURE)_[A-Z_]*[A-Z]`)
	for _, file := range []string{"Dockerfile", "kubernetes.yaml", "revoke-sessions.service", "RUNBOOK.md"} {
		// In comments as well, but for what Kubernetes would set by itself.
		text := strings.ReplaceAll(deployFile(t, file), "REVOKE_SESSIONS_PORT", "")
		for _, n := range name.FindAllString(text, -1) {
			known := slices.Contains(known, n) || slices.Contains(slackToo, n) ||
				strings.HasPrefix(n, "AZURE_") && (strings.Contains(source, `"`+n+`"`) || strings.Contains(source, `"`+strings.TrimSuffix(n, "_FILE")+`"`))
			if !known {
				t.Errorf("%s names %s, which is no setting", file, n)
			}
		}
	}
}

// TestDockerfile: no root, no shell, the Go of go.mod.
func TestDockerfile(t *testing.T) {
	text := deployFile(t, "Dockerfile")
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))[1]
	for _, line := range []string{
		"FROM golang:" + version + " AS build", "ENV CGO_ENABLED=0", "FROM scratch", "USER 65532:65532", `ENTRYPOINT ["/revoke-sessions"]`,
		"/etc/ssl/certs/ca-certificates.crt",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the Dockerfile lacks %q", line)
		}
	}
	_, last, _ := strings.Cut(text, "FROM scratch")
	if regexp.MustCompile(`(?m)^RUN`).MatchString(last) {
		t.Error("something runs in an image without a shell")
	}
}

// TestKubernetes reads the example as Kubernetes would and holds it to what its
// comments promise.
func TestKubernetes(t *testing.T) {
	kinds := map[string]map[string]any{}
	documents := yaml.NewDecoder(strings.NewReader(deployFile(t, "kubernetes.yaml")))
	for {
		var d map[string]any
		err := documents.Decode(&d)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _ := d["kind"].(string)
		kinds[kind] = d
	}
	want := []string{"ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "ServiceAccount"}
	if got := slices.Sorted(maps.Keys(kinds)); !slices.Equal(got, want) {
		t.Fatalf("it has %q, want %q", got, want)
	}
	for path, want := range map[string]any{
		"spec.replicas": uint64(2),
		"spec.template.spec.terminationGracePeriodSeconds":                         uint64(30),
		"spec.template.spec.enableServiceLinks":                                    false,
		"spec.template.spec.automountServiceAccountToken":                          false,
		"spec.template.spec.securityContext.runAsNonRoot":                          true,
		"spec.template.spec.containers.0.securityContext.readOnlyRootFilesystem":   true,
		"spec.template.spec.containers.0.securityContext.allowPrivilegeEscalation": false,
		"spec.template.spec.containers.0.securityContext.capabilities.drop.0":      "ALL",
		"spec.template.spec.containers.0.livenessProbe.httpGet.path":               "/healthz",
		"spec.template.spec.containers.0.readinessProbe.httpGet.path":              "/readyz",
		"spec.template.spec.containers.0.env.0.value":                              ":9464",
		"spec.template.spec.containers.0.ports.0.containerPort":                    uint64(9464),
		"spec.template.spec.volumes.0.secret.secretName":                           "revoke-sessions",
		"spec.selector.matchLabels":                                                at(kinds["PodDisruptionBudget"], "spec.selector.matchLabels"),
		"spec.template.metadata.labels":                                            at(kinds["NetworkPolicy"], "spec.podSelector.matchLabels"),
		"spec.template.spec.serviceAccountName":                                    at(kinds["ServiceAccount"], "metadata.name"),
		"spec.template.spec.containers.0.envFrom.0.configMapRef.name":              at(kinds["ConfigMap"], "metadata.name"),
	} {
		if got := at(kinds["Deployment"], path); !equalJSON(t, got, want) {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	// A secret in a file of examples becomes a secret in a repository.
	env, _ := at(kinds["Deployment"], "spec.template.spec.containers.0.env").([]any)
	for _, e := range env {
		name, _ := at(e, "name").(string)
		if _, inline := at(e, "value").(string); inline && regexp.MustCompile(`TOKEN$|SECRET$|PASSWORD$|DATABASE_URL$`).MatchString(name) {
			t.Errorf("%s is written into the file", name)
		}
	}
}

// at follows a path of keys and numbers into what was parsed.
func at(v any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[key]
		case []any:
			i := int(key[0] - '0')
			if i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

func equalJSON(t *testing.T, a, b any) bool {
	t.Helper()
	one, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	two, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(one) == string(two) && a != nil
}

// TestDashboardLayout: no panel covers another, and each is there once.
func TestDashboardLayout(t *testing.T) {
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	for _, p := range dashboardPanels(t) {
		if ids[p.ID] || p.Title == "" || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d %q", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s does not fit", p.Title)
		}
		for y := range p.GridPos.H {
			for x := range p.GridPos.W {
				spot := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[spot] != "" {
					t.Fatalf("%s stands on %s", p.Title, taken[spot])
				}
				taken[spot] = p.Title
			}
		}
	}
}

// TestUnit: systemd gives the bot the time that it takes to stop.
func TestUnit(t *testing.T) {
	unit := deployFile(t, "revoke-sessions.service")
	for _, line := range []string{
		"TimeoutStopSec=30s", "DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory=revoke-sessions", "RestartPreventExitStatus=2",
		"LoadCredential=slack-bot-token:", "LoadCredential=slack-app-token:", "LoadCredential=azure-client-secret:",
		"SLACK_BOT_TOKEN_FILE=%d/slack-bot-token", "SLACK_APP_TOKEN_FILE=%d/slack-app-token", "AZURE_CLIENT_SECRET_FILE=%d/azure-client-secret",
	} {
		if !strings.Contains(unit, "\n"+line) && !strings.Contains(unit, "\nEnvironment="+line) {
			t.Errorf("the unit lacks %s", line)
		}
	}
}
