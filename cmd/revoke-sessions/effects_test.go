package main

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/witness"
)

// observed are the effects that bots of this process have had.
var observed struct {
	sync.Mutex
	effects map[bot.Effect]bool
}

// onList is a bot.Witness that fails a test at an effect that witness.Effects does
// not list.
func onList(t testing.TB) bot.Witness {
	return func(e bot.Effect, over bool) {
		if !slices.Contains(witness.Effects, e) {
			t.Errorf("witness.Effects does not list %q", e)
		}
		observed.Lock()
		defer observed.Unlock()
		if observed.effects == nil {
			observed.effects = map[bot.Effect]bool{}
		}
		observed.effects[e] = true
	}
}

// everyEffect fails a test, once all stories of a folder were played, if
// witness.Effects lists what nothing does. After some of the stories, it cannot tell.
func everyEffect(t *testing.T, folder string, played int) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if played < len(files) {
		return
	}
	observed.Lock()
	defer observed.Unlock()
	for _, e := range witness.Effects {
		if !observed.effects[e] {
			t.Errorf("no story has the effect %q, which witness.Effects lists", e)
		}
	}
}
