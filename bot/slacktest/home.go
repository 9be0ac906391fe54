package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Home is what somebody sees in the app's Home tab, false if nothing: nothing was
// published for them, or the manifest has no Home tab.
func (s *Server) Home(userID string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.homes[userID]
	if v == nil || !s.cfg.HomeTab {
		return View{}, false
	}
	return v.View, true
}

// readOnly reports whether the app's direct messages have no box to type into.
func (s *Server) readOnly() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.MessagesTabReadOnly
}

// viewsPublish puts a view into somebody's Home tab. It needs no scope.
// https://docs.slack.dev/reference/methods/views.publish
// https://docs.slack.dev/reference/views/home-tab-views
//
// Who can have one is not documented beyond "id of the user you want publish a view
// to", nor is the code for others: the double takes active people of this workspace.
func (s *Server) viewsPublish(p params) (answer, error) {
	if !s.cfg.HomeTab {
		return nil, refuse("not_enabled")
	}
	view, err := s.readViewOf("home", p["view"])
	if err != nil {
		return nil, err
	}
	if u := s.users[p["user_id"]]; u == nil || u.Deleted || !s.ofWorkspace(u) {
		return nil, refuse("invalid_arguments", "no such user of this workspace: "+p["user_id"])
	}
	v := s.homes[p["user_id"]]
	// An empty hash is one as well: github.com/slack-go/slack/pull/632.
	if hash, given := p["hash"]; given && (v == nil && hash != "" || v != nil && v.Hash != hash) {
		return nil, refuse("hash_conflict")
	}
	if err := s.unique(view, v); err != nil {
		return nil, err
	}
	if v == nil {
		v = &openView{View: View{ID: s.newID("V"), User: p["user_id"]}}
		v.RootID = v.ID
		s.homes[v.User] = v
	}
	s.replace(v, view)
	return answer{"view": s.viewJSON(v, nil)}, nil
}

// ofWorkspace reports whether u is a person of this workspace: no app, and nobody who
// is here through Slack Connect.
func (s *Server) ofWorkspace(u *User) bool {
	return u.TeamID == s.cfg.TeamID && !u.Stranger && !u.Bot && !u.AppUser && !u.WorkflowBot && !u.ConnectorBot
}

// insider is person for what only people of this workspace can do. s.mu is held.
func (s *Server) insider(id string) (*User, error) {
	u, err := s.person(id)
	if err == nil && !s.ofWorkspace(u) {
		err = fmt.Errorf("%s is no person of this workspace and cannot do that", id)
	}
	return u, err
}

// OpenHome opens the app's Home tab. The app hears of it only if the manifest has the
// tab and the event app_home_opened; otherwise nothing is sent and Wait returns at once.
func (p *Person) OpenHome() *Delivery { return p.OpenHomeRaw(nil) }

// OpenHomeRaw is OpenHome with the payload changed by edit before it is sent.
func (p *Person) OpenHomeRaw(edit func(payload map[string]any)) *Delivery {
	return p.open("home", edit)
}

// OpenMessagesTab opens the app's Messages tab, which sends the same event with another
// tab and no view.
func (p *Person) OpenMessagesTab() *Delivery { return p.open("messages", nil) }

// open sends app_home_opened.
// https://docs.slack.dev/reference/events/app_home_opened
func (p *Person) open(tab string, edit func(map[string]any)) *Delivery {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.insider(p.id); err != nil {
		return s.failed(err)
	}
	shown := s.cfg.HomeTab
	if tab == "messages" {
		shown = !s.cfg.MessagesTabOff
	}
	if !shown || !slices.Contains(s.cfg.Events, "app_home_opened") {
		return s.silent()
	}
	event := map[string]any{"type": "app_home_opened", "user": p.id, "channel": s.openDirect(p.id).ID, "tab": tab, "event_ts": s.newTS()}
	if v := s.homes[p.id]; v != nil && tab == "home" {
		event["view"] = s.openedView(v)
	}
	payload := map[string]any{
		"type": "event_callback", "token": "deprecated", "team_id": s.cfg.TeamID, "api_app_id": s.cfg.AppID,
		"event": event, "event_id": s.newID("Ev"), "event_time": s.cfg.Now().Unix(), "is_ext_shared_channel": false,
		"authorizations": []any{map[string]any{"enterprise_id": nil, "team_id": s.cfg.TeamID, "user_id": s.cfg.BotUserID,
			"is_bot": true, "is_enterprise_install": false}},
	}
	if edit != nil {
		edit(payload)
	}
	return s.send(eventsAPI, mustJSON(payload), func(json.RawMessage) error { return nil })
}

// openedView is the view object of app_home_opened. Its example has no state. With an
// element to fill in, Slack was seen to send an empty list there, which slack-go cannot
// read: github.com/slack-go/slack/issues/943. s.mu is held.
func (s *Server) openedView(v *openView) map[string]any {
	out := s.viewJSON(v, nil)
	delete(out, "state")
	for _, kind := range []string{`"type":"users_select"`, `"type":"plain_text_input"`} {
		if strings.Contains(string(v.Blocks), kind) { // mustJSON wrote it; in a text the quotes are escaped
			out["state"] = map[string]any{"values": []any{}}
		}
	}
	return out
}

// PressHome presses a button in the person's Home tab, the first with this action_id,
// or with this action_id and value. It fails unless the button is there now.
func (p *Person) PressHome(actionID string, value ...string) *Delivery {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.insider(p.id)
	if err != nil {
		return s.failed(err)
	}
	v := s.homes[p.id]
	if v == nil || !s.cfg.HomeTab {
		return s.failed(fmt.Errorf("%s has no Home tab of the app", p.id))
	}
	for _, b := range v.Buttons() {
		if b.ActionID == actionID && (len(value) == 0 || slices.Contains(value, b.Value)) {
			click := s.clickOf(u, nil, nil)
			click.ViewID = v.ID
			click.press(Message{Blocks: v.Blocks}, b)
			return s.click(click)
		}
	}
	return s.failed(fmt.Errorf("no button %q %q is in the Home tab of %s", actionID, value, p.id))
}

// PressHomeRaw sends a press in a Home tab that need not be possible. forge gets the
// person's own press with nothing pressed yet, and sets at least ActionID.
func (p *Person) PressHomeRaw(forge func(*Click)) *Delivery {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[p.id]
	if u == nil {
		return s.failed(fmt.Errorf("there is no user %s", p.id))
	}
	click := s.clickOf(u, nil, nil)
	click.ViewID = "V0NONE"
	if v := s.homes[p.id]; v != nil {
		click.ViewID = v.ID
	}
	forge(&click)
	return s.click(click)
}

// clickedView is the view object of a press in a Home tab. s.mu is held.
func (s *Server) clickedView(k Click) any {
	if k.View != nil {
		return k.View
	}
	for _, v := range s.homes {
		if v.ID == k.ViewID {
			return s.viewJSON(v, nil)
		}
	}
	return s.viewJSON(&openView{View: View{ID: k.ViewID, Type: "home", RootID: k.ViewID, Blocks: json.RawMessage("[]"), Hash: s.newHash()}}, nil)
}
