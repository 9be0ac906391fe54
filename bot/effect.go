package bot

import (
	"strings"
)

// Effect names a kind of thing that the bot does and that outlives the process: a
// transaction, a call to Slack, the call to Microsoft. If the process dies between two
// Effects, it leaves no trace. A transaction is named after the last row that it adds
// to the audit chain, a message after the key of its Place.
//
// Claims and heartbeats are stored, too, but are no Effects, because they lapse.
// Neither are the notes on requests that the bot cannot advance, because each try makes
// them again; see notify/stalled.go.
type Effect string

// AckEffect is the ack of bot/listen.
const AckEffect Effect = "ack"

// Witness is called when an Effect is about to happen, and with over when it has
// happened or failed. Tests kill the process there. nil for none.
type Witness func(e Effect, over bool)

// Sees tells the witness that the Effect which the words name is about to happen. The
// caller must call over when it is done.
func (w Witness) Sees(words ...string) (over func()) {
	if w == nil {
		return unseen
	}
	e := Effect(strings.Join(words, " "))
	w(e, false)
	return func() { w(e, true) }
}

func unseen() {}
