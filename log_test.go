package revokesessions_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logKeys is the one vocabulary of the logs: who looks for something finds it
// under one name everywhere. None of them holds what somebody typed, a name, an
// address of a person or a secret.
var logKeys = map[string]string{
	// What a line is about.
	"request":    "ID of the request, REQ-…",
	"arrival":    "number of the stored act that the line is about",
	"envelope":   "Slack's ID of the envelope that brought it",
	"freeze":     "number of the freeze",
	"notice":     "key of an announcement",
	"key":        "which of a request's messages: card, receipt:U…, result:1 …",
	"socket":     "number of the socket in this process",
	"dependency": "what the bot cannot work without: database, slack, entra",
	// Who and where, by Slack's IDs.
	"user":    "who acted",
	"actor":   "who acted, as in the audit row: a Slack user, bot, clock, policy, os:…",
	"channel": "the channel", "team": "the workspace", "app": "the Slack app",
	// What happened.
	"kind":    "of what arrived: command, click or form",
	"action":  "of the audit row: a state that was reached, or what else happened",
	"state":   "of the request, after it",
	"wanted":  "the action that was refused",
	"reason":  "why, by the code's own names",
	"outcome": "what is known of a call to Microsoft: done, not_done, unknown",
	"scope":   "whose limit at Microsoft, and to what", "used": "the share of it that is used up; 1 is all",
	"status": "HTTP status of Microsoft's answer", "code": "its error code",
	"graph_request_id": "Microsoft's ID of the call", "client_request_id": "ours of the same call",
	"error":   "what failed; no token, address of an answer, or body",
	"problem": "what is wrong with the set-up", "remedy": "what to do about it",
	"panic": "a defect's type, or what the runtime says of it", "stack": "where it was",
	"response_url_error": "why a private answer was not taken", "direct_error": "why not as a direct message either",
	// Numbers.
	"have": "votes given", "need": "votes needed", "ended": "whether the freeze is over", "until": "when it ends by itself", "by": "how far a clock was set, or is from another",
	"arrivals": "how many stored acts", "approvers": "how many approvers are named or could decide", "looked_up": "how many of them were looked up",
	"able": "how many could decide", "found": "how many were found", "problems": "how many there are",
	"acks": "how many could not be sent", "in_a_row": "how often it happened without a success", "pause": "how long until the next attempt",
	"expected_seconds": "how long Slack means to keep the connection", "slack_counts": "sockets that Slack counts for the app", "own": "sockets that are ours",
	"allowed": "sockets that Slack allows for one app", "strangers": "sockets that are none of ours", "for": "how long it has been so",
	// The start.
	"credential": "kind of the sign-in at Microsoft", "cloud": "Microsoft's cloud", "operation": "what a confirmation does", "fallback": "what is done where that is not possible",
	"policy": "path of the policy file", "policy_digest": "digest of the policy in force", "database": "where the database is", "address": "where health and numbers are served",
	// The audit chain's anchor.
	"seq": "number of the last row, or of the one that was noted", "hash": "its hash", "head": "number of the last row of a database that has lost some",
	"missing": "what the chain does not show of a stored request", "kept": "approvals that still count", "lapsed": "those that do not",
}

// logCall is one call of a logger in the source.
type logCall struct {
	where string
	// keys are its own; about, those it must have.
	keys  []string
	about []string
}

// TestLogKeys: every key of a log line is in the vocabulary and written in the
// call, every word of the vocabulary is used, and where a request or an arrival
// is at hand it is on the line.
func TestLogKeys(t *testing.T) {
	used := map[string]bool{}
	for _, call := range logCalls(t) {
		for _, key := range call.keys {
			used[key] = true
			if logKeys[key] == "" {
				t.Errorf("%s: the log knows no key %q: use one of %q, or put it into logKeys", call.where, key, slices.Sorted(maps.Keys(logKeys)))
			}
		}
		for _, key := range call.about {
			if !slices.Contains(call.keys, key) {
				t.Errorf("%s: what the line is about is at hand: it must carry %q", call.where, key)
			}
		}
	}
	for key := range logKeys {
		if !used[key] {
			t.Errorf("no line has the key %q", key)
		}
	}
}

// logMethods are slog's, with the number of arguments before the first key.
var logMethods = map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "Log": 3, "With": 0}

func logCalls(t *testing.T) (all []logCall) {
	t.Helper()
	files := token.NewFileSet()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || strings.Contains(file, "testdata") {
			return err
		}
		parsed, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declared := range parsed.Decls {
			f, ok := declared.(*ast.FuncDecl)
			if !ok {
				continue
			}
			var about []string
			for parameter, key := range map[string]string{"Request": "request", "Arrival": "arrival"} {
				if takes(f, parameter) {
					about = append(about, key)
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				s, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				first, ok := logMethods[s.Sel.Name]
				if !ok || !isLog(s.X) || len(call.Args) < first {
					return true
				}
				one := logCall{where: fmt.Sprint(files.Position(call.Pos()))}
				if s.Sel.Name != "With" && !throughWith(s.X) {
					one.about = about
				}
				if call.Ellipsis.IsValid() {
					t.Errorf("%s: the keys of a log line stand in the call", one.where)
				}
				for i := first; i < len(call.Args); i += 2 {
					key, ok := call.Args[i].(*ast.BasicLit)
					if !ok || key.Kind != token.STRING {
						t.Errorf("%s: the keys of a log line are written out", one.where)
						continue
					}
					text, err := strconv.Unquote(key.Value)
					if err != nil {
						t.Fatal(err)
					}
					one.keys = append(one.keys, text)
				}
				all = append(all, one)
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("only %d log lines were found", len(all))
	}
	return all
}

// isLog reports whether an expression is a logger: by its name, for there are
// no types here, or as what With of one answers.
func isLog(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "log" || x.Name == "slog"
	case *ast.SelectorExpr:
		return x.Sel.Name == "log" || x.Sel.Name == "Log"
	case *ast.CallExpr:
		s, ok := x.Fun.(*ast.SelectorExpr)
		return ok && s.Sel.Name == "With" && isLog(s.X)
	}
	return false
}

// throughWith reports whether a logger carries keys already: it is a variable
// of the function.
func throughWith(x ast.Expr) bool {
	name, ok := x.(*ast.Ident)
	return ok && name.Name == "log"
}

// takes reports whether a function is handed something of that type.
func takes(f *ast.FuncDecl, typeName string) bool {
	for _, p := range f.Type.Params.List {
		kind := p.Type
		if pointer, ok := kind.(*ast.StarExpr); ok {
			kind = pointer.X
		}
		if name, ok := kind.(*ast.Ident); ok && name.Name == typeName {
			return true
		}
	}
	return false
}
