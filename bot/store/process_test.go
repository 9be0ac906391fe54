package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// process is this test binary, running one of the children's jobs.
type process struct {
	*exec.Cmd
	lines *bufio.Reader
}

func begin(t *testing.T, job, path string, as *syscall.Credential) *process {
	t.Helper()
	// The link works even for a user who cannot reach the binary's folder.
	cmd := exec.CommandContext(deadline(t), "/proc/self/exe", path)
	if _, err := os.Stat(cmd.Path); err != nil {
		cmd.Path = os.Args[0]
	}
	cmd.Env = append(os.Environ(), childJob+"="+job)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &process{cmd, bufio.NewReader(out)}
}

// line reads the next whole line of the process; false once it has ended.
func (p *process) line(t *testing.T) (string, bool) {
	t.Helper()
	line, err := p.lines.ReadString('\n')
	if err == io.EOF {
		return "", false // a line without an end does not count
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\n"), true
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
}

// child opens a database as `run` does.
func child(path string) (*store.Store, int) {
	s, err := store.Open(context.Background(), "sqlite:"+path, store.Options{Exclusive: true})
	if err != nil {
		fmt.Println(err)
		return nil, 1
	}
	return s, 0
}

// openOnce prints the result of opening.
func openOnce(path string) int {
	s, code := child(path)
	if s == nil {
		return code
	}
	fmt.Println("opened")
	if err := s.Close(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// holdDatabase keeps a database until it is killed.
func holdDatabase(path string) int {
	s, code := child(path)
	if s == nil {
		return code
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test
	return 0
}

// commitForEver receives, creates and decides, and prints each ID once it is stored.
func commitForEver(path string) int {
	s, code := child(path)
	if s == nil {
		return code
	}
	ctx := context.Background()
	for {
		id := fmt.Sprintf("REQ-%d", rand.Uint64())
		a := arrival(0)
		a.Envelope, a.Key = id, id
		a, _, err := s.Receive(ctx, a)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		r := pending(id, id)
		if r, err = s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}, Settles: a.ID}); err == nil {
			fmt.Println(1, id)
			r.State = bot.Approved
			_, err = s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{{Action: "approved", Request: id}}})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(2, id)
	}
}

// writers is the job of n writers on a database. They print whether each commit was
// stored.
func writers(n int) func(url string) int {
	return func(url string) int { return writeForEver(url, n) }
}

func writeForEver(url string, n int) int {
	s, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	var mu sync.Mutex
	writeUntil(context.Background(), n, []*store.Store{s}, func(a answered) {
		mu.Lock()
		defer mu.Unlock()
		said := "stored"
		if errors.Is(a.err, bot.ErrUnclear) {
			said = "unclear"
		} else if a.err != nil {
			said = "failed"
		}
		fmt.Println(said, a.version, a.id)
	})
	return 0
}

// A process killed at any moment has lost nothing that it reported as stored, and
// nothing is half stored.
func TestKilled(t *testing.T) {
	path := newPath(t)
	said := map[string]int64{} // the version of each request
	for round := range 20 {
		p := begin(t, "commit", path, nil)
		for n := 1 + rand.IntN(60); ; n-- {
			if n == 0 {
				p.kill(t)
			}
			line, ok := p.line(t)
			if !ok {
				break
			}
			var version int64
			var id string
			if _, err := fmt.Sscan(line, &version, &id); err != nil {
				t.Fatalf("the process says %q: %v", line, err)
			}
			said[id] = version
		}
		if err := p.Wait(); err == nil || p.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the process ended by itself: %v", err)
		}

		s, err := store.Open(deadline(t), "sqlite:"+path, store.Options{Exclusive: true})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		rows := map[string]int64{}
		for _, e := range chain(t, s, "") {
			rows[e.Request]++
		}
		for id, version := range said {
			if got := stored(t, s, id); got.Version < version {
				t.Errorf("%s has version %d, and %d was said to be stored", id, got.Version, version)
			}
		}
		all, err := s.Open(deadline(t), "", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != len(rows) || len(all) < len(said) {
			t.Errorf("%d requests, %d in the audit chain, %d said to be stored", len(all), len(rows), len(said))
		}
		requests := map[string]bool{}
		for _, r := range all {
			requests[r.ID] = true
			if r.Version != rows[r.ID] || r.Words.Reason == "" || len(r.Askers) != 1 {
				t.Errorf("%s is stored by halves: version %d, %d audit rows, words %+v", r.ID, r.Version, rows[r.ID], r.Words)
			}
		}
		// The arrival is due at once after the restart, or it became a request.
		for _, a := range due(t, s).Arrivals {
			if requests[a.Key] {
				t.Errorf("%s became a request and is still owed", a.Key)
			}
			if err := s.Record(deadline(t), a.ID); err != nil {
				t.Fatal(err)
			}
		}
		closeStore(t, s)
	}
	s := openAt(t, path, store.Options{})
	if got := value[string](t, bypass(t, s), `PRAGMA integrity_check`); got != "ok" {
		t.Errorf("integrity_check: %s", got)
	}
	if len(said) < 20 {
		t.Errorf("only %d requests in 20 rounds", len(said))
	}
}
