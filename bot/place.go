package bot

import (
	"fmt"
	"strings"
	"time"
)

// KeyKind is the part of a key or of an action that names what it is about.
func KeyKind(key string) string {
	name, _, _ := strings.Cut(key, ":")
	return name
}

// Place is one message of ours in Slack.
type Place struct {
	// Key says which: "card", "receipt:U…", "result:1" and so on.
	Key     string
	Channel string
	TS      string
	// Shown is a digest of what it says now.
	Shown string
	// Tells is the ID of the other request of whose revoke of the same account a
	// card tells, and TellsAt since when; empty for none.
	Tells   string
	TellsAt time.Time
}

// SaysNow notes of which other request's revoke a message tells now.
func (p *Place) SaysNow(tells string, now time.Time) {
	switch {
	case tells == "":
		p.Tells, p.TellsAt = "", time.Time{}
	case tells != p.Tells:
		p.Tells, p.TellsAt = tells, now.UTC()
	}
}

// MovedKey begins the keys of messages that were left behind in the channel of
// another REVOKE_CHANNEL. Channel, timestamp and the former key follow.
const MovedKey = "moved:"

// MovedKey is the key of a message that is left behind when the card at p moves.
func (p Place) MovedKey(key string) string { return MovedKey + p.Channel + "/" + p.TS + ":" + key }

// ReopenedKey is where the note on the nth decision that was taken back stands.
func ReopenedKey(n int) string { return fmt.Sprintf("reopened:%d", n+1) }

// Keys of the messages that a request has in Slack.
const (
	CardKey   = "card"
	JoinedKey = "joined" // one note for all who asked too
	// OfReceipts begins the keys of all receipts.
	OfReceipts = "receipt:"
)

func ReceiptKey(slackID string) string { return OfReceipts + slackID }

const (
	UnreachedKey = "unreached:" // and the approver's Slack ID
	ElsewhereKey = "elsewhere:" // and the key in the thread, and who decided
	// CancelUnreachedKey goes with the approver's Slack ID, too.
	CancelUnreachedKey = "unreached_cancel:"
)

// Some people cannot be written to: the app has no messages tab, or their Slack
// account is gone. What they would have to know reaches them where they acted last,
// while Slack still takes an answer there. Else the card's thread says that they
// could not be told, so that somebody phones them.
const (
	// UntoldKey is followed by the key of the direct message.
	UntoldKey = "untold:"

	// Privately is the channel of a message that was an answer to an act. It cannot
	// be edited.
	Privately = "response_url"
)
