package browser_test

import (
	"context"
	"time"

	"github.com/chromedp/chromedp"

	"revoke-sessions/bot/testrun"
)

// patience is how long a test waits for what it wants to see.
const patience = 20 * time.Second

// until waits until a look at the page finds no problem. A page that is just being
// exchanged has none of the test's functions, so an error is a problem like any other.
func (b *tab) until(what string, look func() (problem string, err error)) {
	b.Helper()
	var problem string
	seen := testrun.Seen(patience, func() bool {
		var err error
		if problem, err = look(); err != nil {
			problem = err.Error()
		}
		return problem == "" || b.ctx.Err() != nil
	})
	if !seen || problem != "" {
		b.Fatalf("%s: %s", what, problem)
	}
}

// press presses an element as a person does: it is to be seen, nothing covers it, and
// there is one of it. Words of "" are any.
func (b *tab) press(selector, words string) {
	b.Helper()
	var spot struct {
		X, Y    float64
		Problem string
	}
	b.until("press "+selector+" "+words, func() (_ string, err error) {
		spot, err = ask[struct {
			X, Y    float64
			Problem string
		}](b, "eyes.spot", selector, words)
		return spot.Problem, err
	})
	if b.phone {
		b.do("touch", chromedp.TapXY(spot.X, spot.Y))
		return
	}
	b.do("click", chromedp.MouseEvent(chromedp.MouseMoved, spot.X, spot.Y), chromedp.MouseClickXY(spot.X, spot.Y))
}

func (b *tab) do(what string, acts ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	b.must(what, chromedp.Do(ctx, acts...))
}

// keys presses keys, wherever the focus is.
func (b *tab) keys(keys string) {
	b.Helper()
	b.do("keys", chromedp.KeyEvent(keys))
}

// choose chooses in a select.
func (b *tab) choose(selector, value string) {
	b.Helper()
	b.until("choose "+value+" in "+selector, func() (string, error) { return ask[string](b, "eyes.choose", selector, value) })
}

// enter types a line into a box and sends it.
func (b *tab) enter(selector, line string) {
	b.Helper()
	b.press(selector, "")
	b.keys(line + "\r")
}
