package message

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
)

const (
	// maxBare is the length of a message without blocks, in characters: well below
	// every limit.
	maxBare = 2000

	// maxPlain is the length of a plain message, in characters. Its words share one
	// section, which may have 3,000.
	// https://docs.slack.dev/reference/block-kit/blocks/section-block
	maxPlain = 2500

	// NoMention is Slack's code if the app may not mention a user group in this
	// workspace, and if it may not post in a channel.
	NoMention = "restricted_action"
)

// Instead returns a message that Slack may accept in place of m, and a word for what is
// different about it. why is empty if there is no such message.
func Instead(m bot.Message, code string) (_ bot.Message, why string) {
	switch refused := bot.ContentRefused(code); {
	case refused && !m.Bare && m.Plain != nil:
		plain := m.Plain(code)
		plain.Able, plain.Bare = m.Able, true
		return plain, "a plain one"
	case refused && !m.Bare:
		return wordsAlone(m, code), "its words alone"
	case code == NoMention && groupMention.MatchString(m.Text):
		return withoutGroups(m), "without the mention of a user group"
	}
	return m, ""
}

// wordsAlone is the message without its blocks, cut to a length that always fits.
func wordsAlone(m bot.Message, code string) bot.Message {
	text := m.Text
	if r := []rune(text); len(r) > maxBare {
		text = string(r[:maxBare])
		if end := strings.LastIndex(text, "\n"); end > 0 {
			text = text[:end] // do not cut through a mention or a date
		}
		text += "\n…"
	}
	p := &page{}
	l := (&line{}).say("Slack did not take the whole of this message (%s).", bot.ShownCode(code))
	if slices.ContainsFunc(blocksOf(m), func(b slack.Block) bool { return b.BlockType() == slack.MBTAction }) {
		l.say(" Its buttons are missing.")
	}
	p.add(l)
	return bot.Message{Text: text + "\n" + p.text(), Able: m.Able, Bare: true}
}

// plainMessage has unformatted lines and then buttons. people, which may be nil, holds
// the mentions: plain text mentions nobody.
func plainMessage(lines []*line, people *line, buttons []*slack.ButtonBlockElement) bot.Message {
	p, says := &page{}, &page{}
	for _, l := range lines {
		says.add(l)
	}
	p.groups = append(p.groups, group{block: slack.NewSectionBlock(plainText(plainWords(lines)), nil, nil), text: says.text()})
	if people != nil {
		mentions := slack.NewTextBlockObject(slack.MarkdownType, people.text(), false, true)
		p.groups = append(p.groups, group{block: slack.NewSectionBlock(mentions, nil, nil)})
	}
	p.buttons(buttons...)
	return p.message()
}

func plainWords(lines []*line) string {
	var words []string
	for _, l := range lines {
		if len(l.parts) > 0 {
			words = append(words, l.plain())
		}
	}
	return strings.Join(words, "\n")
}

func tooLong(lines []*line) bool { return utf8.RuneCountInString(plainWords(lines)) > maxPlain }

// groupMention matches a mention of a user group in a top-level text. Typed text cannot
// match: its < is escaped.
var groupMention = regexp.MustCompile(`<!subteam\^(S[A-Z0-9]+)>`)

// withoutGroups names user groups instead of mentioning them. It says so, and mentions
// the people who can decide.
func withoutGroups(m bot.Message) bot.Message {
	var groups []string
	for _, found := range groupMention.FindAllStringSubmatch(m.Text, -1) {
		if !slices.Contains(groups, found[1]) {
			groups = append(groups, found[1])
		}
	}
	why := (&line{}).bold("Not notified as a user group: %s.", strings.Join(groups, ", ")).
		say(" Slack does not let me mention user groups here (%s). A Slack administrator can allow it.", NoMention)
	if len(m.Able) > 0 {
		why.say(" I mention these instead: ").people(m.Able).say(".")
	}
	p := &page{}
	p.add(why)
	text := groupMention.ReplaceAllString(m.Text, "the user group $1") + "\n" + p.text()
	out := bot.Message{Text: text, Able: m.Able, Plain: m.Plain, Bare: m.Bare}
	if len(m.Blocks) > 0 {
		var blocks []slack.Block
		for _, block := range blocksOf(m) {
			blocks = append(blocks, unmentioned(block))
		}
		out.Blocks = encoded(append(blocks, p.blocks()...))
	}
	return out
}

// unmentioned is a block that names user groups instead of mentioning them.
func unmentioned(block slack.Block) slack.Block {
	switch b := block.(type) {
	case *slack.RichTextBlock:
		same := *b
		same.Elements = unmentionedIn(b.Elements)
		return &same
	case *slack.ContextBlock:
		same := *b
		same.ContextElements.Elements = slices.Clone(b.ContextElements.Elements)
		for i, e := range same.ContextElements.Elements {
			if text, ok := e.(*slack.TextBlockObject); ok && text.Type == slack.MarkdownType {
				named := *text
				named.Text = groupMention.ReplaceAllString(text.Text, "the user group $1")
				same.ContextElements.Elements[i] = &named
			}
		}
		return &same
	case *slack.SectionBlock:
		if b.Text == nil || b.Text.Type != slack.MarkdownType {
			return b
		}
		same, text := *b, *b.Text
		text.Text = groupMention.ReplaceAllString(text.Text, "the user group $1")
		same.Text = &text
		return &same
	}
	return block
}

func unmentionedIn(elements []slack.RichTextElement) []slack.RichTextElement {
	all := make([]slack.RichTextElement, len(elements))
	for i, element := range elements {
		switch e := element.(type) {
		case *slack.RichTextSection:
			same := *e
			same.Elements = slices.Clone(e.Elements)
			for j, part := range same.Elements {
				if group, ok := part.(*slack.RichTextSectionUserGroupElement); ok {
					same.Elements[j] = slack.NewRichTextSectionTextElement("the user group "+group.UsergroupID, nil)
				}
			}
			all[i] = &same
		case *slack.RichTextList:
			same := *e
			same.Elements = unmentionedIn(e.Elements)
			all[i] = &same
		default:
			all[i] = element
		}
	}
	return all
}
