//go:build unix

package postgrestest

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// ErrNotInstalled: there is neither a PostgreSQL to start nor the address of one.
var ErrNotInstalled = errors.New("no PostgreSQL: neither initdb and postgres are installed, nor is REVOKE_TEST_POSTGRES_URL set")

// Required reports whether tests must fail for want of a PostgreSQL, because
// REVOKE_TEST_POSTGRES says "required".
func Required() bool { return os.Getenv("REVOKE_TEST_POSTGRES") == "required" }

// binaries finds the folder that holds initdb and postgres.
func binaries() (folder string, err error) { return firstWithBoth(likely()) }

func firstWithBoth(folders []string) (string, error) {
	for _, folder := range folders {
		if executable(filepath.Join(folder, "initdb")) && executable(filepath.Join(folder, "postgres")) {
			return folder, nil
		}
	}
	return "", ErrNotInstalled
}

// likely lists where distributions put the server's binaries, most of which
// leave them out of PATH.
func likely() []string {
	var folders []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil {
			folders = append(folders, filepath.Dir(initdb))
		}
	}
	if said, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(said)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",           // Debian, Ubuntu
		"/usr/pgsql-*/bin",                    // PostgreSQL's own packages for Red Hat
		"/opt/homebrew/opt/postgresql*/bin",   // Homebrew
		"/usr/local/opt/postgresql*/bin",      // Homebrew on Intel
		"/usr/libexec/postgresql*",            // Alpine
		"/usr/local/pgsql/bin",                // built from source
		"/Applications/Postgres.app/*/*/*bin", // Postgres.app
	} {
		found, _ := filepath.Glob(pattern) // which fails for a bad pattern only
		slices.SortFunc(found, newestFirst)
		folders = append(folders, found...)
	}
	return folders
}

var digits = regexp.MustCompile(`\d+`)

// newestFirst orders folders by the first number in them: 9 is older than 15.
func newestFirst(a, b string) int {
	number := func(path string) int {
		n, _ := strconv.Atoi(digits.FindString(path)) // 0 for none, which is last
		return n
	}
	return cmp.Compare(number(b), number(a))
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// unprivileged is whom the server runs as: nil for ourselves. PostgreSQL
// refuses to run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	var missing []error
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			missing = append(missing, err)
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read the ID of user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read the group of user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and there is nobody else to run it: %w", errors.Join(missing...))
}
