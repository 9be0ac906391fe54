package slacktest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// pageState is the workspace as one person sees it. The JSON is between this
// program and its own script; it is nobody's API.
type pageState struct {
	Me        string        `json:"me"`
	Title     string        `json:"title"`
	Intro     string        `json:"intro"`
	Steps     []string      `json:"steps"`
	Hints     []string      `json:"hints"`
	First     string        `json:"first"` // the channel to begin with
	Command   string        `json:"command"`
	Workspace string        `json:"workspace"` // https://…slack.com
	Bot       pagePerson    `json:"bot"`
	People    []pagePerson  `json:"people"`  // of the switch
	Members   []pagePerson  `json:"members"` // everybody who can be picked or mentioned
	Names     pageNames     `json:"names"`
	Started   bool          `json:"started"` // there has been a message
	Channels  []pageChannel `json:"channels"`
	Home      *pageHome     `json:"home,omitempty"` // the app's Home tab; none if it has no such tab
	Shortcuts []pageChoice  `json:"shortcuts"`      // to run anywhere
	OnMessage []pageChoice  `json:"onMessage"`      // to run on a message
	Views     []pageView    `json:"views"`          // the topmost last
	Now       int64         `json:"now"`            // the workspace's clock, Unix milliseconds
	Instance  string        `json:"instance"`
	pageAround
}

// pageAround is what is shown beside the workspace.
type pageAround struct {
	Side  *pageSide  `json:"side,omitempty"`
	Panel *pagePanel `json:"panel,omitempty"`
}

type pageHome struct {
	Blocks json.RawMessage `json:"blocks,omitempty"` // none: the app has published nothing
}

// pageChoice is a shortcut.
type pageChoice struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type pagePanel struct {
	Title    string        `json:"title"`
	Status   []string      `json:"status"`
	Controls []pageControl `json:"controls"`
}

type pageControl struct {
	ID      string       `json:"id"`
	Label   string       `json:"label"`
	Hint    string       `json:"hint"`
	Switch  bool         `json:"switch"`
	Value   string       `json:"value"`
	Options []pageOption `json:"options,omitempty"`
}

type pageOption struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

type pagePerson struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Handle string `json:"handle"`
	Role   string `json:"role,omitempty"`
}

// pageNames are what IDs in a message are shown as.
type pageNames struct {
	Users    map[string]string `json:"users"`
	Groups   map[string]string `json:"groups"`
	Channels map[string]string `json:"channels"` // those that the person sees
}

type pageChannel struct {
	ID       string        `json:"id"`
	Name     string        `json:"name"`
	Private  bool          `json:"private"`
	Direct   bool          `json:"direct"`
	ReadOnly bool          `json:"readOnly"` // there is no box to type into
	Members  []string      `json:"members"`
	Messages []pageMessage `json:"messages"`
}

type pageMessage struct {
	TS        string          `json:"ts"`
	At        int64           `json:"at"` // Unix milliseconds
	User      string          `json:"user"`
	Name      string          `json:"name"`
	App       bool            `json:"app"`
	Text      string          `json:"text"`
	Plain     bool            `json:"plain"` // Text is not mrkdwn
	Blocks    json.RawMessage `json:"blocks,omitempty"`
	Edited    bool            `json:"edited"`
	Ephemeral bool            `json:"ephemeral"`
	Mine      bool            `json:"mine"`   // it mentions the person
	Thread    string          `json:"thread"` // of a reply shown in the channel too: where it belongs
	Replies   []pageMessage   `json:"replies,omitempty"`
}

type pageView struct {
	ID     string            `json:"id"`
	Hash   string            `json:"hash"`
	Title  string            `json:"title"`
	Submit string            `json:"submit"`
	Close  string            `json:"close"`
	Blocks json.RawMessage   `json:"blocks"`
	Errors map[string]string `json:"errors"`
}

type pageSide struct {
	Title   string          `json:"title"`
	Entries []pageSideEntry `json:"entries"`
}

type pageSideEntry struct {
	At     int64  `json:"at"` // Unix milliseconds
	Title  string `json:"title"`
	Result string `json:"result"`
	Detail string `json:"detail"`
	Kind   string `json:"kind"`
}

func (g *page) serveState(w http.ResponseWriter, r *http.Request) {
	people := g.people()
	as := r.URL.Query().Get("as")
	if as == "" && len(people) > 0 {
		as = people[0]
	}
	if !slices.Contains(people, as) {
		http.Error(w, "there is nobody of that ID on this page", http.StatusNotFound)
		return
	}
	writeJSON(w, http.StatusOK, g.state(as))
}

// state is what one person sees.
func (g *page) state(as string) pageState {
	s := g.server
	state := pageState{
		Me: as, Title: cmp.Or(g.Title, "Workspace"), Intro: g.Intro, First: g.Channel,
		Steps: append([]string{}, g.Steps...), Hints: append([]string{}, g.Hints...),
		Command: s.cfg.Command, Workspace: "https://" + s.cfg.TeamDomain + ".slack.com",
		Names: pageNames{Users: map[string]string{}, Groups: map[string]string{}, Channels: map[string]string{}},
		Views: []pageView{}, Shortcuts: []pageChoice{}, OnMessage: []pageChoice{},
		Now: s.cfg.Now().UnixMilli(), Instance: g.Instance, pageAround: g.around(),
	}
	for _, u := range s.Users() {
		person := pagePerson{ID: u.ID, Name: u.RealName, Handle: u.Name, Role: g.Roles[u.ID]}
		state.Names.Users[u.ID] = u.RealName
		switch {
		case u.ID == s.BotUserID():
			state.Bot = person
		case !u.Bot && !u.AppUser && !u.Deleted:
			state.Members = append(state.Members, person)
		}
	}
	for _, id := range g.people() {
		at := slices.IndexFunc(state.Members, func(p pagePerson) bool { return p.ID == id })
		if at >= 0 {
			state.People = append(state.People, state.Members[at])
		}
	}
	s.mu.Lock()
	for _, group := range s.groups {
		state.Names.Groups[group.ID] = cmp.Or(group.Handle, group.Name)
	}
	state.Started = len(s.private) > 0 || len(s.log) > 0
	for _, c := range s.cfg.Shortcuts {
		if c.Type == GlobalShortcut {
			state.Shortcuts = append(state.Shortcuts, pageChoice{ID: c.CallbackID, Name: c.Name})
		} else {
			state.OnMessage = append(state.OnMessage, pageChoice{ID: c.CallbackID, Name: c.Name})
		}
	}
	if s.cfg.HomeTab {
		state.Home = &pageHome{}
		if v := s.homes[as]; v != nil {
			state.Home.Blocks = v.Blocks
		}
	}
	s.mu.Unlock()
	state.Channels = g.channels(as)
	for _, c := range state.Channels {
		state.Names.Channels[c.ID] = c.Name
	}
	for _, v := range s.Views(as) {
		state.Views = append(state.Views, pageView{ID: v.ID, Hash: v.Hash, Title: v.Title, Submit: v.SubmitLabel, Close: v.CloseLabel, Blocks: v.Blocks, Errors: v.Errors})
	}
	return state
}

// channels are those that a person is a member of, their direct messages with
// the bot last.
func (g *page) channels(as string) []pageChannel {
	s := g.server
	private := s.Ephemerals(as)
	var found []pageChannel
	for _, c := range s.Channels() {
		if slices.Contains(c.Members, as) {
			members := slices.Clone(c.Members)
			if c.BotIsMember {
				members = append(members, s.BotUserID())
			}
			found = append(found, pageChannel{ID: c.ID, Name: c.Name, Private: c.Private, Members: members, Messages: g.messages(as, c.ID, private)})
		}
	}
	slices.SortFunc(found, func(a, b pageChannel) int { return strings.Compare(a.Name, b.Name) })
	direct := s.DirectChannel(as)
	return append(found, pageChannel{ID: direct, Name: s.cfg.BotName, Direct: true, ReadOnly: s.readOnly(), Members: []string{as, s.BotUserID()}, Messages: g.messages(as, direct, private)})
}

// messages are what a person sees in a channel, what only they see included,
// in the order of time.
func (g *page) messages(as, channelID string, private []Message) []pageMessage {
	found := []pageMessage{}
	byTime := func(a, b pageMessage) int { return strings.Compare(a.TS, b.TS) }
	mine := func(threadTS string) (seen []pageMessage) {
		for _, m := range private {
			if m.Channel == channelID && m.ThreadTS == threadTS {
				seen = append(seen, g.message(as, m))
			}
		}
		return seen
	}
	for _, m := range g.server.Messages(channelID) {
		shown := g.message(as, m)
		if m.ThreadTS == "" || m.ThreadTS == m.TS {
			for _, reply := range g.server.Thread(channelID, m.TS) {
				if reply.TS != m.TS {
					shown.Replies = append(shown.Replies, g.message(as, reply))
				}
			}
			shown.Replies = append(shown.Replies, mine(m.TS)...)
			slices.SortFunc(shown.Replies, byTime)
		}
		found = append(found, shown)
	}
	found = append(found, mine("")...)
	slices.SortFunc(found, byTime)
	return found
}

func (g *page) message(as string, m Message) pageMessage {
	name := m.User
	g.server.mu.Lock()
	if u := g.server.users[m.User]; u != nil {
		name = u.RealName
	}
	g.server.mu.Unlock()
	out := pageMessage{
		TS: m.TS, At: m.Time().UnixMilli(), User: m.User, Name: name, App: m.AppID != "",
		Text: m.Text, Plain: !m.Markdown, Blocks: m.Blocks, Ephemeral: m.Ephemeral,
		// Slack marks an edited message unless it is made of blocks.
		Edited: !m.EditedAt.IsZero() && m.Blocks == nil,
		Mine:   m.User != as && slices.Contains(g.server.Mentions(m), as),
	}
	if m.ThreadTS != "" && m.ThreadTS != m.TS {
		out.Thread = m.ThreadTS
	}
	return out
}
