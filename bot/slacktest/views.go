package slacktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// View is a modal that stands open in front of somebody, or their Home tab.
type View struct {
	ID              string
	Type            string // "modal" or "home"
	User            string // who sees it
	CallbackID      string
	Title           string
	SubmitLabel     string
	CloseLabel      string
	PrivateMetadata string
	ExternalID      string
	Blocks          json.RawMessage
	Hash            string
	NotifyOnClose   bool
	ClearOnClose    bool
	// Errors are what the last submission was answered with, by block_id.
	Errors map[string]string
	// RootID is the first view of the stack, PreviousID the one beneath.
	RootID, PreviousID string
}

// openView is a View with what was submitted from it last, by block_id and action_id.
type openView struct {
	View
	typed Values
}

// Buttons returns the buttons that stand on the view, in order.
func (v View) Buttons() []Button { return Message{Blocks: v.Blocks}.Buttons() }

// Plain is all text that a reader of the view meets, one line per piece: the title, the
// texts of the blocks, what stands in the fields, the errors, and the buttons in brackets.
func (v View) Plain() string {
	var lines []string
	if v.Title != "" {
		lines = append(lines, v.Title)
	}
	if blocks := (Message{Blocks: v.Blocks}).Plain(); blocks != "" {
		lines = append(lines, blocks)
	}
	inputs := v.inputs()
	for _, id := range slices.Sorted(maps.Keys(inputs)) {
		if value := initialOf(inputs[id]["element"].(object)); value != "" {
			lines = append(lines, id+": "+value)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(v.Errors)) {
		lines = append(lines, id+"! "+v.Errors[id])
	}
	for _, label := range []string{v.SubmitLabel, v.CloseLabel} {
		if label != "" {
			lines = append(lines, "["+label+"]")
		}
	}
	return strings.Join(lines, "\n")
}

// initialOf is what the app puts into a field.
func initialOf(element object) string {
	key := "initial_value"
	if element["type"] == "users_select" {
		key = "initial_user"
	}
	value, _ := element[key].(string)
	return value
}

// trigger is what a trigger_id stands for.
type trigger struct {
	user   string
	issued time.Time
	used   bool
}

// newTrigger issues a trigger_id. s.mu is held.
func (s *Server) newTrigger(user string) string {
	id := fmt.Sprintf("%d.%d.%s", s.cfg.Now().UnixMilli(), len(s.triggers)+1, random(16))
	s.triggers[id] = &trigger{user: user, issued: s.cfg.Now()}
	return id
}

// Views returns the modals in front of somebody, the topmost last.
func (s *Server) Views(userID string) []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []View
	for _, v := range s.views {
		if v.User == userID {
			copied := v.View
			copied.Errors = maps.Clone(v.Errors)
			found = append(found, copied)
		}
	}
	return found
}

// redeem uses up a trigger_id. s.mu is held.
func (s *Server) redeem(id string) (*trigger, error) {
	t := s.triggers[id]
	switch {
	case t == nil:
		return nil, refuse("invalid_trigger_id")
	case t.used:
		return nil, refuse("exchanged_trigger_id")
	case s.cfg.Now().Sub(t.issued) > TriggerLifetime:
		return nil, refuse("expired_trigger_id")
	}
	t.used = true
	return t, nil
}

// unique refuses an external_id that another view has. s.mu is held.
func (s *Server) unique(view View, but *openView) error {
	other := func(v *openView) bool { return v != but && v.ExternalID == view.ExternalID }
	if view.ExternalID != "" && (slices.ContainsFunc(s.views, other) || slices.ContainsFunc(slices.Collect(maps.Values(s.homes)), other)) {
		return refuse("duplicate_external_id")
	}
	return nil
}

func (s *Server) viewsOpen(p params) (answer, error) {
	view, err := s.readView(p["view"])
	if err == nil {
		err = s.unique(view, nil)
	}
	if err != nil {
		return nil, err
	}
	t, err := s.redeem(p["trigger_id"])
	if err != nil {
		return nil, err
	}
	// A new modal takes the place of the stack that was open.
	s.views = slices.DeleteFunc(s.views, func(v *openView) bool { return v.User == t.user })
	return s.show(t.user, view, nil), nil
}

func (s *Server) viewsPush(p params) (answer, error) {
	view, err := s.readView(p["view"])
	if err != nil {
		return nil, err
	}
	t, err := s.redeem(p["trigger_id"])
	if err != nil {
		return nil, err
	}
	return s.push(t.user, view)
}

func (s *Server) push(user string, view View) (answer, error) {
	if err := s.unique(view, nil); err != nil {
		return nil, err
	}
	stack := 0
	var top *openView
	for _, v := range s.views {
		if v.User == user {
			stack++
			top = v
		}
	}
	switch {
	case top == nil:
		return nil, refuse("not_found")
	case stack >= MaxViewStack:
		return nil, refuse("push_limit_reached")
	}
	return s.show(user, view, top), nil
}

// show puts a view in front of somebody. s.mu is held.
func (s *Server) show(user string, view View, beneath *openView) answer {
	view.ID, view.User, view.Hash = s.newID("V"), user, s.newHash()
	view.RootID = view.ID
	if beneath != nil {
		view.RootID, view.PreviousID = beneath.RootID, beneath.ID
	}
	v := &openView{View: view}
	s.views = append(s.views, v)
	return answer{"view": s.viewJSON(v, nil)}
}

func (s *Server) newHash() string { return fmt.Sprintf("%d.%s", s.cfg.Now().Unix(), random(4)) }

func (s *Server) viewsUpdate(p params) (answer, error) {
	view, err := s.readView(p["view"])
	if err != nil {
		return nil, err
	}
	if p["view_id"] == "" && p["external_id"] == "" {
		return nil, refuse("invalid_arguments", "view_id or external_id is required")
	}
	for _, v := range s.views {
		if v.ID != p["view_id"] && (p["external_id"] == "" || v.ExternalID != p["external_id"]) {
			continue
		}
		if p["hash"] != "" && p["hash"] != v.Hash {
			return nil, refuse("hash_conflict")
		}
		if err := s.unique(view, v); err != nil {
			return nil, err
		}
		s.replace(v, view)
		return answer{"view": s.viewJSON(v, nil)}, nil
	}
	return nil, refuse("not_found")
}

// replace changes what an open view shows. What somebody typed stays in a field whose
// block_id and action_id stay the same, whatever initial value the app gives it.
// https://docs.slack.dev/surfaces/modals#updating_views
// s.mu is held.
func (s *Server) replace(v *openView, with View) {
	kept := Values{}
	for id, b := range with.inputs() {
		action := b["element"].(object)["action_id"].(string)
		if text, ok := v.typed[id][action]; ok {
			kept[id] = map[string]string{action: text}
		}
	}
	v.typed = kept
	with.ID, with.User, with.RootID, with.PreviousID = v.ID, v.User, v.RootID, v.PreviousID
	with.Hash = s.newHash()
	v.View = with
}

// readView validates a modal. s.mu is held.
func (s *Server) readView(text string) (View, error) { return s.readViewOf("modal", text) }

// viewFields are the fields of each type of view: docs.slack.dev/reference/views.
var viewFields = map[string][]string{
	"modal": {"type", "title", "blocks", "close", "submit", "private_metadata", "callback_id", "clear_on_close", "notify_on_close", "external_id", "submit_disabled"},
	"home":  {"type", "blocks", "private_metadata", "callback_id", "external_id"},
}

func (s *Server) readViewOf(kind, text string) (View, error) {
	if len(text) > MaxViewBytes {
		return View{}, refuse("view_too_large")
	}
	var o object
	if json.Unmarshal([]byte(text), &o) != nil || o == nil {
		return View{}, refuse("invalid_arguments", "view must be an object")
	}
	v := &validator{server: s, where: onView, blockIDs: map[string]bool{}}
	v.object("/view", o, viewFields[kind]...)
	if o["type"] != kind {
		v.wrong("/view/type", "must be %s", kind)
	}
	if kind == "modal" {
		v.textObject("/view/title", o["title"], MaxViewLabel, plainText)
	}
	for _, key := range []string{"submit", "close"} {
		if o[key] != nil {
			v.textObject("/view/"+key, o[key], MaxViewLabel, plainText)
		}
	}
	view := View{
		Type: kind, Title: textOf(o["title"]), SubmitLabel: textOf(o["submit"]), CloseLabel: textOf(o["close"]),
		PrivateMetadata: v.text("/view", o, "private_metadata", MaxPrivateMetadata),
		CallbackID:      v.text("/view", o, "callback_id", MaxID),
		ExternalID:      v.text("/view", o, "external_id", MaxID),
		NotifyOnClose:   v.flag("/view", o, "notify_on_close"),
		ClearOnClose:    v.flag("/view", o, "clear_on_close"),
	}
	v.flag("/view", o, "submit_disabled")
	list := v.list("/view", o, "blocks", 1, MaxViewBlocks)
	v.blocks(list)
	for i, value := range list {
		if b, ok := value.(object); ok && b["type"] == "input" && o["submit"] == nil && kind == "modal" {
			v.wrong(fmt.Sprintf("/view/blocks/%d", i), "submit is required when an input block is present")
		}
	}
	if len(v.problems) > 0 {
		return View{}, refuse("invalid_arguments", v.problems...)
	}
	view.Blocks = mustJSON(list)
	return view, nil
}

// textOf is the text of a text object, "" without one.
func textOf(value any) string {
	o, _ := value.(object)
	text, _ := o["text"].(string)
	return text
}

// viewJSON is the view object as Slack shows it to the app. s.mu is held.
func (s *Server) viewJSON(v *openView, values map[string]any) map[string]any {
	plain := func(text string) any {
		if text == "" {
			return nil
		}
		return map[string]any{"type": "plain_text", "text": text, "emoji": true}
	}
	if values == nil {
		values = map[string]any{}
	}
	var previous any
	if v.PreviousID != "" {
		previous = v.PreviousID
	}
	return map[string]any{
		"id": v.ID, "team_id": s.cfg.TeamID, "type": v.Type, "blocks": v.Blocks,
		"title": plain(v.Title), "submit": plain(v.SubmitLabel), "close": plain(v.CloseLabel),
		"private_metadata": v.PrivateMetadata, "callback_id": v.CallbackID, "external_id": v.ExternalID,
		"state": map[string]any{"values": values}, "hash": v.Hash,
		"clear_on_close": v.ClearOnClose, "notify_on_close": v.NotifyOnClose,
		"root_view_id": v.RootID, "previous_view_id": previous,
		"app_id": s.cfg.AppID, "app_installed_team_id": s.cfg.TeamID, "bot_id": s.cfg.BotID,
	}
}

func (s *Server) viewOf(user, id string) (*openView, error) {
	for _, v := range s.views {
		if v.ID == id && v.User == user {
			return v, nil
		}
	}
	return nil, fmt.Errorf("no view %s stands open in front of %s", id, user)
}

// closeView removes a view, and the whole stack when asked. s.mu is held.
func (s *Server) closeView(v *openView, all bool) {
	s.views = slices.DeleteFunc(s.views, func(other *openView) bool {
		return other == v || all && other.User == v.User
	})
}

// inputs are the input blocks of a view by block_id.
func (v View) inputs() map[string]object {
	var list []object
	_ = json.Unmarshal(v.Blocks, &list) // mustJSON made it
	found := map[string]object{}
	for _, b := range list {
		if b["type"] == "input" {
			found[b["block_id"].(string)] = b
		}
	}
	return found
}

// submitted applies the ack of a view_submission. s.mu is held.
func (s *Server) submitted(v *openView, payload json.RawMessage) error {
	if len(payload) == 0 || string(payload) == "null" || string(payload) == "{}" {
		s.closeView(v, false)
		return nil
	}
	var reply struct {
		Action string            `json:"response_action"`
		View   json.RawMessage   `json:"view"`
		Errors map[string]string `json:"errors"`
	}
	decoder := json.NewDecoder(strings.NewReader(string(payload)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&reply); err != nil {
		return fmt.Errorf("the ack of a view_submission: %w", err)
	}
	switch reply.Action {
	case "clear":
		s.closeView(v, true)
	case "errors":
		if len(reply.Errors) == 0 {
			return fmt.Errorf("response_action errors without errors")
		}
		for id, text := range reply.Errors {
			if v.inputs()[id] == nil {
				return fmt.Errorf("error for %q, which is no input block of the view", id)
			}
			if text == "" {
				return fmt.Errorf("empty error text for %q", id)
			}
		}
		v.Errors = reply.Errors
	case "update", "push":
		view, err := s.readView(string(reply.View))
		if err != nil {
			return err
		}
		if reply.Action == "push" {
			_, err = s.push(v.User, view)
			return err
		}
		if err := s.unique(view, v); err != nil {
			return err
		}
		s.replace(v, view)
	default:
		return fmt.Errorf("unknown response_action %q", reply.Action)
	}
	return nil
}
