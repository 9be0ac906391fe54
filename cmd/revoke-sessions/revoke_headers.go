package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"revoke-sessions/bot"
	"revoke-sessions/graph"
	"revoke-sessions/graph/msgraph"
)

// givenHeaders are those of --header. What they are for is not known, so that no
// value of theirs is ever shown: any may sign somebody in.
type givenHeaders map[string][]string

// tellingValue is how long a value must be to be hidden wherever it is repeated; a
// shorter one says nothing, and is part of many words.
const tellingValue = 6

// redact replaces their values, by name and wherever an answer repeats one.
func (g givenHeaders) redact(header http.Header) http.Header {
	shown := header.Clone()
	for name, values := range shown {
		for i, value := range values {
			if g.names(name) || g.hide(value) != value {
				values[i] = msgraph.Redacted
			}
		}
	}
	return shown
}

func (g givenHeaders) names(name string) bool {
	for given := range g {
		if strings.EqualFold(given, name) {
			return true
		}
	}
	return false
}

// hide is the text without their values, as they are and as an address has them.
func (g givenHeaders) hide(text string) string {
	for _, values := range g {
		for _, value := range values {
			if len(value) < tellingValue {
				continue
			}
			for _, form := range []string{value, url.QueryEscape(value), url.PathEscape(value)} {
				text = strings.ReplaceAll(text, form, msgraph.Redacted)
			}
		}
	}
	return text
}

// parseHeaders reads KEY=VALUE.
func parseHeaders(all []string) (givenHeaders, error) {
	headers := givenHeaders{}
	for i, one := range all {
		key, value, ok := strings.Cut(one, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--header: the %s must be KEY=VALUE. It is not shown here, because it may be a secret", ordinal(i+1))
		}
		headers[key] = append(headers[key], value)
	}
	if err := msgraph.CheckHeaders(headers); err != nil {
		return nil, fmt.Errorf("--header: %s", graph.AsError(err).Remedy)
	}
	return headers, nil
}

// ordinal names a place in a list.
func ordinal(n int) string {
	if n == 1 {
		return "first one"
	}
	return fmt.Sprintf("one at place %d", n)
}

// calling is the client with the caller's headers in each revoke. It keeps the
// headers of the last answer.
type calling struct {
	*msgraph.Client
	headers givenHeaders
	last    http.Header
}

// Revoke implements bot.Directory.
func (c *calling) Revoke(ctx context.Context, objectID string) (graph.Revocation, error) {
	yes, err := c.RevokeWith(ctx, objectID, c.headers)
	c.last = c.headers.redact(yes.Header)
	if no := graph.AsError(err); no != nil {
		c.last = c.headers.redact(no.Header)
	}
	return yes, err
}

// headerFile gets the headers of every answer to a revoke, without what could
// sign anybody in. It takes its name in one step, when all are in it.
type headerFile struct {
	path string
	file *os.File
	all  []answerHeaders
}

type answerHeaders struct {
	UserID   string      `json:"userId"`
	ObjectID string      `json:"objectId"`
	Headers  http.Header `json:"headers"`
}

// newHeaderFile finds out that the file can be written before anything is done.
// It takes the place of a file only: commit's rename would remove a pipe or a
// device, /dev/null for root.
func newHeaderFile(path string) (*headerFile, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("--response-headers-variable: %s is not a regular file, so it cannot be replaced", bot.Clean(path, 200))
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".headers-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("--response-headers-variable: %w", err)
	}
	return &headerFile{path: path, file: f}, nil
}

func (h *headerFile) add(r *accountResult, headers http.Header) {
	if h != nil && headers != nil {
		h.all = append(h.all, answerHeaders{UserID: r.UserID, ObjectID: r.ObjectID, Headers: headers})
	}
}

// commit writes it all: an array, with one object for each answer.
func (h *headerFile) commit() error {
	if h == nil {
		return nil
	}
	if h.all == nil {
		h.all = []answerHeaders{}
	}
	e := json.NewEncoder(h.file)
	e.SetIndent("", "  ")
	err := e.Encode(h.all)
	if closed := h.file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(h.file.Name(), h.path)
	}
	if err != nil {
		return fmt.Errorf("--response-headers-variable: %w", err)
	}
	return nil
}

// abandon removes what commit has not made a file of.
func (h *headerFile) abandon() {
	if h != nil {
		_ = h.file.Close()
		_ = os.Remove(h.file.Name())
	}
}
