package listen

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack/socketmode"

	"revoke-sessions/bot"
)

// The errors of decode.
var (
	errIgnored   = errors.New("of no interest")
	errMalformed = errors.New("malformed")
	// errUnknown: the app has the button, form or shortcut in another version of the bot.
	// It gets no ack, so that Slack shows the person an error, and a replica of the other
	// version may get it at the next try.
	errUnknown = errors.New("of another version of the bot")
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

// decode turns an envelope into what a person did. It returns errIgnored for an envelope of
// no use to the bot, errMalformed for one that no person can have caused, and errUnknown,
// together with kind, app and user, for an act that this version does not know. The errors
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
	if errors.Is(err, errUnknown) {
		return bot.Arrival{Kind: a.Kind, AppID: a.AppID, UserID: a.UserID}, err
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
		{"thread_ts", a.ThreadTS, maxID},
		{"message's app", a.MessageAppID, maxID},
		{"action_id", a.ActionID, maxID},
		{"callback_id", a.CallbackID, maxID},
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
