package engine_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"revoke-sessions/bot"
)

// watcher reads the news in the database, Entra and Slack after each step of a day, and
// shows it to the judges.
type watcher struct {
	stage  *stage
	record *record
	judges *judges

	acts     []act // of this step
	seq      int64 // the last row that was read
	calls    int   // how many of Entra's calls were read
	troubled time.Time
	seen     map[string]int // rows by action
}

// rules are the policy with the facts that somebody may have seen at a moment.
func (w *watcher) rules(at time.Time) rules {
	e := w.stage.entra
	trouble := e.down || e.denied
	quiet := trouble || w.troubled.Equal(at)
	old := time.Minute
	if quiet {
		old = 5 * time.Minute
	}
	return rules{Policy: w.stage.policy, town: w.stage.town, from: at.Add(-old), blind: e.blind || trouble, quiet: quiet}
}

// follow reads the news. The judges see each row before the record believes it.
func (w *watcher) follow() error {
	rows, err := w.stage.rows(w.seq)
	if err != nil {
		return err
	}
	touched := map[string]bool{}
	for _, row := range rows {
		w.seq = row.Seq
		w.seen[row.Action]++
		s, err := w.step(row)
		if err != nil {
			return err
		}
		w.judges.see(s)
		w.record.believe(s)
		touched[row.Request] = true
	}
	w.followCalls()
	for _, p := range w.record.requests {
		if touched[p.id] {
			stored, err := w.stage.store.Request(context.Background(), p.id)
			if err != nil {
				return err
			}
			w.judges.states.compare(p, stored)
		}
	}
	return w.followCards()
}

func (w *watcher) step(row bot.Row) (step, error) {
	s := step{row: row, now: w.rules(row.At), actor: w.stage.town.member(row.Actor), acts: w.acts, before: w.record}
	switch row.Action {
	case "requested":
		s.request = w.record.begin(row, s.now, "")
	case "previewed_again":
		stored, err := w.stage.store.Request(context.Background(), row.Request)
		if err != nil {
			return s, fmt.Errorf("%s: %w", s, err)
		}
		s.request = w.record.begin(row, s.now, stored.Replaces)
	default:
		s.request = w.record.request(row.Request)
	}
	if p := s.request; p != nil {
		all := w.callsOf(p)
		s.calls = all[min(p.firstCall, len(all)):min(p.calls, len(all))]
	}
	return s, nil
}

// callsOf are Entra's calls for a request.
func (w *watcher) callsOf(p *tracked) []revokeCall {
	w.stage.entra.mu.Lock()
	defer w.stage.entra.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.stage.entra.calls), func(c revokeCall) bool { return c.request != p.id })
}

func (w *watcher) followCalls() {
	e := w.stage.entra
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, text := range e.problems {
		w.judges.calls.complain("Entra", "%s", text)
	}
	e.problems = nil
	for _, c := range e.calls[w.calls:] {
		w.judges.calls.call(c, w.record)
		w.judges.freezes.call(c, w.acts)
	}
	w.calls = len(e.calls)
	w.judges.calls.count(e.calls, w.record)
}

// followCards looks at each card that the bot has finished.
func (w *watcher) followCards() error {
	buttons := w.stage.buttonsOf()
	for _, p := range w.record.requests {
		if owed, err := w.stage.owesNews(p.id); err != nil {
			return err
		} else if owed {
			continue
		}
		places, err := w.stage.places(p.id)
		if err != nil {
			return err
		}
		place := places["card"]
		message, found := w.stage.standing(place)
		others := slices.DeleteFunc(slices.Clone(buttons[p.id]), func(ts string) bool { return ts == place.TS })
		w.judges.cards.card(p, posted{message, found && place.Channel == channelOfCards, len(others)})
	}
	return nil
}
