package main

import (
	"encoding/json"
	"strings"
	"testing"

	"revoke-sessions/bot"
)

// logLine is one line of the bot's log, as far as these tests read it.
type logLine struct {
	Msg, Request, Action, Kind, Envelope, Wanted string
	Arrival                                      int64
}

func (th *theatre) logLines() (all []logLine) {
	th.t.Helper()
	for line := range strings.Lines(th.log.String()) {
		var l logLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			th.t.Fatalf("%q is no line of JSON: %v", line, err)
		}
		if strings.Contains(line, `":""`) || strings.Contains(line, `:null`) || strings.Contains(line, `"arrival":0`) {
			th.t.Errorf("a line says nothing under one of its keys: %s", line)
		}
		all = append(all, l)
	}
	return all
}

// TestFollowOneRequest follows a request by its ID through the log, from what
// was typed to the verified end, with another request in between.
func TestFollowOneRequest(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	th.typed(bobID, "me lost my phone")
	th.click(olgaID, bot.ActionConfirm)
	th.poll("Olga is refused", func() bool { return th.count("refused") == 1 })
	th.click(aliceID, bot.ActionConfirm)
	th.cardSays("Verified")
	th.typed(aliceID, "<@"+carolID+"> stolen laptop")
	th.poll("the other one is asked for", func() bool { return th.count("requested") == 2 })
	th.end()

	lines := th.logLines()
	var id string
	brought := map[int64]bool{} // arrivals that have to do with the request
	for _, l := range lines {
		if l.Action == "requested" && id == "" {
			id = l.Request
			brought[l.Arrival] = true
		}
		if l.Kind == string(bot.ClickArrival) {
			brought[l.Arrival] = true
		}
	}
	if id == "" || brought[0] || len(brought) != 3 {
		t.Fatalf("the request is %q, and came by %v", id, brought)
	}
	var followed []string
	for _, l := range lines {
		switch {
		case l.Request == id && l.Action != "":
			followed = append(followed, l.Action)
		case l.Request == id:
			followed = append(followed, strings.TrimSpace(l.Msg+" "+l.Kind+l.Wanted))
		case brought[l.Arrival] && l.Msg == "arrived" && l.Kind == string(bot.CommandArrival) && l.Envelope != "":
			// It made the request: before it there was no ID. The next line
			// names both.
			followed = append(followed, "arrived command")
		case brought[l.Arrival]:
			t.Errorf("a line of arrival %d does not name the request: %+v", l.Arrival, l)
		}
	}
	want := "arrived command, requested, arrived click, refused confirm, arrived click, approved, executing, revoked, verified"
	if got := strings.Join(followed, ", "); got != want {
		t.Errorf("by its ID the log tells\n%s\nwant\n%s", got, want)
	}
}
