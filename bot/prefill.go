package bot

import (
	"strconv"
	"strings"
)

// Filled is what the fields of the form for a request hold.
type Filled struct {
	// PickedUser is a Slack user, Account a user principal name, an e-mail address or an
	// object ID: one of them, or neither.
	PickedUser, Account string
	// Reason is cleaned text of at most MaxReason runes.
	Reason string
	// Link is the address of the message on which a shortcut was run; empty for none. It
	// is no field: the form shows it.
	Link string
}

// FilledFrom returns what the form holds that goes on from a stored command or form, so
// that nobody must type anything again. It returns false where the form cannot ask for
// what was typed: a drill, for one, as the form asks for a real revoke.
func FilledFrom(a Arrival) (Filled, bool) {
	switch {
	case a.Kind == FormArrival && a.CallbackID == FormCallback:
		return Filled{PickedUser: a.PickedUser, Account: a.Account, Reason: FieldText(a.Reason)}, true
	case a.Kind == CommandArrival:
		return filledFromCommand(a.Text, a.UserID)
	case a.Kind == ShortcutArrival && a.CallbackID == MessageShortcut:
		return Filled{PickedUser: a.PickedUser}, true
	case a.Kind == ShortcutArrival && a.CallbackID == LostShortcut, a.Kind == ClickArrival && a.ActionID == ActionHomeOwn:
		return Filled{PickedUser: a.UserID}, true
	case a.Kind == ClickArrival && a.ActionID == ActionHomeOther:
		return Filled{}, true
	}
	return Filled{}, false
}

// Own is the form about that person instead.
func (f Filled) Own(self string) Filled {
	f.PickedUser, f.Account = self, ""
	return f
}

// Nobody is the form with nobody chosen.
func (f Filled) Nobody() Filled { return f.Own("") }

func filledFromCommand(text, self string) (Filled, bool) {
	cmd, err := ParseCommand(text)
	switch {
	case err == onePerson:
		return Filled{Reason: FieldText(asTyped(text))}, true
	case err != nil, cmd.Verb != AskVerb && cmd.Verb != FormVerb:
		return Filled{}, false
	}
	f := Filled{PickedUser: cmd.Whom.SlackID, Account: cmd.Whom.Address + cmd.Whom.ObjectID, Reason: FieldText(cmd.Reason)}
	if cmd.Whom.Me || cmd == (Command{Verb: FormVerb}) {
		f.PickedUser = self
	}
	return f, true
}

// FieldText cleans typed text for a field of MaxReason characters. Slack refuses a form
// with a longer one, and may count a character as two, as JavaScript does.
func FieldText(s string) string {
	s = Clean(s, MaxReason)
	units := 0
	for i, r := range s {
		units++
		if r > 0xffff {
			units++
		}
		if units > MaxReason {
			return s[:i]
		}
	}
	return s
}

// FormMetadata is the private_metadata of a form: which stored arrival opened it, and
// which submission of it was refused last, 0 for none. Neither is authority.
type FormMetadata struct{ Opened, Refused int64 }

func (m FormMetadata) String() string {
	if m.Refused == 0 {
		return strconv.FormatInt(m.Opened, 10)
	}
	return strconv.FormatInt(m.Opened, 10) + " " + strconv.FormatInt(m.Refused, 10)
}

// ParseFormMetadata reads what String writes, and 0 for what it cannot read. Earlier
// versions write only the first number.
func ParseFormMetadata(s string) FormMetadata {
	opened, refused, _ := strings.Cut(s, " ")
	return FormMetadata{Opened: arrivalID(opened), Refused: arrivalID(refused)}
}

func arrivalID(s string) int64 {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}
