package browser_test

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// demo is a running demo.
type demo struct {
	url     string
	process *os.Process
}

// startDemo starts a demo on a free port, and ends it with the test.
func startDemo(t *testing.T) *demo {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	cmd := exec.Command(path, "demo", "--addr", "127.0.0.1:0", "--logs")
	cmd.Env = append(os.Environ(), "TMPDIR="+folder)
	mortal(cmd)
	var log lines
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	said := bufio.NewScanner(out)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		err := <-ended
		if !late.Stop() {
			err = errors.New("it did not end within 20 seconds, and was killed")
		}
		if err != nil {
			t.Errorf("the demo: %v", err)
		}
		if t.Failed() {
			t.Logf("the last that the bot logged:\n%s", log.last(30))
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("the demo left behind: %v, %v", left, err)
		}
	})
	address := make(chan string, 1)
	go func() {
		open := regexp.MustCompile(`Open (http://\S+)`)
		for said.Scan() {
			if found := open.FindStringSubmatch(said.Text()); found != nil {
				address <- found[1]
			}
		}
		close(address)
		ended <- cmd.Wait()
	}()
	select {
	case url, ok := <-address:
		if !ok {
			t.Fatal("the demo ended before it had a page")
		}
		return &demo{url: url, process: cmd.Process}
	case <-time.After(time.Minute):
		t.Fatal("the demo has no page after a minute")
	}
	return nil
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) last(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.SplitAfter(l.text.String(), "\n")
	return strings.Join(all[max(0, len(all)-n):], "")
}
