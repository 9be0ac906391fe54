package bot

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
)

// Message is what stands in Slack: blocks for the eye, and the same words as
// top-level text for notifications and screen readers, which read nothing else.
type Message struct {
	Text   string
	Blocks []slack.Block
}

// UnmarshalJSON reads what json.Marshal wrote.
func (m *Message) UnmarshalJSON(text []byte) error {
	var stored struct {
		Text   string
		Blocks slack.Blocks
	}
	if err := json.Unmarshal(text, &stored); err != nil {
		return err
	}
	m.Text, m.Blocks = stored.Text, stored.Blocks.BlockSet
	return nil
}

// page builds a Message paragraph by paragraph. Everything is rich text, in
// which a text element is inert whatever it holds: only the elements that we
// add ourselves mention, link or format.
type page struct {
	text   strings.Builder
	blocks []slack.Block
}

// line is one paragraph, kept twice: as rich-text elements and as mrkdwn for
// the top-level text.
type line struct {
	elements []slack.RichTextSectionElement
	text     strings.Builder
}

var strong = &slack.RichTextSectionTextStyle{Bold: true}

// say adds our own words; between ` they are shown as code.
func (l *line) say(format string, args ...any) *line {
	return l.words(nil, fmt.Sprintf(format, args...))
}

// bold adds our own words in bold.
func (l *line) bold(format string, args ...any) *line {
	return l.words(strong, fmt.Sprintf(format, args...))
}

func (l *line) words(style *slack.RichTextSectionTextStyle, s string) *line {
	for i, part := range strings.Split(s, "`") {
		if part == "" {
			continue
		}
		if i%2 == 1 {
			l.elements = append(l.elements, slack.NewRichTextSectionTextElement(part, &slack.RichTextSectionTextStyle{Code: true}))
			l.text.WriteString("`" + escape.Replace(part) + "`")
			continue
		}
		l.elements = append(l.elements, slack.NewRichTextSectionTextElement(part, style))
		l.text.WriteString(escape.Replace(part))
	}
	return l
}

// typed adds words that a person typed or a directory holds. They are shown
// as they are and can do nothing.
func (l *line) typed(s string) *line { return l.foreign(nil, s) }

// boldTyped is typed in bold, for names in a headline.
func (l *line) boldTyped(s string) *line { return l.foreign(strong, s) }

func (l *line) foreign(style *slack.RichTextSectionTextStyle, s string) *line {
	if s == "" {
		return l
	}
	l.elements = append(l.elements, slack.NewRichTextSectionTextElement(s, style))
	l.text.WriteString(inert.Replace(s))
	return l
}

// person mentions a Slack user. What is no user's ID is no mention.
func (l *line) person(slackID string) *line {
	if !slackUser.MatchString(slackID) {
		return l.typed(slackID)
	}
	l.elements = append(l.elements, slack.NewRichTextSectionUserElement(slackID, nil))
	fmt.Fprintf(&l.text, "<@%s>", slackID)
	return l
}

// manyMentions is how many people are mentioned one by one.
const manyMentions = 10

// people mentions several, with commas: Slack users and user groups by their
// IDs; an Entra group, which Slack cannot mention, is named.
func (l *line) people(names []string) *line {
	if len(names) <= manyMentions {
		return l.everyone(names)
	}
	return l.everyone(names[:manyMentions]).say(" and %d more", len(names)-manyMentions)
}

// everyone is people without a limit.
func (l *line) everyone(names []string) *line {
	for i, name := range names {
		if i > 0 {
			l.say(", ")
		}
		switch {
		case strings.HasPrefix(name, authz.EntraGroup):
			l.say("the Entra group %s", strings.TrimPrefix(name, authz.EntraGroup))
		case strings.HasPrefix(name, "S"):
			l.elements = append(l.elements, slack.NewRichTextSectionUserGroupElement(name))
			fmt.Fprintf(&l.text, "<!subteam^%s>", name)
		default:
			l.person(name)
		}
	}
	return l
}

// when shows an instant in each reader's own time zone, to the minute.
func (l *line) when(t time.Time) *line { return l.date(t, "{date_short_pretty}, {time}") }

// whenExactly shows it to the second.
func (l *line) whenExactly(t time.Time) *line { return l.date(t, "{date_short_pretty}, {time_secs}") }

func (l *line) date(t time.Time, format string) *line {
	if t.IsZero() {
		return l.say("unknown")
	}
	fallback := t.UTC().Format("2006-01-02 15:04:05 UTC")
	l.elements = append(l.elements, slack.NewRichTextSectionDateElement(t.Unix(), format, nil, &fallback))
	fmt.Fprintf(&l.text, "<!date^%d^%s|%s>", t.Unix(), format, fallback)
	return l
}

// link adds a link of our own making.
func (l *line) link(url, text string) *line {
	l.elements = append(l.elements, slack.NewRichTextSectionLinkElement(url, text, nil))
	fmt.Fprintf(&l.text, "<%s|%s>", escape.Replace(url), escape.Replace(text))
	return l
}

// join adds another line's words to this one.
func (l *line) join(other *line) *line {
	l.elements = append(l.elements, other.elements...)
	l.text.WriteString(other.text.String())
	return l
}

// add ends a paragraph.
func (p *page) add(l *line) {
	if len(l.elements) == 0 {
		return
	}
	p.blocks = append(p.blocks, slack.NewRichTextBlock("", slack.NewRichTextSection(l.elements...)))
	p.paragraph(l.text.String())
}

// list adds a bulleted list.
func (p *page) list(items ...*line) {
	var sections []slack.RichTextElement
	for _, l := range items {
		sections = append(sections, slack.NewRichTextSection(l.elements...))
		p.paragraph("• " + l.text.String())
	}
	p.blocks = append(p.blocks, slack.NewRichTextBlock("", slack.NewRichTextList(slack.RTEListBullet, 0, sections...)))
}

// buttons adds a row of buttons. Screen readers reach them without our text.
func (p *page) buttons(buttons ...*slack.ButtonBlockElement) {
	elements := make([]slack.BlockElement, len(buttons))
	for i, b := range buttons {
		elements[i] = b
	}
	if len(elements) > 0 {
		p.blocks = append(p.blocks, slack.NewActionBlock("", elements...))
	}
}

func (p *page) paragraph(s string) {
	if p.text.Len() > 0 {
		p.text.WriteByte('\n')
	}
	p.text.WriteString(s)
}

func (p *page) message() Message {
	return Message{Text: cutRunes(p.text.String(), maxText), Blocks: p.blocks}
}

// Limits of Slack's, in characters.
const (
	// maxText is what chat.update takes; chat.postMessage would take 40,000.
	// https://docs.slack.dev/reference/methods/chat.update
	maxText = 4000
	// Of a confirm dialog and a button.
	// https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
	maxDialogText = 300
)

func cutRunes(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return string(r[:limit-1]) + "…"
}

// escape is what Slack asks of any text: these three and nothing else.
// https://docs.slack.dev/messaging/formatting-message-text
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// inert also swaps the four characters that format for their full-width
// twins, for mrkdwn has no way to escape them. Only the top-level text needs it.
var inert = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "＊", "_", "＿", "~", "～", "`", "ˋ")

// button makes one that carries nothing but the request's ID.
func button(actionID, label, requestID string, style slack.Style) *slack.ButtonBlockElement {
	return slack.NewButtonBlockElement(actionID, requestID, plainText(label)).WithStyle(style)
}

func plainText(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}

// spell writes a duration in words, at most two units of it.
func spell(d time.Duration) string {
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
	for _, e := range l.elements {
		switch e := e.(type) {
		case *slack.RichTextSectionTextElement:
			b.WriteString(e.Text)
		case *slack.RichTextSectionUserElement:
			b.WriteString("@" + e.UserID)
		case *slack.RichTextSectionUserGroupElement:
			b.WriteString("@" + e.UsergroupID)
		case *slack.RichTextSectionDateElement:
			b.WriteString(*e.Fallback)
		case *slack.RichTextSectionLinkElement:
			b.WriteString(e.Text + " (" + e.URL + ")")
		}
	}
	return b.String()
}
