package bot

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Whom names the account a command is about; exactly one field is set.
type Whom struct {
	Me       bool
	SlackID  string // of a mention
	ObjectID string // an Entra object ID, in lower case
	Address  string // a user principal name or e-mail address
}

// around are the characters that people, phones and mail programs put around a name, an
// address, a verb or an ID; closing are those that do not continue a list of people. A plain
// hyphen is none of them: an address may begin with one.
const (
	around  = ",;" + closing
	closing = ".:!?…·•*\"'`´‘’‚‛“”„‟«»‹›()[]{}<>" + dashes
	dashes  = "‒–—―−"
)

// between are the characters that separate people in a list without spaces.
const between = ",;/&+|"

// hyphens are what phones and word processors make of a hyphen.
var hyphens = strings.NewReplacer("‐", "-", "‑", "-", "‒", "-", "–", "-", "—", "-", "―", "-", "−", "-", "﹣", "-", "－", "-")

// visible drops the characters of a word that do not show.
func visible(word string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case hidden(r), unicode.IsControl(r), r == '\u034f', r == '\u200c', r == '\u200d',
			unicode.Is(unicode.Variation_Selector, r):
			return -1
		}
		return r
	}, word)
}

// bare is a word of plain text without what is around it, and with plain hyphens.
func bare(word string) string {
	return strings.Trim(hyphens.Replace(html.UnescapeString(visible(word))), around)
}

// isPunctuation reports whether a word has nothing to read, such as the dash between a name
// and a reason.
func isPunctuation(word string) bool { return strings.Trim(bare(word), around+"/&+|-_~=#") == "" }

// piece is a part of a word: a person, or text that names nobody. at is where the rest of
// the word begins; it is 0 for a part of plain text.
type piece struct {
	whom Whom
	text string
	at   int
}

// pieces is one word, cut into people and the text beside them.
type pieces []piece

// piecesOf cuts a word. Slack writes a mention or an address as one entity.
func piecesOf(word string) (all pieces) {
	end := 0
	for _, at := range entity.FindAllStringSubmatchIndex(word, -1) {
		all = append(all, piecesOfText(word[end:at[0]])...)
		label := ""
		if at[4] >= 0 {
			label = word[at[4]:at[5]]
		}
		whom, ok := entityNames(word[at[2]:at[3]], label)
		end = at[1]
		if ok {
			all = append(all, piece{whom: whom, at: end})
		} else {
			all = append(all, piece{text: word[at[0]:end]})
		}
	}
	return append(all, piecesOfText(word[end:])...)
}

// entityNames reads the inside of one of Slack's entities. A link to an address whose text
// is another address names nobody.
func entityNames(inside, label string) (Whom, bool) {
	if m := mentioned.FindStringSubmatch(inside); m != nil {
		return Whom{SlackID: m[1]}, true
	}
	if address, ok := strings.CutPrefix(inside, "mailto:"); ok {
		whom, ok := AccountIn(address)
		if shown, isAccount := AccountIn(label); isAccount && !strings.EqualFold(shown.Address, whom.Address) {
			return Whom{}, false
		}
		return whom, ok
	}
	return Whom{}, false
}

var mentioned = regexp.MustCompile(`^@([UW][A-Z0-9]{1,30})$`)

// piecesOfText cuts plain text. An address may hold a character that also separates people,
// so the text as a whole comes first.
func piecesOfText(text string) (all pieces) {
	text = html.UnescapeString(visible(text))
	if whom, ok := personIn(text); ok {
		return pieces{{whom: whom}}
	}
	for _, part := range partsOf(text) {
		if whom, ok := personIn(part); ok {
			all = append(all, piece{whom: whom})
		} else if !isPunctuation(part) {
			all = append(all, piece{text: part})
		}
	}
	return all
}

// partsOf cuts plain text between people. It never cuts an address before its @: the end
// of "r+d@contoso.example" is somebody else's address.
func partsOf(text string) (parts []string) {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;/|:<>", r) }) {
		for part != "" {
			at := max(0, strings.IndexByte(part, '@'))
			end := strings.IndexFunc(part[at:], afterAddress)
			if at == 0 || end < 0 {
				break
			}
			parts = append(parts, part[:at+end])
			part = strings.TrimLeftFunc(part[at+end:], afterAddress)
		}
		if strings.Contains(part, "@") {
			parts = append(parts, strings.TrimLeft(part, between))
			continue
		}
		parts = append(parts, strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune(between, r) })...)
	}
	return parts
}

// afterAddress reports the characters that are in no address after its @.
func afterAddress(r rune) bool { return strings.ContainsRune(between+dashes, r) }

// personIn reads text that is one person and what people put around it.
func personIn(text string) (Whom, bool) {
	if strings.EqualFold(strings.Trim(bare(text), "-"), "me") {
		return Whom{Me: true}, true
	}
	return AccountIn(text)
}

// AccountIn reads an account and what people put around it.
func AccountIn(text string) (Whom, bool) {
	text = strings.Trim(html.UnescapeString(visible(text)), around)
	if rest, ok := cutPrefixFold(text, "mailto:"); ok {
		text = strings.Trim(rest, around)
	}
	if id := strings.Trim(hyphens.Replace(text), "-"); ObjectID.MatchString(id) {
		text = id
	}
	_, domain, _ := strings.Cut(text, "@")
	if strings.ContainsAny(text, ":/|") || strings.ContainsFunc(domain, afterAddress) || possessive.MatchString(text) {
		return Whom{}, false // something else is beside it
	}
	return ParseAccount(text)
}

// possessive matches an address as in "bob@contoso.example's phone".
var possessive = regexp.MustCompile(`@.*['’]s$`)

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// people are the different people that the word names.
func (p pieces) people() (all []Whom) {
	for _, one := range p {
		if one.whom != (Whom{}) && !slices.Contains(all, one.whom) {
			all = append(all, one.whom)
		}
	}
	return all
}

// separators may follow a mention at once, before the reason.
const separators = ":,;.!…-"

// single returns the only person whom the word names. rest is what follows them within the
// word: a reason after a mention, without a space between. It returns false if the word
// names several people, or other text is beside the person.
func (p pieces) single(word string) (whom Whom, rest string, ok bool) {
	if len(p.people()) != 1 {
		return Whom{}, "", false
	}
	text := slices.IndexFunc(p, func(one piece) bool { return one.whom == (Whom{}) })
	switch {
	case text < 0:
		return p[0].whom, "", true
	case text == 0, p[text-1].at == 0, slices.ContainsFunc(p[text:], func(one piece) bool { return one.whom != (Whom{}) }):
		return Whom{}, "", false
	}
	rest = word[p[text-1].at:]
	if next, _ := utf8.DecodeRuneInString(hyphens.Replace(rest)); !strings.ContainsRune(separators, next) {
		return Whom{}, "", false
	}
	return p[0].whom, rest, true
}

// joins are the words that continue a list of people: "@bob and @carol".
var joins = []string{"and", "or"}

// namesAnother reports whether the text after a person goes on with a second one. joined
// means that a comma or the like is between them already. Someone who says "me" may go on
// with a sentence about somebody else.
func namesAnother(first Whom, joined bool, rest string) bool {
	for {
		word, more := cut(rest)
		if word == "" {
			return false
		}
		rest = more
		switch text := html.UnescapeString(visible(word)); {
		case isPunctuation(word):
			joined = joined || strings.ContainsAny(text, between)
			continue
		case slices.Contains(joins, strings.ToLower(bare(word))):
			joined = true
			continue
		}
		people := piecesOf(word).people()
		for _, whom := range people {
			if whom != first && (joined || !first.Me && !whom.Me) {
				return true
			}
		}
		if len(people) != 1 || people[0] != first {
			return false
		}
		joined = joined || endsList(word)
	}
}

// endsList reports whether a word ends in a character that continues a list.
func endsList(word string) bool {
	word = strings.TrimRight(html.UnescapeString(visible(word)), closing)
	return word != "" && strings.ContainsAny(word[len(word)-1:], between)
}
