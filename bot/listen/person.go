package listen

import (
	"cmp"
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
	// BotProfile names the app where the message does not.
	BotProfile struct {
		AppID string `json:"app_id"`
	} `json:"bot_profile"`
}

// personIn returns the one person to whom the message of a shortcut points, and the app that
// sent the message, if one did. The person is the author,
// or in a message of another app the only person whom it mentions. It returns "" if there
// are several, or if nobody can tell: for a message of Slack or of another workspace. The
// person who runs the shortcut sees who is chosen, and can change it.
func personIn(payload json.RawMessage, teamID string) (slackID, appID string) {
	var p struct {
		Message json.RawMessage `json:"message"`
	}
	var m shortcutMessage
	if json.Unmarshal(payload, &p) != nil || json.Unmarshal(p.Message, &m) != nil {
		return "", ""
	}
	appID = cmp.Or(m.AppID, m.BotProfile.AppID)
	foreign := func(team string) bool { return team != "" && team != teamID }
	switch {
	case m.BotID != "" || appID != "":
		return onlyMention(p.Message), appID
	case m.User == "USLACKBOT", foreign(m.Team), foreign(m.UserTeam), !slices.Contains(writtenByUser, m.Subtype),
		!bot.SlackUser.MatchString(m.User):
		return "", ""
	}
	return m.User, ""
}

// writtenByUser are the subtypes of messages that their user wrote. The others report
// something, such as a deleted message or a new topic.
// https://docs.slack.dev/reference/events/message
var writtenByUser = []string{"", "file_share", "me_message", "thread_broadcast"}

// onlyMention returns the one person whom a message mentions where people read it: in its
// text, in the Markdown and rich text of its blocks, and in the texts of its attachments.
func onlyMention(message json.RawMessage) string {
	var m struct {
		Text        string `json:"text"`
		Blocks      any    `json:"blocks"`
		Attachments []struct {
			Pretext string `json:"pretext"`
			Title   string `json:"title"`
			Text    string `json:"text"`
			Fields  []struct {
				Title string `json:"title"`
				Value string `json:"value"`
			} `json:"fields"`
			Blocks any `json:"blocks"`
		} `json:"attachments"`
	}
	if json.Unmarshal(message, &m) != nil {
		return ""
	}
	found := append(mentionedIn(m.Text), mentionedInBlocks(m.Blocks)...)
	for _, a := range m.Attachments {
		found = append(found, mentionedIn(a.Pretext+" "+a.Title+" "+a.Text)...)
		for _, f := range a.Fields {
			found = append(found, mentionedIn(f.Title+" "+f.Value)...)
		}
		found = append(found, mentionedInBlocks(a.Blocks)...)
	}
	slices.Sort(found)
	if found = slices.Compact(found); len(found) != 1 {
		return ""
	}
	return found[0]
}

var mention = regexp.MustCompile(`<@([UW][A-Z0-9]{1,30})(?:\|[^<>]*)?>`)

func mentionedIn(text string) (found []string) {
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// mentionedInBlocks walks blocks of any kind. Slack makes mentions of Markdown and of the
// user elements of rich text, and of nothing else.
func mentionedInBlocks(v any) (found []string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			found = append(found, mentionedInBlocks(e)...)
		}
	case map[string]any:
		text, _ := v["text"].(string)
		id, _ := v["user_id"].(string)
		switch kind, _ := v["type"].(string); {
		case kind == "mrkdwn", kind == "markdown":
			found = append(found, mentionedIn(text)...)
		case kind == "user" && bot.SlackUser.MatchString(id):
			found = append(found, id)
		}
		for _, e := range v {
			found = append(found, mentionedInBlocks(e)...)
		}
	}
	return found
}
