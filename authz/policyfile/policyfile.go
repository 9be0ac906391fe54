// Package policyfile reads an authz.Policy from YAML and says in sentences
// what it allows. It is strict: a key that it does not know, a value of
// another type and a rule that nobody could ever fulfil are errors, because a
// policy with a slip of the pen must not be a weaker one. It takes text and
// does no I/O.
package policyfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"

	"revoke-sessions/authz"
)

// MaxSize is the size in bytes up to which a policy is read.
const MaxSize = 64 << 10

// Parse reads a policy. The fallback, from REVOKE_APPROVERS, are the approvers
// of a file that names none; if both name some, that is an error. Digest is the
// SHA-256 of text, and of the fallback too if it was used.
//
// An error is an *Error with all that is wrong. A text that is no YAML has only
// its first mistake named, for nobody could say what the rest was to mean.
func Parse(text []byte, fallback []string) (authz.Policy, error) {
	f := &file{
		tree: tree{places: map[string]place{}, known: map[string]bool{}},
		p:    authz.New(),
	}
	f.p.Digest = digest(text)
	if root := f.document(text); root != nil {
		if v, ok := f.value("", start(root), root); ok {
			v.block(f.keys())
			if f.sound("") { // otherwise it is no block of keys that could lack one
				f.complete(text, presentIn(fallback))
				f.judge()
			}
		}
	}
	if err := f.err(); err != nil {
		return authz.Policy{}, err
	}
	return f.p, nil
}

// Env is the policy without a file: authz.New with the names in
// REVOKE_APPROVERS. Digest is of the names. An error is an *Error whose
// problems have no line.
func Env(approvers []string) (authz.Policy, error) {
	var r report
	names := presentIn(approvers)
	p := authz.New(outside(&r, names)...)
	if len(names) == 0 {
		r.add(fromOutside, place{}, "%s names nobody, so nobody could approve. Give IDs, separated by commas. Each is a %s", fromOutside, approverKinds.wants())
	}
	if err := r.err(); err != nil {
		return authz.Policy{}, err
	}
	p.Digest = digest([]byte(asSetting(p.Approvers)))
	return p, nil
}

const fromOutside = "REVOKE_APPROVERS"

// asSetting is what approvers from outside add to a digest.
func asSetting(names []string) string { return fromOutside + "=" + strings.Join(names, ",") }

func digest(texts ...[]byte) string {
	h := sha256.New()
	for _, text := range texts {
		h.Write(text) // never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}

// presentIn leaves out blank names: a comma too many is no mistake.
func presentIn(names []string) []string {
	var all []string
	for _, n := range names {
		if n = strings.TrimSpace(n); n != "" {
			all = append(all, n)
		}
	}
	return all
}

// outside checks names from REVOKE_APPROVERS.
func outside(r *report, names []string) []string {
	var ids []string
	for _, text := range names {
		id, wrong := approverKinds.parse(text)
		switch {
		case wrong != "":
			r.add(fromOutside, place{}, "%s: %s", fromOutside, wrong)
		case slices.Contains(ids, id):
			r.add(fromOutside, place{}, "%s names %s twice. Keep one", fromOutside, quote(id))
		default:
			ids = append(ids, id)
		}
	}
	return ids
}

// document finds the one document in the text; nil if that is not to be had.
func (f *file) document(text []byte) ast.Node {
	top := place{line: 1, column: 1}
	if len(text) > MaxSize {
		f.add("", top, "the policy is longer than %d KiB. Name groups instead of people, and shorten identity.map", MaxSize>>10)
		return nil
	}
	if !utf8.Valid(text) {
		f.add("", top, "the policy is not UTF-8 text. Save it as UTF-8")
		return nil
	}
	// Some editors on Windows begin a file with a mark that YAML would take
	// for a part of the first key.
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	tokens := lexer.Tokenize(string(text))
	if tk := tooDeep(tokens); tk != nil {
		f.add("", position(tk), "the policy nests deeper than %d levels from here, and no rule needs that. Nothing was checked. Write it as revoke-sessions policy example does", maxDepth)
		return nil
	}
	parsed, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // they are found later, all of them
	if err != nil {
		at, says := top, "it cannot be read"
		var e yaml.Error
		if errors.As(err, &e) {
			at, says = position(e.GetToken()), printable(e.GetMessage())
		}
		f.add("", at, "the policy is not valid YAML from here: %s. Correct the indentation, or put text with special characters in quotes. The rest was not checked", says)
		return nil
	}
	var root ast.Node
	for _, doc := range parsed.Docs {
		directive, isDirective := doc.Body.(*ast.DirectiveNode)
		switch {
		case isDirective:
			f.add("", position(directive.Start), "a policy has no directives (%%). Remove the line")
		case root != nil:
			at := position(doc.Start)
			if doc.Start == nil { // the first document ended with ...
				at = start(doc.Body)
			}
			f.add("", at, "a second document begins here, and its rules would have no effect. Keep one document, and remove the line between them (--- or ...)")
			return root
		case doc.Body != nil:
			root = doc.Body
		}
	}
	if root == nil && f.sound("") {
		f.add("", top, "the policy is empty, or begins with more than one line ---. Start from the output of revoke-sessions policy example")
	}
	return root
}
