package message

import (
	"slices"
	"strings"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

// toBob lists the direct messages that Bob is owed, without his receipt, and the receipt.
func toBob(s scene, places map[string]bot.Place) (keys []string, receipt Post) {
	for _, p := range Plan(&s.r, s.v, bottest.Cards, places) {
		switch {
		case p.Key == bot.ReceiptKey(bottest.Bob):
			receipt = p
		case p.To == bottest.Bob:
			keys = append(keys, p.Key)
		}
	}
	return keys, receipt
}

func placed(keys ...string) map[string]bot.Place {
	all := map[string]bot.Place{}
	for _, key := range keys {
		all[key] = bot.Place{Key: key, Channel: "D1", TS: "1.1"}
	}
	return all
}

// Each requester reads the outcome once: on the receipt if they need do nothing, else in
// a message that rings.
func TestPlan_OutcomeOnceToEachRequester(t *testing.T) {
	outcome := []string{"outcome:1:" + bottest.Bob}
	own := bot.ReceiptKey(bottest.Bob)
	for name, row := range map[string]struct {
		s      scene
		places map[string]bot.Place
		want   []string
	}{
		"revoked":                  {newScene("", bot.Revoked), placed(own), nil},
		"verified":                 {newScene("", bot.Verified, ofBob), placed(own), nil},
		"not visible yet":          {newScene("", bot.NotVisibleYet), placed(own), nil},
		"rehearsed":                {newScene("", bot.Drilled, drill), placed(own), nil},
		"cancelled by the reader":  {newScene("", bot.Cancelled, joined), placed(own), nil},
		"no receipt could be sent": {newScene("", bot.Revoked), nil, nil}, // it is sent now

		"denied":     {newScene("", bot.Denied), placed(own), outcome},
		"failed":     {newScene("", bot.Failed), placed(own), outcome},
		"expired":    {newScene("", bot.Expired), placed(own), []string{"outcome:0:" + bottest.Bob}},
		"lost":       {newScene("", bot.Lost), placed(own), outcome},
		"void":       {newScene("", bot.Void, over), placed(own), []string{"outcome:0:" + bottest.Bob}},
		"a guest":    {newScene("", bot.Revoked, guest), placed(own), outcome},
		"stuck":      {newScene("", bot.Unknown, minuteLater), placed(own), []string{"stuck:1:" + bottest.Bob}},
		"a doubt":    {newScene("", bot.NotVisibleYet, toldUnmoved), placed(own), []string{"unmoved_note:" + bottest.Bob}},
		"unverified": {newScene("", bot.Unreachable, toldUnread), placed(own), []string{"unread_note:" + bottest.Bob}},

		// An edit above later news would be overlooked.
		"revoked after a failure":    {newScene("", bot.Revoked), placed(own, "outcome:0:"+bottest.Bob), outcome},
		"revoked after it was stuck": {newScene("", bot.Revoked), placed(own, "stuck:1:"+bottest.Bob), outcome},
		"revoked after a new asking": {newScene("", bot.Revoked), placed(own, "reopened:1:"+bottest.Bob), outcome},
		"another's news":             {newScene("", bot.Revoked), placed(own, "reopened:1:"+bottest.Erin), nil},

		// An older version has told it.
		"told by an older version": {newScene("", bot.Verified), placed(own, outcome[0]), outcome},
	} {
		keys, receipt := toBob(row.s, row.places)
		if !slices.Equal(keys, row.want) {
			t.Errorf("%s: Bob is owed %q, want %q", name, keys, row.want)
		}
		if receipt.EditOnly != (len(row.want) > 0) {
			t.Errorf("%s: the receipt is posted beside the message: %v", name, !receipt.EditOnly)
		}
		if row.s.r.Over() && receipt.Outcome != (len(row.want) == 0) {
			t.Errorf("%s: the receipt tells the outcome: %v", name, receipt.Outcome)
		}
		if rings := receipt.Rings(&row.s.r); rings != receipt.Outcome {
			t.Errorf("%s: the receipt must not be missed: %v", name, rings)
		}
	}
}

// The receipt points to the message with the outcome only once that is there to read.
func TestReceipt_PointsOnlyToWhatIsThere(t *testing.T) {
	own, key := bot.ReceiptKey(bottest.Bob), "outcome:1:"+bottest.Bob
	for name, row := range map[string]struct {
		places map[string]bot.Place
		points bool
	}{
		"not sent yet":             {placed(own), false},
		"sent":                     {placed(own, key), true},
		"answered where they were": {map[string]bot.Place{key: {Key: key, Channel: bot.Privately, TS: "0"}}, false},
		"gone":                     {map[string]bot.Place{key: {Key: key}}, false},
	} {
		s := newScene("", bot.Denied)
		_, receipt := toBob(s, row.places)
		text := receipt.Draw(&s.r, s.v).Text
		if points := text == s.r.ID+": closed. See my message below."; points != row.points {
			t.Errorf("%s: the receipt says %q", name, text)
		}
		if !row.points && !strings.Contains(text, "denied by") {
			t.Errorf("%s: nobody tells Bob the outcome: %q", name, text)
		}
	}
	for _, s := range allSayings() {
		if s.pointsBelow() && strings.Count(s.m.Text, ".") > 2 {
			t.Errorf("%s repeats the news:\n%s", s, s.m.Text)
		}
	}
}
