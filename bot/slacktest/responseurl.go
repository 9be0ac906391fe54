package slacktest

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"time"
)

// responseURL is what a response_url stands for.
type responseURL struct {
	user    string
	channel string
	// The message that a click came from: one that everybody sees (ts), or an
	// ephemeral one. Neither for a command.
	ts      string
	private *ephemeral
	issued  time.Time
	uses    int
}

// newResponseURL issues a response_url. s.mu is held.
func (s *Server) newResponseURL(u responseURL) string {
	secret := random(16)
	u.issued = s.cfg.Now()
	s.urls[secret] = &u
	return s.base + "/respond/" + secret
}

// responseParams are the fields that a response_url takes.
var responseParams = []string{"text", "blocks", "attachments", "response_type", "replace_original", "delete_original", "thread_ts", "metadata", "mrkdwn", "parse", "link_names", "unfurl_links", "unfurl_media"}

func (s *Server) serveResponseURL(w http.ResponseWriter, r *http.Request) {
	body, readErr := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	p, err := readObject(body)
	if p == nil {
		p = params{}
	}
	if readErr != nil || kind != "application/json" {
		err = refuse("invalid_payload")
	}
	s.serve(w, r, "response_url", p, true, func() result {
		s.mu.Lock()
		defer s.mu.Unlock()
		defer s.touch()
		u := s.urls[r.PathValue("secret")]
		switch {
		case u == nil:
			return failedResponse(refuse("no_service"), http.StatusNotFound)
		case s.cfg.Now().Sub(u.issued) > ResponseURLLifetime:
			return failedResponse(refuse("expired_url"), http.StatusNotFound)
		case u.uses >= ResponseURLUses:
			return failedResponse(refuse("used_url"), http.StatusNotFound)
		case err != nil:
			return failedResponse(err, http.StatusBadRequest)
		}
		u.uses++
		if err := s.respond(u, p, "response_url"); err != nil {
			return failedResponse(err, http.StatusBadRequest)
		}
		return jsonResult(nil, nil)
	})
}

func failedResponse(err error, status int) result {
	r := jsonResult(nil, err)
	r.status = status
	return r
}

// respond carries out what was sent to a response_url or in the ack of a
// command. s.mu is held.
func (s *Server) respond(u *responseURL, p params, via string) error {
	for key := range p {
		if !slices.Contains(responseParams, key) {
			return refuse("invalid_payload", "unknown or unmodelled field: "+key)
		}
	}
	if !slices.Contains([]string{"", "ephemeral", "in_channel"}, p["response_type"]) {
		return refuse("invalid_payload", "response_type must be ephemeral or in_channel")
	}
	channel := s.channels[u.channel]
	original := s.find(u.channel, u.ts)
	if yes(p["delete_original"]) {
		switch {
		case u.private != nil:
			u.private.Deleted = true
		case original != nil && !original.now().Deleted:
			original.change(func(m *Message) { m.Deleted = true })
		default:
			return refuse("message_not_found") // what the person typed cannot be touched
		}
		return nil
	}
	body, err := s.readContent(p, MaxPostText)
	if err != nil {
		return err
	}
	if yes(p["replace_original"]) {
		switch {
		case u.private != nil:
			body.into(&u.private.Message)
			u.private.EditedAt = s.cfg.Now()
			return nil
		case original != nil && !original.now().Deleted:
			original.change(func(m *Message) {
				body.into(m)
				m.EditedAt = s.cfg.Now()
			})
			return nil
		}
		// With a command there is nothing to replace; Slack posts anew.
	}
	m := s.own(channel)
	body.into(&m)
	if m.ThreadTS, err = s.threadOf(channel, p["thread_ts"]); err != nil {
		return err
	}
	if p["response_type"] == "in_channel" {
		s.put(m)
		return nil
	}
	m.To, m.Via = u.user, via
	s.putEphemeral(m)
	return nil
}
