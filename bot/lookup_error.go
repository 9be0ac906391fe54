package bot

import (
	"time"
)

// LookupError says that a look-up failed because Slack or Microsoft Entra did not
// answer, or refused. It says nothing about the person.
type LookupError struct {
	Where string // "Slack" or "Microsoft Entra"
	// About is what was to be read.
	About Subject
	// Remedy says what is wrong with the bot's own set-up. It is empty if nobody
	// answered, so that trying again may help.
	Remedy string
	// TooOften: the answer was that the bot asks too often. Spent: the bot did not ask,
	// to leave room for decisions. In both cases Wait is how long to wait.
	TooOften, Spent bool
	Wait            time.Duration
	Err             error
}

// Subject is what a look-up is about, and who is asked.
type Subject struct {
	Where string
	// unread tells people what does not work until the set-up of the bot is fixed.
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

// Unable says what the bot cannot read until its set-up is fixed, and who that stops;
// empty if the set-up is not the cause.
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

// The services that answer look-ups.
const (
	AtSlack = "Slack"
	AtEntra = "Microsoft Entra"
)
