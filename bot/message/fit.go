package message

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// What Slack takes of one message. Where it would refuse one, fit leaves out the
// ends of lists and says how many are missing: never a warning, and no button.
const (
	// maxText is what chat.update takes, in characters; chat.postMessage would take
	// 40,000.
	// https://docs.slack.dev/reference/methods/chat.update
	maxText = 4000
	// maxBlocks is how many blocks a message may have.
	// https://docs.slack.dev/reference/block-kit/blocks
	maxBlocks = 50
	// maxBlockChars is what all blocks together may hold, in characters of their
	// JSON. Slack names no limit; it was measured to refuse messages from about
	// 13,200 characters with msg_blocks_too_long, and what is around the text
	// counts in part. All of it counts here.
	// https://github.com/slackapi/bolt-js/issues/2509
	maxBlockChars = 12000
)

// fit shortens lists until the message is one that Slack takes. The longest goes
// first, by a quarter at a time.
func (p *page) fit() {
	for p.tooLong() && p.shortenLongest() {
	}
}

func (p *page) tooLong() bool {
	blocks := p.blocks()
	return len(blocks) > maxBlocks || utf8.RuneCountInString(p.text()) > maxText || blockChars(blocks) > maxBlockChars
}

// shortenLongest leaves out a part of the longest list, and answers whether there
// was one.
func (p *page) shortenLongest() bool {
	longest := 0
	var shorten func()
	found := func(length, count int, how func(keep int)) {
		if keep := count - max(1, count/4); count > 1 && length > longest {
			longest, shorten = length, func() { how(keep) }
		}
	}
	for i := range p.groups {
		g := &p.groups[i]
		length := 0
		for _, l := range g.lines {
			length += len(l.text())
			for j, of := range l.parts {
				names := &line{parts: []part{of}}
				found(len(names.text()), len(of.names), func(keep int) { l.shorten(j, keep) })
			}
		}
		if g.more != nil {
			found(length, len(g.lines), func(keep int) {
				g.hidden += len(g.lines) - keep
				g.lines = g.lines[:keep]
			})
		}
	}
	if shorten != nil {
		shorten()
	}
	return shorten != nil
}

// shorten leaves the nth part of the line, a list of people, with so many.
func (l *line) shorten(n, keep int) {
	p := &l.parts[n]
	p.hidden += len(p.names) - keep
	p.names = p.names[:keep]
}

// blockChars is how long blocks are as they are sent.
func blockChars(blocks []slack.Block) int {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(blocks); err != nil {
		panic(fmt.Sprintf("blocks that are no JSON: %v", err)) // our own
	}
	return utf8.RuneCount(b.Bytes())
}
