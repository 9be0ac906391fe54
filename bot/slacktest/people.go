package slacktest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// User is somebody in the workspace, or somebody of another one. The zero
// kind is a full, active member of this workspace with a confirmed address.
type User struct {
	ID       string
	TeamID   string // default: the installing workspace
	Name     string // the handle, without @
	RealName string // default: Name
	Email    string // empty: the profile has none

	EmailUnconfirmed   bool
	Deleted            bool
	Bot                bool
	AppUser            bool
	WorkflowBot        bool
	ConnectorBot       bool
	Guest              bool // restricted: a multi-channel guest
	SingleChannelGuest bool // ultra-restricted; implies Guest
	Stranger           bool // of another workspace, shares no channel with the bot
	Invited            bool // has not accepted the invitation yet
	Admin              bool
	Owner              bool
	Hidden             bool // users.info answers user_not_visible

	// EnterpriseID makes the user a member of an Enterprise organization.
	EnterpriseID string
}

// UserGroup is a group that can be mentioned.
type UserGroup struct {
	ID       string // S…
	Handle   string // without @
	Name     string
	Members  []string // user IDs
	Disabled bool
}

// AddUser puts somebody into the workspace, replacing who had the ID before.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.TeamID = cmp.Or(u.TeamID, s.cfg.TeamID)
	u.Name = cmp.Or(u.Name, strings.ToLower(u.ID))
	u.RealName = cmp.Or(u.RealName, u.Name)
	s.users[u.ID] = &u
	s.touch()
}

// UpdateUser changes somebody who is there; it panics for an unknown ID,
// which is a mistake in the test.
func (s *Server) UpdateUser(id string, change func(*User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[id]
	if u == nil {
		panic("slacktest: no user " + id)
	}
	change(u)
	s.touch()
}

// Users returns everybody, the bot included, ordered by ID.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []User
	for _, u := range s.users {
		all = append(all, *u)
	}
	slices.SortFunc(all, func(a, b User) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// AddUserGroup puts a user group into the workspace, replacing the one with
// the same ID.
func (s *Server) AddUserGroup(g UserGroup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.Members = slices.Clone(g.Members)
	s.groups[g.ID] = &g
	s.touch()
}

// UpdateUserGroup changes a group; it panics for an unknown ID.
func (s *Server) UpdateUserGroup(id string, change func(*UserGroup)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[id]
	if g == nil {
		panic("slacktest: no user group " + id)
	}
	change(g)
	s.touch()
}

func (s *Server) authTest(params) (answer, error) {
	return answer{
		"url":     "https://" + s.cfg.TeamDomain + ".slack.com/",
		"team":    s.cfg.TeamDomain,
		"user":    s.cfg.BotName,
		"team_id": s.cfg.TeamID, "user_id": s.cfg.BotUserID, "bot_id": s.cfg.BotID,
		"is_enterprise_install": false,
	}, nil
}

func (s *Server) botsInfo(p params) (answer, error) {
	id, asked := p["bot"]
	switch {
	case !asked: // no error, says its page, and no information
		return answer{}, nil
	case id != s.cfg.BotID:
		return nil, refuse("bot_not_found")
	}
	return answer{"bot": map[string]any{
		"id": s.cfg.BotID, "name": s.cfg.BotName, "deleted": false, "updated": 1700000000,
		"app_id": s.cfg.AppID, "user_id": s.cfg.BotUserID,
		"icons": map[string]any{"image_36": "https://example.invalid/36.png"},
	}}, nil
}

func (s *Server) usersInfo(p params) (answer, error) {
	u := s.users[p["user"]]
	switch {
	case u == nil:
		return nil, refuse("user_not_found")
	case u.Hidden:
		return nil, refuse("user_not_visible")
	}
	user := s.userJSON(u)
	if yes(p["include_locale"]) && !u.Deleted {
		user["locale"] = locale
	}
	return answer{"user": user}, nil
}

// locale is everybody's and every channel's; Slack sends it to whoever asks with
// include_locale.
const locale = "en-US"

func (s *Server) usersLookupByEmail(p params) (answer, error) {
	for _, u := range s.users {
		if u.Email != "" && strings.EqualFold(u.Email, p["email"]) && !u.Deleted && !u.Hidden {
			return answer{"user": s.userJSON(u)}, nil
		}
	}
	return nil, refuse("users_not_found")
}

func (s *Server) usergroupsUsersList(p params) (answer, error) {
	g := s.groups[p["usergroup"]]
	if g == nil || g.Disabled && !yes(p["include_disabled"]) {
		return nil, refuse("no_such_subteam")
	}
	return answer{"users": append([]string{}, g.Members...)}, nil
}

// userJSON is the user object of users.info. s.mu is held.
func (s *Server) userJSON(u *User) map[string]any {
	first, last, _ := strings.Cut(u.RealName, " ")
	profile := map[string]any{
		"real_name": u.RealName, "real_name_normalized": u.RealName,
		"display_name": u.Name, "display_name_normalized": u.Name,
		"first_name": first, "last_name": last,
		"title": "", "phone": "", "skype": "", "status_text": "", "status_emoji": "", "status_expiration": 0,
		"avatar_hash": "g0", "image_72": "https://example.invalid/72.png", "team": u.TeamID,
	}
	if u.Email != "" && s.hasScope("users:read.email") {
		profile["email"] = u.Email
	}
	if u.ID == s.cfg.BotUserID {
		profile["bot_id"], profile["api_app_id"] = s.cfg.BotID, s.cfg.AppID
	}
	user := map[string]any{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName,
		"deleted": u.Deleted, "color": "9f69e7", "profile": profile,
		"is_bot": u.Bot, "is_app_user": u.AppUser, "updated": 1700000000,
	}
	if u.Deleted {
		return user // Slack leaves the rest out for deactivated users
	}
	for key, value := range map[string]any{
		"tz": "Europe/Berlin", "tz_label": "Central European Time", "tz_offset": 3600,
		"is_admin": u.Admin || u.Owner, "is_owner": u.Owner, "is_primary_owner": false,
		"is_restricted": u.Guest || u.SingleChannelGuest, "is_ultra_restricted": u.SingleChannelGuest,
		"is_email_confirmed": !u.EmailUnconfirmed && !u.Bot, "who_can_share_contact_card": "EVERYONE",
	} {
		user[key] = value
	}
	for key, on := range map[string]bool{
		"is_stranger": u.Stranger, "is_workflow_bot": u.WorkflowBot, "is_connector_bot": u.ConnectorBot, "is_invited_user": u.Invited,
	} {
		if on {
			user[key] = true // absent otherwise, as in Slack
		}
	}
	if u.EnterpriseID != "" {
		user["enterprise_user"] = map[string]any{
			"id": u.ID, "enterprise_id": u.EnterpriseID, "enterprise_name": "Enterprise",
			"is_admin": false, "is_owner": false, "teams": []string{u.TeamID},
		}
	}
	return user
}

// person returns who acts, or why nobody can act under this ID. s.mu is held.
func (s *Server) person(id string) (*User, error) {
	u := s.users[id]
	switch {
	case u == nil:
		return nil, fmt.Errorf("there is no user %s", id)
	case u.Deleted:
		return nil, fmt.Errorf("user %s is deactivated and cannot act", id)
	}
	return u, nil
}
