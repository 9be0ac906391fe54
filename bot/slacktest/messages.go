package slacktest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Message is one message as it stands, or as it stood in one of its versions.
type Message struct {
	Channel  string
	TS       string
	ThreadTS string // of a reply: the TS of the message it answers
	User     string // who it shows as the author; the bot's user ID for the app's own
	BotID    string
	AppID    string // the app that posted it; empty for people

	Text   string
	Blocks json.RawMessage // nil: none
	// Attachments and Subtype are those of other apps' messages, for Put: an incoming
	// webhook's has the subtype bot_message and no User. BotName is that app's name.
	Attachments json.RawMessage
	Subtype     string
	BotName     string

	Metadata  json.RawMessage
	Parse     string // how Text is parsed: "", "none" or "full"
	LinkNames bool   // @name in Text is a mention
	Markdown  bool   // Text is mrkdwn
	Broadcast bool   // a reply that is shown in the channel too

	Deleted  bool
	EditedAt time.Time // zero: never

	Ephemeral bool
	To        string // of an ephemeral message: who sees it
	Via       string // of an ephemeral message: "chat.postEphemeral", "response_url" or "ack"
}

// Time is when the message was posted, by the server's clock.
func (m Message) Time() time.Time {
	seconds, micros, _ := strings.Cut(m.TS, ".")
	sec, _ := strconv.ParseInt(seconds, 10, 64)
	us, _ := strconv.ParseInt(micros, 10, 64)
	return time.Unix(sec, us*1000)
}

// thread is a message with all its versions, oldest first.
type thread struct{ versions []Message }

func (t *thread) now() *Message { return &t.versions[len(t.versions)-1] }

// ephemeral is a message that only one person sees.
type ephemeral struct{ Message }

// Messages returns what stands at the top level of a channel, in order.
func (s *Server) Messages(channelID string) []Message {
	return s.messages(channelID, func(m *Message) bool {
		return m.ThreadTS == "" || m.ThreadTS == m.TS || m.Broadcast
	})
}

// Thread returns a message and its replies, in order.
func (s *Server) Thread(channelID, ts string) []Message {
	return s.messages(channelID, func(m *Message) bool { return m.TS == ts || m.ThreadTS == ts })
}

// DMs returns what stands at the top level of somebody's direct messages with
// the bot, in order.
func (s *Server) DMs(userID string) []Message {
	s.mu.Lock()
	id := ""
	for _, c := range s.channels {
		if c.directWith == userID {
			id = c.ID
		}
	}
	s.mu.Unlock()
	return s.Messages(id)
}

func (s *Server) messages(channelID string, want func(*Message) bool) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Message
	for _, t := range s.log[channelID] {
		if m := t.now(); !m.Deleted && want(m) {
			found = append(found, *m)
		}
	}
	return found
}

// History returns all versions of one message, oldest first; the last one has
// Deleted set when the message is gone.
func (s *Server) History(channelID, ts string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.find(channelID, ts); t != nil {
		return slices.Clone(t.versions)
	}
	return nil
}

// Ephemerals returns the messages that only this person sees, in order: from
// chat.postEphemeral, response URLs and the acks of commands.
func (s *Server) Ephemerals(userID string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Message
	for _, e := range s.private {
		if e.To == userID && !e.Deleted {
			found = append(found, e.Message)
		}
	}
	return found
}

// Put places a message as if somebody else had posted it: a person (User), or
// another app (AppID, BotID), whose Blocks and Attachments may be of any kind and are
// not checked. A person of another workspace posts as such. Channel must be set; it
// returns the message's TS.
func (s *Server) Put(m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[m.Channel] == nil {
		panic("slacktest: no channel " + m.Channel)
	}
	defer s.touch()
	return s.put(m).TS
}

// put appends a message and gives it a TS if it has none. s.mu is held.
func (s *Server) put(m Message) *Message {
	m.TS = cmp.Or(m.TS, s.newTS())
	t := &thread{versions: []Message{m}}
	s.log[m.Channel] = append(s.log[m.Channel], t)
	return t.now()
}

func (s *Server) putEphemeral(m Message) *ephemeral {
	m.TS = s.newTS()
	m.Ephemeral = true
	e := &ephemeral{m}
	s.private = append(s.private, e)
	return e
}

// find returns a message with its versions, deleted ones included, or nil.
// s.mu is held.
func (s *Server) find(channelID, ts string) *thread {
	for _, t := range s.log[channelID] {
		if t.now().TS == ts {
			return t
		}
	}
	return nil
}

// standing returns the message if it is there and not deleted. s.mu is held.
func (s *Server) standing(channelID, ts string) *Message {
	if t := s.find(channelID, ts); t != nil && !t.now().Deleted {
		return t.now()
	}
	return nil
}

// change adds a version to a message. s.mu is held.
func (t *thread) change(edit func(*Message)) *Message {
	next := *t.now()
	edit(&next)
	t.versions = append(t.versions, next)
	return t.now()
}

// messageJSON is the message as Slack shows it to the app. s.mu is held.
func (s *Server) messageJSON(m *Message) map[string]any {
	out := map[string]any{"type": "message", "ts": m.TS, "text": m.Text, "team": s.cfg.TeamID}
	if m.User != "" {
		out["user"] = m.User
	}
	if u := s.users[m.User]; u != nil && u.TeamID != s.cfg.TeamID { // posted through Slack Connect
		out["team"], out["user_team"], out["source_team"] = u.TeamID, u.TeamID, u.TeamID
	}
	if m.Subtype != "" {
		out["subtype"] = m.Subtype
	}
	if m.AppID != "" {
		out["app_id"] = m.AppID
	}
	if m.BotID != "" {
		out["bot_id"] = m.BotID
		out["bot_profile"] = map[string]any{"id": m.BotID, "app_id": m.AppID, "user_id": m.User, "name": cmp.Or(m.BotName, s.cfg.BotName),
			"deleted": false, "updated": 1700000000, "team_id": s.cfg.TeamID, "icons": map[string]any{}}
	}
	if m.Attachments != nil {
		out["attachments"] = m.Attachments
	}
	if m.Blocks != nil {
		out["blocks"] = m.Blocks
	}
	if m.ThreadTS != "" {
		out["thread_ts"] = m.ThreadTS
		if parent := s.standing(m.Channel, m.ThreadTS); parent != nil && m.ThreadTS != m.TS {
			out["parent_user_id"] = parent.User
		}
	}
	if m.Metadata != nil {
		out["metadata"] = m.Metadata
	}
	if !m.EditedAt.IsZero() && m.Blocks == nil {
		out["edited"] = map[string]any{"user": m.User, "ts": timestamp(m.EditedAt)}
	}
	return out
}

func timestamp(at time.Time) string {
	us := at.UnixMicro()
	return strconv.FormatInt(us/1e6, 10) + "." + leftPad(us%1e6)
}

func leftPad(n int64) string {
	digits := strconv.FormatInt(n, 10)
	return strings.Repeat("0", 6-len(digits)) + digits
}
