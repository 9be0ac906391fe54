package bot

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Verb is what a command asks for.
type Verb string

// The verbs of /revoke-sessions.
const (
	FormVerb   Verb = "form" // no argument
	AskVerb    Verb = "ask"
	DrillVerb  Verb = "drill"
	HelpVerb   Verb = "help"
	StatusVerb Verb = "status"
	CancelVerb Verb = "cancel"

	FreezeVerb   Verb = "freeze"
	UnfreezeVerb Verb = "unfreeze"
)

// Command is what somebody typed after /revoke-sessions.
type Command struct {
	Verb Verb
	// Whom is set for AskVerb and DrillVerb. For FormVerb it is who is chosen in the form,
	// if anybody.
	Whom Whom
	// Reason is cleaned text of at most MaxReason runes; it may be empty. For FormVerb it is
	// everything that was typed.
	Reason string
	// RequestID is set for CancelVerb, and for StatusVerb if one was named.
	RequestID string

	// For FormVerb, why it is not another verb. Unknown is the first word if it looks like
	// a name, and names nobody who can be looked up. After is a verb that does not take the
	// words after it. Several means that the text names several people.
	Unknown string
	After   Verb
	Several bool
}

// MaxReason is how many runes of a reason are kept. More does not fit on a phone next
// to what the approver must read.
const MaxReason = 500

// MaxAddress is the longest address that is looked up. RFC 3696 erratum 1690 allows 254
// characters, and a guest's UPN may add #EXT# and a domain.
const MaxAddress = 320

// maxUnknown is how many runes of an unknown name are shown.
const maxUnknown = 40

// UsageError says why a command was not understood, and what to type instead.
type UsageError struct{ Problem, Instead string }

func (e *UsageError) Error() string { return e.Problem + " " + e.Instead }

var (
	SlackUser = regexp.MustCompile(`^[UW][A-Z0-9]{1,30}$`)
	ObjectID  = regexp.MustCompile(`^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	RequestID = regexp.MustCompile(`^(?i:REQ-?)?([` + idLetters + strings.ToLower(idLetters[:18]) + `]{6})$`)
	entity    = regexp.MustCompile(`<([^<>|]*)(?:\|([^<>]*))?>`)
)

const TypeInstead = "Type `/revoke-sessions me lost my phone` for your own device, " +
	"or `/revoke-sessions @name stolen laptop` for somebody else. `/revoke-sessions help` lists all commands."

// onePerson answers a list of people, and onePersonDrill one in a drill, which has no form.
var (
	onePerson      = &UsageError{"One person per command, please. Nothing was sent.", "Type one command for each person, or use the form."}
	onePersonDrill = &UsageError{"One person per command, please. Nothing was sent.", "Type one command for each person."}
)

// ParseCommand reads what was typed. Text that names no person and is no verb opens the
// form, so only these are errors: a list of people, drill and cancel alone, and status and
// cancel with more than an ID. The error is a *UsageError, in sentences for the person who
// typed it.
func ParseCommand(text string) (Command, error) {
	word, rest := cut(text)
	for isCommandName(word) {
		text = rest
		word, rest = cut(text)
	}
	if question := visible(word); rest == "" && question != "" && strings.Trim(question, "?") == "" {
		return Command{Verb: HelpVerb}, nil
	}
	text = fromWord(text)
	word, rest = cut(text)
	if word == "" {
		return Command{Verb: FormVerb}, nil
	}
	switch verb := verbOf(word); verb {
	case FreezeVerb:
		return Command{Verb: FreezeVerb, Reason: Clean(asTyped(fromWord(rest)), MaxReason)}, nil
	case HelpVerb, UnfreezeVerb:
		if fromWord(rest) != "" {
			return freeText(text, verb), nil
		}
		return Command{Verb: verb}, nil
	case StatusVerb, CancelVerb:
		return parseAbout(verb, text, fromWord(rest))
	case DrillVerb:
		return parseDrill(text, fromWord(rest))
	}
	c, ok, err := parseAsk(AskVerb, text)
	if !ok && err == nil {
		c = freeText(text, "")
	}
	return c, err
}

// isCommandName reports whether a word is the command itself, which people paste along.
func isCommandName(word string) bool {
	return strings.EqualFold(strings.TrimPrefix(bare(word), "/"), "revoke-sessions")
}

// fromWord is text from its first word on that has something to read.
func fromWord(text string) string {
	for {
		word, rest := cut(text)
		if word == "" || !isPunctuation(word) {
			return strings.TrimSpace(text)
		}
		text = rest
	}
}

// verbOf returns the verb that a word is, or "".
func verbOf(word string) Verb {
	name := strings.ToLower(bare(word))
	switch option := strings.TrimLeft(name, "-"); {
	case option != name && (option == "h" || option == "help"):
		return HelpVerb
	case slices.Contains([]Verb{HelpVerb, StatusVerb, CancelVerb, DrillVerb, FreezeVerb, UnfreezeVerb}, Verb(strings.Trim(name, "-"))):
		return Verb(strings.Trim(name, "-"))
	}
	return ""
}

// parseAbout reads status and cancel. With a request's ID in it, the text is no report.
func parseAbout(verb Verb, text, rest string) (Command, error) {
	word, more := cut(rest)
	m := RequestID.FindStringSubmatch(strings.Trim(bare(word), "-"))
	switch {
	case word == "" && verb == StatusVerb:
		return Command{Verb: verb}, nil
	case word == "":
		return Command{}, &UsageError{"Please type the ID of one request after \"cancel\". It looks like REQ-7F3K4M.",
			"`/revoke-sessions status` lists the open ones."}
	case m == nil, fromWord(more) != "" && isWord(word):
		return freeText(text, verb), nil
	}
	id := "REQ-" + strings.ToUpper(m[1])
	if fromWord(more) != "" {
		return Command{}, &UsageError{fmt.Sprintf("Please type only the ID of one request after %q.", verb),
			fmt.Sprintf("Type `/revoke-sessions %s %s` alone.", verb, id)}
	}
	return Command{Verb: verb, RequestID: id}, nil
}

// isWord reports whether what looks like an ID may be a word, such as "hacked".
func isWord(id string) bool {
	return !strings.ContainsAny(id, "0123456789-–—‑") && !strings.HasPrefix(strings.ToUpper(bare(id)), "REQ")
}

func parseDrill(text, rest string) (Command, error) {
	if rest == "" {
		return Command{}, &UsageError{"Who should the drill be about?", "Type `/revoke-sessions drill @name`. It revokes nothing."}
	}
	switch c, ok, err := parseAsk(DrillVerb, rest); {
	case err != nil:
		return Command{}, onePersonDrill
	case !ok:
		return freeText(text, DrillVerb), nil
	default:
		return c, nil
	}
}

// parseAsk reads an ask whose first word is the person; ok is false if it names none, or
// perhaps several.
func parseAsk(verb Verb, text string) (c Command, ok bool, err error) {
	word, rest := cut(text)
	p := piecesOf(word)
	if len(p.people()) > 1 {
		return c, false, onePerson
	}
	whom, reason, ok := p.single(word)
	if !ok {
		return c, false, nil
	}
	ownLine := strings.ContainsAny(strings.TrimSuffix(text[len(word):], rest), "\r\n")
	if namesAnother(whom, ownLine || endsList(word), rest) {
		return c, false, onePerson
	}
	if !whom.Me && (len(peopleIn(text)) > 1 || namesUnknown(rest)) {
		if verb == DrillVerb {
			return c, false, onePerson
		}
		return c, false, nil // perhaps a list in words that are not known here: the form asks
	}
	reason = fromWord(strings.TrimLeft(hyphens.Replace(reason), separators) + " " + rest)
	return Command{Verb: verb, Whom: whom, Reason: Clean(asTyped(reason), MaxReason)}, true, nil
}

// namesUnknown reports whether a word of the text looks like a mention of a person that
// Slack did not make.
func namesUnknown(text string) bool {
	return slices.ContainsFunc(strings.Fields(plainText(text)), func(word string) bool {
		name, at := strings.CutPrefix(strings.ToLower(bare(word)), "@")
		return at && !slices.Contains([]string{"", "here", "channel", "everyone"}, name)
	})
}

// freeText is a form with everything typed as the reason. after is the verb that does not
// take the text, or "".
func freeText(text string, after Verb) Command {
	c := Command{Verb: FormVerb, After: after, Reason: Clean(asTyped(text), MaxReason)}
	first, rest := cut(text)
	people, named := peopleIn(text), piecesOf(first).people()
	switch {
	case after == DrillVerb:
	case len(people) > 1, len(people) == 1 && namesUnknown(text):
		c.Several = true
	case after == "" && len(named) == 1: // "@bob's phone is gone"
		c.Whom = named[0]
	case after == "" && strings.Contains(plainText(first), "@"):
		c.Unknown = Clean(asTyped(strings.Trim(visible(first), around)), maxUnknown)
	case len(people) == 0 && fromWord(rest) != "" && saysOwn(text):
		c.Whom = Whom{Me: true}
	}
	return c
}

// peopleIn are the different people in a text, but for whoever typed it.
func peopleIn(text string) (people []Whom) {
	for _, word := range strings.Fields(text) {
		for _, whom := range piecesOf(word).people() {
			if !whom.Me && !slices.Contains(people, whom) {
				people = append(people, whom)
			}
		}
	}
	return people
}

// plainText is text without Slack's entities.
func plainText(text string) string {
	return html.UnescapeString(visible(entity.ReplaceAllString(text, " ")))
}

// saysOwn reports whether a text speaks of the person who typed it.
func saysOwn(text string) bool {
	words := strings.FieldsFunc(plainText(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("'’-_@.", r)
	})
	return slices.ContainsFunc(words, func(word string) bool {
		word = strings.ToLower(strings.Trim(word, "'’-_."))
		i, _, _ := strings.Cut(strings.ReplaceAll(word, "’", "'"), "'") // I'm, I've
		return i == "i" || slices.Contains([]string{"me", "my", "mine"}, word)
	})
}

// cut splits off the first word.
func cut(s string) (word, rest string) {
	s = strings.TrimSpace(s)
	i := strings.IndexFunc(s, unicode.IsSpace)
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimSpace(s[i:])
}

// asTyped undoes what should_escape does to a text: <@U1|bob> becomes @bob again,
// <https://x|x> x, and &amp; an ampersand. Show the result only where Slack does not
// interpret it.
func asTyped(s string) string {
	s = entity.ReplaceAllStringFunc(s, func(token string) string {
		m := entity.FindStringSubmatch(token)
		name, label := m[1], m[2]
		sigil := ""
		switch {
		case strings.HasPrefix(name, "@"), strings.HasPrefix(name, "#"):
			sigil, name = name[:1], name[1:]
		case strings.HasPrefix(name, "!"):
			sigil, name = "@", name[1:]
		default:
			name = strings.TrimPrefix(name, "mailto:")
		}
		switch label = strings.TrimPrefix(label, sigil); {
		case label == "":
			return sigil + name
		case sigil == "" && !strings.Contains(name, label):
			return label + " (" + name + ")" // the label hides the address
		}
		return sigil + label
	})
	return html.UnescapeString(s)
}

// Clean makes typed text safe to show: one line, at most limit runes, without control,
// bidirectional and invisible characters. These could make a card read differently from
// what is stored.
func Clean(s string, limit int) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case unicode.IsControl(r), hidden(r):
			continue
		}
		if space {
			n++
		}
		if n++; n > limit {
			return b.String() + "…"
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// hidden reports characters that show nothing and may change what is read: every
// private-use and format character (including bidirectional controls and tags) and the
// filler letters, but not the two joiners that scripts and emoji need.
func hidden(r rune) bool {
	switch r {
	case '\u200c', '\u200d': // zero-width non-joiner and joiner
		return false
	case '\u115f', '\u1160', '\u3164', '\uffa0': // Hangul fillers
		return true
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r)
}
