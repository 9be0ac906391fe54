package slacktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// surface is where blocks are shown.
type surface int

const (
	onMessage surface = iota
	onView
)

// readBlocks validates blocks and gives each its block_id and each element
// its action_id, as Slack does when they are missing. No blocks, or an empty
// list, is nil. s.mu is held.
func (s *Server) readBlocks(text string, where surface) (json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	var list []any
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, refuse("invalid_blocks_format")
	}
	if len(list) == 0 {
		return nil, nil
	}
	v := &validator{server: s, where: where, blockIDs: map[string]bool{}}
	v.blocks(list)
	if len(v.problems) > 0 {
		code := "invalid_blocks"
		if where == onView {
			code = "invalid_arguments"
		}
		return nil, refuse(code, v.problems...)
	}
	return mustJSON(list), nil
}

// validator collects what is wrong with blocks, each with its JSON pointer.
type validator struct {
	server   *Server
	where    surface
	blockIDs map[string]bool
	focused  int
	problems []string
}

func (v *validator) wrong(path, format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...)+" [json-pointer:"+path+"]")
}

type object = map[string]any

// object checks that a value is an object with these fields only.
func (v *validator) object(path string, value any, fields ...string) (object, bool) {
	o, ok := value.(object)
	if !ok {
		v.wrong(path, "must be an object")
		return nil, false
	}
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(fields, key) {
			v.wrong(path+"/"+key, "no such field: %s", key)
		}
	}
	return o, true
}

// text checks an optional string of at most max characters.
func (v *validator) text(path string, o object, key string, max int) string {
	value, there := o[key]
	if !there {
		return ""
	}
	text, ok := value.(string)
	if !ok {
		v.wrong(path+"/"+key, "must be a string")
		return ""
	}
	if n := utf8.RuneCountInString(text); n > max {
		v.wrong(path+"/"+key, "must be less than %d characters, has %d", max+1, n)
	}
	return text
}

// needText is text that must be there and not empty.
func (v *validator) needText(path string, o object, key string, max int) string {
	if _, there := o[key]; !there {
		v.wrong(path, "missing required field: %s", key)
		return ""
	}
	text := v.text(path, o, key, max)
	if text == "" {
		v.wrong(path+"/"+key, "must be more than 0 characters")
	}
	return text
}

func (v *validator) flag(path string, o object, key string) bool {
	value, there := o[key]
	if !there {
		return false
	}
	on, ok := value.(bool)
	if !ok {
		v.wrong(path+"/"+key, "must be a boolean")
	}
	return on
}

// number checks an optional whole number between low and high.
func (v *validator) number(path string, o object, key string, low, high float64) {
	value, there := o[key]
	if !there {
		return
	}
	n, ok := value.(float64)
	if !ok || n != float64(int64(n)) || n < low || n > high {
		v.wrong(path+"/"+key, "must be a whole number from %v to %v", low, high)
	}
}

func (v *validator) oneOf(path string, o object, key string, allowed ...string) {
	value, there := o[key]
	if !there {
		return
	}
	if text, ok := value.(string); !ok || !slices.Contains(allowed, text) {
		v.wrong(path+"/"+key, "must be one of %q", allowed)
	}
}

// list checks an array's length and returns it.
func (v *validator) list(path string, o object, key string, low, high int) []any {
	list, ok := o[key].([]any)
	if !ok {
		v.wrong(path+"/"+key, "must be an array")
		return nil
	}
	if len(list) < low || len(list) > high {
		v.wrong(path+"/"+key, "must have %d to %d items, has %d", low, high, len(list))
	}
	return list
}

func (v *validator) blocks(list []any) {
	limit := MaxMessageBlocks
	if v.where == onView {
		limit = MaxViewBlocks
	}
	if len(list) > limit {
		v.wrong("/blocks", "no more than %d items allowed, has %d", limit, len(list))
	}
	for i, value := range list {
		path := "/blocks/" + strconv.Itoa(i)
		o, ok := value.(object)
		if !ok {
			v.wrong(path, "must be an object")
			continue
		}
		v.blockID(path, o)
		v.block(path, o)
	}
	// Slack fills in the missing IDs; do it last, so that they are unique.
	for i, value := range list {
		if o, ok := value.(object); ok && o["block_id"] == nil {
			for n := i; ; n += len(list) {
				if id := "auto" + strconv.Itoa(n); !v.blockIDs[id] {
					o["block_id"] = id
					v.blockIDs[id] = true
					break
				}
			}
		}
	}
}

func (v *validator) blockID(path string, o object) {
	if o["block_id"] == nil {
		delete(o, "block_id")
		return
	}
	id := v.text(path, o, "block_id", MaxID)
	if id == "" {
		delete(o, "block_id") // Slack treats an empty one as missing
		return
	}
	if v.blockIDs[id] {
		v.wrong(path+"/block_id", "block_id %q already exists", id)
	}
	v.blockIDs[id] = true
}

func (v *validator) block(path string, o object) {
	switch o["type"] {
	case "section":
		v.object(path, o, "type", "block_id", "text", "fields", "accessory", "expand")
		v.flag(path, o, "expand")
		if o["text"] == nil && o["fields"] == nil {
			v.wrong(path, "must have text or fields")
		}
		if o["text"] != nil {
			v.textObject(path+"/text", o["text"], MaxSectionText, anyText)
		}
		if o["fields"] != nil {
			for i, field := range v.list(path, o, "fields", 1, MaxSectionFields) {
				v.textObject(fmt.Sprintf("%s/fields/%d", path, i), field, MaxFieldText, anyText)
			}
		}
		if o["accessory"] != nil {
			v.element(path+"/accessory", o["accessory"], map[string]bool{}, "button", "users_select", "image")
		}
	case "header":
		v.object(path, o, "type", "block_id", "text", "level")
		v.textObject(path+"/text", o["text"], MaxHeaderText, plainText)
		v.number(path, o, "level", 1, 4)
	case "divider":
		v.object(path, o, "type", "block_id")
	case "context":
		v.object(path, o, "type", "block_id", "elements")
		for i, value := range v.list(path, o, "elements", 1, MaxContextElements) {
			at := fmt.Sprintf("%s/elements/%d", path, i)
			if e, ok := value.(object); ok && e["type"] == "image" {
				v.element(at, value, nil, "image")
				continue
			}
			v.textObject(at, value, MaxSectionText, anyText)
		}
	case "actions":
		v.object(path, o, "type", "block_id", "elements")
		ids := map[string]bool{}
		for i, value := range v.list(path, o, "elements", 1, MaxActionElements) {
			v.element(fmt.Sprintf("%s/elements/%d", path, i), value, ids, "button", "users_select")
		}
	case "input":
		v.object(path, o, "type", "block_id", "label", "element", "hint", "optional", "dispatch_action")
		v.textObject(path+"/label", o["label"], MaxInputLabel, plainText)
		if o["hint"] != nil {
			v.textObject(path+"/hint", o["hint"], MaxInputLabel, plainText)
		}
		v.flag(path, o, "optional")
		v.flag(path, o, "dispatch_action")
		v.element(path+"/element", o["element"], map[string]bool{}, "plain_text_input", "users_select")
	case "rich_text":
		v.object(path, o, "type", "block_id", "elements")
		v.richText(path, o)
	default:
		v.wrong(path+"/type", "unsupported type: %v", o["type"])
	}
}

// The kinds of text object that a place takes.
const (
	plainText = "plain_text"
	anyText   = "plain_text or mrkdwn"
)

func (v *validator) textObject(path string, value any, max int, kind string) {
	o, ok := value.(object)
	if !ok {
		v.wrong(path, "missing required text object")
		return
	}
	switch {
	case o["type"] == "plain_text":
		v.object(path, o, "type", "text", "emoji")
		v.flag(path, o, "emoji")
	case o["type"] == "mrkdwn" && kind == anyText:
		v.object(path, o, "type", "text", "verbatim")
		v.flag(path, o, "verbatim")
	default:
		v.wrong(path+"/type", "must be %s", kind)
	}
	v.needText(path, o, "text", max)
}

// element checks a block element of one of the kinds; ids are the action_ids
// of its siblings.
func (v *validator) element(path string, value any, ids map[string]bool, kinds ...string) {
	o, ok := value.(object)
	if !ok {
		v.wrong(path, "missing required element")
		return
	}
	kind, _ := o["type"].(string)
	if !slices.Contains(kinds, kind) {
		v.wrong(path+"/type", "unsupported element type: %v", o["type"])
		return
	}
	if kind == "image" {
		v.object(path, o, "type", "image_url", "alt_text")
		v.needText(path, o, "image_url", MaxImageURL)
		v.needText(path, o, "alt_text", MaxAltText)
		return
	}
	v.actionID(path, o, ids)
	switch kind {
	case "button":
		v.object(path, o, "type", "action_id", "text", "url", "value", "style", "confirm", "accessibility_label")
		v.textObject(path+"/text", o["text"], MaxButtonText, plainText)
		v.text(path, o, "url", MaxButtonURL)
		v.text(path, o, "value", MaxButtonValue)
		v.text(path, o, "accessibility_label", MaxAccessibilityLabel)
		v.oneOf(path, o, "style", "primary", "danger")
		v.confirm(path, o)
	case "users_select":
		v.object(path, o, "type", "action_id", "placeholder", "initial_user", "confirm", "focus_on_load")
		v.placeholder(path, o)
		v.confirm(path, o)
		v.focus(path, o)
		if id := v.text(path, o, "initial_user", MaxID); id != "" && v.server.users[id] == nil {
			v.wrong(path+"/initial_user", "invalid user: %s", id)
		}
	case "plain_text_input":
		v.object(path, o, "type", "action_id", "placeholder", "initial_value", "multiline", "min_length", "max_length", "dispatch_action_config", "focus_on_load")
		v.placeholder(path, o)
		v.focus(path, o)
		v.flag(path, o, "multiline")
		v.text(path, o, "initial_value", MaxInputValue)
		v.number(path, o, "min_length", 0, MaxInputValue)
		v.number(path, o, "max_length", 1, MaxInputValue)
		low, hasLow := o["min_length"].(float64)
		high, hasHigh := o["max_length"].(float64)
		if hasLow && hasHigh && low > high {
			v.wrong(path+"/min_length", "must not exceed max_length")
		}
		if config, there := o["dispatch_action_config"]; there {
			v.object(path+"/dispatch_action_config", config, "trigger_actions_on")
		}
	}
}

func (v *validator) actionID(path string, o object, ids map[string]bool) {
	id := v.text(path, o, "action_id", MaxID)
	if id == "" {
		id = "auto" + strconv.Itoa(len(ids))
		o["action_id"] = id
	}
	if ids[id] {
		v.wrong(path+"/action_id", "action_id %q already exists in this block", id)
	}
	ids[id] = true
}

func (v *validator) placeholder(path string, o object) {
	if o["placeholder"] != nil {
		v.textObject(path+"/placeholder", o["placeholder"], MaxPlaceholder, plainText)
	}
}

func (v *validator) focus(path string, o object) {
	if v.flag(path, o, "focus_on_load") {
		if v.focused++; v.focused > 1 {
			v.wrong(path+"/focus_on_load", "only one element can be focused on load")
		}
	}
}

func (v *validator) confirm(path string, o object) {
	value, there := o["confirm"]
	if !there {
		return
	}
	path += "/confirm"
	c, ok := v.object(path, value, "title", "text", "confirm", "deny", "style")
	if !ok {
		return
	}
	v.textObject(path+"/title", c["title"], MaxConfirmTitle, plainText)
	v.textObject(path+"/text", c["text"], MaxConfirmText, anyText)
	v.textObject(path+"/confirm", c["confirm"], MaxConfirmButton, plainText)
	v.textObject(path+"/deny", c["deny"], MaxConfirmButton, plainText)
	v.oneOf(path, c, "style", "primary", "danger")
}
