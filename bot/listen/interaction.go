package listen

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"revoke-sessions/bot"
)

// interactionPayload is what a click, a form or a shortcut carries. slack-go's type lacks the
// message's app_id, and rejects the whole payload if one block of the message is odd.
// https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
type interactionPayload struct {
	Type  string `json:"type"`
	AppID string `json:"api_app_id"`
	// Team is null if the app is installed for an organisation.
	Team *struct {
		ID string `json:"id"`
	} `json:"team"`
	User struct {
		ID     string `json:"id"`
		TeamID string `json:"team_id"`
	} `json:"user"`
	TriggerID   string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`

	// Of a click.
	Container struct {
		Type      string `json:"type"`
		MessageTS string `json:"message_ts"`
		ChannelID string `json:"channel_id"`
	} `json:"container"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
	Message struct {
		TS       string `json:"ts"`
		AppID    string `json:"app_id"`
		ThreadTS string `json:"thread_ts"`
	} `json:"message"`
	Actions []struct {
		Type     string `json:"type"`
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
		ActionTS string `json:"action_ts"`
	} `json:"actions"`

	// Of a shortcut; MessageTS only of one on a message. A form's callback_id is its view's.
	CallbackID string `json:"callback_id"`
	ActionTS   string `json:"action_ts"`
	MessageTS  string `json:"message_ts"`

	// Of a form, and of a click in a Home tab.
	View struct {
		ID         string `json:"id"`
		Type       string `json:"type"`
		CallbackID string `json:"callback_id"`
		Metadata   string `json:"private_metadata"`
		State      struct {
			Values map[string]map[string]struct {
				Value        string `json:"value"`
				SelectedUser string `json:"selected_user"`
			} `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

func decodeInteraction(payload json.RawMessage) (bot.Arrival, error) {
	var p interactionPayload
	if err := json.Unmarshal(payload, &p); err != nil {
		return bot.Arrival{}, fmt.Errorf("interaction: %w", errMalformed)
	}
	a := bot.Arrival{
		AppID:       p.AppID,
		UserID:      p.User.ID,
		UserTeamID:  p.User.TeamID,
		TriggerID:   bot.Secret(p.TriggerID),
		ResponseURL: bot.Secret(p.ResponseURL),
	}
	if p.Team != nil {
		a.TeamID = p.Team.ID
	}
	switch p.Type {
	case "block_actions":
		return decodeClick(a, p)
	case "view_submission":
		return decodeForm(a, p)
	case "shortcut", "message_action":
		return decodeShortcut(a, p, payload)
	}
	return bot.Arrival{}, fmt.Errorf("interaction type: %w", errIgnored)
}

func decodeClick(a bot.Arrival, p interactionPayload) (bot.Arrival, error) {
	a.Kind = bot.ClickArrival
	// A person clicks one button at a time. If there are several, nobody can know which
	// one the person meant.
	if len(p.Actions) != 1 {
		return a, fmt.Errorf("%d actions in one click: %w", len(p.Actions), errMalformed)
	}
	action := p.Actions[0]
	if strings.HasPrefix(action.ActionID, bot.LinkPrefix) {
		return a, fmt.Errorf("a link: %w", errIgnored)
	}
	if p.Container.Type == "view" && p.View.ID == "" {
		return a, fmt.Errorf("click in no view: %w", errMalformed)
	}
	home := p.Container.Type == "view" && p.View.Type == "home"
	known := home && bot.HomeButtons[action.ActionID] || p.Container.Type == "message" && bot.MessageButtons[action.ActionID]
	if action.Type != "button" || !known {
		return a, errUnknown
	}
	a.ActionID, a.Value = action.ActionID, action.Value
	if action.ActionTS == "" || len(action.ActionTS) > maxID {
		return a, fmt.Errorf("click without a time: %w", errMalformed)
	}
	if home {
		if len(p.View.ID) > maxID {
			return a, fmt.Errorf("click in a Home tab with an endless ID: %w", errMalformed)
		}
		a.Key = bot.ActKey(a.Kind, "home", p.View.ID, a.UserID, action.ActionTS)
		return a, nil
	}
	a.ChannelID = cmp.Or(p.Container.ChannelID, p.Channel.ID)
	a.MessageTS = cmp.Or(p.Container.MessageTS, p.Message.TS)
	a.MessageAppID = p.Message.AppID
	if a.ChannelID == "" || a.MessageTS == "" {
		return a, fmt.Errorf("click without channel or message: %w", errMalformed)
	}
	a.Key = bot.ActKey(a.Kind, a.ChannelID, a.MessageTS, a.UserID, action.ActionTS)
	return a, nil
}

// decodeShortcut reads a shortcut. Of the message on which it was run it keeps the place
// and the person, and nothing that was written.
func decodeShortcut(a bot.Arrival, p interactionPayload, payload json.RawMessage) (bot.Arrival, error) {
	a.Kind = bot.ShortcutArrival
	known, onMessage := bot.LostShortcut, p.Type == "message_action"
	if onMessage {
		known = bot.MessageShortcut
	}
	if p.CallbackID != known {
		return a, errUnknown
	}
	a.CallbackID = p.CallbackID
	if onMessage {
		a.ChannelID, a.MessageTS, a.ThreadTS = p.Channel.ID, cmp.Or(p.MessageTS, p.Message.TS), p.Message.ThreadTS
		if a.ChannelID == "" || a.MessageTS == "" {
			return a, fmt.Errorf("shortcut without channel or message: %w", errMalformed)
		}
		a.PickedUser, a.MessageAppID = personIn(payload, a.TeamID)
	}
	// A shortcut without a time cannot be recognised in another envelope, but its trigger
	// works once.
	a.Key = bot.ActKey(a.Kind, a.CallbackID, a.ChannelID, a.MessageTS, a.UserID, p.ActionTS, p.TriggerID)
	return a, nil
}

func decodeForm(a bot.Arrival, p interactionPayload) (bot.Arrival, error) {
	a.Kind = bot.FormArrival
	if _, known := bot.FormErrorBlocks[p.View.CallbackID]; !known {
		return a, errUnknown // an empty ack would close it as if it had worked
	}
	if p.View.ID == "" || len(p.View.ID) > maxID {
		return a, fmt.Errorf("form without an ID: %w", errMalformed)
	}
	a.ViewID = p.View.ID
	a.CallbackID = p.View.CallbackID
	a.Metadata = p.View.Metadata
	values := p.View.State.Values
	a.PickedUser = values[bot.FormTargetBlock][bot.FormTargetAction].SelectedUser
	a.Account = cut(values[bot.FormAccountBlock][bot.FormAccountAction].Value)
	a.Reason = cut(values[bot.FormReasonBlock][bot.FormReasonAction].Value)
	// The bot changes the metadata when it shows an error, so the same words submitted
	// again are a new act, and a second delivery of them is none.
	a.Key = bot.ActKey(a.Kind, a.ViewID, a.Metadata, a.PickedUser, a.Account, a.Reason)
	return a, nil
}
