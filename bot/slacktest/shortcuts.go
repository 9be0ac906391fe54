package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Shortcut runs a global shortcut of the manifest. It has no channel.
func (p *Person) Shortcut(callbackID string) *Delivery { return p.ShortcutRaw(callbackID, nil) }

// ShortcutRaw is Shortcut with the payload changed by edit before it is sent.
func (p *Person) ShortcutRaw(callbackID string, edit func(payload map[string]any)) *Delivery {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.mayRun(p.id, GlobalShortcut, callbackID)
	if err != nil {
		return s.failed(err)
	}
	payload := s.shortcut("shortcut", u, callbackID)
	payload["user"] = map[string]any{"id": u.ID, "username": u.Name, "team_id": u.TeamID}
	return s.run(payload, edit)
}

// MessageShortcut runs a message shortcut of the manifest on a message that the person
// can see, a reply in a thread included. Messages that only they see have no shortcuts.
func (p *Person) MessageShortcut(callbackID, channelID, ts string) *Delivery {
	return p.MessageShortcutRaw(callbackID, channelID, ts, nil)
}

// MessageShortcutRaw is MessageShortcut with the payload changed by edit before it is sent.
func (p *Person) MessageShortcutRaw(callbackID, channelID, ts string, edit func(payload map[string]any)) *Delivery {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.mayRun(p.id, MessageShortcut, callbackID)
	if err != nil {
		return s.failed(err)
	}
	c := s.channels[channelID]
	if c == nil || !s.sees(u, c) {
		return s.failed(fmt.Errorf("%s cannot see channel %q", p.id, channelID))
	}
	m := s.standing(channelID, ts)
	if m == nil {
		return s.failed(fmt.Errorf("no message %s is in %s", ts, channelID))
	}
	payload := s.shortcut("message_action", u, callbackID)
	payload["user"] = map[string]any{"id": u.ID, "username": u.Name, "team_id": u.TeamID, "name": u.Name}
	payload["channel"] = map[string]any{"id": c.ID, "name": c.nameInPayload()}
	payload["message_ts"], payload["message"] = m.TS, s.shortcutMessage(m)
	payload["response_url"] = s.newResponseURL(responseURL{user: u.ID, channel: c.ID})
	return s.run(payload, edit)
}

// mayRun finds who runs a shortcut of the manifest. People of other workspaces cannot:
// https://docs.slack.dev/apis/slack-connect. s.mu is held.
func (s *Server) mayRun(userID, kind, callbackID string) (*User, error) {
	u, err := s.insider(userID)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(s.cfg.Shortcuts, func(c Shortcut) bool { return c.Type == kind && c.CallbackID == callbackID }) {
		return nil, fmt.Errorf("the manifest has no %s shortcut %q", kind, callbackID)
	}
	return u, nil
}

// shortcut is what both kinds of payload have. Other than a click's, neither has an
// api_app_id: Slack's examples and Bolt's types have none, and nor have payloads that
// others logged at Slack in 2021 and 2023.
// https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
// https://docs.slack.dev/tools/bolt-js/reference/interfaces/GlobalShortcut and /MessageShortcut
// s.mu is held.
func (s *Server) shortcut(kind string, u *User, callbackID string) map[string]any {
	return map[string]any{
		"type": kind, "token": "deprecated", "action_ts": s.newTS(), "callback_id": callbackID, "trigger_id": s.newTrigger(u.ID),
		"team":       map[string]any{"id": s.cfg.TeamID, "domain": s.cfg.TeamDomain},
		"enterprise": nil, "is_enterprise_install": false,
	}
}

func (s *Server) run(payload map[string]any, edit func(map[string]any)) *Delivery {
	if edit != nil {
		edit(payload)
	}
	return s.send("interactive", mustJSON(payload), func(json.RawMessage) error { return nil })
}

// shortcutMessage is the message of a message shortcut. The first message of a thread
// has thread_ts as well, its own ts. s.mu is held.
func (s *Server) shortcutMessage(m *Message) map[string]any {
	out := s.messageJSON(m)
	if slices.ContainsFunc(s.log[m.Channel], func(t *thread) bool { return t.now().ThreadTS == m.TS && !t.now().Deleted }) {
		out["thread_ts"] = m.TS
	}
	return out
}
