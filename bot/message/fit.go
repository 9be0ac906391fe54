package message

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// Slack's limits for one message. In a message that is too long, fit cuts the ends of
// lists and says how many entries are missing. It never cuts a warning or a button.
const (
	// maxText is chat.update's limit, in characters; chat.postMessage allows 40,000.
	// https://docs.slack.dev/reference/methods/chat.update
	maxText = 4000
	// maxBlocks is the number of blocks in a message.
	// https://docs.slack.dev/reference/block-kit/blocks
	maxBlocks = 50
	// maxBlockChars is the size of all blocks, in characters of their JSON. Slack
	// documents no limit; from about 13,200 characters it was measured to answer
	// msg_blocks_too_long. Slack counts the JSON around the text in part, we in full.
	// https://github.com/slackapi/bolt-js/issues/2509
	maxBlockChars = 12000
)

// fit shortens lists until Slack accepts the message: the longest first, by a quarter
// each time.
func (p *page) fit() {
	for p.tooLong() && p.shortenLongest() {
	}
}

func (p *page) tooLong() bool {
	blocks := p.blocks()
	return len(blocks) > maxBlocks || utf8.RuneCountInString(p.text()) > maxText || blockChars(blocks) > maxBlockChars
}

// shortenLongest cuts a part of the longest list, and reports whether there was one.
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

// shorten cuts the line's nth part, a list of people, to the first keep.
func (l *line) shorten(n, keep int) {
	p := &l.parts[n]
	p.hidden += len(p.names) - keep
	p.names = p.names[:keep]
}

// blockChars is the length of the blocks as sent.
func blockChars(blocks []slack.Block) int {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(blocks); err != nil {
		panic(fmt.Sprintf("blocks that are no JSON: %v", err)) // our own
	}
	return utf8.RuneCount(b.Bytes())
}
