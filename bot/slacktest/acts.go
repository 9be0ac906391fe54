package slacktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// Person acts in the workspace as one user.
type Person struct {
	server *Server
	id     string
}

// As lets somebody act. An unknown or deactivated user makes every act fail.
func (s *Server) As(userID string) *Person { return &Person{server: s, id: userID} }

// ID is the user's ID.
func (p *Person) ID() string { return p.id }

// Say posts an ordinary message as the person and returns its TS. threadTS
// may be empty.
func (p *Person) Say(channelID, threadTS, text string) string {
	return p.server.Put(Message{Channel: channelID, ThreadTS: threadTS, User: p.id, Text: text, Markdown: true})
}

var errReadOnly = errors.New("the manifest makes the app's direct messages read-only: there is no box to type into")

// Command types the app's slash command with this text, in a channel that the
// person is a member of, or with channelID "" in their direct messages with
// the bot. See Config.Escape for how text goes out.
func (p *Person) Command(channelID, text string) *Delivery {
	return p.CommandRaw(channelID, text, nil)
}

// CommandRaw is Command with the payload changed by edit before it is sent.
func (p *Person) CommandRaw(channelID, text string, edit func(payload map[string]any)) *Delivery {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.person(p.id)
	if err != nil {
		return s.failed(err)
	}
	c := s.channels[channelID]
	if channelID == "" {
		c = s.openDirect(p.id)
	}
	if c == nil || !slices.Contains(c.Members, p.id) {
		return s.failed(fmt.Errorf("%s is not in channel %q and cannot type there", p.id, channelID))
	}
	if c.directWith != "" && s.cfg.MessagesTabReadOnly {
		return s.failed(errReadOnly)
	}
	if s.cfg.Escape != nil {
		text = s.escape(text)
	}
	answers := responseURL{user: p.id, channel: c.ID}
	payload := map[string]any{
		"token": "deprecated", "team_id": s.cfg.TeamID, "team_domain": s.cfg.TeamDomain,
		"channel_id": c.ID, "channel_name": c.nameInPayload(), "user_id": p.id, "user_name": u.Name,
		"command": s.cfg.Command, "text": text, "api_app_id": s.cfg.AppID, "is_enterprise_install": "false",
		"response_url": s.newResponseURL(answers), "trigger_id": s.newTrigger(p.id),
	}
	if edit != nil {
		edit(payload)
	}
	return s.send("slash_commands", mustJSON(payload), func(reply json.RawMessage) error {
		if len(reply) == 0 || string(reply) == "null" || string(reply) == "{}" {
			return nil
		}
		fields, err := readObject(reply)
		if err != nil {
			return err
		}
		return s.respond(&answers, fields, "ack")
	})
}

// Click is what a press of a button says, on a message or in a Home tab. ClickRaw and
// PressHomeRaw let a test forge it.
type Click struct {
	ChannelID, ChannelName string
	MessageTS, ThreadTS    string
	MessageAppID           string // message.app_id
	MessageBotID           string // message.bot_id
	AppID                  string // api_app_id
	TeamID, TeamDomain     string
	UserID, UserTeamID     string
	ActionID, BlockID      string
	Value, Text            string // an empty Value is not sent, as of a button without one
	URL                    string // of a link button
	Style                  string
	NoEmoji                bool            // the button's text has "emoji": false
	Confirm                json.RawMessage // the button's dialog; nil sends none
	ActionTS               string
	Ephemeral              bool
	// Message is the message object; nil sends the one that stands at
	// (ChannelID, MessageTS), or a bare one if there is none.
	Message json.RawMessage
	// ViewID is set for a button in a Home tab. Such a press has neither channel, message
	// nor response_url. View is its view object; nil sends the Home tab as it is, or an
	// empty one if there is none of this ID.
	ViewID string
	View   json.RawMessage
	// Edit changes the finished payload, for whatever has no field here.
	Edit func(payload map[string]any)
}

// Click presses a button. It fails unless the button stands on that message
// now, the message is the app's own and the person can see it.
func (p *Person) Click(channelID, ts, actionID string) *Delivery {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.person(p.id)
	if err != nil {
		return s.failed(err)
	}
	c := s.channels[channelID]
	if c == nil || !s.sees(u, c) {
		return s.failed(fmt.Errorf("%s cannot see channel %q", p.id, channelID))
	}
	m := s.standing(channelID, ts)
	private := s.ephemeralFor(p.id, channelID, ts)
	if private != nil {
		m = &private.Message
	}
	switch {
	case m == nil:
		return s.failed(fmt.Errorf("no message %s stands in %s", ts, channelID))
	case m.AppID != s.cfg.AppID:
		return s.failed(fmt.Errorf("message %s is another app's: that app gets the click", ts))
	}
	for _, b := range m.Buttons() {
		if b.ActionID == actionID {
			click := s.clickOf(u, c, m)
			click.press(*m, b)
			return s.click(click)
		}
	}
	return s.failed(fmt.Errorf("no button %q stands on message %s", actionID, ts))
}

// press makes k the press of a button of m.
func (k *Click) press(m Message, b Button) {
	k.ActionID, k.BlockID, k.Value, k.Text, k.Style, k.URL = b.ActionID, b.BlockID, b.Value, b.Text, b.Style, b.URL
	k.NoEmoji, k.Confirm = m.asSent(b)
}

// ClickRaw sends a click that need not be possible. forge gets the person's
// own click with nothing pressed yet, and sets at least ChannelID, MessageTS
// and ActionID.
func (p *Person) ClickRaw(forge func(*Click)) *Delivery {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[p.id]
	if u == nil {
		return s.failed(fmt.Errorf("there is no user %s", p.id))
	}
	click := s.clickOf(u, nil, nil)
	forge(&click)
	if c := s.channels[click.ChannelID]; c != nil && click.ChannelName == "" {
		click.ChannelName = c.nameInPayload()
	}
	return s.click(click)
}

// clickOf fills in who clicks and where. s.mu is held.
func (s *Server) clickOf(u *User, c *Channel, m *Message) Click {
	click := Click{AppID: s.cfg.AppID, TeamID: s.cfg.TeamID, TeamDomain: s.cfg.TeamDomain, UserID: u.ID, UserTeamID: u.TeamID,
		MessageAppID: s.cfg.AppID, MessageBotID: s.cfg.BotID, BlockID: "actions", ActionTS: s.newTS()}
	if c != nil {
		click.ChannelID, click.ChannelName = c.ID, c.nameInPayload()
	}
	if m != nil {
		click.MessageTS, click.ThreadTS, click.Ephemeral = m.TS, m.ThreadTS, m.Ephemeral
	}
	return click
}

func (s *Server) ephemeralFor(user, channel, ts string) *ephemeral {
	for _, e := range s.private {
		if e.To == user && e.Channel == channel && e.TS == ts && !e.Deleted {
			return e
		}
	}
	return nil
}

// asSent is what a click sends of a button and Button does not say: whether its text
// is without emoji, and its dialog as it was posted.
// Source: docs.slack.dev/tools/bolt-js/reference/interfaces/ButtonAction.
func (m Message) asSent(b Button) (noEmoji bool, confirm json.RawMessage) {
	for _, block := range m.blocks() {
		elements, _ := block["elements"].([]any)
		for _, value := range append(elements, block["accessory"]) {
			e, _ := value.(object)
			if block["block_id"] != b.BlockID || e["type"] != "button" || e["action_id"] != b.ActionID {
				continue
			}
			text, _ := e["text"].(object)
			if e["confirm"] != nil {
				confirm = mustJSON(e["confirm"])
			}
			return text["emoji"] == false, confirm
		}
	}
	return false, nil
}

// click sends a block_actions payload. s.mu is held.
func (s *Server) click(k Click) *Delivery {
	action := map[string]any{"action_id": k.ActionID, "block_id": k.BlockID, "type": "button", "action_ts": k.ActionTS,
		"text": map[string]any{"type": "plain_text", "text": k.Text, "emoji": !k.NoEmoji}}
	for key, value := range map[string]string{"value": k.Value, "url": k.URL, "style": k.Style} {
		if value != "" { // Slack sends what the button has
			action[key] = value
		}
	}
	if k.Confirm != nil {
		action["confirm"] = k.Confirm
	}
	name := k.UserID
	if u := s.users[k.UserID]; u != nil {
		name = u.Name
	}
	payload := map[string]any{
		"type": "block_actions", "token": "deprecated", "api_app_id": k.AppID, "is_enterprise_install": false, "enterprise": nil,
		"team":    map[string]any{"id": k.TeamID, "domain": k.TeamDomain},
		"user":    map[string]any{"id": k.UserID, "username": name, "name": name, "team_id": k.UserTeamID},
		"actions": []any{action}, "trigger_id": s.newTrigger(k.UserID),
	}
	if k.ViewID != "" {
		payload["container"] = map[string]any{"type": "view", "view_id": k.ViewID}
		payload["view"] = s.clickedView(k)
	} else {
		s.clickOnMessage(k, payload)
	}
	if k.Edit != nil {
		k.Edit(payload)
	}
	return s.send("interactive", mustJSON(payload), func(json.RawMessage) error { return nil })
}

// clickOnMessage adds what only a click on a message has. s.mu is held.
func (s *Server) clickOnMessage(k Click, payload map[string]any) {
	private := s.ephemeralFor(k.UserID, k.ChannelID, k.MessageTS)
	container := map[string]any{"type": "message", "message_ts": k.MessageTS, "channel_id": k.ChannelID, "is_ephemeral": k.Ephemeral}
	if k.ThreadTS != "" {
		container["thread_ts"] = k.ThreadTS
	}
	payload["container"], payload["state"] = container, map[string]any{"values": map[string]any{}}
	payload["channel"] = map[string]any{"id": k.ChannelID, "name": k.ChannelName}
	payload["response_url"] = s.newResponseURL(responseURL{user: k.UserID, channel: k.ChannelID, ts: k.MessageTS, private: private})
	if !k.Ephemeral { // Slack leaves the message out of clicks on ephemeral ones
		payload["message"] = s.clickedMessage(k)
	}
}

func (s *Server) clickedMessage(k Click) any {
	if k.Message != nil {
		return k.Message
	}
	out := map[string]any{"type": "message", "ts": k.MessageTS, "text": "", "user": s.cfg.BotUserID, "team": k.TeamID}
	if m := s.standing(k.ChannelID, k.MessageTS); m != nil {
		out = s.messageJSON(m)
	}
	out["app_id"], out["bot_id"] = k.MessageAppID, k.MessageBotID
	return out
}

// Values are what somebody filled in: block_id, then action_id, then the text
// of a plain_text_input or the user ID of a users_select.
type Values map[string]map[string]string

// Submit fills in an open modal and submits it. Fields that are not in values
// keep what was submitted before, else what the view put there. As Slack's client does, it refuses an empty
// field that is not optional and a text outside the field's limits.
func (p *Person) Submit(viewID string, values Values) *Delivery {
	return p.SubmitRaw(viewID, values, nil)
}

// SubmitRaw is Submit with the payload changed by edit before it is sent.
func (p *Person) SubmitRaw(viewID string, values Values, edit func(payload map[string]any)) *Delivery {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.person(p.id)
	if err != nil {
		return s.failed(err)
	}
	v, err := s.viewOf(p.id, viewID)
	if err != nil {
		return s.failed(err)
	}
	if v.SubmitLabel == "" {
		return s.failed(fmt.Errorf("view %s has no button to submit it", viewID))
	}
	state, err := v.fill(s, values)
	if err != nil {
		return s.failed(err)
	}
	v.Errors = nil
	payload := s.viewPayload("view_submission", u, v, state)
	payload["trigger_id"] = s.newTrigger(p.id)
	payload["response_urls"] = []any{}
	if edit != nil {
		edit(payload)
	}
	return s.send("interactive", mustJSON(payload), func(reply json.RawMessage) error {
		if _, err := s.viewOf(v.User, v.ID); err != nil {
			return nil // closed meanwhile
		}
		return s.submitted(v, reply)
	})
}

// Close dismisses an open modal. The app hears of it only with
// notify_on_close; otherwise nothing is sent and Wait returns at once.
func (p *Person) Close(viewID string) *Delivery {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touch()
	u, err := s.person(p.id)
	if err != nil {
		return s.failed(err)
	}
	v, err := s.viewOf(p.id, viewID)
	if err != nil {
		return s.failed(err)
	}
	s.closeView(v, v.ClearOnClose)
	if !v.NotifyOnClose {
		return s.silent()
	}
	payload := s.viewPayload("view_closed", u, v, nil)
	payload["is_cleared"] = v.ClearOnClose
	return s.send("interactive", mustJSON(payload), func(json.RawMessage) error { return nil })
}

func (s *Server) viewPayload(kind string, u *User, v *openView, state map[string]any) map[string]any {
	return map[string]any{
		"type": kind, "token": "deprecated", "api_app_id": s.cfg.AppID, "is_enterprise_install": false, "enterprise": nil,
		"team": map[string]any{"id": s.cfg.TeamID, "domain": s.cfg.TeamDomain},
		"user": map[string]any{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
		"view": s.viewJSON(v, state),
	}
}

// fill makes view.state.values. s.mu is held.
func (v *openView) fill(s *Server, values Values) (map[string]any, error) {
	inputs := v.inputs()
	for blockID, actions := range values {
		b := inputs[blockID]
		if b == nil {
			return nil, fmt.Errorf("view %s has no input block %q", v.ID, blockID)
		}
		for actionID := range actions {
			if e := b["element"].(object); e["action_id"] != actionID {
				return nil, fmt.Errorf("input block %q has no action %q", blockID, actionID)
			}
		}
	}
	state, typed := map[string]any{}, Values{}
	for _, blockID := range slices.Sorted(maps.Keys(inputs)) {
		b := inputs[blockID]
		e := b["element"].(object)
		actionID := e["action_id"].(string)
		kind := e["type"].(string)
		key := "value"
		if kind == "users_select" {
			key = "selected_user"
		}
		text, filled := values[blockID][actionID]
		if !filled {
			text, filled = v.typed[blockID][actionID]
		}
		if !filled {
			text = initialOf(e)
		}
		typed[blockID] = map[string]string{actionID: text}
		length := utf8.RuneCountInString(text)
		low, _ := e["min_length"].(float64)
		high, limited := e["max_length"].(float64)
		switch {
		case text == "" && b["optional"] != true:
			return nil, fmt.Errorf("field %q must be filled in", blockID)
		case text != "" && (length < int(low) || limited && length > int(high) || length > MaxInputValue):
			return nil, fmt.Errorf("field %q has %d characters, which its limits do not allow", blockID, length)
		case text != "" && kind == "users_select" && s.users[text] == nil:
			return nil, fmt.Errorf("field %q: there is no user %s to pick", blockID, text)
		}
		field := map[string]any{"type": kind, key: nil}
		if text != "" {
			field[key] = text
		}
		state[blockID] = map[string]any{actionID: field}
	}
	v.typed = typed
	return state, nil
}
