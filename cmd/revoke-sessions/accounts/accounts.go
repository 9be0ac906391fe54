// Package accounts reads which accounts an operator has named on the command
// line: by flags, by JSON as PowerShell's pipeline writes it, from files and from
// standard input. It is a package of its own so that it can be fuzzed without
// compiling the Graph SDK.
package accounts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"revoke-sessions/bot"
)

// What one command line takes. 100,000 accounts are more than most tenants
// have, and hours of work for Microsoft's limits.
const (
	maxInput   = 16 << 20 // bytes of all --input-object together
	maxTargets = 100_000
)

// maxMistakes is how many mistakes are told one by one.
const maxMistakes = 10

const (
	noTarget = "no account was named, so nothing was done. Name one with --user-id (a user principal name or an object ID), " +
		`or several with --input-object: JSON such as {"userId": "carol@contoso.example"}, a file with such JSON, or - for standard input`
	expectedAccount = "An account is named by its user principal name, its e-mail address or its object ID."
	expectedInput   = `JSON names accounts as {"userId": "carol@contoso.example"}: one, an array of them, or one after the other. ` +
		"To get that from Get-MgUser, add: | Select-Object @{n='userId';e={$_.Id}} | ConvertTo-Json."
	expectedWhere = "--input-object takes JSON that begins with { or [, the name of a file, or - for standard input."
)

// Problem is what is wrong with the accounts as they were named, and what to do.
// Nothing was done by then.
type Problem string

func (p Problem) Error() string { return string(p) }

// Read answers the accounts as the operator named them, those of
// --user-id first, each once. Each input is one --input-object. What is
// answered bot.ParseAccount reads.
//
// The error is a Problem. It tells of all mistakes, or of the first ten.
func Read(userIDs, inputs []string, stdin io.Reader) ([]string, error) {
	t := targets{seen: map[string]bool{}, room: maxInput}
	for _, id := range userIDs {
		t.add(id, "--user-id")
	}
	stdinRead := false
	for _, input := range inputs {
		name, r := "--input-object", io.Reader(strings.NewReader(input))
		switch {
		case looksLikeJSON(input):
		case input == "-" && stdinRead:
			t.mistake(expectedWhere, "--input-object - was given twice, but standard input can be read only once")
			continue
		case input == "-":
			name, r, stdinRead = "standard input", stdin, true
		default:
			f, err := os.Open(input)
			if err != nil {
				t.unreadable(shortName(input), err)
				continue
			}
			defer f.Close() // it was only read
			name, r = shortName(input), f
		}
		t.read(name, r)
	}
	switch {
	case t.tooMany:
		return nil, Problem(fmt.Sprintf("more than %d accounts were named, and one command takes no more, so nothing was done. Split the list and run the command for each part", maxTargets))
	case t.mistakes > 0:
		return nil, t.problem()
	case len(t.named) == 0:
		return nil, Problem(noTarget)
	}
	return t.named, nil
}

// targets are the accounts named so far, and what was wrong with the others.
type targets struct {
	named    []string
	seen     map[string]bool // in lower case
	room     int             // how many bytes of input may still come
	tooMany  bool
	mistakes int
	told     []string // the first mistakes
	expected []string // what they should have been
}

func (t *targets) mistake(expected, format string, args ...any) {
	if t.mistakes++; t.mistakes > maxMistakes {
		return
	}
	t.told = append(t.told, fmt.Sprintf(format, args...))
	for _, e := range t.expected {
		if e == expected {
			return
		}
	}
	t.expected = append(t.expected, expected)
}

// unreadable leaves the name out that Go puts into such errors: it was not
// cleaned.
func (t *targets) unreadable(name string, err error) {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	t.mistake(expectedWhere, "%s cannot be read: %v", name, err)
}

func (t *targets) problem() Problem {
	text := "nothing was done, because some accounts are not clear:\n  - " + strings.Join(t.told, "\n  - ")
	if more := t.mistakes - len(t.told); more > 0 {
		text += fmt.Sprintf("\n  - and %d more", more)
	}
	return Problem(text + "\n" + strings.Join(t.expected, "\n"))
}

// add takes one account's name. Blanks around it are not part of it.
func (t *targets) add(text, where string) {
	text = strings.TrimSpace(text)
	key := strings.ToLower(text)
	switch {
	case t.seen[key], t.tooMany:
		return
	case text == "":
		t.mistake(expectedAccount, "%s: the name is empty", where)
		return
	}
	if _, ok := bot.ParseAccount(text); !ok {
		t.mistake(expectedAccount, "%s: %q does not name an account: %s", where, bot.Clean(text, 40), bot.Misnamed(text))
		return
	}
	if len(t.named) == maxTargets {
		t.tooMany = true
		return
	}
	t.seen[key] = true
	t.named = append(t.named, text)
}

// looksLikeJSON tells JSON from the name of a file.
func looksLikeJSON(input string) bool {
	input = strings.TrimLeft(input, "\ufeff \t\r\n")
	return strings.HasPrefix(input, "{") || strings.HasPrefix(input, "[")
}

// shortName is a file's name as messages show it.
func shortName(file string) string { return bot.Clean(file, 100) }

// read takes the accounts out of one input. More than there is room for ends
// it, for what was cut off could not be told from what was meant.
func (t *targets) read(name string, r io.Reader) {
	data, err := io.ReadAll(io.LimitReader(r, int64(t.room)+1))
	switch {
	case err != nil:
		t.unreadable(name, err)
		return
	case len(data) > t.room:
		t.mistake("Split it, and run the command once for each part.", "%s is too long: all input together may have at most %d MiB", name, maxInput>>20)
		return
	}
	t.room -= len(data)
	data = toUTF8(data)
	if !utf8.Valid(data) {
		t.mistake("Save it as UTF-8.", "%s is not text in UTF-8 (or in UTF-16 with a byte order mark)", name)
		return
	}
	in := newInputObjects(data)
	err = in.each(func(id, problem string) {
		where := fmt.Sprintf("item %d (line %d of %s)", in.count, in.line, name)
		if problem != "" {
			t.mistake(expectedInput, "%s %s", where, problem)
			return
		}
		t.add(id, where)
	})
	if err != nil {
		t.mistake(expectedInput, "%s is not valid JSON from line %d on: %s", name, in.brokenLine(err), bot.Clean(jsonProblem(err), 100))
	}
}
