package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestAnswers(t *testing.T) {
	for _, row := range []struct {
		typed string
		want  answer
		asked int // how often
		says  string
	}{
		{"y\n", yesOne, 1, ""}, {"Yes\r\n", yesOne, 1, ""}, {" Y \n", yesOne, 1, ""},
		{"n\n", no, 1, ""}, {"NO\n", no, 1, ""},
		{"a\n", yesToAll, 1, ""}, {"all\n", yesToAll, 1, ""},
		{"q\n", quitAll, 1, ""}, {"QUIT\n", quitAll, 1, ""},
		{"?\nn\n", no, 2, "skip this account"}, {"help\ny\n", yesOne, 2, "skip this account"},
		{"\nyep\ny es\ny\n", yesOne, 4, "Please type y, n, a or q"},
	} {
		var out bytes.Buffer
		got, err := newQuestioner(strings.NewReader(row.typed), &out).ask(t.Context(), "Revoke all sessions of \x1b[31mCarol\u202e?")
		if err != nil || got != row.want {
			t.Errorf("%q is %d, %v; want %d", row.typed, got, err, row.want)
		}
		if n := strings.Count(out.String(), "Revoke all sessions of [31mCarol? [y]es, [n]o, yes to [a]ll, [q]uit"); n != row.asked {
			t.Errorf("%q: asked %d times, want %d:\n%q", row.typed, n, row.asked, out.String())
		}
		if !strings.Contains(out.String(), row.says) {
			t.Errorf("%q: it does not say %q:\n%s", row.typed, row.says, out.String())
		}
	}
}

func TestHelpInADrill(t *testing.T) {
	th := newTheatre(t)
	th.at.terminal = &atTerminal{Reader: strings.NewReader("?\nn\n")}
	_, _, says := th.revokes(t.Context(), "--user-id", "carol@contoso.example", "--drill")
	if !strings.Contains(says, "y  rehearse with this account") || !strings.Contains(says, "a  rehearse with this account") || strings.Contains(says, "revoke all sessions of this") {
		t.Error(says)
	}
}

func TestOneQuestionAfterTheOther(t *testing.T) {
	q := newQuestioner(strings.NewReader("y\nn\na"), io.Discard)
	for _, want := range []answer{yesOne, no} {
		if got, err := q.ask(t.Context(), "Revoke?"); err != nil || got != want {
			t.Errorf("%d, %v; want %d", got, err, want)
		}
	}
	// Whether an answer without Enter was meant, nobody knows.
	for range 2 {
		if got, err := q.ask(t.Context(), "Revoke?"); !errors.Is(err, errNoAnswer) || got != no || !strings.Contains(err.Error(), "--confirm=false") {
			t.Errorf("at the end of input: %d, %v", got, err)
		}
	}
}

func TestTerminalThatIsGone(t *testing.T) {
	broken := errors.New("it is gone")
	if got, err := newQuestioner(iotest.ErrReader(broken), io.Discard).ask(t.Context(), "Revoke?"); !errors.Is(err, broken) || got != no {
		t.Errorf("%d, %v", got, err)
	}
}

// TestInterruptedQuestion presses Ctrl-C at a question: it ends at once, and
// what is typed afterwards answers the next one, if there is any.
func TestInterruptedQuestion(t *testing.T) {
	in, keyboard := io.Pipe()
	defer keyboard.Close()
	asked := make(signalWriter, 10)
	q := newQuestioner(in, asked)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { _, err := q.ask(ctx, "Revoke?"); ended <- err }()
	<-asked
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it still waits for an answer")
	}
	go keyboard.Write([]byte("y\n"))
	if got, err := q.ask(t.Context(), "Revoke?"); err != nil || got != yesOne {
		t.Errorf("the next question: %d, %v", got, err)
	}
	// An Enter that comes with the Ctrl-C does not count.
	q.out = io.Discard
	for range 50 {
		q.reading = make(chan typed, 1)
		q.reading <- typed{line: "y\n"}
		if got, err := q.ask(ctx, "Revoke?"); !errors.Is(err, context.Canceled) || got != no {
			t.Fatalf("after the end: %d, %v", got, err)
		}
	}
}

// signalWriter tells of each write.
type signalWriter chan struct{}

func (w signalWriter) Write(p []byte) (int, error) {
	w <- struct{}{}
	return len(p), nil
}

func TestNoTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for name, x := range map[string]any{"nothing": nil, "a reader": strings.NewReader(""), "/dev/null": null, "a pipe": r} {
		if isTerminal(x) {
			t.Errorf("%s counts as a terminal", name)
		}
	}
}
