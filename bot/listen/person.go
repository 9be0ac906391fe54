package listen

import (
	"encoding/json"
	"regexp"
	"slices"

	"revoke-sessions/bot"
)

// shortcutMessage is the message on which a shortcut was run, as far as it says who wrote
// it. A message of an app has a bot_id or an app_id.
// https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
type shortcutMessage struct {
	Subtype  string `json:"subtype"`
	User     string `json:"user"`
	Team     string `json:"team"`
	UserTeam string `json:"user_team"`
	BotID    string `json:"bot_id"`
	AppID    string `json:"app_id"`
}

// personIn returns the one person to whom the message of a shortcut points: the author,
// or in a message of another app the only person whom it mentions. It returns "" if there
// are several, or if nobody can tell: for a message of Slack or of another workspace. The
// person who runs the shortcut sees who is chosen, and can change it.
func personIn(payload json.RawMessage, teamID string) string {
	var p struct {
		Message json.RawMessage `json:"message"`
	}
	var m shortcutMessage
	if json.Unmarshal(payload, &p) != nil || json.Unmarshal(p.Message, &m) != nil {
		return ""
	}
	foreign := func(team string) bool { return team != "" && team != teamID }
	switch {
	case m.BotID != "" || m.AppID != "":
		return onlyMention(p.Message)
	case m.User == "USLACKBOT", foreign(m.Team), foreign(m.UserTeam), !slices.Contains(writtenByUser, m.Subtype),
		!bot.SlackUser.MatchString(m.User):
		return ""
	}
	return m.User
}

// writtenByUser are the subtypes of messages that their user wrote. The others report
// something, such as a deleted message or a new topic.
// https://docs.slack.dev/reference/events/message
var writtenByUser = []string{"", "file_share", "me_message", "thread_broadcast"}

// onlyMention returns the one person whom a message mentions, anywhere in its text, blocks
// and attachments.
func onlyMention(message json.RawMessage) string {
	var m map[string]any
	if json.Unmarshal(message, &m) != nil {
		return ""
	}
	var found []string
	for _, part := range []string{"text", "blocks", "attachments"} {
		found = mentions(m[part], found)
	}
	slices.Sort(found)
	if found = slices.Compact(found); len(found) != 1 {
		return ""
	}
	return found[0]
}

var mention = regexp.MustCompile(`<@([UW][A-Z0-9]{1,30})(?:\|[^<>]*)?>`)

// mentions adds the user IDs that are mentioned in any text below v, and those of the user
// elements of rich text.
func mentions(v any, found []string) []string {
	switch v := v.(type) {
	case string:
		for _, m := range mention.FindAllStringSubmatch(v, -1) {
			found = append(found, m[1])
		}
	case []any:
		for _, e := range v {
			found = mentions(e, found)
		}
	case map[string]any:
		if id, ok := v["user_id"].(string); ok && v["type"] == "user" && bot.SlackUser.MatchString(id) {
			found = append(found, id)
		}
		for _, e := range v {
			found = mentions(e, found)
		}
	}
	return found
}
