package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pseudoTerminal makes a terminal: what a person types and sees, and the file
// that a program has for it.
func pseudoTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { person.Close() })
	raw, err := person.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var failed error
	err = raw.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			n, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
		if failed == nil {
			failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 100})
		}
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

func TestTerminal(t *testing.T) {
	person, program := pseudoTerminal(t)
	if !isTerminal(program) {
		t.Fatal("a terminal counts as none")
	}
	go person.Write([]byte("?\nall\n"))
	got, err := newQuestioner(program, program).ask(t.Context(), "Revoke?")
	if err != nil || got != yesToAll {
		t.Errorf("%d, %v", got, err)
	}
}

// TestQuestionAtTheTerminalOfAPipeline runs a process of its own, whose
// standard input is no terminal: once with a controlling terminal, once
// without any.
func TestQuestionAtTheTerminalOfAPipeline(t *testing.T) {
	const inChild = "REVOKE_SESSIONS_TEST_QUESTION"
	if os.Getenv(inChild) != "" {
		terminal, err := openTerminal()
		if err != nil {
			fmt.Println("no terminal:", err)
			return
		}
		defer terminal.Close()
		a, err := newQuestioner(terminal, terminal).ask(context.Background(), "Revoke for the pipeline?")
		fmt.Println("answered:", a == yesOne, err)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := func() *exec.Cmd {
		c := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v=false")
		c.Env = append(os.Environ(), inChild+"=1")
		c.Stdin = strings.NewReader(`{"userId":"carol@contoso.example"}`)
		return c
	}
	t.Run("with one", func(t *testing.T) {
		person, program := pseudoTerminal(t)
		c := child()
		c.ExtraFiles = []*os.File{program}
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
		go func() {
			screen := bufio.NewReader(person)
			if _, err := screen.ReadString(':'); err == nil { // the end of the question
				_, _ = person.Write([]byte("y\n"))
			}
		}()
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "answered: true <nil>") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("without", func(t *testing.T) {
		c := child()
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "no terminal: "+string(errNobodyToAsk)) {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// TestBarOnATerminal: auto finds a terminal and its width; none draws nothing.
func TestBarOnATerminal(t *testing.T) {
	for mode, want := range map[string]string{
		"auto": "\r[--------------------] 0/2  0 seconds so far  " + strings.Repeat("a", 53) + "\r" + strings.Repeat(" ", 99) + "\r" + "the end\r\n",
		"none": "the end\r\n",
	} {
		person, program := pseudoTerminal(t)
		p := newProgress(mode, program, 2, time.Now)
		p.start(strings.Repeat("a", 70))
		p.stop()
		fmt.Fprintln(program, "the end")
		got, err := bufio.NewReader(person).ReadString('\n')
		if err != nil || got != want {
			t.Errorf("%s: the terminal gets\n%q, %v; want\n%q", mode, got, err, want)
		}
	}
}

// The exchanges of --debug have lines of their own beside the bar.
func TestDebugBesideTheBar(t *testing.T) {
	th := newTheatre(t)
	person, program := pseudoTerminal(t)
	var screen bytes.Buffer
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(&screen, person) // an error is the terminal's end
		close(closed)
	}()
	code := run(t.Context(), []string{"revoke", "--user-id", "carol@contoso.example", "--user-id", "bob@contoso.example", "--confirm=false", "--debug"},
		th.getenv, strings.NewReader(""), io.Discard, program, th.at)
	program.Close()
	<-closed
	if code != 0 || !strings.Contains(screen.String(), "] 1/2") || !strings.Contains(screen.String(), "DEBUG: POST ") {
		t.Fatalf("exit code %d\n%q", code, &screen)
	}
	said := strings.Split(screen.String(), "DEBUG: ")
	for i, before := range said[:len(said)-1] {
		if before != "" && !strings.HasSuffix(before, "\n") && !strings.HasSuffix(before, "\r") {
			t.Errorf("%q stands before %q", before, said[i+1])
		}
	}
}
