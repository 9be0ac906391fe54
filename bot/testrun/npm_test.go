package testrun

import (
	"runtime"
	"strings"
	"testing"
)

// asker is a test that a missing program skips or fails.
type asker struct {
	*testing.T
	skipped, failed bool
}

func (a *asker) Skip(...any)           { a.skipped = true; runtime.Goexit() }
func (a *asker) Skipf(string, ...any)  { a.skipped = true; runtime.Goexit() }
func (a *asker) Fatalf(string, ...any) { a.failed = true; runtime.Goexit() }

func TestMissingProgramsSkipOrFail(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // nothing is installed
	clients := func(a *asker) { ForeignClients(a, t.TempDir()) }
	packages := func(a *asker) { Packages(a, t.TempDir()) }
	chromium := func(a *asker) { Chromium(a) }
	for _, c := range []struct {
		needs               func(*asker)
		run, node, chromium string
		want                string
	}{
		{clients, "", "", "", "skipped"},
		{clients, "", "required", "", "skipped"},
		{clients, "1", "", "", "skipped"},
		{clients, "1", "required", "", "failed"},
		{packages, "", "", "required", "skipped"},
		{packages, "", "required", "", "failed"},
		{chromium, "", "required", "", "skipped"},
		{chromium, "", "", "required", "failed"},
	} {
		t.Setenv(Variable, c.run)
		t.Setenv(NodeVariable, c.node)
		t.Setenv(ChromiumVariable, c.chromium)
		a := &asker{T: t}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.needs(a)
		}()
		<-ended
		if got := strings.Fields(map[bool]string{true: "skipped "}[a.skipped] + map[bool]string{true: "failed "}[a.failed]); len(got) != 1 || got[0] != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
