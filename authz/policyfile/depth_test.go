package policyfile

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Depth is refused before anything is parsed, however it is written: what the
// parser takes for it grows with its square.
func TestDepthIsRefusedBeforeParsing(t *testing.T) {
	const deep = 200
	for name, text := range map[string]string{
		"lists in brackets":   strings.Repeat("[", deep) + strings.Repeat("]", deep),
		"brackets not closed": strings.Repeat("[", deep),
		"blocks in braces":    strings.Repeat("{a: ", deep) + "x" + strings.Repeat("}", deep),
		"lists on one line":   strings.Repeat("- ", deep) + "x",
		"lists of a key":      "approvers: " + strings.Repeat("[", deep) + "U0ALICE" + strings.Repeat("]", deep),
		"lists below a key":   "approvers:\n  " + strings.Repeat("- ", deep) + "U0ALICE",
		"keys of keys":        strings.Repeat("? ", deep) + "x",
		"keys in brackets":    "[" + strings.Repeat("? ", deep) + "x]",
		"tags in brackets":    "[" + strings.Repeat("!a ", deep) + "x]",
		"anchors in brackets": "[" + strings.Repeat("&a ", deep) + "x]",
		"indentation":         stairs(deep),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Parse([]byte(text), []string{"U0ALICE"})
			runtime.ReadMemStats(&after)
			e, ok := errors.AsType[*Error](err)
			if !ok || len(e.Problems) != 1 || !strings.Contains(e.Problems[0].Says, "nests deeper than 32 levels") {
				t.Fatalf("it says %v", err)
			}
			// The words and their places are taken for each sign of the text, no more.
			if took := after.TotalAlloc - before.TotalAlloc; took > uint64(1000*len(text)) {
				t.Errorf("%d bytes of a policy took %d", len(text), took)
			}
		})
	}
}

// stairs are keys, each one step further to the right.
func stairs(n int) string {
	var text strings.Builder
	for i := range n {
		text.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return text.String()
}

// names is a map of n people.
func names(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "    U%07d: 00000000-0000-4000-8000-%012d\n", i, i)
	}
	return text.String()
}

// What people write is nowhere near that deep, whatever way they indent it.
func TestDepthOfAPolicyIsSmall(t *testing.T) {
	for name, text := range map[string]string{
		"a wide one": "version: 1\napprovers: [U0ALICE, U0AMIR]\nprotected:\n        -       match:\n                        users:\n" +
			"                                -       U0BOB\n                        groups: [S0SECURITY]\n                approvals: 2\n",
		"one in braces": `{version: 1, approvers: [U0ALICE, U0AMIR], protected: [{match: {users: [U0BOB], groups: [S0SECURITY]}, approvals: 2}]}`,
		"a long list":   "version: 1\napprovers: [U0ALICE, U0AMIR]\nidentity:\n  match: [map, email]\n  map:\n" + names(500),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(text), nil); err != nil {
				t.Error(err)
			}
		})
	}
}
