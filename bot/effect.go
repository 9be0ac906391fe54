package bot

import (
	"strings"
)

// Effect names a kind of thing that the bot does and that outlasts it: a
// transaction, a call to Slack, the call to Microsoft. Between two of them the
// process may die without a trace. Transactions are named by the last row that
// they add to the audit chain, messages by the key of their Place.
//
// Claims and signs of life are stored, too, and are no Effects: whoever dies with
// one more of them leaves nothing behind that does not lapse. Nor are the notes of
// what the bot cannot go on with: each try makes them again; see stalled.go.
type Effect string

// AckEffect is bot/listen's.
const AckEffect Effect = "ack"

// Witness is told when an Effect is about to happen, and when it has happened
// or failed. Tests kill the process there. nil is no witness.
type Witness func(e Effect, over bool)

// Sees tells the witness that an Effect, whose name may come in words, is about
// to happen. What it returns must be called when that is over.
func (w Witness) Sees(words ...string) (over func()) {
	if w == nil {
		return unseen
	}
	e := Effect(strings.Join(words, " "))
	w(e, false)
	return func() { w(e, true) }
}

func unseen() {}
