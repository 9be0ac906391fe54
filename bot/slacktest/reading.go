package slacktest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Button is a button that stands on a message.
type Button struct {
	BlockID  string
	ActionID string
	Text     string
	Value    string
	Style    string
	URL      string
	Label    string // accessibility_label
	Confirm  *Confirm
}

// Confirm is the dialog that Slack shows before it sends the click.
type Confirm struct{ Title, Text, Confirm, Deny, Style string }

// Buttons returns the buttons that stand on the message, in order.
func (m Message) Buttons() []Button {
	var found []Button
	for _, b := range m.blocks() {
		var elements []any
		switch b["type"] {
		case "actions":
			elements, _ = b["elements"].([]any)
		case "section":
			elements = []any{b["accessory"]}
		}
		for _, value := range elements {
			if e, ok := value.(object); ok && e["type"] == "button" {
				found = append(found, button(b, e))
			}
		}
	}
	return found
}

func button(b, e object) Button {
	text := func(key string) string {
		value, _ := e[key].(string)
		return value
	}
	blockID, _ := b["block_id"].(string)
	out := Button{BlockID: blockID, ActionID: text("action_id"), Text: textOf(e["text"]), Value: text("value"),
		Style: text("style"), URL: text("url"), Label: text("accessibility_label")}
	if c, ok := e["confirm"].(object); ok {
		style, _ := c["style"].(string)
		out.Confirm = &Confirm{Title: textOf(c["title"]), Text: textOf(c["text"]), Confirm: textOf(c["confirm"]), Deny: textOf(c["deny"]), Style: style}
	}
	return out
}

func (m Message) blocks() []object {
	var list []object
	if m.Blocks != nil {
		_ = json.Unmarshal(m.Blocks, &list) // validated when it was posted
	}
	return list
}

// Plain is all text that a reader can meet, in order, one line per piece: the
// top-level text, which screen readers and notifications take, then every
// text of the blocks, buttons in brackets. Mentions, links and dates stand as
// a reader sees them whose client knows no names; formatting marks stay.
func (m Message) Plain() string { return unnamed.read(m) }

// Reads is Plain for a reader in a time zone: people, user groups and channels have
// their names, and dates stand in the reader's time.
func (s *Server) Reads(m Message, zone *time.Location) string { return s.readerIn(zone).read(m) }

// piece is one text inside the blocks.
type piece struct {
	text     string
	kind     string // "plain_text", "mrkdwn" or "rich_text"
	verbatim bool
	button   bool
	mentions []string // of rich text
	links    []string // of rich text, and the URL of a button
}

func (m Message) pieces() []piece { return unnamed.pieces(m) }

func (r reader) pieces(m Message) []piece {
	var found []piece
	add := func(value any) {
		if o, ok := value.(object); ok {
			kind, _ := o["type"].(string)
			found = append(found, piece{text: textOf(o), kind: kind, verbatim: o["verbatim"] == true})
		}
	}
	for _, b := range m.blocks() {
		switch b["type"] {
		case "section":
			add(b["text"])
			fields, _ := b["fields"].([]any)
			for _, field := range fields {
				add(field)
			}
			found = append(found, elementPieces(b["accessory"])...)
		case "header":
			add(b["text"])
		case "context", "actions":
			elements, _ := b["elements"].([]any)
			for _, e := range elements {
				if o, ok := e.(object); ok && (o["type"] == "plain_text" || o["type"] == "mrkdwn") {
					add(e)
					continue
				}
				found = append(found, elementPieces(e)...)
			}
		case "input":
			add(b["label"])
			add(b["hint"])
		case "rich_text":
			found = append(found, r.richPieces(b)...)
		}
	}
	return found
}

func elementPieces(value any) []piece {
	e, ok := value.(object)
	if !ok {
		return nil
	}
	switch e["type"] {
	case "button":
		p := piece{text: textOf(e["text"]), kind: "plain_text", button: true}
		if url, _ := e["url"].(string); url != "" {
			p.links = []string{url}
		}
		return []piece{p}
	case "image":
		alt, _ := e["alt_text"].(string)
		return []piece{{text: alt, kind: "plain_text"}}
	case "users_select":
		return []piece{{text: textOf(e["placeholder"]), kind: "plain_text"}}
	}
	return nil
}

// richPieces gives one piece per section of rich text.
func (r reader) richPieces(o object) []piece {
	var found []piece
	p := piece{kind: "rich_text"}
	elements, _ := o["elements"].([]any)
	for _, value := range elements {
		e, _ := value.(object)
		text := func(key string) string {
			s, _ := e[key].(string)
			return s
		}
		switch e["type"] {
		case "text":
			p.text += text("text")
		case "user":
			p.text += "@" + r.name(text("user_id"))
			p.mentions = append(p.mentions, text("user_id"))
		case "usergroup":
			p.text += "@" + r.name(text("usergroup_id"))
			p.mentions = append(p.mentions, text("usergroup_id"))
		case "broadcast":
			p.text += "@" + text("range")
			p.mentions = append(p.mentions, text("range"))
		case "channel":
			p.text += "#" + r.name(text("channel_id"))
		case "emoji":
			p.text += ":" + text("name") + ":"
		case "date":
			at, _ := e["timestamp"].(float64)
			p.text += r.date(int64(at), text("format"), text("fallback"))
		case "link":
			p.links = append(p.links, text("url"))
			if label := text("text"); label != "" {
				p.text += label
			} else {
				p.text += text("url")
			}
		default: // a section, list, quote or preformatted text
			found = append(found, r.richPieces(e)...)
		}
	}
	if p.text != "" || p.mentions != nil || p.links != nil {
		found = append(found, p)
	}
	return found
}

// special is Slack's live syntax: <…>. A < that Slack would show has been
// escaped to &lt;.
var special = regexp.MustCompile(`<([^<>\n]+)>`)

var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// Mentions returns who the message notifies, in order and without
// duplicates: user IDs, user group IDs, and "here", "channel" or "everyone".
// It follows Slack's rules: <@U…> and the like are live in mrkdwn; a bare
// @here is live in a mrkdwn text object unless verbatim is true, and in the
// top-level text with parse full or link_names; plain_text is never live.
// Mentions in the top-level text count whether or not there are blocks.
func (s *Server) Mentions(m Message) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	add := func(ids ...string) {
		for _, id := range ids {
			if !slices.Contains(found, id) {
				found = append(found, id)
			}
		}
	}
	add(s.mentionsIn(m.Text, m.Parse != "full", m.Parse == "full" || m.LinkNames, m.Parse == "full" || m.LinkNames)...)
	for _, p := range m.pieces() {
		add(p.mentions...)
		if p.kind == "mrkdwn" {
			add(s.mentionsIn(p.text, true, !p.verbatim, false)...)
		}
	}
	return found
}

// bareName finds @names that are not part of an address.
var bareName = regexp.MustCompile(`(?:^|[^\w.@<!|])@([a-zA-Z0-9][\w.-]*)`)

// mentionsIn finds mentions in one text: forms means <…> is live, broadcast
// that a bare @here is, names that a bare @bob is.
func (s *Server) mentionsIn(text string, forms, broadcast, names bool) []string {
	var found []string
	bare := text
	if forms {
		for _, match := range special.FindAllStringSubmatch(text, -1) {
			inside, _, _ := strings.Cut(match[1], "|")
			switch {
			case strings.HasPrefix(inside, "@"):
				found = append(found, inside[1:])
			case strings.HasPrefix(inside, "!subteam^"):
				found = append(found, strings.TrimPrefix(inside, "!subteam^"))
			case slices.Contains([]string{"!here", "!channel", "!everyone", "!group"}, inside):
				found = append(found, inside[1:])
			}
		}
		bare = special.ReplaceAllString(text, " ")
	}
	for _, match := range bareName.FindAllStringSubmatch(bare, -1) {
		name := strings.TrimRight(match[1], ".-_")
		switch {
		case broadcast && slices.Contains([]string{"here", "channel", "everyone"}, strings.ToLower(name)):
			found = append(found, strings.ToLower(name))
		case names:
			for _, u := range s.users {
				if u.Name == name {
					found = append(found, u.ID)
				}
			}
			for _, g := range s.groups {
				if g.Handle == name {
					found = append(found, g.ID)
				}
			}
		}
	}
	return found
}

// bareLink finds what Slack turns into a link by itself: URLs and addresses.
var bareLink = regexp.MustCompile(`https?://[^\s<>|]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+`)

// Links returns where the message's live links lead, in order and without
// duplicates: links that are written out, the URLs of buttons and rich text,
// and what Slack links by itself where it parses (mrkdwn objects without
// verbatim, and the top-level text unless parse is none).
func (s *Server) Links(m Message) []string {
	var found []string
	add := func(urls ...string) {
		for _, url := range urls {
			if !slices.Contains(found, url) {
				found = append(found, url)
			}
		}
	}
	add(linksIn(m.Text, m.Parse != "full", m.Parse != "none")...)
	for _, p := range m.pieces() {
		add(p.links...)
		if p.kind == "mrkdwn" {
			add(linksIn(p.text, true, !p.verbatim)...)
		}
	}
	return found
}

func linksIn(text string, forms, auto bool) []string {
	var found []string
	if forms {
		for _, match := range special.FindAllStringSubmatch(text, -1) {
			inside, _, _ := strings.Cut(match[1], "|")
			switch {
			case strings.HasPrefix(inside, "!date^"):
				if parts := strings.SplitN(inside, "^", 4); len(parts) == 4 {
					found = append(found, parts[3])
				}
			case inside != "" && inside[0] != '@' && inside[0] != '!' && inside[0] != '#':
				found = append(found, inside)
			}
		}
		text = special.ReplaceAllString(text, " ")
	}
	if auto {
		for _, link := range bareLink.FindAllString(text, -1) {
			if !strings.HasPrefix(link, "http") {
				link = "mailto:" + link
			}
			found = append(found, link)
		}
	}
	return found
}
