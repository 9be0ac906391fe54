package message

import (
	"os"
	"regexp"
	"testing"

	"revoke-sessions/bot"
)

// TestDifferenceWords: each Difference is listed and has words, so that a card never says
// that it is void and then nothing.
func TestDifferenceWords(t *testing.T) {
	source, err := os.ReadFile("../difference.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^\t\w+ +Difference = "`).FindAll(source, -1)
	if len(declared) != len(bot.Differences) || len(declared) != len(differenceWords) {
		t.Errorf("%d are declared, %d listed and %d have words", len(declared), len(bot.Differences), len(differenceWords))
	}
	for _, d := range bot.Differences {
		if differenceWords[d] == "" {
			t.Errorf("%s has no words", d)
		}
	}
}
