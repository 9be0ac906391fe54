package slacktest

import "time"

// Limits that Slack documents and this double enforces. Lengths are in
// characters (runes) unless the name says bytes.
// Sources: docs.slack.dev/reference/block-kit (blocks, elements, composition
// objects), /reference/methods (chat.postMessage, chat.update, views.open),
// /interactivity/handling-user-interaction, /apis/events-api/using-socket-mode.
const (
	MaxMessageBlocks      = 50
	MaxViewBlocks         = 100
	MaxSectionText        = 3000
	MaxSectionFields      = 10
	MaxFieldText          = 2000
	MaxHeaderText         = 150
	MaxContextElements    = 10
	MaxActionElements     = 25
	MaxID                 = 255 // block_id, action_id, callback_id, external_id
	MaxButtonText         = 75
	MaxButtonValue        = 2000
	MaxButtonURL          = 3000
	MaxAccessibilityLabel = 75
	MaxConfirmTitle       = 100
	MaxConfirmText        = 300
	MaxConfirmButton      = 30
	MaxPlaceholder        = 150
	MaxInputLabel         = 2000
	MaxInputValue         = 3000
	MaxViewLabel          = 24 // title, submit and close of a modal
	MaxPrivateMetadata    = 3000
	MaxViewBytes          = 250 << 10
	MaxViewStack          = 3
	MaxAltText            = 2000
	MaxImageURL           = 3000

	// MaxPostText is where Slack truncates the text of a new message. This
	// double answers msg_too_long instead, so that nobody loses text unseen.
	MaxPostText = 40000
	// MaxUpdateText is what chat.update accepts.
	MaxUpdateText = 4000

	// MaxSockets is how many Socket Mode connections one app may hold.
	MaxSockets = 10
	// MaxAckBytes is the size from which Slack drops an ack silently.
	MaxAckBytes = 20 << 10
	// AckDeadline is how long Slack waits for an ack.
	AckDeadline = 3 * time.Second
	// TriggerLifetime is how long a trigger_id opens a view, once.
	TriggerLifetime = 3 * time.Second
	// ResponseURLUses and ResponseURLLifetime bound a response_url.
	ResponseURLUses     = 5
	ResponseURLLifetime = 30 * time.Minute
)
