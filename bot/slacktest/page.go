package slacktest

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Page describes a web page that shows the workspace to people and lets them
// act in it as one of its users.
type Page struct {
	// People are the user IDs one can be, in the order of the switch; empty:
	// every full, active member of the workspace.
	People []string
	// Roles says behind a name what the person is here, by user ID; it may be nil.
	Roles map[string]string
	// Channel is the conversation that is shown first; empty: the person's first.
	Channel string
	// Title and Intro stand on top, as plain text. Title is "Workspace" if empty.
	Title, Intro string
	// Steps say what to do first. They stand on top of Channel, and of every
	// conversation until the first message is there.
	Steps []string
	// Hints are lines to click into the input: commands worth trying.
	Hints []string

	// Side is read for the column beside the workspace, oldest entry first: at
	// every change of the workspace and twice a second. nil: no such column. It
	// is called from several goroutines and must not change the Server's state.
	Side      func() []SideEntry
	SideTitle string
}

// SideEntry is one line of the column beside the workspace.
type SideEntry struct {
	At     time.Time
	Title  string
	Detail string // may have several lines; may be empty
	Kind   string // "read", "write", "sign-in" or "error"
}

// sidePoll is how often the column beside the workspace is looked at when the
// workspace itself is quiet.
const sidePoll = 500 * time.Millisecond

//go:embed page.html page.css page.js
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
// /click, /submit and /close act. An act answers when the app has acked it or
// its time is over.
func (s *Server) Page(p Page) http.Handler {
	g := &page{Page: p, server: s}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", g.file("page.html", "text/html"))
	mux.HandleFunc("GET /page.css", g.file("page.css", "text/css"))
	mux.HandleFunc("GET /page.js", g.file("page.js", "text/javascript"))
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /state", g.serveState)
	mux.HandleFunc("GET /events", g.serveEvents)
	mux.HandleFunc("POST /command", g.act(g.command))
	mux.HandleFunc("POST /say", g.act(g.say))
	mux.HandleFunc("POST /click", g.act(g.click))
	mux.HandleFunc("POST /submit", g.act(g.submit))
	mux.HandleFunc("POST /close", g.act(g.close))
	return onlyOwnPage(mux)
}

func (g *page) file(name, kind string) http.HandlerFunc {
	content, err := pageFiles.ReadFile(name)
	if err != nil {
		panic("slacktest: " + err.Error()) // the embed directive above names it
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind+"; charset=utf-8")
		_, _ = w.Write(content) // whoever asked may have left
	}
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
		changed, side := g.server.Changed(), g.side()
		if _, err := fmt.Fprint(w, "data: changed\n\n"); err != nil {
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
				quiet = slices.Equal(side, g.side())
			}
		}
	}
}

func (g *page) side() []SideEntry {
	if g.Side == nil {
		return nil
	}
	return g.Side()
}

// people are the IDs one can be on this page.
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
	_ = json.NewEncoder(w).Encode(value) // whoever asked may have left
}
