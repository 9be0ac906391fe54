package message

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// encoded is our blocks as the JSON of a Message.
func encoded(blocks []slack.Block) json.RawMessage {
	if blocks == nil {
		return nil
	}
	text, err := json.Marshal(blocks)
	if err != nil {
		panic(fmt.Sprintf("blocks that are no JSON: %v", err)) // our own
	}
	return text
}

// blocksOf decodes the blocks of one of our messages.
func blocksOf(m bot.Message) []slack.Block {
	var blocks slack.Blocks
	if len(m.Blocks) > 0 {
		if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
			panic(fmt.Sprintf("blocks that are none: %v", err)) // our own
		}
	}
	return blocks.BlockSet
}

// page builds a Message paragraph by paragraph. What people typed and what directories
// say is rich text, where a text element is always inert: only the elements that we add
// mention, link or format.
type page struct{ groups []group }

// shape says how a group of lines looks.
type shape int

const (
	paragraphs shape = iota
	bullets          // a bulleted list
	rows             // lines close together
	title            // one line in large print, as plain text
	small            // one line in small print
)

// group is some lines of one shape, or a finished block.
type group struct {
	lines []*line
	shape shape
	// more says how many lines are left out; nil if the group may not be shortened.
	// hidden is that number.
	more   func(n int) *line
	hidden int

	block slack.Block
	text  string
}

// line is one paragraph.
type line struct{ parts []part }

// part is one element of a line in two forms: as rich text, and as mrkdwn for the
// top-level text.
type part struct {
	element slack.RichTextSectionElement
	text    string
	// names is a list of people instead of an element; hidden is how many are left out.
	names  []part
	hidden int
}

var strong = &slack.RichTextSectionTextStyle{Bold: true}

// say adds our own words; words between backticks become code.
func (l *line) say(format string, args ...any) *line {
	return l.words(nil, fmt.Sprintf(format, args...))
}

// bold adds our own words in bold.
func (l *line) bold(format string, args ...any) *line {
	return l.words(strong, fmt.Sprintf(format, args...))
}

// put adds one element in both forms.
func (l *line) put(e slack.RichTextSectionElement, text string) *line {
	l.parts = append(l.parts, part{element: e, text: text})
	return l
}

func (l *line) words(style *slack.RichTextSectionTextStyle, s string) *line {
	for i, part := range strings.Split(s, "`") {
		if part == "" {
			continue
		}
		if i%2 == 1 {
			l.put(slack.NewRichTextSectionTextElement(part, &slack.RichTextSectionTextStyle{Code: true}), "`"+escape.Replace(part)+"`")
			continue
		}
		l.put(slack.NewRichTextSectionTextElement(part, style), escape.Replace(part))
	}
	return l
}

// typed adds words that a person typed or a directory holds. They are shown unchanged
// and stay inert.
func (l *line) typed(s string) *line { return l.foreign(nil, s) }

// boldTyped is typed in bold, for names in a headline.
func (l *line) boldTyped(s string) *line { return l.foreign(strong, s) }

func (l *line) foreign(style *slack.RichTextSectionTextStyle, s string) *line {
	if s == "" {
		return l
	}
	return l.put(slack.NewRichTextSectionTextElement(s, style), inert.Replace(s))
}

// person mentions a Slack user. Anything but a user's ID is added as typed text.
func (l *line) person(slackID string) *line {
	if !bot.SlackUser.MatchString(slackID) {
		return l.typed(slackID)
	}
	return l.put(slack.NewRichTextSectionUserElement(slackID, nil), "<@"+slackID+">")
}

// channel names a channel by its ID. Slack hides the name of a private channel from
// people who are not in it.
func (l *line) channel(id string) *line {
	return l.put(slack.NewRichTextSectionChannelElement(id, nil), "<#"+id+">")
}

// manyMentions is how many people a list mentions; it counts the rest.
const manyMentions = 10

// people mentions several, with commas: Slack users and user groups by their
// IDs. It names an Entra group, which Slack cannot mention.
func (l *line) people(names []string) *line {
	if l.everyone(names); len(names) > manyMentions {
		l.shorten(len(l.parts)-1, manyMentions)
	}
	return l
}

// everyone is people without the limit of manyMentions.
func (l *line) everyone(names []string) *line {
	all := &line{}
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, authz.EntraGroup):
			all.say("the Entra group %s", strings.TrimPrefix(name, authz.EntraGroup))
		case strings.HasPrefix(name, "S"):
			all.put(slack.NewRichTextSectionUserGroupElement(name), "<!subteam^"+name+">")
		default:
			all.person(name)
		}
	}
	if len(all.parts) > 0 {
		l.parts = append(l.parts, part{names: all.parts})
	}
	return l
}

// when shows a time in each reader's own time zone, to the minute.
func (l *line) when(t time.Time) *line { return l.date(t, "{date_short_pretty}, {time}") }

// whenExactly is when, to the second.
func (l *line) whenExactly(t time.Time) *line { return l.date(t, "{date_short_pretty}, {time_secs}") }

func (l *line) date(t time.Time, format string) *line {
	if t.IsZero() {
		return l.say("unknown")
	}
	fallback := t.UTC().Format("2006-01-02 15:04:05 UTC")
	text := fmt.Sprintf("<!date^%d^%s|%s>", t.Unix(), format, fallback)
	return l.put(slack.NewRichTextSectionDateElement(t.Unix(), format, nil, &fallback), text)
}

// link adds one of our own links.
func (l *line) link(url, text string) *line {
	return l.put(slack.NewRichTextSectionLinkElement(url, text, nil), fmt.Sprintf("<%s|%s>", escape.Replace(url), escape.Replace(text)))
}

// join adds another line's words to this one.
func (l *line) join(other *line) *line {
	l.parts = append(l.parts, other.parts...)
	return l
}

// flat is the line with its lists of people written out.
func (l *line) flat() (parts []part) {
	for _, p := range l.parts {
		if p.element != nil {
			parts = append(parts, p)
			continue
		}
		names := &line{}
		for i, name := range p.names {
			if i > 0 {
				names.say(", ")
			}
			names.parts = append(names.parts, name)
		}
		if p.hidden > 0 {
			names.say(" and %d more", p.hidden)
		}
		parts = append(parts, names.parts...)
	}
	return parts
}

// section is the line as rich text.
func (l *line) section() *slack.RichTextSection {
	var elements []slack.RichTextSectionElement
	for _, p := range l.flat() {
		elements = append(elements, p.element)
	}
	return slack.NewRichTextSection(elements...)
}

// text is the line in the top-level text.
func (l *line) text() string {
	var b strings.Builder
	for _, p := range l.flat() {
		b.WriteString(p.text)
	}
	return b.String()
}

// add ends a paragraph.
func (p *page) add(l *line) {
	if len(l.parts) > 0 {
		p.groups = append(p.groups, group{lines: []*line{l}})
	}
}

// list adds a bulleted list.
func (p *page) list(items ...*line) { p.groups = append(p.groups, group{lines: items, shape: bullets}) }

// title adds a line in large print. Slack shows its mentions as IDs.
func (p *page) title(l *line) { p.groups = append(p.groups, group{lines: []*line{l}, shape: title}) }

// rows adds lines that stand close together.
func (p *page) rows(lines ...*line) {
	if len(lines) > 0 {
		p.groups = append(p.groups, group{lines: lines, shape: rows})
	}
}

// small adds a line in small print. That is mrkdwn, so the line must hold only our own
// words, mentions and dates.
func (p *page) small(l *line) {
	if len(l.parts) > 0 {
		p.groups = append(p.groups, group{lines: []*line{l}, shape: small})
	}
}

// some adds lines that fit may cut at the end; more says how many are missing.
func (p *page) some(s shape, more func(n int) *line, items ...*line) {
	if len(items) > 0 {
		p.groups = append(p.groups, group{lines: items, shape: s, more: more})
	}
}

// ready adds a finished message.
func (p *page) ready(m bot.Message) {
	for i, b := range blocksOf(m) {
		g := group{block: b}
		if i == 0 {
			g.text = m.Text
		}
		p.groups = append(p.groups, g)
	}
}

// buttons adds a row of buttons. Screen readers read them without our text.
func (p *page) buttons(buttons ...*slack.ButtonBlockElement) {
	elements := make([]slack.BlockElement, len(buttons))
	for i, b := range buttons {
		elements[i] = b
	}
	if len(elements) > 0 {
		p.groups = append(p.groups, group{block: slack.NewActionBlock("", elements...)})
	}
}

// blocks is the page as Slack shows it.
func (p *page) blocks() (blocks []slack.Block) {
	for _, g := range p.groups {
		var sections []slack.RichTextElement
		for _, l := range g.all() {
			sections = append(sections, l.section())
		}
		switch {
		case g.block != nil:
			blocks = append(blocks, g.block)
		case g.shape == title:
			blocks = append(blocks, slack.NewHeaderBlock(plainText(bot.CutRunes(g.lines[0].plain(), maxTitle))))
		case g.shape == small:
			words := slack.NewTextBlockObject(slack.MarkdownType, g.lines[0].text(), false, true)
			blocks = append(blocks, slack.NewContextBlock("", words))
		case g.shape == rows:
			blocks = append(blocks, slack.NewRichTextBlock("", sections...))
		case g.shape == bullets:
			blocks = append(blocks, slack.NewRichTextBlock("", slack.NewRichTextList(slack.RTEListBullet, 0, sections...)))
		default:
			for _, section := range sections {
				blocks = append(blocks, slack.NewRichTextBlock("", section))
			}
		}
	}
	return blocks
}

// text is the page as screen readers and notifications read it.
func (p *page) text() string {
	var all []string
	for _, g := range p.groups {
		if g.text != "" {
			all = append(all, g.text)
		}
		for _, l := range g.all() {
			if g.shape == bullets {
				all = append(all, "• "+l.text())
			} else {
				all = append(all, l.text())
			}
		}
	}
	return strings.Join(all, "\n")
}

// all is the group's lines, and the line that counts those left out.
func (g *group) all() []*line {
	if g.hidden == 0 {
		return g.lines
	}
	return append(slices.Clone(g.lines), g.more(g.hidden))
}

func (p *page) message() bot.Message {
	p.fit()
	return bot.Message{Text: bot.CutRunes(p.text(), maxText), Blocks: encoded(p.blocks())}
}

// Slack's limits in characters: the text and the buttons of a confirm dialog, and a header. The limits of
// a whole message are in fit.go.
// https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
// https://docs.slack.dev/reference/block-kit/blocks/header-block
const (
	maxDialogText = 300
	maxTitle      = 150

	maxDialogButton = 30
)

// escape replaces the three characters that Slack wants escaped in any text.
// https://docs.slack.dev/messaging/formatting-message-text
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// inert also replaces the four formatting characters with their full-width twins,
// because mrkdwn cannot escape them. Only the top-level text needs it.
var inert = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "＊", "_", "＿", "~", "～", "`", "ˋ")

// button is a button that carries only the request's ID.
func button(actionID, label, requestID string, style slack.Style) *slack.ButtonBlockElement {
	return slack.NewButtonBlockElement(actionID, requestID, plainText(label)).WithStyle(style)
}

func plainText(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}

// Spell writes a duration in words, with at most two units.
func Spell(d time.Duration) string {
	d = max(d.Round(time.Second), 0)
	units := []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}}
	var words []string
	for _, u := range units {
		n := d / u.size
		d -= n * u.size
		switch {
		case n == 1:
			words = append(words, "1 "+u.name)
		case n > 1:
			words = append(words, fmt.Sprintf("%d %ss", n, u.name))
		case len(words) > 0:
			return words[0]
		}
		if len(words) == 2 {
			break
		}
	}
	if len(words) == 0 {
		return "less than a second"
	}
	return strings.Join(words, " ")
}

// plain is the line for a terminal, with all times in UTC.
func (l *line) plain() string {
	var b strings.Builder
	for _, p := range l.flat() {
		switch e := p.element.(type) {
		case *slack.RichTextSectionTextElement:
			b.WriteString(e.Text)
		case *slack.RichTextSectionUserElement:
			b.WriteString("@" + e.UserID)
		case *slack.RichTextSectionUserGroupElement:
			b.WriteString("@" + e.UsergroupID)
		case *slack.RichTextSectionChannelElement:
			b.WriteString("#" + e.ChannelID)
		case *slack.RichTextSectionDateElement:
			b.WriteString(*e.Fallback)
		case *slack.RichTextSectionLinkElement:
			b.WriteString(e.Text + " (" + e.URL + ")")
		}
	}
	return b.String()
}
