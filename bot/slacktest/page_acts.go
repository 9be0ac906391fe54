package slacktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// pageAct is what the page sends when somebody does something. Each act uses
// the fields it needs.
type pageAct struct {
	As      string `json:"as"`
	Channel string `json:"channel"`
	Thread  string `json:"thread"` // say: the message that is answered
	Text    string `json:"text"`   // command, say: the line as typed
	TS      string `json:"ts"`     // click
	Action  string `json:"action"` // click
	View    string `json:"view"`   // submit, close
	Values  Values `json:"values"` // submit
}

// maxAct is the largest act in bytes; the largest honest one holds a form's
// texts.
const maxAct = 256 << 10

// act reads an act, lets the person do it, and answers {"saw": …} with the
// error that Slack shows them, "" for none, or {"problem": …} with the reason
// why they could not do it.
func (g *page) act(do func(*Person, pageAct) (*Delivery, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAct))
		decoder.DisallowUnknownFields()
		var a pageAct
		if err := decoder.Decode(&a); err != nil {
			http.Error(w, "an act is a JSON object with known fields", http.StatusBadRequest)
			return
		}
		if !slices.Contains(g.people(), a.As) {
			http.Error(w, "there is nobody of that ID on this page", http.StatusNotFound)
			return
		}
		d, err := do(g.server.As(a.As), a)
		if err == nil && d != nil {
			if err = d.Err(); errors.Is(err, ErrNoSocket) {
				err = nil // the person sees DispatchFailed
			}
		}
		if err != nil {
			writeJSON(w, http.StatusConflict, map[string]string{"problem": err.Error()})
			return
		}
		saw := ""
		if d != nil {
			if saw, err = d.Outcome(r.Context()); err != nil {
				http.Error(w, "the workspace was closed", http.StatusServiceUnavailable)
				return
			}
		}
		writeJSON(w, http.StatusOK, map[string]string{"saw": saw})
	}
}

func (g *page) command(p *Person, a pageAct) (*Delivery, error) {
	command, text, _ := strings.Cut(strings.TrimSpace(a.Text), " ")
	if command != g.server.cfg.Command {
		return nil, fmt.Errorf("%s is not a valid command; this workspace knows %s", command, g.server.cfg.Command)
	}
	return p.Command(a.Channel, strings.TrimSpace(text)), nil
}

// say posts what somebody typed. Typed text is dead, as in Slack, apart from
// the @handles of people.
func (g *page) say(p *Person, a pageAct) (*Delivery, error) {
	s := g.server
	text := strings.TrimSpace(a.Text)
	s.mu.Lock()
	c := s.channels[a.Channel]
	there := c != nil && slices.Contains(c.Members, p.id)
	threadStands := a.Thread == "" || s.standing(a.Channel, a.Thread) != nil
	handles := map[string]string{}
	for _, u := range s.users {
		handles[u.Name] = u.ID
	}
	s.mu.Unlock()
	switch {
	case !there:
		return nil, fmt.Errorf("%s is not in channel %q and cannot type there", p.id, a.Channel)
	case !threadStands:
		return nil, errors.New("the message that you answer is gone")
	case text == "":
		return nil, errors.New("there is nothing to post")
	}
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	text = typedHandle.ReplaceAllStringFunc(text, func(found string) string {
		if id := handles[found[1:]]; id != "" {
			return Mention(id)
		}
		return found
	})
	p.Say(a.Channel, a.Thread, text)
	return nil, nil
}

var typedHandle = regexp.MustCompile(`@[a-zA-Z0-9](?:[\w.-]*\w)?`)

func (g *page) click(p *Person, a pageAct) (*Delivery, error) {
	return p.Click(a.Channel, a.TS, a.Action), nil
}

func (g *page) submit(p *Person, a pageAct) (*Delivery, error) {
	return p.Submit(a.View, a.Values), nil
}

func (g *page) close(p *Person, a pageAct) (*Delivery, error) {
	return p.Close(a.View), nil
}
