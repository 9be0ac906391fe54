package bot

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ParseAccount reads an account that is not a Slack mention: an object ID, or a user
// principal name or e-mail address of at most 320 bytes, with nothing around it. It
// does not check that the account exists; only Entra knows.
func ParseAccount(text string) (Whom, bool) {
	if ObjectID.MatchString(text) {
		return Whom{ObjectID: strings.ToLower(text)}, true
	}
	address, ok := parseAddress(text)
	return Whom{Address: address}, ok
}

// parseAddress accepts anything that could be a user principal name or e-mail address.
// Phones type a curly apostrophe where a name has a straight one.
func parseAddress(s string) (string, bool) {
	s = strings.ReplaceAll(s, "’", "'")
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || strings.Contains(domain, "@") || len(s) > MaxAddress {
		return "", false
	}
	for _, r := range s {
		if notShown(r) || strings.ContainsRune(notInAddress, r) {
			return "", false
		}
	}
	return s, true
}

// notInAddress are the characters that the bot accepts in no address.
const notInAddress = `"\,;<>()[]`

// notShown reports characters that a reader cannot see, and the replacement character,
// which marks text that some program has lost.
func notShown(r rune) bool {
	return r == utf8.RuneError || r <= ' ' || unicode.IsControl(r) || unicode.IsSpace(r) || hidden(r)
}

// Misnamed says why ParseAccount refuses a text, for the person who typed it.
func Misnamed(text string) string {
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;|", r) || unicode.IsSpace(r) })
	accounts := 0
	for _, part := range parts {
		if _, ok := ParseAccount(part); ok {
			accounts++
		}
	}
	inside, bracket, _ := strings.Cut(text, "<")
	address, after, closed := strings.Cut(bracket, ">")
	_, bracketed := ParseAccount(strings.TrimPrefix(address, "mailto:"))
	local, domain, at := strings.Cut(text, "@")
	odd := strings.IndexAny(text, notInAddress)
	switch {
	case accounts > 1:
		return fmt.Sprintf("it names %d accounts, and each must be named by itself", accounts)
	case closed && bracketed && inside+after == "":
		return "the address must not be in angle brackets"
	case closed && bracketed:
		return "only the address counts, without the angle brackets and what is beside them"
	case accounts == 1 && strings.ContainsAny(text, ",;|"):
		return "there is a comma, a semicolon or a bar beside the account"
	case len(text) > MaxAddress:
		return fmt.Sprintf("it has %d bytes; %d are the most", len(text), MaxAddress)
	case strings.ContainsFunc(text, notShown):
		return "it has blanks, or characters that do not show"
	case odd >= 0:
		return fmt.Sprintf("it has a %q in it", text[odd:odd+1])
	case !at:
		return "it has no @, and is not an object ID (32 digits and letters a to f in five groups)"
	case local == "" || domain == "":
		return "an address has something before and after the @"
	default:
		return "it has more than one @"
	}
}
