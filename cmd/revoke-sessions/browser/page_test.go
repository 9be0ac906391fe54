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
	b.see(message+".trouble", "what you typed is in the box again")
	b.only("#input", "", typed)
	line.mend(t)
	b.none("#lost")
	b.only("#input", "", typed)
	b.tap("#send")
	b.see(message+".private", "Got it")
	b.only("#input", "", "")
}

// TestStartOver: the page forgets the workspace that is thrown away.
func TestStartOver(t *testing.T) {
	t.Parallel()
	startChromium(t)
	b := open(t, phone, startDemo(t).url)
	b.see("#messages", "Start here")
	b.write("/revoke-sessions me lost my phone")
	b.see(message+".private", "Got it")
	b.tap("#input")
	b.keys("a draft")
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
	b.only("#input", "", "")
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
