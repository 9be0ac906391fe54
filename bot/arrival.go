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

// Arrival is one thing that a person did in Slack, as the socket delivered it. It is
// stored before Slack gets its ack and carried out afterwards. Somebody else may have
// composed every field except AppID and UserID, so no other field gives a right.
type Arrival struct {
	// ID is assigned by the store; 0 until stored.
	ID   int64       `json:"-"`
	Kind ArrivalKind `json:"kind"`
	// Envelope is Slack's envelope_id. Key stays the same when Slack delivers the same
	// act in another envelope. It is a hash of a command's trigger_id, of a form's view
	// ID, or of a click's (channel, ts, user, action_ts).
	Envelope string `json:"-"`
	Key      string `json:"-"`

	AppID      string `json:"app_id"`
	TeamID     string `json:"team_id,omitempty"`
	UserID     string `json:"user_id"`
	UserTeamID string `json:"user_team_id,omitempty"`
	// ChannelID is the channel of the command or of the button's message.
	ChannelID string `json:"channel_id,omitempty"`

	// Text is what was typed after the command.
	Text string `json:"text,omitempty"`

	// For a click: the button's message, the app that posted it, and the button's
	// action_id and value.
	MessageTS    string `json:"message_ts,omitempty"`
	MessageAppID string `json:"message_app_id,omitempty"`
	ActionID     string `json:"action_id,omitempty"`
	Value        string `json:"value,omitempty"`

	// For a form: its callback_id and private_metadata, the picked user and the reason.
	CallbackID string `json:"callback_id,omitempty"`
	Metadata   string `json:"metadata,omitempty"`
	PickedUser string `json:"picked_user,omitempty"`
	Reason     string `json:"reason,omitempty"`

	// TriggerID opens a form within 3 s; ResponseURL takes 5 answers within
	// 30 min. Both are secrets and are erased after 30 min.
	TriggerID   Secret `json:"-"`
	ResponseURL Secret `json:"-"`

	ReceivedAt time.Time `json:"-"`
	// Tries counts the claims, including the first.
	Tries int `json:"-"`
}

// Decides reports whether the arrival is part of a decision: a click, or the form for
// the reason of a Deny. Such work goes before new requests.
func (a Arrival) Decides() bool { return a.Kind == ClickArrival || a.CallbackID == DenyCallback }

// Names inside the forms, shared by the views that bot/message builds and the envelope
// decoder in bot/listen.
const (
	FormCallback     = "request.form" // callback_id of the form for a request
	DenyCallback     = "request.deny" // callback_id of the form for the reason of a Deny
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

// ActionOpenSettings is the action_id of a link button. Slack reports its clicks, too;
// they begin nothing, because only "request." begins an action.
const ActionOpenSettings = "open.slack_settings"

// ResponseURLLife is how long Slack accepts answers at a response_url.
// https://docs.slack.dev/interactivity/handling-user-interaction
const ResponseURLLife = 30 * time.Minute
