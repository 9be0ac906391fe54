package bot

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestActs: each action is one constant, is listed, and is written by something.
func TestActs(t *testing.T) {
	declared := map[string]int{} // how often the product names each constant
	source, err := os.ReadFile("action.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(Act\w+) += "`).FindAllSubmatch(source, -1) {
		declared[string(m[1])] = 0
	}
	if len(declared) != len(Acts) {
		t.Errorf("%d actions are declared and %d listed", len(declared), len(Acts))
	}
	var files []string
	for _, pattern := range []string{"*.go", "*/*.go", "../cmd/*/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	literal := regexp.MustCompile(`\bAction(?:[^=\n:]*= |: )"[a-z_]+"`)
	used := regexp.MustCompile(`\bAct[A-Z]\w+`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "action.go" || file == "message/record.go" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := literal.Find(text); found != nil {
			t.Errorf("%s has %s, which is no constant", file, found)
		}
		for _, name := range used.FindAllString(string(text), -1) {
			declared[name]++
		}
	}
	for name, times := range declared {
		if times == 0 {
			t.Errorf("nothing writes %s", name)
		}
	}
}
