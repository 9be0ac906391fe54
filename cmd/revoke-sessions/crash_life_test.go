package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"revoke-sessions/bot"
)

// Life is what a child knows of its own end.
type Life struct {
	// Trace is the file to which it writes every step before it goes on.
	Trace string
	// Ahead is the file that says by how much the stage's clock is ahead.
	Ahead string
	// Death is the step at which it kills itself; nil for none.
	Death *Death
}

// step is the beginning of an effect, or its end.
type step struct {
	Effect bot.Effect
	Over   bool
}

func (s step) String() string {
	if s.Over {
		return "after " + string(s.Effect)
	}
	return "before " + string(s.Effect)
}

// Death is the nth time that a process comes to a step.
type Death struct {
	step
	Nth int
}

// witness writes the trace, and kills the process when its time has come: from
// one instant to the next, as a power cut would.
func (l *Life) witness() bot.Witness {
	trace, err := os.OpenFile(l.Trace, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		panic(err)
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		panic(err)
	}
	var mu sync.Mutex
	passed := map[step]int{}
	return func(e bot.Effect, over bool) {
		mu.Lock()
		defer mu.Unlock()
		at := step{e, over}
		passed[at]++
		if _, err := fmt.Fprintln(trace, at); err != nil {
			panic(err)
		}
		if l.Death != nil && l.Death.step == at && l.Death.Nth == passed[at] {
			_ = self.Kill()
			select {} // nothing more is done here, even if the end takes a moment
		}
	}
}

// readTrace reads the steps of a life that is over.
func readTrace(file string) (all []step, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		when, effect, _ := strings.Cut(lines.Text(), " ")
		all = append(all, step{bot.Effect(effect), when == "after"})
	}
	return all, nil
}

// now is the stage's clock, of which another process has the hands.
func (l *Life) now() time.Time {
	var ahead int64
	if text, err := os.ReadFile(l.Ahead); err == nil {
		ahead, _ = strconv.ParseInt(string(text), 10, 64)
	}
	return time.Now().Add(time.Duration(ahead))
}
