package bot

import (
	"time"
)

// ArrivalKind says which of the three things a person did.
type ArrivalKind string

// What can arrive through the socket.
const (
	CommandArrival ArrivalKind = "command" // typed /revoke-sessions …
	ClickArrival   ArrivalKind = "click"   // pressed a button
	FormArrival    ArrivalKind = "form"    // submitted the form
)

// Arrival is one thing that a person did in Slack, as the socket delivered
// it. It is stored before Slack gets its ack and carried out afterwards.
// Everything in it except AppID and UserID may have been composed by
// somebody else, so nothing in it is authority.
type Arrival struct {
	// ID is the store's; 0 until stored.
	ID   int64       `json:"-"`
	Kind ArrivalKind `json:"kind"`
	// Envelope is Slack's envelope_id, and Key the business key that stays
	// the same when Slack delivers the same act in another envelope: a hash
	// of the trigger_id of a command, of the view ID of a form, of (channel,
	// ts, user, action_ts) of a click.
	Envelope string `json:"-"`
	Key      string `json:"-"`

	AppID      string `json:"app_id"`
	TeamID     string `json:"team_id,omitempty"`
	UserID     string `json:"user_id"`
	UserTeamID string `json:"user_team_id,omitempty"`
	// ChannelID is where the command was typed or the button stands.
	ChannelID string `json:"channel_id,omitempty"`

	// Text is what was typed after the command.
	Text string `json:"text,omitempty"`

	// Of a click: the message it stands on, that message's app, the button's
	// action_id and value.
	MessageTS    string `json:"message_ts,omitempty"`
	MessageAppID string `json:"message_app_id,omitempty"`
	ActionID     string `json:"action_id,omitempty"`
	Value        string `json:"value,omitempty"`

	// Of a form: its callback_id, its private_metadata, who was picked and the reason.
	CallbackID string `json:"callback_id,omitempty"`
	Metadata   string `json:"metadata,omitempty"`
	PickedUser string `json:"picked_user,omitempty"`
	Reason     string `json:"reason,omitempty"`

	// TriggerID opens a form within 3 s; ResponseURL takes 5 answers within
	// 30 min. Both are secrets and are erased after 30 min.
	TriggerID   Secret `json:"-"`
	ResponseURL Secret `json:"-"`

	ReceivedAt time.Time `json:"-"`
	// Tries counts how often it was claimed, the first time included.
	Tries int `json:"-"`
}

// Decides reports whether somebody presses a button or says why not: what waits
// for it goes before what is only asked for.
func (a Arrival) Decides() bool { return a.Kind == ClickArrival || a.CallbackID == DenyCallback }

// Names inside the forms, shared by the views that bot builds and the envelope
// decoder in bot/listen.
const (
	FormCallback     = "request.form" // callback_id of the form for a request
	DenyCallback     = "request.deny" // and of the one that asks why not
	FormTargetBlock  = "target"       // block_id of the user picker
	FormTargetAction = "user"
	FormReasonBlock  = "reason" // block_id of the reason field
	FormReasonAction = "text"
)

// action_ids of the buttons.
const (
	ActionConfirm = "request.confirm"
	ActionDeny    = "request.deny"
	ActionCancel  = "request.cancel"
	ActionRetry   = "request.retry"
)

const (
	// ResponseURLLife is how long Slack takes answers to an act.
	// https://docs.slack.dev/interactivity/handling-user-interaction
	ResponseURLLife = 30 * time.Minute
)
