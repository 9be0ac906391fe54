// Package revokesessions_test holds the module to its layout: which room may
// import which.
package revokesessions_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "revoke-sessions"

// may lists, for each folder, the folders of this module that its production
// code may import. cmd may import everything and is not listed.
var may = map[string][]string{
	"authz":            {},
	"authz/policyfile": {"authz"},
	"graph":            {},
	"graph/msgraph":    {"graph"},
	"graph/graphtest":  {},
	"bot":              {"authz", "graph"},
	"bot/turns":        {},
	"bot/slackapi":     {"authz", "bot", "bot/turns"},
	"bot/message":      {"authz", "bot", "graph"}, // no Slack but its blocks, and nobody who asks it
	"bot/lookup":       {"authz", "bot", "bot/slackapi", "graph"},
	"bot/work":         {"bot", "bot/turns"},
	"bot/witness":      {"bot", "graph"},
	"bot/notify":       {"authz", "bot", "bot/lookup", "bot/message", "bot/slackapi", "bot/work"},
	"bot/lifecycle":    {"authz", "bot", "bot/lookup", "bot/work", "graph"}, // no Slack, no words
	"bot/console":      {"authz", "bot", "bot/lifecycle", "bot/lookup", "bot/message", "bot/slackapi", "bot/work", "graph"},
	"bot/intake":       {"authz", "bot", "bot/lifecycle", "bot/lookup", "bot/message", "bot/notify", "bot/slackapi", "graph"},
	"bot/engine": {
		"authz", "bot", "bot/intake", "bot/lifecycle", "bot/lookup", "bot/message", "bot/notify", "bot/slackapi", "bot/witness", "bot/work", "graph",
	},
	"bot/listen":             {"bot"},
	"bot/store":              {"bot", "authz"},
	"bot/store/postgrestest": {},
	"bot/metrics":            {"authz", "bot", "bot/listen", "bot/slackapi", "graph"},
	"bot/slacktest":          {},
	"bot/bottest":            {"bot/slacktest"},
	"bot/testrun":            {},
}

// forTests are the rooms that no production code imports. The doubles are not
// among them: the demo is made of them.
var forTests = []string{"bot/bottest", "bot/store/postgrestest", "bot/testrun"}

// only lists libraries that stay behind one door each.
var only = map[string][]string{
	"github.com/microsoftgraph/":           {"graph/msgraph"},
	"github.com/microsoft/kiota":           {"graph/msgraph"},
	"github.com/Azure/":                    {"graph/msgraph"},
	"github.com/slack-go/slack/socketmode": {"bot/listen"},
	"github.com/slack-go/slack":            {"bot/listen", "bot/message", "bot/slackapi"},
	"modernc.org/":                         {"bot/store"},
	"github.com/jackc/pgx":                 {"bot/store", "bot/store/postgrestest"},
	"database/sql":                         {"bot/store"},
	"github.com/prometheus/":               {"bot/metrics"},
	"github.com/goccy/go-yaml":             {"authz/policyfile"},
	"github.com/alecthomas/kong":           {"cmd/revoke-sessions"},
	"github.com/chromedp/":                 {}, // for the browser test, which has no other code
	"testing":                              {"bot/bottest"},
}

// pure rooms may use these packages of the standard library and no other: no
// network, no files, no clock of their own but time's types.
var pure = map[string][]string{
	"authz": {"regexp", "slices", "strings", "time"},
	"graph": {"errors", "fmt", "net/http", "strings", "time"}, // net/http for the names of its statuses
	"bot": {
		"cmp", "context", "crypto/rand", "crypto/sha256", "encoding/hex", "encoding/json", "errors", "fmt", "html", "log/slog", "maps", "net/http",
		"reflect", "regexp", "runtime", "runtime/debug", "slices", "strconv", "strings", "time", "unicode", "unicode/utf8",
	},
	"bot/turns": {"slices", "time"},
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && file != "." || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		folder := filepath.ToSlash(filepath.Dir(file))
		seen[folder] = true
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range parsed.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			check(t, file, folder, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder := range may {
		if !seen[folder] {
			t.Errorf("the layout lists %s, which has no code", folder)
		}
	}
}

// TestHeavyTests has bot/testrun alone decide what a run of the tests leaves out:
// no other file reads which run it is, and .ci/run repeats whatever repeats more in
// the full run.
func TestHeavyTests(t *testing.T) {
	script, err := os.ReadFile(".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, found := range regexp.MustCompile(`(?m)^heavy=["'](?:\$heavy\|)?(.*)["']$`).FindAllStringSubmatch(string(script), -1) {
		names = append(names, found[1])
	}
	repeated := regexp.MustCompile(strings.Join(names, "|"))
	run := regexp.MustCompile(`(?m)^REVOKE_TEST_FULL=1 go test .*$`).FindString(string(script))
	asks, test := regexp.MustCompile(`testrun\.(?:\w+\.Times\(|EveryStep\(|Draws\(|ForeignClients\()`), regexp.MustCompile(`(?m)^func (Test\w+)`)
	err = filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasPrefix(filepath.ToSlash(file), "bot/testrun/") || file == "layout_test.go" {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, says := range []string{"testing.Short()", "REVOKE_TEST_FULL", "testrun.Variable"} {
			if strings.Contains(string(text), says) {
				t.Errorf("%s says %s: only bot/testrun decides what is heavy", file, says)
			}
		}
		if strings.HasSuffix(file, "_test.go") && asks.Match(text) {
			of := test.FindAllSubmatch(text, -1)
			if !slices.ContainsFunc(of, func(name [][]byte) bool { return repeated.Match(name[1]) }) {
				t.Errorf("%s repeats more in the full run, and .ci/run does not repeat any of its tests", file)
			}
			if folder := "./" + filepath.ToSlash(filepath.Dir(file)); !slices.Contains(strings.Fields(run), folder) {
				t.Errorf("%s repeats more in the full run, and .ci/run does not repeat the tests of %s", file, folder)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, file, folder, name string) {
	t.Helper()
	if _, known := may[folder]; !known && !strings.HasPrefix(folder, "cmd/") {
		t.Errorf("%s: the layout knows no code in the folder %s", file, folder)
	}
	if slices.Contains(forTests, strings.TrimPrefix(name, module+"/")) {
		t.Errorf("%s imports %s, which is for tests", file, name)
	}
	if inner, ours := strings.CutPrefix(name, module+"/"); ours && !strings.HasPrefix(folder, "cmd/") {
		if !slices.Contains(may[folder], inner) {
			t.Errorf("%s must not import %s", file, name)
		}
	}
	if allowed, ok := pure[folder]; ok && !strings.HasPrefix(name, module) && !slices.Contains(allowed, name) {
		t.Errorf("%s must not import %s: %s is pure", file, name, folder)
	}
	if name == "github.com/microsoftgraph/msgraph-beta-sdk-go" {
		t.Errorf("%s imports the Graph SDK's root package: it costs minutes and gigabytes; import users and models", file)
	}
	// The longest prefix is the rule that counts.
	var rule string
	for prefix := range only {
		if strings.HasPrefix(name, prefix) && len(prefix) > len(rule) {
			rule = prefix
		}
	}
	if rule != "" && !slices.Contains(only[rule], folder) {
		t.Errorf("%s must not import %s: that belongs to %v", file, name, only[rule])
	}
}

// TestTopLevel keeps the four code folders four; deploy, docs and findings hold none.
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains([]string{"authz", "bot", "cmd", "deploy", "docs", "findings", "graph"}, path.Base(e.Name())) {
			t.Errorf("a fifth top-level folder: %s", e.Name())
		}
	}
}

// The largest that a function, a type and a line of the product may be. The doubles are
// servers with a method for each thing that a test may want of them; they and the tests
// are left out.
const mostLines, mostMethods, mostColumns = 60, 35, 140

// TestSizes keeps functions, types and lines small enough to be read at once. What is
// quoted does not count: a sentence is not read better in two halves.
func TestSizes(t *testing.T) {
	quoted := regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`")
	methods := map[string]int{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && file != "." || slices.Contains([]string{"testdata", "slacktest", "graphtest"}, d.Name())) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			if len([]rune(line)) > mostColumns && len([]rune(quoted.ReplaceAllString(line, ""))) > mostColumns {
				t.Errorf("%s:%d has more than %d columns", file, i+1, mostColumns)
			}
		}
		positions := token.NewFileSet()
		parsed, err := parser.ParseFile(positions, file, text, 0)
		if err != nil {
			return err
		}
		for _, decl := range parsed.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := positions.Position(f.End()).Line - positions.Position(f.Pos()).Line + 1; n > mostLines {
				t.Errorf("%s: %s has %d lines, %d are the most", file, f.Name.Name, n, mostLines)
			}
			if f.Recv != nil {
				of := f.Recv.List[0].Type
				if star, ok := of.(*ast.StarExpr); ok {
					of = star.X
				}
				if name, ok := of.(*ast.Ident); ok {
					methods[parsed.Name.Name+"."+name.Name]++
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range methods {
		if n > mostMethods {
			t.Errorf("%s has %d methods, %d are the most", name, n, mostMethods)
		}
	}
}
