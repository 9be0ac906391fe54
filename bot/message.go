package bot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Message is a message in Slack: blocks to look at, and the same words as top-level
// text, which is all that notifications and screen readers read.
type Message struct {
	Text string
	// Blocks is a JSON array of Slack blocks; nil for none.
	Blocks json.RawMessage
	// Plain makes the message to send if Slack calls this one invalid, from the code of
	// Slack; nil to send Text alone. Bare marks a message that was made so.
	Plain func(code string) Message `json:"-"`
	Bare  bool                      `json:"-"`
	// Able are mentioned if Slack does not let the bot mention a user group.
	Able []string `json:"-"`
}

// CutRunes shortens s to at most limit runes; a shortened text ends with ….
func CutRunes(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return string(r[:limit-1]) + "…"
}

// Digest identifies the content, to tell whether a posted message is up to date.
func (m Message) Digest() string {
	text, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("a message that is no JSON: %v", err)) // our own blocks
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
