package store_test

import "testing"

// A beat fails on a full disk, as a person's act would.
func TestBeat_NeedsRoom(t *testing.T) {
	s := openSQLite(t, newClock().now)
	beats := func(when string, want bool) {
		t.Helper()
		if _, err := s.Beat(deadline(t)); (err == nil) != want {
			t.Errorf("%s: %v", when, err)
		}
	}
	beats("with room", true)
	write, _ := s.Pools()
	if _, err := write.ExecContext(deadline(t), `PRAGMA max_page_count = 1`); err != nil { // of the pages that there are
		t.Fatal(err)
	}
	refused := 0
	for n := range 500 {
		if _, _, err := s.Receive(deadline(t), arrival(n)); err != nil {
			refused++
			beats("with none", false)
			break
		}
	}
	if refused == 0 {
		t.Fatal("the disk is never full")
	}
	if _, err := s.Census(deadline(t)); err != nil {
		t.Errorf("it cannot be read: %v", err)
	}
	if _, err := write.ExecContext(deadline(t), `PRAGMA max_page_count = 1000000`); err != nil {
		t.Fatal(err)
	}
	beats("with room again", true)
	var left int
	if err := bypass(t, s).QueryRowContext(deadline(t), `SELECT count(*) FROM beats`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d beats are left, %v", left, err)
	}
}
