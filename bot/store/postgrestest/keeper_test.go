//go:build unix

package postgrestest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// orphan starts a server, says its folder and address, and waits.
func orphan(how string) int {
	s, err := own(context.Background(), "")
	if err == nil && how == "paused" {
		err = s.Pause()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.cluster.folder, s.Address())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// However the process ends that started a server, the server ends as well and
// leaves nothing behind.
func TestOrphan(t *testing.T) {
	begin(t) // or skip
	for _, how := range []string{"running", "paused", "left without Close"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(deadline(t), os.Args[0])
			cmd.Env = append(os.Environ(), orphanEnv+"="+how)
			cmd.Stderr = os.Stderr
			in, err := cmd.StdinPipe()
			must(t, err)
			out, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			line, err := bufio.NewReader(out).ReadString('\n')
			must(t, err)
			var folder, address string
			_, err = fmt.Sscan(line, &folder, &address)
			must(t, err)
			if how == "left without Close" {
				must(t, in.Close())
			} else {
				must(t, cmd.Process.Kill())
			}
			_ = cmd.Wait() // it was killed
			eventually(t, "the folder is gone", func() bool {
				_, err := os.Stat(folder)
				return errors.Is(err, fs.ErrNotExist)
			})
			eventually(t, "no process has the folder", func() bool { return len(processesIn(t, folder)) == 0 })
		})
	}
}

// processesIn lists the processes whose command line names a folder.
func processesIn(t *testing.T, folder string) (found []string) {
	t.Helper()
	said, err := exec.Command("ps", "-A", "-o", "stat=", "-o", "args=").Output()
	if err != nil {
		t.Skipf("SKIPPED: no ps on this machine: %v", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(said))
	for lines.Scan() {
		if line := lines.Text(); line[0] != 'Z' && strings.Contains(line, folder) {
			found = append(found, line)
		}
	}
	return found
}

func TestForgottenFolders(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	long := time.Now().Add(-time.Hour)
	made := func(name string) string {
		folder := filepath.Join(os.TempDir(), "revoke-sessions-postgres-"+name)
		must(t, os.Mkdir(folder, 0o700))
		return folder
	}
	empty, left, fresh := made("empty"), made("left"), made("fresh")
	must(t, os.WriteFile(filepath.Join(left, "alive"), nil, 0o600))
	used, k, err := newFolder("", nil)
	must(t, err)
	for _, folder := range []string{empty, left, used} {
		must(t, os.Chtimes(folder, long, long))
	}
	wants := map[string]bool{empty: false, left: false, fresh: true, used: true}
	if in := roomInMemory(); in != "" {
		folder := filepath.Join(in, "revoke-sessions-postgres-"+secret())
		must(t, os.Mkdir(folder, 0o700))
		t.Cleanup(func() { _ = os.Remove(folder) })
		must(t, os.Chtimes(folder, long, long))
		wants[folder] = false
	}
	removeForgotten()
	for folder, want := range wants {
		if _, err := os.Stat(folder); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", filepath.Base(folder), err, want)
		}
	}
	must(t, k.close())
	if _, err := os.Stat(used); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the keeper left its folder: %v", err)
	}
}
