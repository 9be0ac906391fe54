package revokesessions_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestDocs_QuoteWhatPeopleRead: each sentence that docs/troubleshooting.md explains is one
// that the bot says. A line of the list that people search begins with "- "; what it means
// is below it.
func TestDocs_QuoteWhatPeopleRead(t *testing.T) {
	said := sayings(t)
	text, err := os.ReadFile("docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	quotes := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "- ") {
			continue
		}
		if !strings.HasSuffix(line, ":\n") {
			t.Errorf("what is seen is on a line of its own that ends with a colon: %s", line)
		}
		for _, quote := range quoted.FindAllStringSubmatch(line, -1) {
			quotes[quote[1]] = true
			if !said(quote[1]) {
				t.Errorf("docs/troubleshooting.md quotes %q, which nobody reads", quote[1])
			}
		}
	}
	if len(quotes) < 40 {
		t.Errorf("the list has only %d quoted sentences", len(quotes))
	}
	for _, invented := range []string{"Microsoft is closed today", "refused to tell me who you are"} {
		if said(invented) {
			t.Errorf("%q counts as a sentence of the bot's", invented)
		}
	}
}

var quoted = regexp.MustCompile(`\*([^*]+)\*`)

// sayings returns whether a sentence stands in a golden file, or in one string literal of
// the code that runs.
func sayings(t *testing.T) func(sentence string) bool {
	t.Helper()
	var all []string
	files, err := filepath.Glob("bot/message/testdata/golden/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var golden any
		if err := json.Unmarshal(data, &golden); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = appendStrings(all, golden)
	}
	err = filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(file)
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && file != "." || d.Name() == "testdata" || slices.Contains(silent, folder) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			s, ok := literal(e)
			if ok {
				all = append(all, s)
			}
			return !ok
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(sentence string) bool {
		return slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, sentence) })
	}
}

// silent are the folders whose words no user of the bot reads: the rooms for tests, and the
// doubles.
var silent = append([]string{"bot/slacktest", "graph/graphtest", "findings"}, forTests...)

// literal returns the string that a literal is, or a sum of literals.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return literal(e.X)
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		x, okX := literal(e.X)
		y, okY := literal(e.Y)
		return x + y, okX && okY && e.Op == token.ADD
	}
	return "", false
}

// appendStrings appends every string in a decoded JSON value, but no key.
func appendStrings(to []string, value any) []string {
	switch value := value.(type) {
	case string:
		return append(to, value)
	case []any:
		for _, v := range value {
			to = appendStrings(to, v)
		}
	case map[string]any:
		for _, v := range value {
			to = appendStrings(to, v)
		}
	}
	return to
}
