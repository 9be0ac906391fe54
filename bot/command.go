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
	// Whom is set for AskVerb and DrillVerb.
	Whom Whom
	// Reason is cleaned text of at most MaxReason runes; it may be empty.
	Reason  string
	Unknown string
	After   Verb
	// RequestID is set for CancelVerb, and for StatusVerb if one was named.
	RequestID string
}

// Whom names the account a command is about; exactly one field is set.
type Whom struct {
	Me       bool
	SlackID  string // of a mention
	ObjectID string // an Entra object ID, in lower case
	Address  string // a user principal name or e-mail address
}

// MaxReason is how many runes of a reason are kept. More does not fit on a phone next
// to what the approver must read.
const MaxReason = 500

// MaxAddress is the longest address that is looked up. RFC 3696 erratum 1690 allows 254
// characters, and a guest's UPN may add #EXT# and a domain.
const MaxAddress = 320

// UsageError says why a command was not understood, and what to type instead.
type UsageError struct{ Problem, Instead string }

func (e *UsageError) Error() string { return e.Problem + " " + e.Instead }

var (
	mention   = regexp.MustCompile(`^<@([UW][A-Z0-9]{1,30})(?:\|[^<>]*)?>$`)
	mailto    = regexp.MustCompile(`^<mailto:([^|<>]+)(?:\|[^<>]*)?>$`)
	SlackUser = regexp.MustCompile(`^[UW][A-Z0-9]{1,30}$`)
	ObjectID  = regexp.MustCompile(`^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	RequestID = regexp.MustCompile(`^(?i:REQ-?)?([` + idLetters + strings.ToLower(idLetters[:18]) + `]{6})$`)
	// halfEscaped matches one of Slack's escapes at the end that lacks its semicolon.
	halfEscaped = regexp.MustCompile(`&(?:amp|lt|gt)$`)
	entity      = regexp.MustCompile(`<([^<>|]*)(?:\|([^<>]*))?>`)
)

const TypeInstead = "Type `/revoke-sessions me lost my phone` for your own device, " +
	"or `/revoke-sessions @name stolen laptop` for somebody else. `/revoke-sessions help` lists all commands."

// ParseCommand reads what was typed. The error is a *UsageError, in sentences for the
// person who typed it.
func ParseCommand(text string) (Command, error) {
	first, rest := cut(text)
	switch word := strings.ToLower(first); word {
	case "":
		return Command{Verb: FormVerb}, nil
	case "help", "?", "-h", "--help":
		return Command{Verb: HelpVerb}, nil
	case "status", "cancel":
		return parseAbout(Verb(word), rest)
	case "freeze":
		return Command{Verb: FreezeVerb, Reason: Clean(asTyped(rest), MaxReason)}, nil
	case "unfreeze":
		if rest != "" {
			return Command{}, &UsageError{"Please type nothing after \"unfreeze\".",
				"`/revoke-sessions unfreeze` alone asks to end the freeze."}
		}
		return Command{Verb: UnfreezeVerb}, nil
	case "drill":
		whom, rest := cut(rest)
		if whom == "" {
			return Command{}, &UsageError{"Who should the drill be about?", "Type `/revoke-sessions drill @name`. It revokes nothing."}
		}
		return parseAsk(DrillVerb, whom, rest)
	}
	return parseAsk(AskVerb, first, rest)
}

func parseAbout(verb Verb, rest string) (Command, error) {
	id, more := cut(rest)
	if id == "" && verb == StatusVerb {
		return Command{Verb: verb}, nil
	}
	m := RequestID.FindStringSubmatch(id)
	if m == nil || more != "" {
		return Command{}, &UsageError{
			Problem: fmt.Sprintf("Please type the ID of one request after %q. It looks like REQ-7F3K4M.", verb),
			Instead: "`/revoke-sessions status` lists the open ones.",
		}
	}
	return Command{Verb: verb, RequestID: "REQ-" + strings.ToUpper(m[1])}, nil
}

func parseAsk(verb Verb, first, rest string) (Command, error) {
	whom, err := parseWhom(first)
	if err != nil {
		return Command{}, err
	}
	if !whom.Me && namesAnother(rest) {
		return Command{}, onePerson
	}
	return Command{Verb: verb, Whom: whom, Reason: Clean(asTyped(rest), MaxReason)}, nil
}

var onePerson = &UsageError{"One person per command, please. Nothing was sent.", "Type one command for each person."}

// joins are the words that continue a list of people: "@bob and @carol".
var joins = []string{"and", "&amp;", "&", "+", ",", ";"}

// namesAnother reports whether the text after a person names a second one.
func namesAnother(rest string) bool {
	next, more := cut(rest)
	if slices.Contains(joins, strings.ToLower(next)) {
		next, _ = cut(more)
	}
	if several(next) {
		return true
	}
	other, err := parseWhom(strings.TrimLeft(next, ",;+"))
	return err == nil && !other.Me
}

// several reports whether one word names two or more people, as a list without spaces
// does.
func several(token string) bool {
	people := 0
	for _, part := range strings.FieldsFunc(strings.ReplaceAll(html.UnescapeString(token), "><", ">,<"),
		func(r rune) bool { return strings.ContainsRune(",;+", r) }) {
		if whom, err := parseOne(part); err == nil && !whom.Me {
			people++
		}
	}
	return people > 1
}

// parseWhom reads who is meant. It drops a comma or semicolon after the name, and the
// angle brackets that mail programs put around an address.
func parseWhom(token string) (Whom, error) {
	if several(token) {
		return Whom{}, onePerson
	}
	bare := strings.TrimRight(token, ",;")
	if halfEscaped.MatchString(bare) {
		bare += ";"
	}
	token = bare
	if inside, ok := strings.CutPrefix(token, "&lt;"); ok {
		if inside, ok = strings.CutSuffix(inside, "&gt;"); ok && strings.Contains(inside, "@") {
			token = inside
		}
	}
	return parseOne(token)
}

func parseOne(token string) (Whom, error) {
	if strings.EqualFold(token, "me") {
		return Whom{Me: true}, nil
	}
	if m := mention.FindStringSubmatch(token); m != nil {
		return Whom{SlackID: m[1]}, nil
	}
	if m := mailto.FindStringSubmatch(token); m != nil {
		token = m[1]
	} else if strings.ContainsAny(token, "<>") {
		return Whom{}, &UsageError{"That is not a person. Nothing was sent.", TypeInstead}
	}
	token = html.UnescapeString(token)
	if whom, ok := ParseAccount(token); ok {
		return whom, nil
	}
	if strings.HasPrefix(token, "@") {
		return Whom{}, &UsageError{
			Problem: fmt.Sprintf("I can't tell who %q is. Nothing was sent.", Clean(token, 40)),
			Instead: "Pick the name from the list that Slack shows while you type @, or type the user principal name.",
		}
	}
	if strings.Contains(token, "@") {
		return Whom{}, &UsageError{fmt.Sprintf("I don't understand %q: %s. Nothing was sent.", Clean(token, 40), Misnamed(token)), TypeInstead}
	}
	return Whom{}, &UsageError{fmt.Sprintf("I don't understand %q. Nothing was sent.", Clean(token, 40)), TypeInstead}
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
