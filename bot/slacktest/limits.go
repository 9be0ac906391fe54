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

	// MaxBlocksText is what the blocks of one message may hold together, in
	// characters of their JSON without escapes. Slack documents no such limit and
	// answers msg_blocks_too_long from about here; how much of what is around the
	// text counts is not known, so this double counts all of it. Answers to a
	// response_url are not held to it.
	// Measured by others: github.com/slackapi/bolt-js/issues/2509 and 2867.
	MaxBlocksText = 13200

	// MembersPage is how many members conversations.members lists without a limit,
	// and MaxPage the highest limit. Anything else than a whole number from 1 is
	// invalid_limit; what Slack makes of 0 is not documented.
	// Sources: docs.slack.dev/reference/methods/conversations.members, and
	// /tools/node-slack-sdk/reference/web-api/interfaces/ConversationsMembersArguments.
	MembersPage = 100
	MaxPage     = 999

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
