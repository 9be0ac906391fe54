package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"revoke-sessions/bot/message"
)

// errQuit: the person who was asked wants nothing more to start.
var errQuit = errors.New("quit")

// openQuestions finds the person to ask. If standard input holds the accounts,
// that is the person at the terminal.
func (p *revoking) openQuestions(s *surroundings) error {
	if s.at.terminal != nil {
		p.ask = newQuestioner(s.at.terminal, s.stderr)
		return nil
	}
	if !slices.Contains(p.command.InputObject, "-") {
		if !isTerminal(s.stdin) {
			return errNobodyToAsk
		}
		p.ask = newQuestioner(s.stdin, s.stderr)
		return nil
	}
	terminal, err := openTerminal()
	if err != nil {
		return errNobodyToAsk
	}
	p.ask, p.terminal = newQuestioner(terminal, terminal), terminal
	return nil
}

// question shows the preview and asks. declined is a no to this account.
func (p *revoking) question(ctx context.Context, preview *message.Preview) (declined bool, err error) {
	lines := preview.Lines()
	fmt.Fprintln(p.err, strings.Join(lines[1:], "\n"))
	answer, err := p.ask.ask(ctx, lines[0])
	switch {
	case err != nil:
		return true, err
	case answer == quitAll:
		return true, errQuit
	case answer == yesToAll:
		p.all = true
	}
	return answer == no, nil
}
