package listen

import (
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// withDoors is the workspace of an app with a Home tab and the bot's shortcuts.
func withDoors() slacktest.Config {
	return slacktest.Config{
		AckDeadline: 500 * time.Millisecond, HomeTab: true, Events: []string{"app_home_opened"},
		Shortcuts: []slacktest.Shortcut{
			{Name: "Report a lost device", Type: slacktest.GlobalShortcut, CallbackID: bot.LostShortcut},
			{Name: "Revoke sessions of…", Type: slacktest.MessageShortcut, CallbackID: bot.MessageShortcut},
			{Name: "Tomorrow's", Type: slacktest.GlobalShortcut, CallbackID: "report.tomorrow"},
		},
	}
}

// An opened Home tab is acked and passed on, and is no arrival. Every other event is acked,
// so that Slack does not send it again.
func TestListener_PassesOnOpenedHomes(t *testing.T) {
	w := newWorkspace(t, withDoors())
	opened := make(chan string, 10)
	r := connected(w, func(l *Listener) { l.cfg.HomeOpened = func(id string) { opened <- id } })
	if payload := w.acked(w.As("U1").OpenHome()); payload != "" {
		t.Errorf("ack %s", payload)
	}
	if id := <-opened; id != "U1" {
		t.Errorf("%q opened it", id)
	}
	edit := func(key string, value any) func(map[string]any) {
		return func(p map[string]any) { p[key] = value }
	}
	event := func(key string, value any) func(map[string]any) {
		return func(p map[string]any) { p["event"].(map[string]any)[key] = value }
	}
	for name, change := range map[string]func(map[string]any){
		"another app's":         edit("api_app_id", "A0OTHER"),
		"another workspace's":   edit("team_id", "T0OTHER"),
		"without a team":        edit("team_id", nil),
		"without an event":      edit("event", nil),
		"that is no object":     edit("event", 7),
		"of another type":       event("type", "message"),
		"of the other tab":      event("tab", "messages"),
		"without a user":        event("user", nil),
		"of no user":            event("user", "<!channel>"),
		"without a view":        event("view", nil),
		"of a type of tomorrow": event("type", "app_home_tomorrow"),
	} {
		if payload := w.acked(w.As("U1").OpenHomeRaw(change)); payload != "" {
			t.Errorf("%s: ack %s", name, payload)
		}
	}
	w.acked(w.As("U1").OpenMessagesTab())
	close(opened)
	n := 0
	for range opened {
		n++
	}
	if n != 1 { // the one without a view, which is what a first opening is like
		t.Errorf("%d of them were passed on", n)
	}
	if got := r.inbox.stored(); len(got) > 0 {
		t.Errorf("reached the inbox: %+v", got)
	}
}

// An act of another version gets no ack, so that Slack shows an error, and a replica of
// that version may get the next try. What belongs to another app is acked as before.
func TestListener_LeavesActsOfOtherVersions(t *testing.T) {
	w := newWorkspace(t, withDoors())
	r := connected(w, nil)
	form := openForm(w, r)
	w.failed(w.clickAs("U2", func(c *slacktest.Click) { c.ActionID = "request.tomorrow" }))
	w.failed(w.clickAs("U2", func(c *slacktest.Click) { c.ActionID = bot.ActionHomeOwn })) // on a message
	w.failed(w.As("U1").Shortcut("report.tomorrow"))
	w.failed(w.As("U1").SubmitRaw(form, filled, func(p map[string]any) { p["view"].(map[string]any)["callback_id"] = "request.tomorrow" }))
	if len(w.Views("U1")) != 1 {
		t.Error("the form is closed as if it had worked")
	}
	for name, d := range map[string]*slacktest.Delivery{
		"another app's button":   w.clickAs("U2", func(c *slacktest.Click) { c.ActionID, c.AppID = "request.tomorrow", "A0OTHER" }),
		"another app's shortcut": w.As("U1").ShortcutRaw("report.tomorrow", func(p map[string]any) { p["api_app_id"] = "A0OTHER" }),
	} {
		if payload := w.acked(d); payload != "" {
			t.Errorf("%s: ack %s", name, payload)
		}
	}
	if got := r.inbox.stored(); len(got) > 0 && got[len(got)-1].Kind != bot.CommandArrival { // which opened the form
		t.Errorf("reached the inbox: %+v", got)
	}
	if c := r.Counts(); c.Unknown != 4 || c.Ignored != 2 {
		t.Errorf("counts %+v", c)
	}
}

// Our own messages mention approvers: nobody is chosen.
func TestListener_ChoosesNobodyInItsOwnMessage(t *testing.T) {
	w := newWorkspace(t, withDoors())
	r := connected(w, nil)
	ts := w.As("U2").Say("C1", "", typed)
	for app, want := range map[string]string{"A0SLACKTEST": "", "A0OTHER": "U8"} {
		w.acked(w.As("U1").MessageShortcutRaw(bot.MessageShortcut, "C1", ts, func(p map[string]any) {
			p["message"] = map[string]any{"bot_id": "B1", "app_id": app, "text": "<@U8>", "ts": ts}
		}))
		got := r.inbox.stored()
		if a := got[len(got)-1]; a.MessageAppID != app || a.PickedUser != want {
			t.Errorf("%+v", a)
		}
	}
}

// Both shortcuts reach the inbox; the message's text does not.
func TestListener_StoresShortcuts(t *testing.T) {
	w := newWorkspace(t, withDoors())
	r := connected(w, nil)
	ts := w.As("U2").Say("C1", "", typed)
	w.acked(w.As("U1").Shortcut(bot.LostShortcut))
	w.acked(w.As("U1").MessageShortcut(bot.MessageShortcut, "C1", ts))
	got := r.inbox.stored()
	if len(got) < 2 {
		t.Fatalf("stored %+v", got)
	}
	own, message := got[len(got)-2], got[len(got)-1]
	if own.Kind != bot.ShortcutArrival || own.MessageTS != "" || own.PickedUser != "" || own.TriggerID == "" {
		t.Errorf("%+v", own)
	}
	if message.MessageTS != ts || message.ChannelID != "C1" || message.PickedUser != "U2" || message.Text != "" || message.ResponseURL == "" {
		t.Errorf("%+v", message)
	}
}
