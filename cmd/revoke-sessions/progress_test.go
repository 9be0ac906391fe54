package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
)

// screen shows what a terminal of some columns would, for text with carriage
// returns and line feeds. It fails the test for any other control character,
// and for a line that reaches the last column.
type screen struct {
	t       *testing.T
	columns int
	rows    []string // the last one is the cursor's
	at      int
	writes  int
}

func (s *screen) Write(text []byte) (int, error) {
	s.writes++
	if s.rows == nil {
		s.rows = []string{""}
	}
	row := []rune(s.rows[len(s.rows)-1])
	for _, r := range string(text) {
		switch {
		case r == '\n':
			s.rows[len(s.rows)-1] = string(row)
			s.rows, row, s.at = append(s.rows, ""), nil, 0
		case r == '\r':
			s.at = 0
		case unicode.IsControl(r), !unicode.IsPrint(r):
			s.t.Errorf("it writes %q", text)
		default:
			for len(row) <= s.at {
				row = append(row, ' ')
			}
			row[s.at] = r
			if s.at++; s.at >= s.columns {
				s.t.Errorf("it writes into the last column: %q", text)
			}
		}
	}
	s.rows[len(s.rows)-1] = string(row)
	return len(text), nil
}

// shows compares the rows, blanks at their ends apart.
func (s *screen) shows(want ...string) {
	s.t.Helper()
	var got []string
	for _, row := range s.rows {
		got = append(got, strings.TrimRight(row, " "))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		s.t.Errorf("the screen shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// onScreen runs play with a bar on a screen, in a time of its own.
func onScreen(t *testing.T, columns, total int, play func(*screen, *progress)) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{t: t, columns: columns, rows: []string{""}}
		p := newProgress("none", s, total, time.Now)
		p.width = func() int { return columns }
		p.redrawAlways()
		defer p.stop()
		play(s, p)
	})
}

// pass lets time pass, and the bar be drawn.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestBar(t *testing.T) {
	onScreen(t, 120, 4, func(s *screen, p *progress) {
		out := p.lines(s)
		s.shows("")
		p.start("carol@contoso.example")
		s.shows("[--------------------] 0/4  0 seconds so far  carol@contoso.example")
		pass(time.Second)
		s.shows("[--------------------] 0/4  1 second so far  carol@contoso.example")
		if !p.say("Microsoft asked the bot to wait 40 s.") {
			t.Error("a bar does not count as said")
		}
		s.shows("[--------------------] 0/4  1 second so far  carol@contoso.example  Microsoft asked the bot to wait 40 s.")
		pass(time.Second)
		p.step("revoked")
		s.shows("[#####---------------] 1/4  30.0/min  6 seconds left  1 revoked")
		fmt.Fprintln(out, "carol: revoked")
		s.shows("carol: revoked", "[#####---------------] 1/4  30.0/min  6 seconds left  1 revoked")
		for _, outcome := range []string{"revoked", "failed"} {
			p.start("x")
			p.step(outcome)
		}
		fmt.Fprint(out, "dave: revoked\nerin: failed\n")
		s.shows("carol: revoked", "dave: revoked", "erin: failed", "[###############-----] 3/4  1.5/s  1 second left  2 revoked, 1 failed")
		p.start("fred")
		p.step("revoked")
		s.shows("carol: revoked", "dave: revoked", "erin: failed", "[####################] 4/4  2.0/s  3 revoked, 1 failed")
		p.stop()
		s.shows("carol: revoked", "dave: revoked", "erin: failed", "")
		drawn := s.writes
		p.start("late")
		p.stop()
		pass(time.Minute)
		if fmt.Fprintln(out, "the end"); s.writes != drawn+1 {
			t.Error("after the end it still draws")
		}
		if p.say("waiting") {
			t.Error("after the end nothing is said")
		}
	})
}

// TestQuickSingleAccount: one revoke that takes less than a second shows no bar.
func TestQuickSingleAccount(t *testing.T) {
	onScreen(t, 80, 1, func(s *screen, p *progress) {
		p.start("carol")
		p.say("waiting")
		pass(900 * time.Millisecond)
		if s.writes > 0 {
			t.Errorf("it writes %q", s.rows)
		}
		pass(200 * time.Millisecond)
		s.shows("[--------------------] 0/1  1 second so far  carol  waiting")
		p.step("revoked")
		p.stop()
		s.shows("")
	})
	onScreen(t, 80, 1, func(s *screen, p *progress) {
		p.start("carol")
		pass(900 * time.Millisecond)
		p.step("revoked")
		p.stop()
		if s.writes > 0 {
			t.Errorf("it writes %q", s.rows)
		}
	})
}

// TestBarBesideAQuestion: while a person thinks, nothing is drawn into the
// line, and the time is not the account's.
func TestBarBesideAQuestion(t *testing.T) {
	onScreen(t, 80, 2, func(s *screen, p *progress) {
		out := p.lines(s)
		p.start("carol")
		pass(time.Second)
		fmt.Fprintln(out, "Carol Target, last sign-in yesterday")
		fmt.Fprint(out, "Revoke? [y/n/a/q] ")
		pass(time.Hour)
		p.say("still waiting")
		s.shows("Carol Target, last sign-in yesterday", "Revoke? [y/n/a/q]")
		fmt.Fprint(s, "y\n") // the terminal's echo
		p.start("carol")
		pass(time.Second)
		s.shows("Carol Target, last sign-in yesterday", "Revoke? [y/n/a/q] y", "[--------------------] 0/2  2 seconds so far  carol")
		p.step("revoked")
		s.shows("Carol Target, last sign-in yesterday", "Revoke? [y/n/a/q] y", "[##########----------] 1/2  30.0/min  2 seconds left  1 revoked")
		pass(time.Hour) // between two accounts the program's time stands still, too
		s.shows("Carol Target, last sign-in yesterday", "Revoke? [y/n/a/q] y", "[##########----------] 1/2  30.0/min  2 seconds left  1 revoked")
		fmt.Fprint(out, "half a line, ")
		pass(time.Second)
		fmt.Fprint(out, "and its end\n")
		s.shows("Carol Target, last sign-in yesterday", "Revoke? [y/n/a/q] y", "half a line, and its end", "[##########----------] 1/2  30.0/min  2 seconds left  1 revoked")
	})
}

func TestBarOnASmallTerminal(t *testing.T) {
	onScreen(t, 46, 2, func(s *screen, p *progress) {
		p.start("carol@contoso.example")
		s.shows("[--------------------] 0/2  0 seconds so far")
		p.step("revoked")
	})
	onScreen(t, 66, 2, func(s *screen, p *progress) {
		p.start("日本語の名前@x")
		s.shows("[--------------------] 0/2  0 seconds so far  日本語の名前@x")
		p.say("前前前前前前前")
		s.shows("[--------------------] 0/2  0 seconds so far  日本語の名前@x  前")
		p.width = func() int { return 10 }
		s.columns = 10
		p.step("revoked")
		p.stop()
	})
	onScreen(t, 60, 2, func(s *screen, p *progress) {
		p.start("carol@contoso.example")
		p.width = func() int { return 10 }
		s.columns = 10
		p.stop()
	})
	onScreen(t, 1, 2, func(s *screen, p *progress) {
		p.start("carol")
		p.stop()
		s.shows("")
	})
}

func TestBarIsClean(t *testing.T) {
	onScreen(t, 100, 2, func(s *screen, p *progress) {
		p.start("carol\x1b[2J\u202e@x")
		p.say("wai\x1bting")
		s.shows("[--------------------] 0/2  0 seconds so far  carol[2J@x  waiting")
		p.step("rev\x1b\u202eoked")
		s.shows("[##########----------] 1/2  0 seconds so far  1 revoked")
	})
}

func TestPlainProgress(t *testing.T) {
	for _, row := range []struct {
		total, lines int
		each         time.Duration
		first, last  string
	}{
		{100, 10, time.Second, "10 of 100 done, 1.0/s, 90 seconds left, 10 revoked", "100 of 100 done, 1.0/s, 100 revoked"},
		{1000, 20, time.Second, "50 of 1000 done, 1.0/s, 16 minutes left, 50 revoked", "1000 of 1000 done, 1.0/s, 1000 revoked"},
		{3, 3, time.Hour, "1 of 3 done, 1.0/min, 2 hours left, 1 revoked", ""},
		{5, 0, time.Second, "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			p := newProgress("plain", &out, row.total, time.Now)
			defer p.stop()
			for range row.total {
				p.start("x")
				time.Sleep(row.each)
				p.step("revoked")
			}
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if row.lines == 0 {
				if out.Len() > 0 {
					t.Errorf("%d accounts: it writes\n%s", row.total, &out)
				}
				return
			}
			if len(lines) != row.lines || row.total != 3 && lines[0] != row.first || row.last != "" && lines[len(lines)-1] != row.last {
				t.Errorf("%d accounts, %d lines, want %d from %q to %q:\n%s", row.total, len(lines), row.lines, row.first, row.last, &out)
			}
		})
	}
}

func TestPlainWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress("plain", &out, 20, time.Now)
		p.start("carol")
		time.Sleep(3 * time.Second)
		for range 3 {
			if !p.say("Microsoft asked the\r\x1b bot to wait 40 s.") {
				t.Error("a line does not count as said")
			}
		}
		time.Sleep(time.Second)
		p.step("revoked")
		p.start("dave")
		p.say("Microsoft asked the bot to wait 40 s.")
		p.step("un\x1bknown")
		p.stop()
		p.say("late")
		p.step("late")
		want := "carol: Microsoft asked the bot to wait 40 s. (0 of 20 done, 3 seconds so far)\n" +
			"dave: Microsoft asked the bot to wait 40 s. (1 of 20 done, 15.0/min, 76 seconds left, 1 revoked)\n"
		if out.String() != want {
			t.Errorf("it writes\n%q\nwant\n%q", out.String(), want)
		}
	})
}

func TestNoProgress(t *testing.T) {
	for _, mode := range []string{"auto", "none"} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			p := newProgress(mode, &out, 100, time.Now)
			if p.lines(&out) != io.Writer(&out) {
				t.Errorf("%s: lines go a way round", mode)
			}
			for range 100 {
				p.start("x")
				if p.say("waiting") {
					t.Errorf("%s: it counts as said", mode)
				}
				time.Sleep(time.Minute)
				p.step("revoked")
			}
			p.stop()
			if out.Len() > 0 {
				t.Errorf("%s: it writes %q", mode, &out)
			}
		})
	}
}
