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
	TS      string `json:"ts"`     // click, shortcut: the message; of a shortcut, "" without one
	Action  string `json:"action"` // click, press, shortcut
	Value   string `json:"value"`  // press: the button's, which tells buttons of one action apart
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
		var a pageAct
		if !readAct(w, r, &a) {
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

// readAct reads what the page sends. It answers false when it has refused it.
func readAct(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAct))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		http.Error(w, "an act is a JSON object with known fields", http.StatusBadRequest)
		return false
	}
	return true
}

// control uses one of the Controls.
func (g *page) control(w http.ResponseWriter, r *http.Request) {
	var a struct {
		Control string `json:"control"`
		Value   string `json:"value"`
	}
	if !readAct(w, r, &a) {
		return
	}
	at := slices.IndexFunc(g.Controls, func(c Control) bool { return c.ID == a.Control })
	if at < 0 || !g.Controls[at].takes(a.Value) {
		http.Error(w, "there is no such control, or it has no such value", http.StatusNotFound)
		return
	}
	answer := map[string]string{}
	if err := g.Controls[at].Do(r.Context(), a.Value); err != nil {
		answer["problem"] = err.Error()
	}
	writeJSON(w, http.StatusOK, answer)
}

// takes reports whether a value can be chosen.
func (c Control) takes(value string) bool {
	switch {
	case len(c.Options) > 0:
		return slices.ContainsFunc(c.Options, func(o Option) bool { return o.Value == value })
	case c.Value != nil:
		return value == "" || value == "on"
	}
	return value == ""
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
	readOnly := c != nil && c.directWith != "" && s.cfg.MessagesTabReadOnly
	threadStands := a.Thread == "" || s.standing(a.Channel, a.Thread) != nil
	handles := map[string]string{}
	for _, u := range s.users {
		handles[u.Name] = u.ID
	}
	s.mu.Unlock()
	switch {
	case !there:
		return nil, fmt.Errorf("%s is not in channel %q and cannot type there", p.id, a.Channel)
	case readOnly:
		return nil, errReadOnly
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

// home opens the app's Home tab.
func (g *page) home(p *Person, _ pageAct) (*Delivery, error) { return p.OpenHome(), nil }

func (g *page) press(p *Person, a pageAct) (*Delivery, error) {
	return p.PressHome(a.Action, a.Value), nil
}

func (g *page) shortcut(p *Person, a pageAct) (*Delivery, error) {
	if a.TS == "" {
		return p.Shortcut(a.Action), nil
	}
	return p.MessageShortcut(a.Action, a.Channel, a.TS), nil
}

func (g *page) submit(p *Person, a pageAct) (*Delivery, error) {
	return p.Submit(a.View, a.Values), nil
}

func (g *page) close(p *Person, a pageAct) (*Delivery, error) {
	return p.Close(a.View), nil
}
