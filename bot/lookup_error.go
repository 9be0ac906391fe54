package bot

import (
	"time"
)

// LookupError says that somebody could not be looked up because Slack or
// Microsoft Entra did not answer, or would not; it is not a statement about
// the person.
type LookupError struct {
	Where string // "Slack" or "Microsoft Entra"
	// About is what was to be read.
	About Subject
	// Remedy is empty where nobody answered, so that trying again may help,
	// and otherwise says what is wrong with the bot's own set-up.
	Remedy string
	// TooOften: it answered that it is asked too often. Spent: the bot has not
	// asked, to leave room for decisions. Of both, Wait is how long to wait.
	TooOften, Spent bool
	Wait            time.Duration
	Err             error
}

// Subject is what a look-up is about, and who is asked.
type Subject struct {
	Where string
	// unread says what follows while the bot's set-up keeps it from being read.
	unread string
}

var (
	AboutPeople = Subject{AtSlack, "I cannot look people up in Slack. " +
		"Whoever I cannot look up can do nothing here until this is fixed."}
	AboutAccounts = Subject{AtEntra, "I cannot read accounts in Microsoft Entra. " +
		"Whoever I cannot look up there can do nothing here until this is fixed."}
	AboutSlackGroups = Subject{AtSlack, "I cannot read a Slack group that the policy names. " +
		"Nobody has a right by that group until this is fixed."}
	AboutEntraGroups = Subject{AtEntra, "I cannot read an Entra group that the policy names. " +
		"Nobody has a right by that group until this is fixed."}
)

// Unable says what the bot cannot read until its set-up is mended, and whom that
// stops; empty where the set-up is not why.
func (e *LookupError) Unable() string {
	switch {
	case e.Remedy == "":
		return ""
	case SignInRefused(e.Err):
		return "I cannot sign in to Microsoft Entra. Nobody can ask for a revoke or decide one until this is fixed."
	}
	return e.About.unread
}

func (e *LookupError) Error() string { return e.Where + " did not look somebody up: " + e.Err.Error() }

func (e *LookupError) Unwrap() error { return e.Err }

// Who can fail to answer a look-up.
const (
	AtSlack = "Slack"
	AtEntra = "Microsoft Entra"
)
