package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"revoke-sessions/graph/graphtest"
)

// What --header set is shown nowhere, whatever it is called: not with the request,
// not where an answer repeats it, not in the file of the answers' headers, and not
// in a complaint.
func TestHeadersThatWereSetAreNotShown(t *testing.T) {
	t.Parallel()
	th := newTheatre(t)
	const hidden, short = "hunter2-hunter2", "q7"
	th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Apply: true, Status: http.StatusNoContent,
		Header: http.Header{"X-Echo": {"you sent " + hidden}, "X-Corp-Badge": {"another"}, "X-Plain": {"plain"}}})
	file := filepath.Join(t.TempDir(), "headers.json")
	code, out, says := th.revokes(t.Context(), "--user-id", "carol@contoso.example", "--confirm=false", "--debug",
		"--response-headers-variable", file, "--header", "X-Corp-Badge="+hidden, "--header", "x-corp-door="+short)
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if all := out + says + string(kept); code != 0 || strings.Contains(all, hidden) || strings.Contains(all, short+"\n") || strings.Contains(all, "another") {
		t.Errorf("exit code %d:\n%s", code, all)
	}
	for _, want := range []string{"> X-Corp-Badge: REDACTED", "> X-Corp-Door: REDACTED", "< X-Echo: REDACTED", "< X-Plain: plain"} {
		if !strings.Contains(says, want) {
			t.Errorf("%q is not told:\n%s", want, says)
		}
	}
	if posts := th.entra.Posts(); len(posts) != 1 {
		t.Errorf("Graph got %d POSTs", len(posts))
	}

	code, out, says = th.revokes(t.Context(), "--user-id", "carol@contoso.example", "--confirm=false", "--header", "Good=1", "--header", hidden)
	if code == 0 || strings.Contains(out+says, hidden) || !strings.Contains(says, "the one at place 2 must be KEY=VALUE") {
		t.Errorf("exit code %d, %q %q", code, out, says)
	}
}
