package policyfile

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with a policy.
type Problem struct {
	// Line and Column begin at 1; both are 0 for what is outside the file,
	// in REVOKE_APPROVERS.
	Line, Column int
	// Says is what is wrong and what to do about it.
	Says string
}

// Error is everything that is wrong with a policy, in the order of its lines.
type Error struct{ Problems []Problem }

// Error writes one line for each problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Says
		if p.Line > 0 {
			lines[i] = fmt.Sprintf("line %d: %s", p.Line, p.Says)
		}
	}
	return strings.Join(lines, "\n")
}

// place is where something is in the file; the zero place is outside it.
type place struct{ line, column int }

// report collects what is wrong, and where.
type report struct {
	problems []Problem
	// paths holds, for each problem, the path of the key that it is about.
	paths []string
}

func (r *report) add(path string, at place, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: at.line, Column: at.column, Says: fmt.Sprintf(format, args...)})
	r.paths = append(r.paths, path)
}

// sound reports whether nothing is wrong with the keys and all that is in
// them, so that a rule which needs them can be judged.
func (r *report) sound(keys ...string) bool {
	return !slices.ContainsFunc(r.paths, func(path string) bool {
		return slices.ContainsFunc(keys, func(key string) bool {
			rest, inside := strings.CutPrefix(path, key)
			return inside && (rest == "" || rest[0] == '.' || rest[0] == '[')
		})
	})
}

// err is nil if nothing is wrong.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	problems := slices.Clone(r.problems)
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Error{Problems: problems}
}

var index = regexp.MustCompile(`\[[0-9]+\]`)

// name is a path as people read it: which entry of a list it is, the line says.
func name(path string) string {
	if path == "" {
		return "the policy"
	}
	return index.ReplaceAllString(path, "")
}

// quote repeats what somebody typed, short and harmless.
func quote(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}

// printable is somebody else's sentence on one line, without what could garble
// a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, text)
}
