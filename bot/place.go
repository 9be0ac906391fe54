package bot

import (
	"fmt"
	"strings"
	"time"
)

// KeyKind is the part of a key or an action before the colon, which names its subject.
func KeyKind(key string) string {
	name, _, _ := strings.Cut(key, ":")
	return name
}

// Place is one message of the bot in Slack.
type Place struct {
	// Key says which: "card", "receipt:U…", "result:1" and so on.
	Key     string
	Channel string
	TS      string
	// Shown is a digest of its current content.
	Shown string
	// Tells is set if a card says that another request had the same account revoked:
	// the ID of that request. TellsAt is since when the card says it.
	Tells   string
	TellsAt time.Time
}

// SaysNow notes which other request the card now mentions; empty for none.
func (p *Place) SaysNow(tells string, now time.Time) {
	switch {
	case tells == "":
		p.Tells, p.TellsAt = "", time.Time{}
	case tells != p.Tells:
		p.Tells, p.TellsAt = tells, now.UTC()
	}
}

// MovedKey begins the keys of messages that stayed in the old channel when
// REVOKE_CHANNEL changed. Channel, timestamp and the former key follow.
const MovedKey = "moved:"

// MovedKey is the key of a message that is left behind when the card at p moves.
func (p Place) MovedKey(key string) string { return MovedKey + p.Channel + "/" + p.TS + ":" + key }

// ReopenedKey is the key of the note that a decision was taken back; n is its index in
// Reopened.
func ReopenedKey(n int) string { return fmt.Sprintf("reopened:%d", n+1) }

// Keys of the messages that a request has in Slack.
const (
	CardKey   = "card"
	JoinedKey = "joined" // one note for all who joined
	CancelKey = "cancel" // the note that the target asks to cancel
	TargetKey = "target" // the direct message to the target of somebody else's request
	// ReceiptKind is the kind of all receipts: see KeyKind.
	ReceiptKind = "receipt"
)

// ReceiptKey is the key of one person's receipt.
func ReceiptKey(slackID string) string { return ReceiptKind + ":" + slackID }

const (
	UnreachedKey = "unreached:" // the approver's Slack ID follows
	ElsewhereKey = "elsewhere:" // the key in the thread and the decider follow
	// CancelUnreachedKey is followed by the approver's Slack ID, too.
	CancelUnreachedKey = "unreached_cancel:"
)

// Some people cannot get direct messages: the app has no Messages tab, or their Slack
// account is gone. They get the news as an answer to their last act, while Slack still
// accepts one. After that, the card's thread says that they could not be told, so that
// somebody phones them.
const (
	// UntoldKey is followed by the key of the direct message.
	UntoldKey = "untold:"

	// Privately is the channel of a message that answered an act at its response_url.
	// Such a message cannot be edited.
	Privately = "response_url"
)
