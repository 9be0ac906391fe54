package bot

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// What Slack says no to is about the app, about one message that stands no more,
// about what a message holds, or about the place where it should go. A message
// that holds too much is sent once more with less; what a place refuses reaches
// people in another way. See unreached.go and untold.go.

const (
	// refusedFor is how long a message that Slack has refused is not sent again as
	// it is: long enough to be no loop, and Slack may have been wrong.
	refusedFor = time.Hour
	// manyRefused is how many such messages are remembered.
	manyRefused = 1000
	// maxBare is how long the words of a message are, in characters, where Slack has
	// refused the whole of it: well below every limit.
	maxBare = 2000
	// maxPlain is the same for words that stand in one section, which may have 3,000.
	// https://docs.slack.dev/reference/block-kit/blocks/section-block
	maxPlain = 2500
	// noMention is Slack's code where a workspace does not let the app mention a
	// user group, and where a channel is not for everybody to post in.
	noMention = "restricted_action"
)

// ofTheApp reports whether Slack's code is about the token or the whole app: then
// no message goes anywhere.
// https://docs.slack.dev/reference/methods/chat.postMessage
func (e *SlackError) ofTheApp() bool {
	switch e.Code {
	case "account_inactive", "enterprise_is_restricted", "invalid_auth", "missing_scope", "not_allowed_token_type", "not_authed",
		"org_login_required", "token_expired", "token_revoked", "two_factor_setup_required":
		return true
	}
	return false
}

// invalid reports whether Slack does not take what a message holds.
func (e *SlackError) invalid() bool { return contentRefused(e.Code) }

// contentRefused reports whether it is that, by Slack's code.
// https://docs.slack.dev/reference/methods/chat.postMessage
func contentRefused(code string) bool {
	for _, family := range []string{"invalid_blocks", "invalid_attachments", "invalid_metadata"} {
		if strings.HasPrefix(code, family) {
			return true
		}
	}
	return strings.HasSuffix(code, "_too_long") || code == "no_text" || code == "too_many_attachments"
}

// lasting reports whether Slack will go on saying no to messages of this kind at
// this place until somebody mends something. That is so for every code that is not
// known to mean something else.
func (e *SlackError) lasting() bool {
	return e.Code != "" && !e.NoAnswer() && !e.ofTheApp() && !ofOneMessage(e)
}

// ofOneMessage reports whether the code is about a message that stands no more, or
// can be edited no more.
func ofOneMessage(e *SlackError) bool {
	return orphaned(e) || slices.Contains([]string{"cant_update_message", "edit_window_closed"}, e.Code)
}

// refusals remembers which messages Slack refused, so that none is sent for ever.
type refusals struct {
	mu  sync.Mutex
	all map[string]refused
}

type refused struct {
	at  time.Time
	err *SlackError
}

func (r *refusals) add(key string, e *SlackError, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) >= manyRefused {
		r.all = nil // each is sent once more
	}
	if r.all == nil {
		r.all = map[string]refused{}
	}
	r.all[key] = refused{now, e}
}

// known is what Slack answered lately to this message; nil for nothing.
func (r *refusals) known(key string, now time.Time) *SlackError {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.all[key]
	if ok && elapsed(known.at, now, refusedFor) {
		delete(r.all, key)
		return nil
	}
	return known.err
}

// submit sends a message, and where Slack does not take it as it is, once each what
// it may take instead. What Slack refused is not sent again for an hour.
func (b *Bot) submit(to string, m Message, send func(Message) error) error {
	for {
		key := to + " " + m.digest()
		if e := b.refused.known(key, b.now()); e != nil {
			other, why := m.instead(e.Code)
			if why == "" {
				return e
			}
			m = other
			continue
		}
		err := send(m)
		e, ok := errors.AsType[*SlackError](err)
		if !ok {
			return err
		}
		other, why := m.instead(e.Code)
		if e.invalid() { // what a place refuses, it may take once somebody has opened it
			b.refused.add(key, e, b.now())
			b.log.Error("Slack refuses what a message holds; it is not sent again for an hour", "channel", to, "error", err)
		}
		if why == "" {
			return err
		}
		if m = other; !e.invalid() {
			b.log.Warn("Slack refuses a message that mentions a user group; sending it without", "channel", to, "error", err,
				"remedy", "in Slack's settings, let this app mention user groups")
		}
	}
}

// instead is what Slack may take where it has refused this, and in a word what is
// different about it; an empty word where there is nothing.
func (m Message) instead(code string) (_ Message, why string) {
	switch refused := contentRefused(code); {
	case refused && !m.bare && m.plain != nil:
		plain := m.plain(code)
		plain.able, plain.bare = m.able, true
		return plain, "a plain one"
	case refused && !m.bare:
		return m.words(code), "its words alone"
	case code == noMention && groupMention.MatchString(m.Text):
		return m.withoutGroups(), "without the mention of a user group"
	}
	return m, ""
}

// words are the words of a message alone, as many as certainly fit.
func (m Message) words(code string) Message {
	text := m.Text
	if r := []rune(text); len(r) > maxBare {
		text = string(r[:maxBare])
		if end := strings.LastIndex(text, "\n"); end > 0 {
			text = text[:end] // no half of a mention or a date
		}
		text += "\n…"
	}
	p := &page{}
	l := (&line{}).say("Slack did not take the whole of this message (%s).", named(code))
	if slices.ContainsFunc(blocksOf(m), func(b slack.Block) bool { return b.BlockType() == slack.MBTAction }) {
		l.say(" Its buttons are missing.")
	}
	p.add(l)
	return Message{Text: text + "\n" + p.text(), able: m.able, bare: true}
}

// plainMessage has lines without any form and then buttons. people, which may be nil,
// are mentioned: plain words mention nobody.
func plainMessage(lines []*line, people *line, buttons []*slack.ButtonBlockElement) Message {
	p, says := &page{}, &page{}
	for _, l := range lines {
		says.add(l)
	}
	p.groups = append(p.groups, group{block: slack.NewSectionBlock(plainText(plainWords(lines)), nil, nil), text: says.text()})
	if people != nil {
		p.groups = append(p.groups, group{block: slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, people.text(), false, true), nil, nil)})
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

// groupMention is a mention of a user group in a top-level text. What people typed
// cannot look like that: its < is escaped.
var groupMention = regexp.MustCompile(`<!subteam\^(S[A-Z0-9]+)>`)

// withoutGroups is the message with user groups named and not mentioned. It says
// so, and mentions the people who could decide.
func (m Message) withoutGroups() Message {
	var groups []string
	for _, found := range groupMention.FindAllStringSubmatch(m.Text, -1) {
		if !slices.Contains(groups, found[1]) {
			groups = append(groups, found[1])
		}
	}
	why := (&line{}).bold("This rings nobody as a member of a user group:").
		say(" Slack does not let me mention %s here (%s). Whoever administers Slack can allow it.", strings.Join(groups, ", "), noMention)
	if len(m.able) > 0 {
		why.say(" I mention these instead: ").people(m.able).say(".")
	}
	p := &page{}
	p.add(why)
	out := Message{Text: groupMention.ReplaceAllString(m.Text, "the user group $1") + "\n" + p.text(), able: m.able, plain: m.plain, bare: m.bare}
	if len(m.Blocks) > 0 {
		var blocks []slack.Block
		for _, block := range blocksOf(m) {
			blocks = append(blocks, unmentioned(block))
		}
		out.Blocks = encoded(append(blocks, p.blocks()...))
	}
	return out
}

// unmentioned is a block with user groups named and not mentioned.
func unmentioned(block slack.Block) slack.Block {
	switch b := block.(type) {
	case *slack.RichTextBlock:
		same := *b
		same.Elements = unmentionedIn(b.Elements)
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

// named is a code of Slack's for a sentence.
func named(code string) string {
	if code = slackCode(code); code == "" {
		return "with a code that I do not show"
	}
	return code
}
