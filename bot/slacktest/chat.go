package slacktest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// content is the part of a message that its author composes.
type content struct {
	text     string
	blocks   json.RawMessage
	metadata json.RawMessage
	parse    string
	link     bool
	markdown bool
}

// readContent checks text, blocks and metadata. s.mu is held.
func (s *Server) readContent(p params, maxText int) (content, error) {
	c := content{text: p["text"], parse: p["parse"], link: yes(p["link_names"]), markdown: p["mrkdwn"] != "false"}
	if utf8.RuneCountInString(c.text) > maxText {
		return c, refuse("msg_too_long")
	}
	if !utf8.ValidString(c.text) {
		return c, refuse("invalid_arguments", "text is not UTF-8")
	}
	if !slices.Contains([]string{"", "none", "full"}, c.parse) {
		return c, refuse("invalid_arguments", "parse must be none or full")
	}
	for _, key := range []string{"mrkdwn", "link_names", "reply_broadcast", "unfurl_links", "unfurl_media", "replace_original", "delete_original"} {
		if !slices.Contains([]string{"", "true", "false", "1", "0"}, p[key]) {
			return c, refuse("invalid_arguments", key+" must be a boolean")
		}
	}
	if !noAttachments(p["attachments"]) {
		return c, refuse("invalid_arguments", "attachments are not modelled, except an empty list")
	}
	var err error
	if c.blocks, err = s.readBlocks(p["blocks"], onMessage); err != nil {
		return c, err
	}
	if c.metadata, err = readMetadata(p["metadata"]); err != nil {
		return c, err
	}
	if strings.TrimSpace(c.text) == "" && c.blocks == nil {
		return c, refuse("no_text")
	}
	return c, nil
}

// readShort is readContent for the Web API, which refuses blocks that are too
// long together. s.mu is held.
func (s *Server) readShort(p params, maxText int) (content, error) {
	c, err := s.readContent(p, maxText)
	if err != nil || c.blocks == nil {
		return c, err
	}
	var sent any
	if err := json.Unmarshal([]byte(p["blocks"]), &sent); err != nil {
		return c, refuse("invalid_blocks_format")
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // as it was meant
	if err := e.Encode(sent); err != nil {
		return c, err
	}
	if utf8.RuneCount(b.Bytes()) > MaxBlocksText {
		return c, refuse("msg_blocks_too_long")
	}
	return c, nil
}

// noAttachments reports whether there are none. Clients send the empty list to
// remove those of an earlier version, which a message here never has.
func noAttachments(text string) bool {
	var list []any
	return text == "" || json.Unmarshal([]byte(text), &list) == nil && len(list) == 0
}

func yes(value string) bool { return value == "true" || value == "1" }

func (c content) into(m *Message) {
	m.Text, m.Blocks, m.Parse, m.LinkNames, m.Markdown = c.text, c.blocks, c.parse, c.link, c.markdown
	if c.metadata != nil {
		m.Metadata = c.metadata
	}
}

// readMetadata accepts message metadata: an event_type and an object. An
// empty one, which some clients always send, counts as none.
func readMetadata(text string) (json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	var metadata struct {
		EventType    string          `json:"event_type"`
		EventPayload json.RawMessage `json:"event_payload"`
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&metadata); err != nil {
		return nil, refuse("invalid_metadata_format")
	}
	if metadata.EventType == "" && (metadata.EventPayload == nil || bytes.Equal(metadata.EventPayload, []byte("null"))) {
		return nil, nil
	}
	var payload map[string]any
	if metadata.EventType == "" || json.Unmarshal(metadata.EventPayload, &payload) != nil || payload == nil {
		return nil, refuse("invalid_metadata_schema")
	}
	return json.RawMessage(text), nil
}

func (s *Server) chatPostMessage(p params) (answer, error) {
	c, err := s.channelForPosting(p["channel"])
	if err != nil {
		return nil, err
	}
	body, err := s.readShort(p, MaxPostText)
	if err != nil {
		return nil, err
	}
	m := s.own(c)
	body.into(&m)
	if m.ThreadTS, err = s.threadOf(c, p["thread_ts"]); err != nil {
		return nil, err
	}
	m.Broadcast = yes(p["reply_broadcast"]) && m.ThreadTS != ""
	posted := s.put(m)
	return answer{"channel": c.ID, "ts": posted.TS, "message": s.messageJSON(posted)}, nil
}

// own is an empty message of the app.
func (s *Server) own(c *Channel) Message {
	return Message{Channel: c.ID, User: s.cfg.BotUserID, BotID: s.cfg.BotID, AppID: s.cfg.AppID, Markdown: true}
}

// threadOf checks a thread_ts, which must be the ts of a message that is no
// reply. Slack's page says of a reply's ts: avoid it, use its parent; what comes
// of it is not documented, and others saw replies come loose from their thread.
// Slack posts an orphan into the channel. This double refuses both. s.mu is held.
func (s *Server) threadOf(c *Channel, ts string) (string, error) {
	if ts == "" {
		return "", nil
	}
	parent := s.standing(c.ID, ts)
	switch {
	case parent == nil:
		return "", refuse("thread_not_found")
	case parent.ThreadTS != "" && parent.ThreadTS != parent.TS:
		return "", refuse("invalid_arguments", "thread_ts is the ts of a reply; use that of the thread's first message, "+parent.ThreadTS)
	}
	return parent.TS, nil
}

// ownMessage finds a message of the app that may be changed. s.mu is held.
func (s *Server) ownMessage(p params, foreign string) (*thread, error) {
	c := s.channels[p["channel"]]
	if c == nil || c.Private && !c.BotIsMember {
		return nil, refuse("channel_not_found")
	}
	t := s.find(c.ID, p["ts"])
	switch {
	case t == nil || t.now().Deleted:
		return nil, refuse("message_not_found")
	case t.now().AppID != s.cfg.AppID:
		return nil, refuse(foreign)
	case c.Archived:
		return nil, refuse("is_inactive")
	}
	return t, nil
}

func (s *Server) chatUpdate(p params) (answer, error) {
	t, err := s.ownMessage(p, "cant_update_message")
	if err != nil {
		return nil, err
	}
	body, err := s.readShort(p, MaxUpdateText)
	if err != nil {
		return nil, err
	}
	// Text without blocks removes the blocks, and blocks without text leave
	// no text: in both cases the message becomes what was sent.
	m := t.change(func(m *Message) {
		body.into(m)
		m.EditedAt = s.cfg.Now()
	})
	return answer{"channel": m.Channel, "ts": m.TS, "text": m.Text, "message": s.messageJSON(m)}, nil
}

func (s *Server) chatDelete(p params) (answer, error) {
	t, err := s.ownMessage(p, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	t.change(func(m *Message) { m.Deleted = true })
	return answer{"channel": p["channel"], "ts": p["ts"]}, nil
}

func (s *Server) chatPostEphemeral(p params) (answer, error) {
	c, err := s.channelOfBot(s.named(p["channel"]))
	if err != nil {
		return nil, err
	}
	switch {
	case c.Archived:
		return nil, refuse("is_archived")
	case s.users[p["user"]] == nil || s.users[p["user"]].Deleted || !slices.Contains(c.Members, p["user"]):
		return nil, refuse("user_not_in_channel")
	}
	body, err := s.readShort(p, MaxPostText)
	if err != nil {
		return nil, err
	}
	m := s.own(c)
	body.into(&m)
	m.To, m.Via = p["user"], "chat.postEphemeral"
	if m.ThreadTS, err = s.threadOf(c, p["thread_ts"]); err != nil {
		return nil, err
	}
	return answer{"message_ts": s.putEphemeral(m).TS}, nil
}

func (s *Server) chatGetPermalink(p params) (answer, error) {
	c := s.channels[p["channel"]]
	if c == nil || c.Private && !c.BotIsMember {
		return nil, refuse("channel_not_found")
	}
	m := s.standing(c.ID, p["message_ts"])
	if m == nil {
		return nil, refuse("message_not_found")
	}
	link := "https://" + s.cfg.TeamDomain + ".slack.com/archives/" + c.ID + "/p" + strings.ReplaceAll(m.TS, ".", "")
	if m.ThreadTS != "" && m.ThreadTS != m.TS {
		link += "?thread_ts=" + m.ThreadTS + "&cid=" + c.ID
	}
	return answer{"channel": c.ID, "permalink": link}, nil
}
