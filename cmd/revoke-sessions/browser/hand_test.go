package browser_test

import (
	"context"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"revoke-sessions/bot/testrun"
)

// patience is how long a test waits for what it wants to see.
const patience = 20 * time.Second

// until waits until a look at the page finds no problem. A page that is just loading has
// none of the test's functions, so an error is a problem like any other.
func (b *tab) until(what string, look func() (problem string, err error)) {
	b.Helper()
	var problem string
	testrun.Seen(patience, func() bool {
		var err error
		if problem, err = look(); err != nil {
			problem = err.Error()
		}
		return problem == "" || b.ctx.Err() != nil
	})
	if problem != "" {
		b.Fatalf("%s: %s", what, problem)
	}
}

// part is an element of the page, as a person tells somebody where it is.
type part struct {
	selector string
	words    string // exactly its own; empty: any
	message  string // that are in its message; empty: any, or it is in none
}

// on is a button of a message of the bot.
func on(message, words string) part {
	return part{`#messages .message button.block`, words, message}
}

// spot is where a person presses an element: it is to be seen, nothing covers it, and
// there is one of it.
func (b *tab) spot(p part) (x, y float64) {
	b.Helper()
	var found struct {
		X, Y    float64
		Problem string
	}
	b.until("press "+p.selector+" "+p.words, func() (_ string, err error) {
		found, err = ask[struct {
			X, Y    float64
			Problem string
		}](b, "eyes.spot", p.selector, p.words, p.message)
		return found.Problem, err
	})
	return found.X, found.Y
}

// press presses an element, with a mouse or, on a phone, with a finger.
func (b *tab) press(p part) {
	b.Helper()
	x, y := b.spot(p)
	if b.phone {
		b.do("touch", chromedp.TapXY(x, y))
		return
	}
	b.do("click", chromedp.MouseEvent(chromedp.MouseMoved, x, y), chromedp.MouseClickXY(x, y))
}

// tap is press for what its selector tells.
func (b *tab) tap(selector string) {
	b.Helper()
	b.press(part{selector: selector})
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
	for _, key := range keys {
		events := kb.Encode(key)
		down, up := events[0], events[len(events)-1]
		if len(events) == 3 {
			// As on a keyboard, there is no text where the page takes the key for itself.
			down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
		}
		b.must("press a key", call(b, input.DispatchKeyEvent, *down))
		b.must("let a key go", call(b, input.DispatchKeyEvent, *up))
	}
}

// choose chooses in a list.
func (b *tab) choose(selector, value string) {
	b.Helper()
	b.until("choose "+value+" in "+selector, func() (string, error) { return ask[string](b, "eyes.choose", selector, value) })
}

// write types a line into the message box and sends it.
func (b *tab) write(line string) {
	b.Helper()
	b.tap("#input")
	b.keys(line + "\r")
}

// become is to be another person.
func (b *tab) become(person string) {
	b.Helper()
	button := `#people button[data-focus="` + person + `"]`
	b.tap(button)
	b.see(button + `[aria-pressed="true"]`)
}

// enter opens a conversation. On a phone, a thread covers the list of them.
func (b *tab) enter(conversation string) {
	b.Helper()
	if b.phone && len(tell[[]string](b, "eyes.seen", "#thread-close")) > 0 {
		b.tap("#thread-close")
	}
	b.tap(`#channels button[data-focus^="` + conversation + `"]`)
}

// panel does something in the panel, which a small screen hides.
func (b *tab) panel(do func()) {
	b.Helper()
	if b.phone {
		b.tap("#panel-open")
	}
	do()
	b.see("#panel-status", "The bot runs")
	b.none("#panel :disabled")
	b.only("#panel-problem", "")
	if b.phone {
		b.tap("#panel-close")
	}
}
