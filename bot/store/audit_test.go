package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/bot"
)

// The store sets At and, for a change, Typed; everything else is the caller's.
func testEntry(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	e := filled[bot.Entry]()
	if err := s.Record(deadline(t), 0, e); err != nil {
		t.Fatal(err)
	}
	want := e
	want.At = c.now().Truncate(time.Microsecond)
	if diff := cmp.Diff([]bot.Entry{want}, chain(t, s, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := s.Record(deadline(t), 0); err != nil {
		t.Errorf("recording nothing: %v", err)
	}
	if rows := chain(t, s, ""); len(rows) != 1 {
		t.Errorf("recording nothing made %d rows", len(rows)-1)
	}
}

func testAuditOfOne(t *testing.T, open opener) {
	s := open(t, newClock().now)
	if rows := chain(t, s, ""); len(rows) != 0 {
		t.Fatalf("an empty chain has rows: %v", rows)
	}
	one, two := create(t, s, pending("REQ-ONE", "carol")), create(t, s, pending("REQ-TWO", "dave"))
	turn(t, s, one, bot.Denied)
	turn(t, s, two, bot.Approved)
	if err := s.Record(deadline(t), 0, bot.Entry{Action: "refused", Actor: "U-OUTSIDER"}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string][]string{
		"":        {"requested", "requested", "denied", "approved", "refused"},
		"REQ-ONE": {"requested", "denied"},
		"REQ-TWO": {"requested", "approved"},
		"REQ-NO":  nil,
	} {
		var got []string
		for _, e := range chain(t, s, id) {
			got = append(got, e.Action)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows of %q (-want +got):\n%s", id, diff)
		}
	}
}

// Whoever reads the chain while it grows sees it whole at every moment; the
// rows of one commit stand together.
func testConcurrentChain(t *testing.T, open opener) {
	s := open(t, newClock().now)
	const writers, readers = 50, 4
	ctx := deadline(t)
	errs := atOnce(writers+readers, func(i int) error {
		if i >= writers {
			for range 20 {
				if _, err := s.Audit(ctx, ""); err != nil {
					return fmt.Errorf("read while others write: %w", err)
				}
			}
			return nil
		}
		r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
		_, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r), {Action: "joined", Request: r.ID}}})
		return err
	})
	for i, err := range errs {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	rows := chain(t, s, "")
	if len(rows) != 2*writers {
		t.Fatalf("%d rows, want %d", len(rows), 2*writers)
	}
	for i := 0; i < len(rows); i += 2 {
		if rows[i].Action != "requested" || rows[i+1].Action != "joined" || rows[i].Request != rows[i+1].Request {
			t.Errorf("rows %d and %d are not of one commit: %v, %v", i+1, i+2, rows[i], rows[i+1])
		}
	}
}
