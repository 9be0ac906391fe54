package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"revoke-sessions/bot"
)

// answer is what a person said to one question.
type answer int

// The answers. The zero value does nothing.
const (
	no answer = iota
	yesOne
	yesToAll
	quitAll
)

var answers = map[string]answer{
	"y": yesOne, "yes": yesOne,
	"n": no, "no": no,
	"a": yesToAll, "all": yesToAll,
	"q": quitAll, "quit": quitAll,
}

const (
	choices = "[y]es, [n]o, yes to [a]ll, [q]uit, or ? for help: "
	// explain says what the answers do; %[1]s is what a yes does, with its preposition.
	explain = `y  %[1]s this account
n  skip this account and ask about the next one
a  %[1]s this account and all that follow, without asking again
q  skip this account and all that follow
`
)

const errNobodyToAsk = usageError("there is no terminal for the question before each account. " +
	"Use --confirm=false to revoke without a question, or --what-if to see what would happen")

// errNoAnswer is the end of input where an answer was due.
var errNoAnswer = errors.New("the input ended before the question was answered, so this account is not revoked. " +
	"Answer y, n, a or q. In a script, use --confirm=false")

// questioner asks the person at the terminal.
type questioner struct {
	in  *bufio.Reader
	out io.Writer
	yes string // what a yes does, for those who ask for help
	// reading gets the line that is being read; it outlives a question that was
	// given up, because a read cannot be.
	reading chan typed
}

type typed struct {
	line string
	err  error
}

// newQuestioner makes a questioner that writes to out and reads answers from
// in, which must be a terminal, where a person is.
func newQuestioner(in io.Reader, out io.Writer) *questioner {
	return &questioner{in: bufio.NewReader(in), out: out, yes: "revoke all sessions of"}
}

// ask asks until it is answered: an empty line is no answer, and neither is one
// that the input ends in. At the end of input the error is errNoAnswer, and at
// the end of ctx its own, at once.
func (q *questioner) ask(ctx context.Context, text string) (answer, error) {
	if text = bot.Clean(text, 500); text != "" {
		text += " "
	}
	for {
		if _, err := io.WriteString(q.out, text+choices); err != nil {
			return no, fmt.Errorf("ask: %w", err)
		}
		line, err := q.line(ctx)
		if err != nil {
			fmt.Fprintln(q.out) // what comes next begins a line
			return no, err
		}
		word := strings.ToLower(strings.TrimSpace(line))
		if a, ok := answers[word]; ok {
			return a, nil
		}
		if word == "?" || word == "help" {
			fmt.Fprintf(q.out, explain, q.yes)
		} else {
			fmt.Fprintln(q.out, "Please type y, n, a or q and press Enter.")
		}
	}
}

// line is the next line that is typed.
func (q *questioner) line(ctx context.Context) (string, error) {
	if q.reading == nil {
		q.reading = make(chan typed, 1)
		go func(reading chan<- typed) {
			line, err := q.in.ReadString('\n')
			reading <- typed{line, err}
		}(q.reading)
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case t := <-q.reading:
		q.reading = nil
		switch {
		case ctx.Err() != nil: // Ctrl-C just before Enter is no yes
			return "", ctx.Err()
		case errors.Is(t.err, io.EOF):
			return "", errNoAnswer
		case t.err != nil:
			return "", fmt.Errorf("read the answer: %w", t.err)
		}
		return t.line, nil
	}
}

// isTerminal reports whether x is a file behind which a person may be.
// /dev/null is none, though it is a character device, too.
func isTerminal(x any) bool {
	f, ok := x.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}
