package bot

import (
	"testing"
	"time"

	"revoke-sessions/graph"
)

// People are told once of each, never of a guest, and never less after more.
func TestWhoIsToldOfAYesThatIsNotBorneOut(t *testing.T) {
	before := acceptedAt.Add(time.Minute)
	for _, row := range []struct {
		name                  string
		state                 State
		guest                 graph.Fact
		unmoved, unread       time.Time // when they were told before
		action                string
		nowUnmoved, nowUnread bool // told at this look
	}{
		{"unmoved", NotVisibleYet, graph.No, time.Time{}, time.Time{}, "unmoved_told", true, false},
		{"unmoved, perhaps a guest", NotVisibleYet, graph.Unknown, time.Time{}, time.Time{}, "unmoved_told", true, false},
		{"unmoved again", NotVisibleYet, graph.No, before, time.Time{}, "", false, false},
		{"unmoved after unread", NotVisibleYet, graph.No, time.Time{}, before, "unmoved_told", true, false},
		{"unread", Unreachable, graph.No, time.Time{}, time.Time{}, "unread_told", false, true},
		{"unread again", Unreachable, graph.No, time.Time{}, before, "", false, false},
		{"unread after unmoved", Unreachable, graph.No, before, time.Time{}, "", false, false},
		{"a guest's that does not move", NotVisibleYet, graph.Yes, time.Time{}, time.Time{}, "", false, false},
		{"a guest's that cannot be read", Unreachable, graph.Yes, time.Time{}, time.Time{}, "", false, false},
		{"moved", Verified, graph.No, time.Time{}, time.Time{}, "", false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newScene("", row.state).r
			r.Target.Guest, r.UnmovedAt, r.UnreadAt = row.guest, row.unmoved, row.unread
			var e Entry
			now := acceptedAt.Add(6 * time.Minute)
			if told := r.raise(&e, now); told != (row.action != "") || e.Action != row.action {
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
