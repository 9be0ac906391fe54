package message

import (
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/graph"
)

// People hear of each doubt once, never about a guest, and never of a lesser one after
// a greater.
func TestRequest_RaisesEachDoubtOnce(t *testing.T) {
	before := bottest.AcceptedAt.Add(time.Minute)
	for _, row := range []struct {
		name                  string
		state                 bot.State
		guest                 graph.Fact
		unmoved, unread       time.Time // told before
		action                string
		nowUnmoved, nowUnread bool // told now
	}{
		{"unmoved", bot.NotVisibleYet, graph.No, time.Time{}, time.Time{}, "unmoved_told", true, false},
		{"unmoved, perhaps a guest", bot.NotVisibleYet, graph.Unknown, time.Time{}, time.Time{}, "unmoved_told", true, false},
		{"unmoved again", bot.NotVisibleYet, graph.No, before, time.Time{}, "", false, false},
		{"unmoved after unread", bot.NotVisibleYet, graph.No, time.Time{}, before, "unmoved_told", true, false},
		{"unread", bot.Unreachable, graph.No, time.Time{}, time.Time{}, "unread_told", false, true},
		{"unread again", bot.Unreachable, graph.No, time.Time{}, before, "", false, false},
		{"unread after unmoved", bot.Unreachable, graph.No, before, time.Time{}, "", false, false},
		{"a guest's that does not move", bot.NotVisibleYet, graph.Yes, time.Time{}, time.Time{}, "", false, false},
		{"a guest's that cannot be read", bot.Unreachable, graph.Yes, time.Time{}, time.Time{}, "", false, false},
		{"moved", bot.Verified, graph.No, time.Time{}, time.Time{}, "", false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newScene("", row.state).r
			r.Target.Guest, r.UnmovedAt, r.UnreadAt = row.guest, row.unmoved, row.unread
			var e bot.Entry
			now := bottest.AcceptedAt.Add(6 * time.Minute)
			if told := r.Raise(&e, now); told != (row.action != "") || e.Action != row.action {
				t.Errorf("told %v, with a row %q", told, e.Action)
			}
			if (e.Action != "") != (e.RequestID != "") {
				t.Errorf("the row has Microsoft's request ID %q", e.RequestID)
			}
			if r.UnmovedAt.Equal(now) != row.nowUnmoved || r.UnreadAt.Equal(now) != row.nowUnread {
				t.Errorf("unmoved at %v, unread at %v", r.UnmovedAt, r.UnreadAt)
			}
		})
	}
}
