package accounts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"revoke-sessions/bot"
)

// usersIdentity is an InputObject as PowerShell writes it.
const usersIdentity = `{
  "AgreementAcceptanceId": null,
  "UserId": "carol@contoso.example",
  "additional": {"userId": "mallory@contoso.example", "n": [1, 2.5e3, true]},
  "WorkbookTableId": null
}`

func TestReadTargets(t *testing.T) {
	const object = "0C0C0C0C-1111-4222-8333-4444ABCDEF00"
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, row := range []struct {
		name        string
		ids, inputs []string
		stdin       string
		want        []string
	}{
		{"one user ID", []string{object}, nil, "", []string{object}},
		{"blanks around it", []string{" carol@contoso.example\r\n"}, nil, "", []string{"carol@contoso.example"}},
		{"an object as an argument", nil, []string{`{"userId":"a@x"}`}, "", []string{"a@x"}},
		{"user IDs first, then inputs in order", []string{"z@x", "y@x"}, []string{`{"userId":"b@x"}`, "-", file("c.json", `[{"userId":"c@x"}]`)}, `{"userId":"a@x"}`, []string{"z@x", "y@x", "b@x", "a@x", "c@x"}},
		{"each once, in any case", []string{"a@x", "A@X"}, []string{`[{"userId":"a@x "},{"userId":"b@x"},{"userId":"B@x"}]`}, "", []string{"a@x", "b@x"}},
		{"what PowerShell writes", nil, []string{usersIdentity}, "", []string{"carol@contoso.example"}},
		{"any case of the key", nil, []string{`[{"USERID":"a@x"},{"userid":"b@x"},{"UserId":"c@x"}]`}, "", []string{"a@x", "b@x", "c@x"}},
		{"the key twice with one value", nil, []string{`{"userId":"a@x","UserId":"\u0061@x"}`}, "", []string{"a@x"}},
		{"JSON Lines", nil, []string{"-"}, "{\"userId\":\"a@x\"}\r\n\r\n{\"userId\":\"b@x\"}\n", []string{"a@x", "b@x"}},
		{"values one after the other", nil, []string{`{"userId":"a@x"}{"userId":"b@x"} [{"userId":"c@x"}][] [{"userId":"d@x"}]`}, "", []string{"a@x", "b@x", "c@x", "d@x"}},
		{"blanks and a byte order mark", nil, []string{"\ufeff \n\t{\"userId\":\"a@x\"} "}, "", []string{"a@x"}},
		{"a file with a byte order mark", nil, []string{file("bom.json", "\ufeff{\"userId\":\"jörg@x\"}")}, "", []string{"jörg@x"}},
		{"what Windows PowerShell writes", nil, []string{file("le.json", inUTF16(`{"userId":"jörg@x"}`, false))}, "", []string{"jörg@x"}},
		{"the same the other way round", nil, []string{"-"}, inUTF16(`{"userId":"jörg@x"}`, true), []string{"jörg@x"}},
		{"an input with nobody in it", []string{"a@x"}, []string{"[]", "-"}, " \n", []string{"a@x"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Read(row.ids, row.inputs, strings.NewReader(row.stdin))
			if err != nil || !slices.Equal(got, row.want) {
				t.Errorf("%q, %v; want %q", got, err, row.want)
			}
		})
	}
}

func inUTF16(text string, bigEndian bool) string {
	var b []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		if bigEndian {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

func TestReadTargetsRefuses(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(bad, []byte("[\n {\"userId\": \"a@x\"},\n {\"userId\": null},\n\n {\"userId\":\n  7}, 3,\n {\"id\": \"b@x\"}\n]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a", 400) + "@x"
	for _, row := range []struct {
		name        string
		ids, inputs []string
		stdin       string
		says        []string
	}{
		{"nobody", nil, nil, "", []string{"no account was named", "--user-id", "--input-object", `{"userId": "carol@contoso.example"}`}},
		{"an empty array", nil, []string{"[]"}, "", []string{"no account was named"}},
		{"an empty standard input", nil, []string{"-"}, "", []string{"no account was named"}},
		{"no name", []string{""}, nil, "", []string{"--user-id: the name is empty", "object ID"}},
		{"me", []string{"me"}, nil, "", []string{`"me" does not name an account`}},
		{"two with a comma", []string{"carol.target@contoso.example,dave@contoso.example"}, nil, "", []string{`"carol.target@contoso.example,dave@contos…" does not name an account: it names 2 accounts, and each must be named by itself`}},
		{"three with semicolons", nil, []string{`{"userId":"a@x; b@x;c@x"}`}, "", []string{`"a@x; b@x;c@x" does not name an account: it names 3 accounts`}},
		{"two with a blank", []string{"a@x 0c0c0c0c-1111-4222-8333-4444abcdef00"}, nil, "", []string{"it names 2 accounts"}},
		{"a comma after it", []string{"a@x,"}, nil, "", []string{"there is a comma, a semicolon or a bar beside the account"}},
		{"angle brackets", []string{"<a@x>"}, nil, "", []string{"the address must not be in angle brackets"}},
		{"as mail programs write it", []string{"Carol Target <a@x>"}, nil, "", []string{"only the address counts, without the angle brackets"}},
		{"a short name", []string{"carol"}, nil, "", []string{"it has no @, and is not an object ID"}},
		{"two ats", []string{"a@b@c"}, nil, "", []string{"it has more than one @"}},
		{"a quotation mark", []string{`"a@x"`}, nil, "", []string{`it has a "\"" in it`}},
		{"a mention", []string{"<@U0CAROL>"}, nil, "", []string{`"<@U0CAROL>" does not name an account`}},
		{"the directory above", []string{".."}, nil, "", []string{`".." does not name an account`}},
		{"what does not show", nil, []string{`{"userId":"ca\u202erol@x"}`}, "", []string{`item 1 (line 1 of --input-object): "carol@x" does not name an account: it has blanks, or characters that do not show`}},
		{"a terminal's codes", []string{"a\x1b[31m@x"}, nil, "", []string{`"a[31m@x" does not name an account`}},
		{"too long", []string{long}, nil, "", []string{": it has 402 bytes; 320 are the most"}},
		{"objects of every wrong kind, where they stand", nil, []string{bad}, "", []string{
			"item 2 (line 3 of " + bad + ") has a \"userId\" that is null", "item 3 (line 5 of " + bad + ") has a \"userId\" that is not text",
			"item 4 (line 6 of " + bad + ") is not an object", "item 5 (line 7 of " + bad + `) has no "userId"`, "Get-MgUser"}},
		{"blank", nil, []string{"-"}, `{"userId":" "}`, []string{`item 1 (line 1 of standard input) has a "userId" that is blank`}},
		{"an array in an array", nil, []string{`[[{"userId":"a@x"}]]`}, "", []string{"item 1 (line 1 of --input-object) is not an object"}},
		{"a name alone", nil, []string{"-"}, `"a@x"`, []string{"item 1 (line 1 of standard input) is not an object"}},
		{"two names in one object", nil, []string{`{"userId":"a@x","UserID":"b@x"}`}, "", []string{`has "userId" twice, with different values`}},
		{"a name and nothing in one object", nil, []string{`{"userId":"a@x","UserID":null}`}, "", []string{`has "userId" twice, with different values`}},
		{"the same key twice", nil, []string{`{"userId":"a@x","userId":"b@x"}`}, "", []string{`has "userId" twice, with different values`}},
		{"a list of names that is not valid JSON", nil, []string{"-"}, "a@x\nb@x\n", []string{"standard input is not valid JSON from line 1 on"}},
		{"broken in the third line", nil, []string{"-"}, "[\n{\"userId\":\"a@x\"},\n{\"userId\" \"b@x\"}\n]\n", []string{"standard input is not valid JSON from line 3 on"}},
		{"cut off", nil, []string{"-"}, "[{\"userId\":\"a@x\"},\n", []string{"standard input is not valid JSON from line 2 on: it ends in the middle"}},
		{"cut off in an object", nil, []string{"-"}, "{\"userId\":", []string{"it ends in the middle"}},
		{"an array without its end", nil, []string{`[{"userId":"a@x"}`}, "", []string{"it ends in the middle"}},
		{"a comma too many", nil, []string{`{"userId":"a@x"},`}, "", []string{"is not valid JSON from line 1 on"}},
		{"a comma too many in an array", nil, []string{`[{"userId":"a@x"},]`}, "", []string{"is not valid JSON from line 1 on"}},
		{"a comma too few", nil, []string{`[{"userId":"a@x"} {"userId":"b@x"}]`}, "", []string{"is not valid JSON from line 1 on"}},
		{"an end too many", nil, []string{`{"userId":"a@x"}]`}, "", []string{"is not valid JSON from line 1 on"}},
		{"nested without end", nil, []string{strings.Repeat("[", 20_000)}, "", []string{"is not valid JSON from line 1 on"}},
		{"no text", nil, []string{"-"}, "{\"userId\":\"j\xf6rg@x\"}", []string{"standard input is not text in UTF-8"}},
		{"half a character", nil, []string{"-"}, inUTF16(`{"userId":"a@x"}`, false) + "x", []string{"standard input is not text in UTF-8"}},
		{"a lost half of a character", nil, []string{`{"userId":"a\ud800@x"}`}, "", []string{"does not name an account"}},
		{"no such file", nil, []string{filepath.Join(dir, "no\u202ene.json")}, "", []string{filepath.Join(dir, "none.json") + " cannot be read: no such file or directory", "or - for standard input"}},
		{"a directory", nil, []string{dir}, "", []string{dir + " cannot be read: is a directory"}},
		{"a file without a name", nil, []string{""}, "", []string{"cannot be read"}},
		{"standard input twice", nil, []string{"-", "-"}, `{"userId":"a@x"}`, []string{"--input-object - was given twice"}},
		{"too much", nil, []string{"-"}, strings.Repeat(" ", maxInput+1), []string{"standard input is too long: all input together may have at most 16 MiB"}},
		{"too much together", nil, []string{`{"userId":"a@x"}`, "-"}, strings.Repeat(" ", maxInput), []string{"standard input is too long"}},
		{"several mistakes at once", []string{"me", "carol"}, []string{`{"a":1}`, `{`}, "", []string{`"me"`, `"carol"`, `has no "userId"`, "ends in the middle"}},
		{"many mistakes", slices.Repeat([]string{"me"}, 13), nil, "", []string{"and 3 more"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Read(row.ids, row.inputs, strings.NewReader(row.stdin))
			if _, ok := errors.AsType[Problem](err); !ok || got != nil {
				t.Fatalf("it is read as %q, %v", got, err)
			}
			for _, words := range row.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("it does not say %q:\n%v", words, err)
				}
			}
			if strings.Count(err.Error(), expectedAccount) > 1 || strings.Count(err.Error(), "\n  - ") > maxMistakes+1 {
				t.Errorf("it says too much:\n%v", err)
			}
			if !readable(err.Error()) {
				t.Errorf("it prints what does not show: %q", err)
			}
		})
	}
}

// readable reports that nothing in a text works on a terminal, lines apart.
func readable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
}

func TestReadTargetsCounts(t *testing.T) {
	many := func(n int) io.Reader {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "{\"userId\":\"user%d@contoso.example\"}\n", i)
		}
		return strings.NewReader(b.String())
	}
	got, err := Read([]string{"user0@contoso.example"}, []string{"-"}, many(maxTargets))
	if err != nil || len(got) != maxTargets {
		t.Errorf("%d accounts, %v; want all", len(got), err)
	}
	_, err = Read([]string{"one@contoso.example"}, []string{"-"}, many(maxTargets))
	if _, ok := errors.AsType[Problem](err); !ok || !strings.Contains(err.Error(), "more than 100000 accounts") {
		t.Errorf("one too many: %v", err)
	}
}

func TestReadTargetsPassesOnWhatReadingSays(t *testing.T) {
	_, err := Read(nil, []string{"-"}, failingReader{})
	if err == nil || !strings.Contains(err.Error(), "standard input cannot be read: it is gone") {
		t.Error(err)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("it is gone") }

// FuzzInputObject: nothing makes it panic, what it refuses it explains in
// words that show, and what it accepts the bot understands, and is the same
// when it is written and read again.
func FuzzInputObject(f *testing.F) {
	for _, text := range []string{
		"", "{}", "[]", "[", "{", "]", ",", "null", `"a@x"`, usersIdentity, `{"userId":"a@x"}{"USERID":"b@x"}`, `[{"userId":"a@x"},{"userId":null}]`, `[[{"userId":"a@x"}]]`,
		`{"userId":"a@x","UserId":"b@x"}`, `{"userId":"0C0C0C0C-1111-4222-8333-4444ABCDEF00"}`, `{"userId":"o’neill@x"}`, `{"userId":"\ud800@x"}`, `{"userId":"a\u0000@x"}`,
		"\ufeff{\"userId\":\"a@x\"}\n{\"userId\":\" b@x\\n\"}", inUTF16(`{"userId":"jörg@x"}`, false), inUTF16(`[]`, true) + "x", `{"userId":"..","userId":".."}`, `{"userId":{"userId":"a@x"}}`, "[1,2e9,true,-]",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Read(nil, []string{"-"}, strings.NewReader(text))
		if looksLikeJSON(text) {
			same, sameErr := Read(nil, []string{text}, nil)
			if !slices.Equal(got, same) || (err == nil) != (sameErr == nil) {
				t.Fatalf("from standard input %q, %v; as an argument %q, %v", got, err, same, sameErr)
			}
		}
		if err != nil {
			if _, ok := errors.AsType[Problem](err); !ok || got != nil || !readable(err.Error()) || len(err.Error()) > 4000 {
				t.Fatalf("%q, %q", got, err)
			}
			return
		}
		if len(got) == 0 {
			t.Fatal("it names nobody, and that is no error")
		}
		type object struct {
			UserID string `json:"userId"`
		}
		var objects []object
		seen := map[string]bool{}
		for _, target := range got {
			whom, ok := bot.ParseAccount(target)
			if !ok || whom == (bot.Whom{}) || whom.Me || whom.SlackID != "" || seen[strings.ToLower(target)] {
				t.Fatalf("%q is among %q", target, got)
			}
			seen[strings.ToLower(target)] = true
			objects = append(objects, object{target})
		}
		written, err := json.Marshal(objects)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Read(nil, []string{string(written)}, nil)
		if err != nil || !slices.Equal(got, again) {
			t.Fatalf("%q written and read again is %q, %v", got, again, err)
		}
	})
}
