package slacktest

import (
	"fmt"
	"strconv"
)

func (v *validator) richText(path string, o object) {
	for i, value := range v.list(path, o, "elements", 1, MaxMessageBlocks*10) {
		at := path + "/elements/" + strconv.Itoa(i)
		e, ok := value.(object)
		if !ok {
			v.wrong(at, "must be an object")
			continue
		}
		switch e["type"] {
		case "rich_text_section":
			v.object(at, e, "type", "elements")
			v.inlines(at, e)
		case "rich_text_quote", "rich_text_preformatted":
			v.object(at, e, "type", "elements", "border")
			v.number(at, e, "border", 0, 1)
			v.inlines(at, e)
		case "rich_text_list":
			v.object(at, e, "type", "elements", "style", "indent", "offset", "border")
			v.oneOf(at, e, "style", "bullet", "ordered")
			v.number(at, e, "indent", 0, 8)
			v.number(at, e, "offset", 0, 1e6)
			v.number(at, e, "border", 0, 1)
			if e["style"] == nil {
				v.wrong(at, "missing required field: style")
			}
			for j, item := range v.list(at, e, "elements", 1, 1000) {
				in := fmt.Sprintf("%s/elements/%d", at, j)
				if section, ok := v.object(in, item, "type", "elements"); ok {
					v.oneOf(in, section, "type", "rich_text_section")
					v.inlines(in, section)
				}
			}
		default:
			v.wrong(at+"/type", "unsupported type: %v", e["type"])
		}
	}
}

// richFields are the fields of each element inside a rich text section; the
// first one is required.
var richFields = map[string][]string{
	"text":      {"text"},
	"user":      {"user_id"},
	"usergroup": {"usergroup_id"},
	"channel":   {"channel_id"},
	"broadcast": {"range"},
	"link":      {"url", "text", "unsafe"},
	"emoji":     {"name", "unicode", "skin_tone", "url"},
	"date":      {"timestamp", "format", "url", "fallback", "timezone"},
	"color":     {"value"},
}

func (v *validator) inlines(path string, o object) {
	for i, value := range v.list(path, o, "elements", 0, 1000) {
		at := fmt.Sprintf("%s/elements/%d", path, i)
		e, ok := value.(object)
		if !ok {
			v.wrong(at, "must be an object")
			continue
		}
		kind, _ := e["type"].(string)
		fields, known := richFields[kind]
		if !known {
			v.wrong(at+"/type", "unsupported type: %v", e["type"])
			continue
		}
		v.object(at, e, append([]string{"type", "style"}, fields...)...)
		switch kind {
		case "date":
			v.number(at, e, "timestamp", 0, 1e12)
			v.needText(at, e, "format", MaxSectionText)
		case "broadcast":
			v.oneOf(at, e, "range", "here", "channel", "everyone")
		}
		if e[fields[0]] == nil {
			v.wrong(at, "missing required field: %s", fields[0])
		}
		if style, there := e["style"]; there {
			in := at + "/style"
			if s, ok := v.object(in, style, "bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"); ok {
				for key := range s {
					v.flag(in, s, key)
				}
			}
		}
	}
}
