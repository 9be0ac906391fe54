package browser_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestKeyboard reports and picks from the lists with keys alone: the message box has the
// focus, arrows move, Enter takes.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	startChromium(t)
	b := open(t, desktop, startDemo(t).url)
	b.see("#messages", "Start here")
	b.focus("input")
	const offers, taken = `#suggestions [role="option"]`, `#suggestions [aria-selected="true"]`
	b.keys("/rev")
	b.see(taken, "/revoke-sessions")
	b.keys(kb.Enter)
	b.only("#input", "", "/revoke-sessions")
	b.none(offers)
	b.keys("@a")
	b.see(offers, "Alice Approver (@alice)")
	b.see(offers, "Amir Approver (@amir)")
	b.none(offers, "Bob")
	for _, move := range []struct{ key, to string }{
		{kb.ArrowDown, "Amir"}, {kb.ArrowDown, "Alice"}, {kb.ArrowUp, "Amir"}, {kb.ArrowUp, "Alice"}, {kb.ArrowDown, "Amir"},
	} {
		b.keys(move.key)
		b.see(taken, move.to)
	}
	b.focus("input")
	b.keys(kb.Enter)
	b.only("#input", "", "/revoke-sessions @amir")
	b.keys("lost his bag @ca")
	b.see(offers, "Carol")
	b.keys(kb.Escape)
	b.none(offers)
	b.keys(strings.Repeat(kb.Backspace, len(" @ca")) + kb.Enter)
	b.see(message+".private", "Got it")
	b.only("#input", "", "")
}

// TestAddress: a reload, Back and a link lead to the same person, conversation and thread.
func TestAddress(t *testing.T) {
	t.Parallel()
	startChromium(t)
	at := startDemo(t).url
	b := open(t, desktop, at)
	b.see("#messages", "Start here")
	b.write("/revoke-sessions me lost my phone")
	b.see(message+".private", "Got it")
	b.become(alice)
	b.enter(approvals)
	b.press(on("Bob Reporter", "Revoke sessions"))
	b.tap("#confirm-yes")
	b.see(message, "Bob Reporter's sessions are revoked", "Verified in Entra")
	b.press(part{message + " .replies", "", "Bob Reporter"})
	b.see(inThread, "Still open")
	thread := tell[string](b, "(() => location.hash)")
	if !strings.HasPrefix(thread, "#"+alice+"/"+approvals+"/") {
		t.Errorf("the address ends with %q", thread)
	}
	here := func() {
		t.Helper()
		b.only(`#people [aria-pressed="true"] b`, "", "Alice Approver")
		b.see("#place", "security-approvals")
		b.see(inThread, "Still open")
	}
	b.do("reload", chromedp.Reload())
	here()
	b.become(carol)
	b.only(`#people [aria-pressed="true"] b`, "", "Carol Target")
	b.none(inThread)
	b.enter(itself)
	b.see("#messages .home", "Lost a device?")
	for range 2 {
		b.do("back", chromedp.Evaluate[chromedp.Void]("history.back()"))
	}
	here()
	open(t, phone, at+"/"+thread).see(inThread, "Still open")
	open(t, phone, at+"/#"+bob+"/home").see("#messages .home", "Lost a device?")
}

// TestLostConnection: what was typed while the program could not be reached is not lost.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	startChromium(t)
	line := newCable(t, startDemo(t).url)
	b := open(t, phone, line.url)
	const typed = "/revoke-sessions me lost my phone"
	b.see("#messages", "Start here")
	b.expect("net::ERR_")
	line.cut()
	b.write(typed)
	b.see("#lost", "No connection")
	b.see(message+".trouble", "It is not known whether this arrived", "What you typed is in the box again")
	b.only("#input", "", typed)
	line.mend(t)
	b.none("#lost")
	b.only("#input", "", typed)
	b.tap("#send")
	b.see(message+".private", "Got it")
	b.only("#input", "", "")

	// The same of a press: nobody says that it failed.
	b.become(alice)
	b.see(message, "Bob Reporter lost a device")
	line.cut()
	b.press(on("Bob Reporter", "Revoke sessions"))
	b.tap("#confirm-yes")
	b.see(message+".trouble", "“Revoke sessions”: No answer from the program. It is not known whether this arrived.")
}

// TestTypedLineComesBack: what Slack or the app did not take is in the box again, unless
// something else is there.
func TestTypedLineComesBack(t *testing.T) {
	t.Parallel()
	startChromium(t)
	b := open(t, desktop, startDemo(t).url)
	b.see("#messages", "Start here")
	b.expect("409")
	const typed = "/revoke-sesions me lost my phone"
	b.write(typed)
	b.see(message+".trouble", "/revoke-sesions is not a valid command", "What you typed is in the box again")
	b.only("#input", "", typed)
	// Of a workspace that is started over, the box keeps it, too.
	b.panel(func() {
		b.tap("#control-over")
		b.none(message + ".trouble")
	})
	b.only("#input", "", typed)
}

// TestAnyWord: no word that people type is taken for something of the page's own.
func TestAnyWord(t *testing.T) {
	t.Parallel()
	startChromium(t)
	b := open(t, desktop, startDemo(t).url)
	b.see("#messages", "Start here")
	for _, word := range []string{"constructor", "valueOf", "toString", "hasOwnProperty"} {
		b.write(word)
		b.see(message+" .content", word)
	}
	b.write("/revoke-sessions me constructor")
	b.see(message+".private", "Got it")
	b.become(alice)
	b.enter(approvals)
	b.see(message, "Bob Reporter lost a device", "constructor")
}

// TestDialogBelongsToWhoOpenedIt: Back leads to another person and takes the dialog and
// the menu away, so that nobody presses what somebody else was asked.
func TestDialogBelongsToWhoOpenedIt(t *testing.T) {
	t.Parallel()
	startChromium(t)
	b := open(t, desktop, startDemo(t).url)
	b.see("#messages", "Start here")
	b.write("/revoke-sessions me lost my phone")
	b.see(message+".private", "Got it")
	b.become(olga)
	b.enter(approvals)
	b.see(message, "Bob Reporter lost a device")
	b.become(alice)
	b.press(on("Bob Reporter", "Revoke sessions"))
	b.see("#confirm", "Bob Reporter", "cannot be undone")
	back := func() { b.do("back", chromedp.Evaluate[chromedp.Void]("history.back()")) }
	back()
	b.only(`#people [aria-pressed="true"] b`, "", "Olga Outsider")
	b.none("#confirm")
	b.become(alice)
	b.hover(message, "Unusual sign-in")
	b.press(part{message + " button.more", "", "Unusual sign-in"})
	b.see("#menu", "Revoke sessions of…")
	back()
	b.none("#menu")
}

// TestBrokenAddress: a link may hold anything, and leads somewhere.
func TestBrokenAddress(t *testing.T) {
	t.Parallel()
	startChromium(t)
	at := startDemo(t).url
	for _, link := range []string{"#%E0", "#U0NOBODY/C0NOWHERE", "#U0ALICE/C0NOWHERE/1.2", "#constructor/__proto__"} {
		open(t, desktop, at+"/"+link).see("#place", "general")
	}
}

// TestControlActsOnce: a double click is one.
func TestControlActsOnce(t *testing.T) {
	t.Parallel()
	startChromium(t)
	b := open(t, desktop, startDemo(t).url)
	b.see("#panel-status", "The bot runs")
	x, y := b.spot(part{selector: "#control-hour"})
	b.do("double click", chromedp.MouseClickXY(x, y), chromedp.MouseClickXY(x, y))
	b.see("#panel-status", "The clock is 1 hour ahead")
	b.none("#panel :disabled")
	b.see("#panel-status", "The clock is 1 hour ahead")
}

// TestStartOver: the page forgets the workspace that is thrown away.
func TestStartOver(t *testing.T) {
	t.Parallel()
	startChromium(t)
	b := open(t, phone, startDemo(t).url)
	b.see("#messages", "Start here")
	b.write("/revoke-sessions me lost my phone")
	b.see(message+".private", "Got it")
	b.become(olga)
	b.enter(approvals)
	b.see(message, "Bob Reporter lost a device")
	b.panel(func() {
		b.tap("#control-over")
		b.see("#panel-status", "The bot runs")
	})
	b.none(message, "Bob Reporter")
	b.become(bob)
	b.enter(general)
	b.see("#messages", "Start here")
	b.none(message + ".private")
	b.write("/revoke-sessions me lost my phone again")
	b.see(message+".private", "Got it")
}

// focus waits until the element with this ID has the focus.
func (b *tab) focus(id string) {
	b.Helper()
	b.until("focus", func() (string, error) {
		if got, err := ask[string](b, "eyes.focused"); err != nil || got != id {
			return "it is on " + got + ", not on " + id, err
		}
		return "", nil
	})
}
