// Package browser_test plays the demo in a real browser: it starts the program as
// anybody would, opens its page in Chromium, and presses, types and reads there. Of the
// project's code nothing but bot/testrun is in its process.
package browser_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"revoke-sessions/bot/testrun"
)

var update = flag.Bool("update", false, "make the pictures in docs/images again")

// root is the module's folder.
var root = filepath.Join("..", "..", "..")

// scratch is the folder for all that the programs of this test write.
var scratch string

func TestMain(m *testing.M) {
	testrun.Parallel(16) // all: the longest mostly waits
	var err error
	if scratch, err = os.MkdirTemp("", "revoke-sessions-browser-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := endOfChromium(); err != nil {
		fmt.Fprintln(os.Stderr, "Chromium:", err)
		code = 1
	}
	if left := processes(scratch); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "processes were left behind:\n%s\n", strings.Join(left, "\n"))
		code = 1
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := os.RemoveAll(scratch); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// processes are the command lines in which a word is, on Linux.
func processes(word string) (found []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte(word)) { // an error: it has just ended
			found = append(found, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return found
}

// program is the path of the program, built from this checkout.
var program = sync.OnceValues(func() (path string, err error) {
	// go test keeps a result until something changes that the test has looked at. It does
	// not know what a compiler looks at, so this looks at each folder of the sources.
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		return "", err
	}
	path = filepath.Join(scratch, "revoke-sessions")
	build := exec.Command("go", "build", "-o", path, "./cmd/revoke-sessions")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})
