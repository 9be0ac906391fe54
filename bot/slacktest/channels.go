package slacktest

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// Channel is a place where messages stand. Direct-message channels (D…) are
// made when the bot first writes to somebody, or somebody to the bot.
type Channel struct {
	ID          string
	Name        string
	Private     bool
	Archived    bool
	ExtShared   bool     // shared with another organization (Slack Connect)
	Members     []string // user IDs, without the bot
	BotIsMember bool

	directWith string // of a direct-message channel: the other person
}

// AddChannel makes a channel, replacing the one with the same ID; messages
// that stand in it stay.
func (s *Server) AddChannel(c Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Name = cmp.Or(c.Name, strings.ToLower(c.ID))
	c.Members = slices.Clone(c.Members)
	s.channels[c.ID] = &c
	s.touch()
}

// UpdateChannel changes a channel; it panics for an unknown ID, which is a
// mistake in the test.
func (s *Server) UpdateChannel(id string, change func(*Channel)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[id]
	if c == nil {
		panic("slacktest: no channel " + id)
	}
	change(c)
	s.touch()
}

// Channels returns every channel except direct messages, ordered by ID.
func (s *Server) Channels() []Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Channel
	for _, c := range s.channels {
		if c.directWith == "" {
			copied := *c
			copied.Members = slices.Clone(c.Members)
			all = append(all, copied)
		}
	}
	slices.SortFunc(all, func(a, b Channel) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// DirectChannel returns the D… ID of somebody's direct messages with the bot
// and makes the channel if it is not there yet.
func (s *Server) DirectChannel(userID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.openDirect(userID).ID
}

// openDirect finds or makes the direct-message channel. s.mu is held.
func (s *Server) openDirect(userID string) *Channel {
	for _, c := range s.channels {
		if c.directWith == userID {
			return c
		}
	}
	c := &Channel{ID: "D" + strings.TrimLeft(userID, "UW"), Name: "directmessage", Private: true,
		Members: []string{userID}, BotIsMember: true, directWith: userID}
	for s.channels[c.ID] != nil {
		c.ID = s.newID("D")
	}
	s.channels[c.ID] = c
	return c
}

// sees reports whether somebody can read a channel: its members, and for a
// public one every full member of the workspace. s.mu is held.
func (s *Server) sees(u *User, c *Channel) bool {
	if slices.Contains(c.Members, u.ID) {
		return true
	}
	return !c.Private && !u.Guest && !u.SingleChannelGuest && !u.Stranger && u.TeamID == s.cfg.TeamID
}

// nameInPayload is the channel name that Slack puts into payloads.
func (c *Channel) nameInPayload() string {
	switch {
	case c.directWith != "":
		return "directmessage"
	case c.Private:
		return "privategroup"
	}
	return c.Name
}

// named turns #name or name into the ID of that channel, and leaves everything
// else as it is. The pages of chat.postMessage and chat.postEphemeral take a name
// in place of an ID; no other method does. s.mu is held.
func (s *Server) named(channel string) string {
	name := strings.TrimPrefix(channel, "#")
	if name == "" || name == channel && (s.channels[channel] != nil || s.users[channel] != nil) {
		return channel
	}
	for _, c := range s.channels {
		if c.Name == name && c.directWith == "" {
			return c.ID
		}
	}
	return channel
}

// channelForPosting finds where a message may go: a channel's ID or name, or a
// user ID for direct messages. s.mu is held.
func (s *Server) channelForPosting(id string) (*Channel, error) {
	id = s.named(id)
	if u := s.users[id]; u != nil {
		switch {
		case u.Bot || u.AppUser:
			return nil, refuse("cannot_dm_bot")
		case u.Deleted || u.Stranger:
			return nil, refuse("channel_not_found")
		case s.cfg.MessagesTabOff:
			return nil, refuse("messages_tab_disabled")
		}
		return s.openDirect(id), nil
	}
	c, err := s.channelOfBot(id)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Archived:
		return nil, refuse("is_archived")
	case c.directWith != "" && s.cfg.MessagesTabOff:
		return nil, refuse("messages_tab_disabled")
	}
	return c, nil
}

// channelOfBot finds a channel that the bot may write to. A private channel
// without the bot is hidden from it. s.mu is held.
func (s *Server) channelOfBot(id string) (*Channel, error) {
	c := s.channels[id]
	switch {
	case c == nil, c.Private && !c.BotIsMember:
		return nil, refuse("channel_not_found")
	case !c.BotIsMember && !s.hasScope("chat:write.public"):
		return nil, refuse("not_in_channel")
	}
	return c, nil
}

func (s *Server) conversationsInfo(p params) (answer, error) {
	c := s.channels[p["channel"]]
	if c == nil || c.Private && !c.BotIsMember {
		return nil, refuse("channel_not_found")
	}
	if err := s.mayRead(c); err != nil {
		return nil, err
	}
	channel := map[string]any{
		"id": c.ID, "created": 1700000000, "is_archived": c.Archived, "is_im": c.directWith != "",
		"is_org_shared": false, "context_team_id": s.cfg.TeamID, "updated": 1700000000000,
	}
	if c.directWith != "" {
		channel["user"] = c.directWith
		channel["is_user_deleted"] = s.users[c.directWith] == nil || s.users[c.directWith].Deleted
	} else {
		for key, value := range map[string]any{
			"name": c.Name, "name_normalized": c.Name, "creator": s.cfg.BotUserID, "unlinked": 0,
			"is_channel": !c.Private, "is_group": c.Private, "is_mpim": false, "is_private": c.Private, "is_general": false,
			"is_shared": c.ExtShared, "is_ext_shared": c.ExtShared, "is_pending_ext_shared": false, "pending_shared": []string{},
			"shared_team_ids": []string{s.cfg.TeamID}, "is_member": c.BotIsMember, "previous_names": []string{},
			"topic":   map[string]any{"value": "", "creator": "", "last_set": 0},
			"purpose": map[string]any{"value": "", "creator": "", "last_set": 0},
		} {
			channel[key] = value
		}
	}
	if yes(p["include_locale"]) {
		channel["locale"] = locale
	}
	if yes(p["include_num_members"]) {
		channel["num_members"] = len(s.members(c))
	}
	return answer{"channel": channel}, nil
}

func (s *Server) conversationsMembers(p params) (answer, error) {
	c := s.channels[p["channel"]]
	if c == nil || c.Private && !c.BotIsMember {
		return nil, refuse("channel_not_found")
	}
	if err := s.mayRead(c); err != nil {
		return nil, err
	}
	ids, next, err := pageOf(s.members(c), p, MembersPage, MaxPage)
	if err != nil {
		return nil, err
	}
	return answer{"members": ids, "response_metadata": map[string]any{"next_cursor": next}}, nil
}

// pageOf cuts the part out of ids that cursor and limit ask for, and returns the
// cursor of the next one, "" after the last. As in Slack's examples, a cursor is
// the ID that comes next, in base64: others may join or leave meanwhile, but when
// that one leaves, the cursor is no longer valid.
func pageOf(ids []string, p params, usual, most int) (part []string, next string, err error) {
	limit := usual
	if text, there := p["limit"]; there {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > most {
			return nil, "", refuse("invalid_limit")
		}
	}
	if cursor := p["cursor"]; cursor != "" { // an empty one is the first page
		text, err := base64.StdEncoding.DecodeString(cursor)
		id, found := strings.CutPrefix(string(text), cursorPrefix)
		from := slices.Index(ids, id)
		if err != nil || !found || from < 0 {
			return nil, "", refuse("invalid_cursor")
		}
		ids = ids[from:]
	}
	if len(ids) <= limit {
		return ids, "", nil
	}
	return ids[:limit], base64.StdEncoding.EncodeToString([]byte(cursorPrefix + ids[limit])), nil
}

const cursorPrefix = "user:"

// mayRead checks the scope that reading this kind of channel needs.
func (s *Server) mayRead(c *Channel) error {
	scope := "channels:read"
	switch {
	case c.directWith != "":
		scope = "im:read"
	case c.Private:
		scope = "groups:read"
	}
	return s.needScope(scope)
}

func (s *Server) members(c *Channel) []string {
	members := append([]string{}, c.Members...)
	if c.BotIsMember {
		members = append(members, s.cfg.BotUserID)
	}
	return members
}
