package bot

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// ArrivalKind says what kind of act an arrival is.
type ArrivalKind string

// What can arrive through the socket.
const (
	CommandArrival  ArrivalKind = "command"  // typed /revoke-sessions …
	ClickArrival    ArrivalKind = "click"    // pressed a button
	FormArrival     ArrivalKind = "form"     // submitted the form
	ShortcutArrival ArrivalKind = "shortcut" // ran a shortcut
)

// Arrival is one thing that a person did in Slack, as the socket delivered it. It is
// stored before Slack gets its ack and carried out afterwards. Somebody else may have
// composed every field except AppID and UserID, so no other field gives a right.
type Arrival struct {
	// ID is assigned by the store; 0 until stored.
	ID   int64       `json:"-"`
	Kind ArrivalKind `json:"kind"`
	// Envelope is Slack's envelope_id. Key stays the same when Slack delivers the same
	// act in another envelope. It is a hash of a command's trigger_id, of the (channel, ts,
	// user, action_ts) of a click or a shortcut, or of a form's view ID and all that was
	// entered: after an error, Slack submits the same view again. See ViewKey. For a click
	// in a Home tab, the view's ID takes the place of channel and ts.
	Envelope string `json:"-"`
	Key      string `json:"-"`

	AppID      string `json:"app_id"`
	TeamID     string `json:"team_id,omitempty"`
	UserID     string `json:"user_id"`
	UserTeamID string `json:"user_team_id,omitempty"`
	// ChannelID is the channel of the command, of the button's message, or of the message
	// on which a shortcut was run.
	ChannelID string `json:"channel_id,omitempty"`

	// Text is what was typed after the command.
	Text string `json:"text,omitempty"`

	// For a click: the button's message, the app that posted it, and the button's
	// action_id and value. For a shortcut on a message: the message, and the thread that
	// it is a reply in. A click in a Home tab has no message.
	MessageTS    string `json:"message_ts,omitempty"`
	ThreadTS     string `json:"thread_ts,omitempty"`
	MessageAppID string `json:"message_app_id,omitempty"`
	ActionID     string `json:"action_id,omitempty"`
	Value        string `json:"value,omitempty"`

	// For a form: its view, callback_id and private_metadata, the picked user or the
	// account that was typed in their place, and the reason. Rows of earlier versions
	// have no ViewID: their forms were closed by the ack. For a shortcut: its callback_id,
	// and the one person whom its message points to, if there is one.
	ViewID     string `json:"view_id,omitempty"`
	CallbackID string `json:"callback_id,omitempty"`
	Metadata   string `json:"metadata,omitempty"`
	PickedUser string `json:"picked_user,omitempty"`
	Account    string `json:"account,omitempty"`
	Reason     string `json:"reason,omitempty"`
	// LedTo is the request that the form made or joined. The store sets it.
	LedTo string `json:"led_to,omitempty"`

	// TriggerID opens a form within 3 s; ResponseURL takes 5 answers within
	// 30 min. Both are secrets and are erased after 30 min.
	TriggerID   Secret `json:"-"`
	ResponseURL Secret `json:"-"`

	ReceivedAt time.Time `json:"-"`
	// Tries counts the claims, including the first.
	Tries int `json:"-"`
}

// Decides reports whether the arrival is part of a decision: a click, or a form that
// denies, cancels or ends a freeze. Such work goes before new requests. A button that only
// opens a form or shows something decides nothing.
func (a Arrival) Decides() bool {
	if a.Kind == ClickArrival {
		return a.ActionID != ActionDetails && !a.OpensForm() && !HomeButtons[a.ActionID]
	}
	return a.Kind == FormArrival && a.CallbackID != FormCallback
}

// OpensForm reports whether the arrival is a click on a button that opens the form for a
// request, filled in from an arrival that the button names.
func (a Arrival) OpensForm() bool {
	return a.Kind == ClickArrival && (a.ActionID == ActionForm || a.ActionID == ActionFormOwn || a.ActionID == ActionFormOther)
}

// Approves reports whether the arrival is a click on a button that says that others must
// approve, too. Such a click never leads to a call.
func (a Arrival) Approves() bool {
	return a.Kind == ClickArrival && (a.ActionID == ActionApprove || a.ActionID == ActionApproveRetry)
}

// ViewKey is the Key of the one submission of a form's view that led to a request, so
// that no other one does. In rows of earlier versions it is the Key of every form.
func (a Arrival) ViewKey() string {
	if a.ViewID == "" {
		return ""
	}
	return ActKey(a.Kind, a.ViewID)
}

// CheckingID is the external_id of the view that the ack puts in place of a form.
func (a Arrival) CheckingID() string { return ActKey(a.Kind, "checking", a.Envelope) }

// ActKey returns a Key. Each part is quoted, so that different lists of parts have
// different keys.
func ActKey(kind ArrivalKind, parts ...string) string {
	h := sha256.New()
	h.Write([]byte(kind))
	for _, p := range parts {
		h.Write([]byte(strconv.Quote(p)))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Names inside the forms, shared by the views that bot/message builds and the envelope
// decoder in bot/listen.
const (
	FormCallback      = "request.form"     // callback_id of the form for a request
	DenyCallback      = "request.deny"     // callback_id of the form for the reason of a Deny
	UnfreezeCallback  = "request.unfreeze" // callback_id of the form that ends a freeze
	CancelCallback    = "home.cancel"      // callback_id of the form that cancels a report
	FormTargetBlock   = "target"           // block_id of the user picker
	FormTargetAction  = "user"
	FormAccountBlock  = "account" // block_id of the field for an account, in place of the picker
	FormAccountAction = "text"
	FormReasonBlock   = "reason" // block_id of the reason field
	FormReasonAction  = "text"
)

// FormErrorBlocks names, by callback_id, the forms that the bot reads, and for each an
// input block that every variant of it has; empty for a form without fields. An error can
// be shown there without a look at the form: Slack refuses the whole ack if the block does
// not exist.
var FormErrorBlocks = map[string]string{
	FormCallback:     FormReasonBlock,
	DenyCallback:     FormReasonBlock,
	UnfreezeCallback: "",
	CancelCallback:   "",
}

// callback_ids of the shortcuts in the app's manifest.
const (
	LostShortcut    = "report.lost"    // anywhere: the form
	MessageShortcut = "report.message" // on a message: the form about one person
)

// action_ids of the buttons.
const (
	// ActionConfirm is the last approval. ActionApprove is one that others must follow:
	// if it would be the last one, it does nothing. ActionApproveRetry is the same for
	// ActionRetry.
	ActionConfirm      = "request.confirm"
	ActionApprove      = "request.approve"
	ActionDeny         = "request.deny"
	ActionCancel       = "request.cancel"
	ActionRetry        = "request.retry"
	ActionApproveRetry = "request.approve_retry"
	// ActionDetails shows what else is known of a request.
	ActionDetails = "request.details"
	// ActionUnfreeze is on the notice of a freeze. Its value is the freeze's number.
	ActionUnfreeze = "request.unfreeze"
	// ActionForm opens the form, filled in from a stored arrival, whose ID is its value.
	// ActionFormOwn chooses the person who presses it, and ActionFormOther somebody else: whom
	// the arrival names, or nobody.
	ActionForm      = "request.open_form"
	ActionFormOwn   = "request.open_form_own"
	ActionFormOther = "request.open_form_other"
	// The buttons of the Home tab. Each opens a form; none changes anything. The value of
	// ActionHomeCancel names a request.
	ActionHomeOwn    = "home.own"
	ActionHomeOther  = "home.other"
	ActionHomeCancel = "home.cancel"
)

// LinkPrefix begins the action_ids of link buttons. Slack reports their clicks, too; they
// begin nothing.
const LinkPrefix = "open."

// ActionOpenSettings is the action_id of a link button.
const ActionOpenSettings = LinkPrefix + "slack_settings"

// MessageButtons and HomeButtons are the buttons that this version handles, by where they
// are. A button in another place has no meaning: somebody with the bot token may have
// published it there.
var (
	MessageButtons = map[string]bool{
		ActionConfirm: true, ActionApprove: true, ActionDeny: true, ActionCancel: true, ActionRetry: true, ActionApproveRetry: true,
		ActionDetails: true, ActionUnfreeze: true, ActionForm: true, ActionFormOwn: true, ActionFormOther: true,
	}
	HomeButtons = map[string]bool{ActionHomeOwn: true, ActionHomeOther: true, ActionHomeCancel: true}
)

// ResponseURLLife is how long Slack accepts answers at a response_url.
// https://docs.slack.dev/interactivity/handling-user-interaction
const ResponseURLLife = 30 * time.Minute

// TypedLife is how long what somebody typed is kept in an arrival that was carried out.
const TypedLife = ResponseURLLife
