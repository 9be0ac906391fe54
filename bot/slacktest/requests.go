package slacktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
)

// request is one call as Slack reads it.
type request struct {
	params   params
	token    string
	bearer   bool     // the token came in the Authorization header
	warnings []string // Slack's codes, sent beside the answer
	err      error    // the request could not be read
}

// maxRequest bounds what a bot may send in one request.
const maxRequest = 4 << 20

// readRequest takes the parameters from the query and, with POST, from the body
// in one of the content types that the method takes. Slack's pages list the
// codes and warnings (docs.slack.dev/reference/methods, below each method).
//
// A body that the method does not read is no error to Slack: the call is
// answered as if its parameters had never been sent.
func readRequest(r *http.Request, m method) (q request) {
	q.params = params{}
	for key, values := range r.URL.Query() {
		q.params[key] = values[0]
	}
	// Apps made since February 2021 may not send a token in the query:
	// docs.slack.dev/changelog/2020-11-no-more-tokens-in-querystrings-for-newly-created-apps
	delete(q.params, "token")
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	switch {
	case err != nil:
		q.err = refuse("request_timeout")
	case r.Method == http.MethodPost:
		q.err = q.readBody(r.Header.Get("Content-Type"), body, m)
	case m.postOnly:
		q.err = refuse("insecure_request")
	case r.Method != http.MethodGet:
		q.err = refuse("invalid_arguments", "neither GET nor POST: "+r.Method)
	case len(body) > 0:
		q.err = refuse("invalid_arguments", "GET with a body: its parameters belong in the query")
	}
	q.token = q.params["token"]
	delete(q.params, "token")
	if token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found && token != "" {
		q.token, q.bearer = token, true
	}
	return q
}

// readBody reads the body of a POST. A JSON body needs the token in the header.
func (q *request) readBody(contentType string, body []byte, m method) error {
	if len(body) == 0 {
		return nil
	}
	if contentType == "" {
		return refuse("missing_post_type")
	}
	kind, attributes, err := mime.ParseMediaType(contentType)
	if err != nil || !slices.Contains([]string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}, kind) {
		return refuse("invalid_post_type")
	}
	charset, named := attributes["charset"]
	form := kind == "application/x-www-form-urlencoded" || kind == "multipart/form-data"
	switch {
	case form && named:
		q.warnings = append(q.warnings, "superfluous_charset")
	case !form && !named:
		q.warnings = append(q.warnings, "missing_charset")
	}
	switch {
	case !named, strings.EqualFold(charset, "utf-8"):
	case strings.EqualFold(charset, "iso-8859-1"):
		body = fromLatin1(body)
	default:
		return refuse("invalid_charset")
	}
	var sent params
	switch kind {
	case "application/json":
		if !m.json {
			return nil
		}
		if sent, err = readObject(body); err != nil {
			return err
		}
		delete(sent, "token")
	case "application/x-www-form-urlencoded":
		if sent, err = parseForm(body); err != nil {
			return refuse("invalid_form_data")
		}
	case "multipart/form-data":
		if sent, err = parseParts(body, attributes["boundary"]); err != nil {
			return refuse("invalid_form_data")
		}
	}
	maps.Copy(q.params, sent)
	return nil
}

// parseParts reads multipart/form-data. A file counts like a field of its name.
func parseParts(body []byte, boundary string) (params, error) {
	if boundary == "" {
		return nil, errors.New("no boundary")
	}
	p := params{}
	for r := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return nil, err
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		if _, again := p[part.FormName()]; !again { // the first one counts, as in other forms
			p[part.FormName()] = string(value)
		}
	}
}

func fromLatin1(body []byte) []byte {
	text := make([]rune, len(body))
	for i, b := range body {
		text[i] = rune(b)
	}
	return []byte(string(text))
}

// warn adds Slack's warnings to an answer: once as one text, once as a list
// beside the messages.
func (r result) warn(warnings []string) result {
	var body map[string]any
	if len(warnings) == 0 || r.status != http.StatusOK || json.Unmarshal(r.body, &body) != nil {
		return r
	}
	metadata, _ := body["response_metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["warnings"] = warnings
	body["warning"], body["response_metadata"] = strings.Join(warnings, ","), metadata
	r.body = mustJSON(body)
	return r
}
