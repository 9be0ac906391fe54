package listen

import (
	"encoding/json"
	"time"

	"github.com/slack-go/slack/socketmode"

	"revoke-sessions/bot"
)

// eventPayload is what an event carries. The only event of use is that somebody opens the
// Home tab.
// https://docs.slack.dev/reference/events/app_home_opened
type eventPayload struct {
	AppID  string `json:"api_app_id"`
	TeamID string `json:"team_id"`
	Event  struct {
		Type string `json:"type"`
		User string `json:"user"`
		Tab  string `json:"tab"`
	} `json:"event"`
}

// event acks an event, whatever it is: Slack sends it again otherwise, and stops sending
// events to an app that fails often. An event is no act that must be kept.
func (l *Listener) event(s *socket, e *socketmode.Request, now time.Time) {
	l.queueAck(s, e.EnvelopeID, nil, now)
	var p eventPayload
	if err := json.Unmarshal(e.Payload, &p); err != nil {
		l.counts.undecodable.Add(1)
		l.log.Warn("event could not be read", "envelope", e.EnvelopeID)
		return
	}
	opened := p.Event.Type == "app_home_opened" && p.Event.Tab == "home"
	if !opened || p.AppID != l.cfg.AppID || p.TeamID != l.cfg.TeamID || !bot.SlackUser.MatchString(p.Event.User) || l.cfg.HomeOpened == nil {
		l.counts.ignored.Add(1)
		l.log.Debug("ignored an event", "envelope", e.EnvelopeID)
		return
	}
	l.cfg.HomeOpened(p.Event.User)
}
