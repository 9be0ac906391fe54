package slacktest

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"time"
)

// Page describes a web page that shows the workspace to people and lets them
// act in it as one of its users.
type Page struct {
	// People are the user IDs to choose from, in the order of the switch; empty:
	// every full, active member of the workspace.
	People []string
	// Roles says behind a name what the person is here, by user ID; it may be nil.
	Roles map[string]string
	// Channel is the conversation that is shown first; empty: the person's first.
	Channel string
	// Title and Intro are on top, as plain text. Title is "Workspace" if empty.
	Title, Intro string
	// Steps say what to do first. They are on top of Channel, and of every
	// conversation until the first message is there.
	Steps []string
	// Hints are lines to click into the input: commands worth trying.
	Hints []string

	// Instance names this workspace among those that the same address served: where it
	// differs from what a window saw before, that window forgets what it remembers.
	Instance string

	// Controls change the world around the workspace: they are in a panel of their own,
	// with Status, lines that say how that world is now, above them. Status is read like
	// Side, and like it may be nil.
	Controls      []Control
	ControlsTitle string
	Status        func() []string

	// Side is read for the column beside the workspace, oldest entry first: at
	// every change of the workspace and twice a second. nil: no such column. It
	// is called from several goroutines and must not change the Server's state.
	Side      func() []SideEntry
	SideTitle string
}

// SideEntry is one entry of the column beside the workspace. Neighbours of the kinds
// "read" and "sign-in" are folded into one line.
type SideEntry struct {
	At     time.Time
	Title  string
	Result string // what came of it, in a few words
	Detail string // shown on demand; may have several lines; may be empty
	Kind   string // "read", "write", "sign-in" or "error"
}

// Control is something of the panel: a choice if it has Options, else a switch if it has
// Value, else a button.
type Control struct {
	ID    string
	Label string
	Hint  string // says in a few words what it does; may be empty
	// Options are what can be chosen, the first one at the start.
	Options []Option
	// Value is what is chosen now, an Option's, or of a switch "on" or "". It is read like
	// Page.Side.
	Value func() string
	// Do carries it out: value is what was chosen, "on" or "" of a switch, and "" of a
	// button. Its error is shown on the page. Calls may overlap.
	Do func(ctx context.Context, value string) error
}

// Option is one of the things that a Control lets people choose.
type Option struct{ Value, Label string }

// sidePoll is how often what is not the workspace's own is looked at (Side, Status and
// the values of Controls) when the workspace itself is quiet.
const sidePoll = 500 * time.Millisecond

//go:embed page
var pageFiles embed.FS

type page struct {
	Page
	server *Server
}

// Page serves the workspace for people to look at and act in. The handler
// takes requests from this machine only, and acts only for its own page: serve
// it on a loopback address.
//
// GET /state?as=U… is what one person sees, as JSON; GET /events is a stream
// that has an event at every change and ends with Close; POST /command, /say,
// /click, /submit, /close, /home, /press and /shortcut act. An act answers when the app
// has acked it or its time is over. POST /control uses one of the Controls.
func (s *Server) Page(p Page) http.Handler {
	g := &page{Page: p, server: s}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { serveFile(w, "index.html") })
	mux.HandleFunc("GET /page/{file}", func(w http.ResponseWriter, r *http.Request) { serveFile(w, r.PathValue("file")) })
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /state", g.serveState)
	mux.HandleFunc("GET /events", g.serveEvents)
	mux.HandleFunc("POST /command", g.act(g.command))
	mux.HandleFunc("POST /say", g.act(g.say))
	mux.HandleFunc("POST /click", g.act(g.click))
	mux.HandleFunc("POST /submit", g.act(g.submit))
	mux.HandleFunc("POST /close", g.act(g.close))
	mux.HandleFunc("POST /home", g.act(g.home))
	mux.HandleFunc("POST /press", g.act(g.press))
	mux.HandleFunc("POST /shortcut", g.act(g.shortcut))
	mux.HandleFunc("POST /control", g.control)
	return onlyOwnPage(mux)
}

// pageTypes are given here because a system's own table may call a script plain text,
// which a browser then does not run.
var pageTypes = map[string]string{".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

func serveFile(w http.ResponseWriter, name string) {
	content, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		http.Error(w, "the page has no such file", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", pageTypes[path.Ext(name)]+"; charset=utf-8")
	_, _ = w.Write(content) // the browser may have left
}

// serveEvents says that something changed and leaves the rest to /state: an
// event that is missed, or seen twice, then does no harm.
func (g *page) serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	ticker := time.NewTicker(sidePoll)
	defer ticker.Stop()
	for {
		// Both are taken before the event goes out, so that what changes
		// while the page reads the state makes another event.
		changed, around := g.server.Changed(), g.around()
		// A window that lost its stream comes back soon.
		if _, err := fmt.Fprint(w, "retry: 500\ndata: changed\n\n"); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
		for quiet := true; quiet; {
			select {
			case <-r.Context().Done():
				return
			case <-g.server.done:
				return
			case <-changed:
				quiet = false
			case <-ticker.C:
				quiet = reflect.DeepEqual(around, g.around())
			}
		}
	}
}

// around is what the page shows beside the workspace.
func (g *page) around() pageAround {
	var a pageAround
	if g.Side != nil {
		a.Side = &pageSide{Title: g.SideTitle, Entries: []pageSideEntry{}}
		for _, e := range g.Side() {
			a.Side.Entries = append(a.Side.Entries, pageSideEntry{At: e.At.UnixMilli(), Title: e.Title, Result: e.Result, Detail: e.Detail, Kind: e.Kind})
		}
	}
	if len(g.Controls) == 0 {
		return a
	}
	a.Panel = &pagePanel{Title: g.ControlsTitle, Status: []string{}}
	if g.Status != nil {
		a.Panel.Status = append(a.Panel.Status, g.Status()...)
	}
	for _, c := range g.Controls {
		shown := pageControl{ID: c.ID, Label: c.Label, Hint: c.Hint, Switch: c.Value != nil && len(c.Options) == 0}
		if c.Value != nil {
			shown.Value = c.Value()
		}
		for _, o := range c.Options {
			shown.Options = append(shown.Options, pageOption(o))
		}
		a.Panel.Controls = append(a.Panel.Controls, shown)
	}
	return a
}

// people are the IDs to choose from on this page.
func (g *page) people() []string {
	if len(g.People) > 0 {
		return g.People
	}
	var found []string
	for _, u := range g.server.Users() {
		if !u.Bot && !u.AppUser && !u.WorkflowBot && !u.ConnectorBot && !u.Deleted && !u.Guest && !u.SingleChannelGuest &&
			!u.Stranger && !u.Invited && u.TeamID == g.server.TeamID() {
			found = append(found, u.ID)
		}
	}
	return found
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the browser may have left
}
