package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"revoke-sessions/bot"
)

const (
	// redrawEvery is how often the bar is drawn again even if nothing happened,
	// because the time passes.
	redrawEvery = 200 * time.Millisecond
	// quietFor is how long a single account goes without a bar: one revoke is
	// over before anybody wonders.
	quietFor = time.Second
	// Between two plain lines lie this long and this share of all accounts.
	plainEvery = 10 * time.Second
	plainShare = 20
)

// progress tells on standard error how far a command has come: as a bar in the
// last line of a terminal, as lines now and then, or not at all. All methods
// may be called beside each other.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	now   func() time.Time
	plain bool
	width func() int // of the terminal, in columns; nil where there is no bar

	total, done int
	outcomes    []string // in the order of their first
	counts      map[string]int
	name        string // of the account at hand
	waiting     string // what is being waited for

	began   time.Time     // zero until the first account
	busy    time.Duration // spent on accounts, but for
	since   time.Time     // the time since then; zero while a person is asked
	onPaper int           // what was done when the last plain line was written
	written time.Time     // when that was

	drawn  int  // columns of the bar on the screen
	held   bool // somebody else is writing in its line
	ending chan struct{}
	ended  sync.WaitGroup
}

// newProgress makes the progress of total accounts. mode is auto (a bar, if out
// is a terminal), plain or none. It must be stopped.
func newProgress(mode string, out io.Writer, total int, now func() time.Time) *progress {
	p := &progress{out: out, now: now, total: total, plain: mode == "plain", counts: map[string]int{}}
	if mode == "auto" && isTerminal(out) {
		p.width = widthOf(out)
		p.redrawAlways()
	}
	return p
}

// widthOf measures a terminal each time: a person may change it.
func widthOf(out io.Writer) func() int {
	return func() int {
		if f, ok := out.(interface{ Fd() uintptr }); ok {
			if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
				return width
			}
		}
		return 80
	}
}

// redrawAlways keeps the bar up to date until stop.
func (p *progress) redrawAlways() {
	ending := make(chan struct{})
	p.ending = ending
	p.ended.Go(func() {
		tick := time.NewTicker(redrawEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.mu.Lock()
				p.draw()
				p.mu.Unlock()
			case <-ending:
				return
			}
		}
	})
}

// start begins an account, or goes on with it once a question about it has been
// answered: the time of the question does not count, nor does it show a bar.
func (p *progress) start(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pause()
	now := p.now()
	if p.began.IsZero() {
		p.began, p.written = now, now
	}
	p.name, p.waiting, p.since, p.held = bot.Clean(name, 60), "", now, false
	p.draw()
}

// say tells what is being waited for. It reports whether that can be read now
// or soon, in the bar or in a line; if not, and if it is to be read, the caller
// must print it.
func (p *progress) say(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	text = bot.Clean(text, 200)
	again := text == p.waiting
	p.waiting = text
	if p.plain && !again && text != "" {
		p.write(p.name + ": " + text)
	}
	p.draw()
	return p.plain || p.width != nil
}

// step ends an account with its outcome, a word such as "revoked".
func (p *progress) step(outcome string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pause()
	outcome = bot.Clean(outcome, 40)
	if p.counts[outcome] == 0 {
		p.outcomes = append(p.outcomes, outcome)
	}
	p.counts[outcome]++
	p.done++
	p.name, p.waiting, p.held = "", "", false
	if p.plain && p.now().Sub(p.written) >= plainEvery && (p.done-p.onPaper)*plainShare >= p.total {
		p.write("")
	}
	p.draw()
}

// stop clears the bar away. After it, nothing is drawn or written any more.
func (p *progress) stop() {
	p.mu.Lock()
	p.clear()
	p.plain, p.width = false, nil
	ending := p.ending
	p.ending = nil
	p.mu.Unlock()
	if ending != nil {
		close(ending)
		p.ended.Wait()
	}
}

// lines makes a writer of w whose lines can share a terminal with the bar: it
// is away while they are written. After a text that does not end its line, such
// as a question, it stays away until start, or until the line is ended.
func (p *progress) lines(w io.Writer) io.Writer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.width == nil {
		return w
	}
	return besideBar{p, w}
}

type besideBar struct {
	p *progress
	w io.Writer
}

// Write writes to the writer behind.
func (b besideBar) Write(text []byte) (int, error) {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	b.p.clear()
	n, err := b.w.Write(text)
	if len(text) > 0 {
		if b.p.held = !bytes.HasSuffix(text, []byte("\n")); b.p.held {
			b.p.pause()
		}
	}
	b.p.draw()
	return n, err
}

// pause stops the stopwatch.
func (p *progress) pause() {
	if !p.since.IsZero() {
		p.busy, p.since = p.busy+p.now().Sub(p.since), time.Time{}
	}
}

func (p *progress) spent() time.Duration {
	if p.since.IsZero() {
		return p.busy
	}
	return p.busy + p.now().Sub(p.since)
}

// write writes a plain line: what is said, if anything, and how far it is.
func (p *progress) write(said string) {
	parts := append([]string{fmt.Sprintf("%d of %d done", p.done, p.total)}, p.pace()...)
	if tally := p.tally(); tally != "" {
		parts = append(parts, tally)
	}
	line := strings.Join(parts, ", ")
	if said != "" {
		line = said + " (" + line + ")"
	}
	fmt.Fprintln(p.out, line)
	p.onPaper, p.written = p.done, p.now()
}

// draw draws the bar over the one before.
func (p *progress) draw() {
	if p.width == nil || p.held || p.began.IsZero() || p.total == 1 && p.now().Sub(p.began) < quietFor {
		return
	}
	// In its last column some terminals begin a new line.
	room := p.width() - 1
	bar, columns := fit(p.bar(), room)
	fmt.Fprint(p.out, "\r"+bar+strings.Repeat(" ", max(0, min(p.drawn, room)-columns)))
	p.drawn = columns
}

// clear takes the bar off the screen.
func (p *progress) clear() {
	if p.drawn > 0 {
		fmt.Fprint(p.out, "\r"+strings.Repeat(" ", max(0, min(p.drawn, p.width()-1)))+"\r")
		p.drawn = 0
	}
}

// barCells is how long the bar itself is.
const barCells = 20

func (p *progress) bar() string {
	full := 0
	if p.total > 0 {
		full = min(p.done*barCells/p.total, barCells)
	}
	parts := append([]string{fmt.Sprintf("[%s%s] %d/%d", strings.Repeat("#", full), strings.Repeat("-", barCells-full), p.done, p.total)},
		p.pace()...)
	for _, part := range []string{p.tally(), p.name, p.waiting} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "  ")
}

// pace is the rate so far, and how long the rest takes at that rate. Until the
// first account is done there is neither.
func (p *progress) pace() []string {
	spent := p.spent()
	if p.done == 0 || spent <= 0 {
		return []string{brief(spent) + " so far"}
	}
	rate := fmt.Sprintf("%.1f/s", float64(p.done)/spent.Seconds())
	if spent.Seconds() > float64(p.done) {
		rate = fmt.Sprintf("%.1f/min", float64(p.done)/spent.Minutes())
	}
	if p.done >= p.total {
		return []string{rate}
	}
	each := spent / time.Duration(p.done)
	return []string{rate, brief(each*time.Duration(p.total-p.done)) + " left"}
}

// brief is a duration in the one unit that anybody looks at.
func brief(d time.Duration) string {
	in := func(unit time.Duration, name string) string {
		n := int(d.Round(unit) / unit)
		if n != 1 {
			name += "s"
		}
		return fmt.Sprintf("%d %s", n, name)
	}
	switch {
	case d < 2*time.Minute:
		return in(time.Second, "second")
	case d < 2*time.Hour:
		return in(time.Minute, "minute")
	}
	return in(time.Hour, "hour")
}

// tally counts the outcomes: "11 revoked, 1 failed".
func (p *progress) tally() string {
	var all []string
	for _, outcome := range p.outcomes {
		all = append(all, fmt.Sprintf("%d %s", p.counts[outcome], outcome))
	}
	return strings.Join(all, ", ")
}

// fit cuts a line to some columns of a terminal, and says how many it takes at
// most: from the Hangul letters on, characters may be two columns wide.
func fit(line string, columns int) (string, int) {
	taken := 0
	for i, r := range line {
		wide := 1
		if r >= 0x1100 {
			wide = 2
		}
		if taken+wide > columns {
			return line[:i], taken
		}
		taken += wide
	}
	return line, taken
}
