package testrun

import (
	"runtime"
	"strings"
	"testing"
)

// asker is a test that ForeignClients may skip or fail.
type asker struct {
	*testing.T
	skipped, failed bool
}

func (a *asker) Skip(...any)           { a.skipped = true; runtime.Goexit() }
func (a *asker) Skipf(string, ...any)  { a.skipped = true; runtime.Goexit() }
func (a *asker) Fatalf(string, ...any) { a.failed = true; runtime.Goexit() }

func TestForeignClientsSkipOrFail(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // there is no Node
	for _, c := range []struct{ run, node, want string }{
		{"", "", "skipped"},
		{"", "required", "skipped"},
		{"1", "", "skipped"},
		{"1", "required", "failed"},
	} {
		t.Setenv(Variable, c.run)
		t.Setenv(NodeVariable, c.node)
		a := &asker{T: t}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			ForeignClients(a, t.TempDir())
		}()
		<-ended
		if got := strings.Fields(map[bool]string{true: "skipped "}[a.skipped] + map[bool]string{true: "failed "}[a.failed]); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s=%q, %s=%q: %v, want %s", Variable, c.run, NodeVariable, c.node, got, c.want)
		}
	}
}
