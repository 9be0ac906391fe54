package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"revoke-sessions/graph/graphtest"
)

// steers begin what terminals obey, or turn what is read.
const steers = "\x1b\a\u009b\u202e"

// What a script hands on from elsewhere comes back in complaints, and must not
// steer the terminal of whoever reads them.
func TestComplaintsSteerNoTerminal(t *testing.T) {
	th := newTheatre(t)
	for _, args := range [][]string{
		{"--user-id", "carol@contoso.example", "a\x1b]0;b\a\x1b[2J"},
		{"--out\x1b[2J"},
		{"--user-id", "carol@contoso.example", "--policy=a\x1b[2J"},
		{"--user-id", "carol@contoso.example", "--confirm=false", "--rhv=a\x1b[2J\u202e/x"},
		{"--user-id", "carol@contoso.example", "--confirm=false", "--database=sqlite:/nowhere/a\x1b[2J/x"},
		{"--user-id", "carol\u009b2J"},
		{"--input-object", "./a\x1b[2J"},
		{"--header", "Host\x1b[2J=1", "--user-id", "carol@contoso.example", "--confirm=false"},
	} {
		code, out, says := th.revokes(t.Context(), args...)
		if code == 0 || strings.ContainsAny(out+says, steers) {
			t.Errorf("%q: exit code %d, %q %q", args, code, out, says)
		}
	}
}

func TestComplaintsKeepTheirLines(t *testing.T) {
	if got, want := shown("cannot:\n  - one\u202e \x1b[2J\n      two"), "cannot:\n  - one [2J\n      two"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Nor may an answer, of Microsoft's or of a proxy's.
func TestDebugSteersNoTerminal(t *testing.T) {
	th := newTheatre(t)
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Apply: true, Status: http.StatusNoContent, Header: http.Header{"X-Odd": {"odd\u009b2J\u202evalue"}}})
	code, out, says := th.revokes(t.Context(), "--user-id", "carol@contoso.example", "--confirm=false", "--debug")
	if code != 0 || !strings.Contains(says, "X-Odd: odd2Jvalue") || strings.ContainsAny(out+says, steers) {
		t.Errorf("exit code %d, %q %q", code, out, says)
	}

	var told bytes.Buffer
	x := &exchanges{next: answer4xx("400 \x1b]0;b\aBad"), listing: &listing{out: &told}, headers: true}
	request, err := http.NewRequest(http.MethodGet, "https://graph.example/beta/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.RoundTrip(request); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(told.String(), "DEBUG: 400 ]0;bBad after") || strings.ContainsAny(told.String(), steers) {
		t.Errorf("%q", told.String())
	}
}

// answer4xx answers with that status line, which Go takes as it comes.
type answer4xx string

func (a answer4xx) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{Status: string(a), StatusCode: http.StatusBadRequest, Body: http.NoBody}, nil
}
