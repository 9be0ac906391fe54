//go:build unix

package postgrestest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestBinaries(t *testing.T) {
	folder := func(mode os.FileMode, names ...string) string {
		dir := t.TempDir()
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	useless := []string{
		filepath.Join(t.TempDir(), "missing"),
		folder(0o755, "initdb"), // of the client's package
		folder(0o644, "initdb", "postgres"),
	}
	if _, err := firstWithBoth(useless); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("found in folders that do not have both: %v", err)
	}
	first, second := folder(0o755, "initdb", "postgres"), folder(0o755, "initdb", "postgres")
	got, err := firstWithBoth(slices.Concat(useless, []string{first, second}))
	if err != nil || got != first {
		t.Errorf("found %q, %v; want the first that has both", got, err)
	}
}

func TestNewestFirst(t *testing.T) {
	got := []string{"/usr/lib/postgresql/9.6/bin", "/usr/lib/postgresql/15/bin", "/opt/homebrew/opt/postgresql/bin", "/usr/lib/postgresql/17/bin"}
	slices.SortStableFunc(got, newestFirst)
	want := []string{"/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/9.6/bin", "/opt/homebrew/opt/postgresql/bin"}
	if !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}

func TestRequired(t *testing.T) {
	for value, want := range map[string]bool{"required": true, "": false, "1": false} {
		t.Setenv("REVOKE_TEST_POSTGRES", value)
		if got := Required(); got != want {
			t.Errorf("REVOKE_TEST_POSTGRES=%s: required %v, want %v", value, got, want)
		}
	}
}
