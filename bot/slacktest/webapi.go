package slacktest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// params are the parameters of one call without its token. A structure that
// came in a JSON body stands here as its JSON text.
type params map[string]string

// answer is what a method answers beside "ok": true.
type answer map[string]any

// refusal is an error in Slack's form: a code, and for invalid arguments the
// messages that say where.
type refusal struct {
	code             string
	messages         []string
	needed, provided string // scopes, with missing_scope
}

func (r *refusal) Error() string {
	return strings.Join(append([]string{r.code}, r.messages...), "; ")
}

func refuse(code string, messages ...string) error {
	for i, m := range messages {
		messages[i] = "[ERROR] " + m
	}
	return &refusal{code: code, messages: messages}
}

// method is one Web API method that this double models, as its page in Slack's
// reference describes it (docs.slack.dev/reference/methods).
type method struct {
	do       func(*Server, params) (answer, error) // called with s.mu held
	scope    string                                // "" needs none
	tier     int                                   // calls per minute; 0 is chat.postMessage's own rule
	required []string
	optional []string // beside team_id, which every method takes: see check
	json     bool     // takes a JSON body; the others read the query and forms only
	absent   string   // the code when a required parameter is missing; default invalid_arguments
	appToken bool     // takes the xapp- token
	postOnly bool     // refuses GET
}

var methods map[string]method

func init() { // not a literal: the methods refer to Server, which refers to this
	methods = map[string]method{
		"apps.connections.open": {do: (*Server).appsConnectionsOpen, tier: tier3, json: true, appToken: true, postOnly: true},
		"auth.test":             {do: (*Server).authTest, tier: tierSpecial, json: true},
		"bots.info":             {do: (*Server).botsInfo, scope: "users:read", tier: tier3, optional: []string{"bot"}},
		// The code was seen at Slack by others: github.com/kortix-ai/suna/pull/6616.
		"users.info":            {do: (*Server).usersInfo, scope: "users:read", tier: tier4, required: []string{"user"}, optional: []string{"include_locale"}, absent: "user_not_found"},
		"users.lookupByEmail":   {do: (*Server).usersLookupByEmail, scope: "users:read.email", tier: tier3, required: []string{"email"}},
		"usergroups.users.list": {do: (*Server).usergroupsUsersList, scope: "usergroups:read", tier: tier2, required: []string{"usergroup"}, optional: []string{"include_disabled"}},
		"conversations.info":    {do: (*Server).conversationsInfo, tier: tier3, required: []string{"channel"}, optional: []string{"include_locale", "include_num_members"}},
		"conversations.members": {do: (*Server).conversationsMembers, tier: tier4, required: []string{"channel"}, optional: []string{"cursor", "limit"}},
		"chat.postMessage": {do: (*Server).chatPostMessage, scope: "chat:write", json: true, required: []string{"channel"},
			optional: []string{"text", "blocks", "attachments", "thread_ts", "reply_broadcast", "mrkdwn", "parse", "link_names", "unfurl_links", "unfurl_media", "metadata"}},
		"chat.update": {do: (*Server).chatUpdate, scope: "chat:write", tier: tier3, json: true, required: []string{"channel", "ts"},
			optional: []string{"text", "blocks", "attachments", "parse", "link_names", "metadata"}},
		"chat.delete": {do: (*Server).chatDelete, scope: "chat:write", tier: tier3, json: true, required: []string{"channel", "ts"}},
		"chat.postEphemeral": {do: (*Server).chatPostEphemeral, scope: "chat:write", tier: tier4, json: true, required: []string{"channel", "user"},
			optional: []string{"text", "blocks", "attachments", "thread_ts", "parse", "link_names"}},
		"chat.getPermalink": {do: (*Server).chatGetPermalink, tier: tierSpecial, required: []string{"channel", "message_ts"}},
		"views.open":        {do: (*Server).viewsOpen, tier: tier4, json: true, required: []string{"trigger_id", "view"}},
		"views.publish":     {do: (*Server).viewsPublish, tier: tier4, json: true, required: []string{"user_id", "view"}, optional: []string{"hash"}},
		"views.push":        {do: (*Server).viewsPush, tier: tier4, json: true, required: []string{"trigger_id", "view"}},
		"views.update":      {do: (*Server).viewsUpdate, tier: tier4, json: true, required: []string{"view"}, optional: []string{"view_id", "external_id", "hash"}},
	}
}

// Call is one request that the bot made: a Web API method, or "response_url".
type Call struct {
	Method string
	Params map[string]string // without the token; structures as JSON text
	Status int               // HTTP status; 0 when the connection was cut or left hanging
	Error  string            // Slack's error code; empty for success
	Answer json.RawMessage   // the body; nil when it was not JSON
	At     time.Time         // by the real clock, when the request arrived
	Took   time.Duration     // until the answer was written

	unknown bool
}

// Calls returns every finished call, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// CallsOf returns the finished calls of one method, oldest first.
func (s *Server) CallsOf(method string) []Call {
	return slices.DeleteFunc(s.Calls(), func(c Call) bool { return c.Method != method })
}

// Unknown returns the calls of methods that this double does not model. A
// test should end by checking that there are none.
func (s *Server) Unknown() []Call {
	return slices.DeleteFunc(s.Calls(), func(c Call) bool { return !c.unknown })
}

// result is the HTTP answer to one call.
type result struct {
	status     int
	body       []byte
	code       string // Slack's error code
	retryAfter string
	location   string
	scopes     []string // of the token, where it was accepted
}

func (s *Server) serveMethod(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	m, known := methods[name]
	if !known {
		m.json = true // so that Unknown can show what was sent
	}
	q := readRequest(r, m)
	s.serve(w, r, name, q.params, known, func() (done result) {
		s.mu.Lock()
		defer s.mu.Unlock()
		defer func() { done = done.warn(q.warnings) }()
		if !known {
			return jsonResult(nil, refuse("unknown_method"))
		}
		if q.err != nil {
			return jsonResult(nil, q.err)
		}
		if err := s.authorize(m, q); err != nil {
			return jsonResult(nil, err)
		}
		done = s.carryOut(name, m, q.params)
		if done.scopes = s.cfg.Scopes; m.appToken {
			done.scopes = s.cfg.AppScopes
		}
		return done
	})
}

// carryOut does one call whose token was accepted. s.mu is held.
func (s *Server) carryOut(name string, m method, p params) result {
	if wait := s.limited(name, m, p); wait > 0 {
		return limitedResult(wait)
	}
	if err := m.check(p); err != nil {
		return jsonResult(nil, err)
	}
	if m.scope != "" {
		if err := s.needScope(m.scope); err != nil {
			return jsonResult(nil, err)
		}
	}
	defer s.touch()
	return jsonResult(m.do(s, p))
}

// serve runs one call with whatever faults are injected, and records it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, name string, p params, known bool, carryOut func() result) {
	began := time.Now()
	fault := s.faultFor(name, p)
	var done result
	if fault == nil || fault.After || !fault.fails() {
		if fault != nil && !fault.After {
			s.pause(r, fault)
		}
		done = carryOut()
		if fault != nil && fault.After {
			s.pause(r, fault)
		}
	} else {
		s.pause(r, fault)
	}
	if fault != nil && fault.fails() {
		done = fault.result()
	}
	cut := fault != nil && (fault.Hang || fault.Reset)

	s.mu.Lock()
	call := Call{Method: name, Params: maps.Clone(p), Error: done.code, At: began, Took: time.Since(began), unknown: !known}
	if !cut {
		call.Status = done.status
		if json.Valid(done.body) {
			call.Answer = done.body
		}
	}
	s.calls = append(s.calls, call)
	date := s.cfg.Now().Add(s.ahead)
	s.touch()
	s.mu.Unlock()

	if cut {
		hangUp(w)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Date", date.UTC().Format(http.TimeFormat))
	if done.scopes != nil {
		w.Header().Set("X-OAuth-Scopes", strings.Join(done.scopes, ","))
	}
	if done.retryAfter != "" {
		w.Header().Set("Retry-After", done.retryAfter)
	}
	if done.location != "" {
		w.Header().Set("Location", done.location)
	}
	w.WriteHeader(done.status)
	w.Write(done.body) // the client may be gone; nothing to do then
}

func jsonResult(a answer, err error) result {
	body := map[string]any{"ok": true}
	code := ""
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		code = refused.code
		body = map[string]any{"ok": false, "error": code}
		if refused.needed != "" {
			body["needed"] = refused.needed
			body["provided"] = refused.provided
		} else if len(refused.messages) > 0 {
			body["response_metadata"] = map[string]any{"messages": refused.messages}
		}
	case err != nil:
		code = "internal_error"
		body = map[string]any{"ok": false, "error": code, "detail": err.Error()}
	default:
		maps.Copy(body, a)
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("slacktest: an answer that cannot be encoded: %v", err))
	}
	return result{status: http.StatusOK, body: text, code: code}
}

// authorize checks the token as Slack does. s.mu is held.
func (s *Server) authorize(m method, q request) error {
	want, kind, token := s.cfg.BotToken, "xoxb-", q.token
	if m.appToken {
		want, kind = s.cfg.AppToken, "xapp-"
		if !q.bearer && token != "" { // an app-level token counts in the header only
			return refuse("invalid_auth")
		}
	}
	switch {
	case token == "":
		return refuse("not_authed")
	case token == want:
		return nil
	case strings.HasPrefix(token, "x") && !strings.HasPrefix(token, kind):
		return refuse("not_allowed_token_type")
	}
	return refuse("invalid_auth")
}

func (s *Server) hasScope(scope string) bool { return slices.Contains(s.cfg.Scopes, scope) }

func (s *Server) needScope(scope string) error {
	if s.hasScope(scope) {
		return nil
	}
	return &refusal{code: "missing_scope", needed: scope, provided: strings.Join(s.cfg.Scopes, ",")}
}

// SetScopes changes what the bot token may do, as a reinstallation does.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Scopes = slices.Clone(scopes)
	s.touch()
}

// SetAppScopes changes what the app-level token may do.
func (s *Server) SetAppScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.AppScopes = slices.Clone(scopes)
	s.touch()
}

// argumentName is what Slack takes for the name of a parameter.
var argumentName = regexp.MustCompile(`^\w{1,64}$`)

// check refuses unknown parameters and misses required ones. One that is there
// and empty is not missing: it names nothing, and the method says so
// (seen at Slack by others: github.com/brekkylab/backlot/issues/84).
//
// team_id goes with every method. The pages of bots.info and
// usergroups.users.list say that a workspace's token makes Slack ignore it, and
// Bolt sends it with each call that a listener makes.
func (m method) check(p params) error {
	for _, key := range slices.Sorted(maps.Keys(p)) {
		switch {
		case key == "team_id", slices.Contains(m.required, key), slices.Contains(m.optional, key):
		case strings.Contains(key, "["):
			return refuse("invalid_array_arg")
		case !argumentName.MatchString(key):
			return refuse("invalid_arg_name")
		default:
			return refuse("invalid_arguments", "unknown or unmodelled parameter: "+key)
		}
	}
	for _, key := range m.required {
		if _, there := p[key]; !there {
			return refuse(cmp.Or(m.absent, "invalid_arguments"), "missing required field: "+key)
		}
	}
	return nil
}
