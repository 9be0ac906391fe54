package message

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slacktest"
)

// goldenHome is a Home tab or its form in a golden file.
type goldenHome struct {
	Name string `json:"name"`
	View any    `json:"view"`
}

// homeContents are all kinds of Home tabs, with typed in every field that people fill in.
func homeContents(typed string) (names []string, all []HomeContent) {
	one := func(id string, s scene) OpenRequest {
		s.r.ID, s.r.Words.Reason, s.r.Words.DisplayName = id, bot.Clean(typed, bot.MaxReason), bot.Clean(typed, bot.MaxName)
		return OpenRequest{&s.r, s.v}
	}
	add := func(name string, c HomeContent) {
		c.View.Now, c.View.Emergency = bottest.Today, bottest.Emergency
		names, all = append(names, name), append(all, c)
	}
	noLink := newScene("", bot.Pending)
	noLink.v.CanOpen = false
	own := []OpenRequest{
		one("REQ-AAAAAA", newScene("", bot.Pending, ofBob)), one("REQ-BBBBBB", newScene("", bot.Pending)),
		one("REQ-CCCCCC", newScene("", bot.Approved)), one("REQ-DDDDDD", newScene("", bot.Executing, ofBob)),
		one("REQ-EEEEEE", newScene("", bot.Unknown)), one("REQ-FFFFFF", newScene("", bot.Revoked)),
		one("REQ-GGGGGG", newScene("", bot.Pending, ofBob, alone)), one("REQ-HHHHHH", newScene("", bot.Pending, drill)),
		one("REQ-JJJJJJ", newScene("", bot.Pending, ofBob, cancelWish)), one("REQ-KKKKKK", newScene("", bot.Pending, stalled)),
		one("REQ-LLLLLL", newScene("", bot.Pending, needs(2, bottest.Alice))),
		{Request: &bot.Request{ID: "REQ-BR0KEN"}},
	}
	waiting := []OpenRequest{one("REQ-BBBBBB", newScene("", bot.Pending)), one("REQ-MMMMMM", noLink)}
	add("somebody", HomeContent{Reports: true})
	add("somebody with requests", HomeContent{Reports: true, Own: own, MoreOwn: true})
	add("an approver", HomeContent{Reports: true, Approver: true})
	frozenScene := newScene("", bot.Pending, frozen)
	add("an approver with requests", HomeContent{Reports: true, Approver: true, Waiting: waiting, MoreWaiting: true})
	add("an approver in a freeze", HomeContent{Reports: true, Approver: true, Waiting: []OpenRequest{one("REQ-BBBBBB", frozenScene)}, View: View{Freeze: frozenScene.v.Freeze}})
	add("an approver, for the last time", HomeContent{Reports: true, Approver: true, Closed: true, Waiting: waiting})
	add("an approver, with more than was read", HomeContent{Reports: true, Approver: true, MoreWaiting: true})
	add("perhaps an approver", HomeContent{Reports: true, Unsure: true})
	add("not looked up", HomeContent{NotRead: true})
	add("somebody who may not report", HomeContent{})
	return names, all
}

// homeViews are all Home tabs, and the forms that cancel.
func homeViews(typed string) (views []goldenHome) {
	names, contents := homeContents(typed)
	for i, c := range contents {
		view, _ := Home(c)
		views = append(views, goldenHome{names[i], view})
	}
	own, other, asked, rehearsal := newScene("", bot.Pending, ofBob), newScene("", bot.Pending), newScene("", bot.Pending, ofBob, cancelWish),
		newScene("", bot.Pending, drill)
	other.r.Words.DisplayName = bot.Clean(typed, bot.MaxName)
	return append(views,
		goldenHome{"cancel one's own report", CancelForm(&own.r, 42)}, goldenHome{"cancel a request", CancelForm(&other.r, 42)},
		goldenHome{"cancel a drill", CancelForm(&rehearsal.r, 42)}, goldenHome{"asked to cancel before", CancelForm(&asked.r, 42)},
		goldenHome{"cancel somebody else's", NotYoursToCancel()})
}

// Who finds the phone reads no name of anybody else, no reason, and nothing that is over.
func TestHome_NamesNobodyToOthers(t *testing.T) {
	_, contents := homeContents("TYPED-TEXT")
	for _, c := range contents {
		if c.Approver {
			continue
		}
		view, _ := Home(c)
		text, err := json.Marshal(view)
		if err != nil {
			t.Fatal(err)
		}
		for _, hidden := range []string{"TYPED-TEXT", bottest.Alice, bottest.Carol, bottest.Dave, "contoso.example", "archives/"} {
			if strings.Contains(string(text), hidden) {
				t.Errorf("it shows %q: %s", hidden, text)
			}
		}
	}
}

func homeButtons(view HomeTab) (all []*slack.ButtonBlockElement) {
	for _, b := range view.Blocks.BlockSet {
		if row, ok := b.(*slack.ActionBlock); ok {
			for _, e := range row.Elements.ElementSet {
				all = append(all, e.(*slack.ButtonBlockElement))
			}
		}
	}
	return all
}

// Each button opens a form, so none has a dialog and none says that it does it.
func TestHome_HasOnlyItsOwnButtons(t *testing.T) {
	_, contents := homeContents("stolen laptop")
	for _, c := range contents {
		view, _ := Home(c)
		for _, b := range homeButtons(view) {
			if !bot.HomeButtons[b.ActionID] || b.Confirm != nil {
				t.Errorf("button %s %q", b.ActionID, b.Text.Text)
			}
		}
		if n := len(homeButtons(view)); (n > 0) != c.Reports {
			t.Errorf("%d buttons where reports are %t", n, c.Reports)
		}
	}
}

// What people typed and directories say is text without format here, too.
func TestHome_HostileTextStaysInert(t *testing.T) {
	for name, typed := range bottest.Hostile {
		names, contents := homeContents(typed)
		for i, c := range contents {
			view, _ := Home(c)
			for _, b := range view.Blocks.BlockSet {
				if text, ok := b.(*slack.RichTextBlock); ok {
					checkInertRichText(t, name+", "+names[i], text)
				}
			}
		}
	}
}

// The time alone is no reason to publish a Home tab again.
func TestHome_DigestIgnoresTheTime(t *testing.T) {
	_, contents := homeContents("stolen laptop")
	seen := map[string]int{}
	for i, c := range contents {
		_, digest := Home(c)
		if other, ok := seen[digest]; ok {
			t.Errorf("%d and %d have one digest", i, other)
		}
		seen[digest] = i
		c.View.Now = c.View.Now.Add(time.Hour)
		if _, later := Home(c); later != digest {
			t.Errorf("%d: an hour later it has another digest", i)
		}
	}
}

// Slack takes each, and one with as much as it can hold.
func TestHome_SlackTakesEach(t *testing.T) {
	s := bottest.PostedAll(t)
	var manifest slacktest.Manifest
	manifest.Features.AppHome.HomeTabEnabled = true
	if err := s.SetManifest(manifest); err != nil {
		t.Fatal(err)
	}
	a := connected(t, s)
	full := HomeContent{Reports: true, Approver: true, MoreOwn: true, MoreWaiting: true, View: View{Now: bottest.Today, Emergency: strings.Repeat("5", 200)}}
	long := newScene("", bot.Pending, ofBob)
	long.r.Words.Reason, long.r.Words.DisplayName = strings.Repeat("W", bot.MaxReason), strings.Repeat("W", bot.MaxName)
	for n := range 15 {
		r := long.r
		r.ID = fmt.Sprintf("REQ-AAAAA%X", n)
		full.Own = append(full.Own, OpenRequest{&r, long.v})
		other := r
		other.Lane = authz.ThirdParty
		full.Waiting = append(full.Waiting, OpenRequest{&other, long.v})
	}
	_, all := homeContents("stolen laptop")
	for _, typed := range bottest.Hostile {
		_, hostile := homeContents(typed)
		all = append(all, hostile...)
	}
	for _, c := range append(all, full) {
		view, _ := Home(c)
		if _, err := a.PublishHome(bottest.Deadline(t), bottest.Bob, view, ""); err != nil {
			t.Fatalf("%v: %+v", explain(err), view)
		}
	}
}
