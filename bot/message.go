package bot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Message is what stands in Slack: blocks for the eye, and the same words as
// top-level text for notifications and screen readers, which read nothing else.
type Message struct {
	Text string
	// Blocks are an array of Slack's blocks, as JSON; nil for none.
	Blocks json.RawMessage
	// Plain makes what is sent where Slack calls this one invalid, by its code; nil
	// for the words alone. Bare: this is such a one.
	Plain func(code string) Message `json:"-"`
	Bare  bool                      `json:"-"`
	// Able are mentioned where Slack lets no user group be mentioned.
	Able []string `json:"-"`
}

// CutRunes is the text, or as much of it as fits into so many characters, with … at
// its end.
func CutRunes(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return string(r[:limit-1]) + "…"
}

// Digest tells whether a message already says what it should.
func (m Message) Digest() string {
	text, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("a message that is no JSON: %v", err)) // our own blocks
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
