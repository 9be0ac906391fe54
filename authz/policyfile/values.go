package policyfile

import (
	"errors"
	"math"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"revoke-sessions/authz"
)

const day = 24 * time.Hour

// whole reads a number from low to high, in digits only: 010 means ten to some
// readers of YAML and eight to others.
func (v value) whole(low, high int) (int, bool) {
	if n, ok := v.node.(*ast.IntegerNode); ok {
		text := n.Token.Value
		if i, err := strconv.Atoi(text); err == nil && strconv.Itoa(i) == text && i >= low && i <= high {
			return i, true
		}
	}
	v.wrong("must be a whole number from %d to %d, not %s", low, high, v.shown())
	return 0, false
}

var decimal = regexp.MustCompile(`^[1-9][0-9]*(\.[0-9]+)?$`)

// factor reads a number from 1 to 10 that may have a fraction.
func (v value) factor() (float64, bool) {
	switch v.node.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		text := v.node.GetToken().Value
		if f, err := strconv.ParseFloat(text, 64); err == nil && decimal.MatchString(text) && f >= 1 && f <= 10 {
			return f, true
		}
	}
	v.wrong("must be a number from 1 to 10, like 2 or 1.5, not %s", v.shown())
	return 0, false
}

func (v value) boolean() (answer, ok bool) {
	if n, ok := v.node.(*ast.BoolNode); ok {
		return n.Value, true
	}
	v.wrong("must be true or false, not %s", v.shown())
	return false, false
}

// choice reads one of some words.
func (v value) choice(words ...string) (string, bool) {
	text, _ := v.text()
	for _, word := range words {
		if text == word {
			return word, true
		}
	}
	v.wrong("must be %s, not %s", strings.Join(words, " or "), v.shown())
	return "", false
}

// duration reads a time from low to high.
func (v value) duration(low, high time.Duration) (time.Duration, bool) {
	text, _ := v.text()
	if d, ok := parseDuration(text); ok && d >= low && d <= high {
		return d, true
	}
	v.wrong("must be a duration from %s to %s with its unit, like 90s, 15m, 8h, 1h30m or 90d, not %s", inWords(low), inWords(high), v.shown())
	return 0, false
}

var days = regexp.MustCompile(`^([0-9]{1,5})d$`) // 99999 days fit into a time.Duration

// parseDuration reads Go's durations, and days.
func parseDuration(text string) (time.Duration, bool) {
	if m := days.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		return time.Duration(n) * day, err == nil
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// limitOrNone reads N/duration, or none, of a limit that has a default.
func (v value) limitOrNone() (authz.Limit, bool) {
	if text, _ := v.text(); text == "none" {
		return authz.Limit{}, true
	}
	return v.limitUnless("write none to have no limit")
}

// limit reads N/duration.
func (v value) limit() (authz.Limit, bool) { return v.limitUnless("remove the line to have no limit") }

func (v value) limitUnless(without string) (authz.Limit, bool) {
	const low, high = time.Minute, 31 * day
	text, _ := v.text()
	count, within, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(count)
	d, ok := parseDuration(within)
	switch {
	case err != nil || !ok || n > math.MaxInt32:
		v.wrong("must be a number and a duration like 5/1h (five in an hour), not %s", v.shown())
	case n < 1:
		v.wrong("allows nothing, so it would stop everything. Write 1 or more before the slash, or %s", without)
	case d < low || d > high:
		v.wrong("must count over a time from %s to %s, not %s", inWords(low), inWords(high), v.shown())
	default:
		return authz.Limit{N: n, Within: d}, true
	}
	return authz.Limit{}, false
}

// pattern reads a regular expression.
func (v value) pattern() *regexp.Regexp {
	text, ok := v.text()
	if !ok {
		v.wrong("must be a regular expression in single quotes, like '[A-Z]+-[0-9]+', not %s", v.shown())
		return nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		why := "it does not compile"
		if e, ok := errors.AsType[*syntax.Error](err); ok {
			why = string(e.Code) + ": " + quote(e.Expr)
		}
		v.wrong("is not a valid regular expression (RE2): %s. Correct it. In single quotes, backslashes stay as they are", why)
		return nil
	}
	if re.MatchString("") {
		v.wrong("matches even an empty reason, so it asks for nothing. Use + instead of *, or remove the line")
		return nil
	}
	return re
}

// maxExample is how many characters an example of a ticket may have: it is part of a
// sentence.
const maxExample = 60

// example reads an example of a ticket, which must be in a reason just as it is here.
func (v value) example() (string, bool) {
	text, ok := v.text()
	switch {
	case !ok:
		v.wrong("must be text, like INC-1234, not %s. Put a number in quotes", v.shown())
	case text == "":
		v.wrong("is empty. Write an example like INC-1234, or remove the line")
	case strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }):
		v.wrong("holds a control character or an invisible one: %s. Write only what people can type", v.shown())
	case text != strings.Join(strings.Fields(text), " "):
		v.wrong("begins or ends with a space, or has two in a row: %s. Remove them", v.shown())
	case utf8.RuneCountInString(text) > maxExample:
		v.wrong("has %d characters, and at most %d are shown. Write a shorter example", utf8.RuneCountInString(text), maxExample)
	default:
		return text, true
	}
	return "", false
}
