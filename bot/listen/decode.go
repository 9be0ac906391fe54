package listen

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack/socketmode"

	"revoke-sessions/bot"
)

// The errors of decode.
var (
	errIgnored = errors.New("of no interest")
	// errUnknownForm: another version of the bot opened the form. It is an errIgnored.
	errUnknownForm = fmt.Errorf("a form of another version: %w", errIgnored)
	errMalformed   = errors.New("malformed")
)

// The largest fields that Slack sends. Identifiers are far shorter. Slack's own limits are
// 255 for action_id and callback_id, 2000 for a button's value, and 3000 for
// private_metadata and URLs.
// https://docs.slack.dev/reference/block-kit
const (
	maxID       = 255
	maxValue    = 2000
	maxMetadata = 3000
	maxURL      = 3000
)

// maxTyped is how many runes of typed text are kept: more than the 3000 of a form's text
// field, and enough to report a lost phone.
const maxTyped = 4000

// actionPrefix begins the action_id of every button that the bot handles. Other clicks
// come too: Slack also sends those on a link button.
const actionPrefix = "request."

// commandPayload is what a slash command carries.
// https://docs.slack.dev/interactivity/implementing-slash-commands
type commandPayload struct {
	AppID       string `json:"api_app_id"`
	TeamID      string `json:"team_id"`
	ChannelID   string `json:"channel_id"`
	UserID      string `json:"user_id"`
	Text        string `json:"text"`
	TriggerID   string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
}

// interactionPayload is what a click or a form carries. slack-go's type lacks the message's
// app_id, and rejects the whole payload if one block of the message is odd.
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
		TS    string `json:"ts"`
		AppID string `json:"app_id"`
	} `json:"message"`
	Actions []struct {
		Type     string `json:"type"`
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
		ActionTS string `json:"action_ts"`
	} `json:"actions"`

	// Of a form.
	View struct {
		ID         string `json:"id"`
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

// decode turns an envelope into what a person did. It returns errIgnored for an envelope of
// no use to the bot, and errMalformed for one that no person can have caused. The errors
// quote nothing of the payload. decode is strict about the fields that identify people,
// places and acts. It keeps typed text as it is, but cuts it to maxTyped.
func decode(envelopeType, envelopeID string, payload json.RawMessage, now time.Time) (bot.Arrival, error) {
	var a bot.Arrival
	var err error
	switch envelopeType {
	case socketmode.RequestTypeSlashCommands:
		a, err = decodeCommand(payload, envelopeID)
	case socketmode.RequestTypeInteractive:
		a, err = decodeInteraction(payload)
	default:
		return bot.Arrival{}, fmt.Errorf("envelope type: %w", errIgnored)
	}
	if err != nil {
		return bot.Arrival{}, err
	}
	a.Envelope, a.ReceivedAt = envelopeID, now
	if err := check(a); err != nil {
		return bot.Arrival{}, err
	}
	return a, nil
}

func decodeCommand(payload json.RawMessage, envelopeID string) (bot.Arrival, error) {
	var p commandPayload
	if err := json.Unmarshal(payload, &p); err != nil {
		return bot.Arrival{}, fmt.Errorf("command: %w", errMalformed)
	}
	// A command without a trigger still counts, because it may report a lost phone. It
	// cannot be recognised in another envelope, though.
	act := p.TriggerID
	if act == "" {
		act = "envelope " + envelopeID
	}
	return bot.Arrival{
		Kind:        bot.CommandArrival,
		Key:         bot.ActKey(bot.CommandArrival, act),
		AppID:       p.AppID,
		TeamID:      p.TeamID,
		UserID:      p.UserID,
		ChannelID:   p.ChannelID,
		Text:        cut(p.Text),
		TriggerID:   bot.Secret(p.TriggerID),
		ResponseURL: bot.Secret(p.ResponseURL),
	}, nil
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
	}
	return bot.Arrival{}, fmt.Errorf("interaction type: %w", errIgnored)
}

func decodeClick(a bot.Arrival, p interactionPayload) (bot.Arrival, error) {
	if p.Container.Type != "message" {
		return bot.Arrival{}, fmt.Errorf("not on a message: %w", errIgnored)
	}
	// A person clicks one button at a time. If there are several, nobody can know which
	// one the person meant.
	if len(p.Actions) != 1 {
		return bot.Arrival{}, fmt.Errorf("%d actions in one click: %w", len(p.Actions), errMalformed)
	}
	action := p.Actions[0]
	if action.Type != "button" || !strings.HasPrefix(action.ActionID, actionPrefix) {
		return bot.Arrival{}, fmt.Errorf("not a button of ours: %w", errIgnored)
	}
	a.Kind = bot.ClickArrival
	a.ChannelID = p.Container.ChannelID
	if a.ChannelID == "" {
		a.ChannelID = p.Channel.ID
	}
	a.MessageTS = p.Container.MessageTS
	if a.MessageTS == "" {
		a.MessageTS = p.Message.TS
	}
	a.MessageAppID = p.Message.AppID
	a.ActionID, a.Value = action.ActionID, action.Value
	if a.ChannelID == "" || a.MessageTS == "" || action.ActionTS == "" || len(action.ActionTS) > maxID {
		return bot.Arrival{}, fmt.Errorf("click without channel, message or time: %w", errMalformed)
	}
	a.Key = bot.ActKey(a.Kind, a.ChannelID, a.MessageTS, a.UserID, action.ActionTS)
	return a, nil
}

func decodeForm(a bot.Arrival, p interactionPayload) (bot.Arrival, error) {
	if _, ours := bot.FormErrorBlocks[p.View.CallbackID]; !ours && strings.HasPrefix(p.View.CallbackID, "request.") {
		return bot.Arrival{}, errUnknownForm
	} else if !ours {
		return bot.Arrival{}, fmt.Errorf("not a form of ours: %w", errIgnored)
	}
	if p.View.ID == "" || len(p.View.ID) > maxID {
		return bot.Arrival{}, fmt.Errorf("form without an ID: %w", errMalformed)
	}
	a.Kind = bot.FormArrival
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

// check refuses an arrival without a sender, or with a field longer than Slack allows.
func check(a bot.Arrival) error {
	if a.UserID == "" || a.Envelope == "" {
		return fmt.Errorf("no user or envelope: %w", errMalformed)
	}
	for _, field := range []struct {
		name, value string
		most        int // runes, as Slack counts
	}{
		{"envelope_id", a.Envelope, maxID},
		{"api_app_id", a.AppID, maxID},
		{"team", a.TeamID, maxID},
		{"user", a.UserID, maxID},
		{"user's team", a.UserTeamID, maxID},
		{"channel", a.ChannelID, maxID},
		{"message_ts", a.MessageTS, maxID},
		{"message's app", a.MessageAppID, maxID},
		{"action_id", a.ActionID, maxID},
		{"picked user", a.PickedUser, maxID},
		{"trigger_id", string(a.TriggerID), maxID},
		{"value", a.Value, maxValue},
		{"private_metadata", a.Metadata, maxMetadata},
		{"response_url", string(a.ResponseURL), maxURL},
	} {
		if utf8.RuneCountInString(field.value) > field.most {
			return fmt.Errorf("%s is longer than Slack allows: %w", field.name, errMalformed)
		}
	}
	return nil
}

// cut shortens typed text to maxTyped runes.
func cut(s string) string {
	n := 0
	for i := range s {
		if n == maxTyped {
			return s[:i]
		}
		n++
	}
	return s
}
