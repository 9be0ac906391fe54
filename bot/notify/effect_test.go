package notify

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSlackWritesAreWitnessed: all writes to Slack go through the seven methods of sender
// that a witness sees. The crash tests stop the process only before and after those.
func TestSlackWritesAreWitnessed(t *testing.T) {
	writes := regexp.MustCompile(`\.(api|slack)\.(Post|Update|Delete|OpenForm|UpdateForm|UpdateNamedForm|Answer)\(`)
	files, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		calls := writes.FindAllString(string(text), -1)
		switch {
		case strings.HasSuffix(file, "_test.go"), strings.HasPrefix(file, "../slackapi/"), strings.HasPrefix(file, "../slacktest/"):
		case strings.HasSuffix(file, "notify/send.go"):
			found = len(calls)
		case len(calls) > 0:
			t.Errorf("%s calls %s without a witness", file, strings.Join(calls, ", "))
		}
	}
	if found != 8 {
		t.Errorf("%d calls write to Slack, not 8: does this test still know what they look like?", found)
	}
}
