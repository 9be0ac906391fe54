package slacktest

import (
	"bytes"
	"encoding/json"
	"net/url"
)

// readObject reads a JSON object into params: strings as they are, null as
// absent, everything else as its JSON text.
func readObject(body []byte) (params, error) {
	if !json.Valid(body) {
		return nil, refuse("invalid_json")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return nil, refuse("json_not_object")
	}
	p := params{}
	for key, raw := range fields {
		var text string
		switch {
		case bytes.Equal(raw, []byte("null")):
		case json.Unmarshal(raw, &text) == nil:
			p[key] = text
		default:
			p[key] = string(raw)
		}
	}
	return p, nil
}

func parseForm(body []byte) (params, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	p := params{}
	for key, list := range values {
		p[key] = list[0]
	}
	return p, nil
}

// mustJSON encodes what this package built itself.
func mustJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic("slacktest: " + err.Error())
	}
	return text
}
