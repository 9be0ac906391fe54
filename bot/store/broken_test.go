package store_test

import (
	"strings"
	"testing"
	"time"
)

// An unreadable row, damaged by a disk or by hand, is reported and delays no other row.
func TestDue_ReportsBrokenRows(t *testing.T) {
	c := newClock()
	s := openSQLite(t, c.now)
	raw := bypass(t, s)
	for i, id := range []string{"REQ-BODY", "REQ-WORDS", "REQ-WHOLE"} {
		r := pending(id, id)
		r.DueAt = c.now()
		create(t, s, r)
		receive(t, s, arrival(i))
	}
	do(t, raw, `UPDATE requests SET body = '{"lane":' WHERE id = 'REQ-BODY'`)
	do(t, raw, `UPDATE words SET content = 'no JSON' WHERE request_id = 'REQ-WORDS'`)
	do(t, raw, `UPDATE arrivals SET body = '[' WHERE envelope = 'envelope-0'`)
	announce(t, s, notice("broken"))
	announce(t, s, notice("no blocks"))
	announce(t, s, notice("whole"))
	do(t, raw, `UPDATE notices SET message = '{' WHERE key = 'broken'`)
	do(t, raw, `UPDATE notices SET message = '{"Text":"Frozen","Blocks":"Frozen"}' WHERE key = 'no blocks'`)
	c.move(time.Minute)
	w := due(t, s)
	if len(w.Drive) != 1 || w.Drive[0].ID != "REQ-WHOLE" || len(w.Arrivals) != 2 || len(w.Notices) != 1 || w.Notices[0].Key != "whole" {
		t.Errorf("due: requests %v, arrivals %v, notices %v", w.Drive, w.Arrivals, w.Notices)
	}
	var said []string
	for _, err := range w.Broken {
		said = append(said, err.Error())
	}
	all := strings.Join(said, "\n")
	if len(said) != 5 || !strings.Contains(all, "REQ-BODY") || !strings.Contains(all, "REQ-WORDS") || !strings.Contains(all, "arrival 1") || !strings.Contains(all, "notice broken") ||
		!strings.Contains(all, "notice no blocks") {
		t.Errorf("broken rows are reported as:\n%s", all)
	}
	if w := due(t, s); len(w.Broken) != 0 {
		t.Errorf("a broken row is not claimed: %v", w.Broken)
	}
	// A teller postpones an unreadable request. Otherwise many of them would block all
	// telling.
	wantTell(t, s, "before", "REQ-BODY", "REQ-WHOLE", "REQ-WORDS")
	a := teller{TB: t, s: s}
	a.claims("REQ-BODY")
	a.told(0, at(c.now().Add(5*time.Second)))
	wantTell(t, s, "put off", "REQ-WHOLE", "REQ-WORDS")
	c.move(10 * time.Second)
	if w := due(t, s); len(w.Broken) != 5 {
		t.Errorf("%d broken rows once the claim has lapsed, want 5", len(w.Broken))
	}
	wantTell(t, s, "later", "REQ-BODY", "REQ-WHOLE", "REQ-WORDS")
}
