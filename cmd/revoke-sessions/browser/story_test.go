package browser_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// The people of the demo, and its conversations. The app's conversation begins with a D.
const (
	bob, alice, amir, olga, carol = "U0BOB", "U0ALICE", "U0AMIR", "U0OLGA", "U0CAROL"
	general, approvals, itself    = "C0GENERAL", "C0APPROVALS", "D"
	message, inThread, form       = "#messages .message", "#replies .message", "#view"
)

// state holds a state of the page to what holds for all of them, and photographs it.
func (b *tab) state(name string) {
	b.Helper()
	b.accessible(name)
	b.fits(name)
	b.photograph(name)
	if b.phone {
		s := b.screen
		b.show(screen{width: 320, height: 568, phone: true})
		b.fits(name)
		b.show(s)
	}
}

// TestStory plays what the product does when all goes well, and when the bot is killed.
func TestStory(t *testing.T) {
	onEachScreen(t, func(b *tab) {
		b.report()
		b.refusal()
		b.twoApprovals()
		b.homeTab()
		b.shortcut()
		b.freeze()
		b.killed()
	})
}

// onEachScreen plays at a desk and on a phone, each with a demo of its own.
func onEachScreen(t *testing.T, play func(*tab)) {
	t.Parallel()
	for name, s := range map[string]screen{"1280": desktop, "390": phone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			startChromium(t)
			needAxe(t)
			play(open(t, s, startDemo(t).url))
		})
	}
}

// report: Bob reports his phone, where two must approve.
func (b *tab) report() {
	b.see("#messages", "Start here", "/revoke-sessions me lost my phone")
	b.state("start")
	b.panel(func() {
		b.state("panel")
		b.tap("#control-approvals")
		b.see("#panel-status", "two approvals")
	})
	b.write("/revoke-sessions me lost my phone")
	b.enter(itself)
	b.tap("#tab-messages")
	b.see(message, "Waiting for 2 approvals: @Alice Approver, @Amir Approver, @Nina Approver", "I'll update this message")
	b.see("#messages button.block", "Cancel report")
	b.none("#compose")
	b.see(`#people button[data-focus="`+alice+`"] .count`, "unread")
	b.state("receipt")
}

// refusal: Olga sees the card, and may not decide.
func (b *tab) refusal() {
	b.become(olga)
	b.enter(approvals)
	b.see(message, "Bob Reporter lost a device", "Waiting for 2 approvals", "lost my phone", "Nothing is revoked yet", "Approvers: @Alice Approver, @Amir Approver, @Nina Approver")
	b.only(message+" button.block", "Bob Reporter", "Approve (1 of 2)", "Deny", "Details")
	b.inSight("Bob Reporter lost a device")
	b.state("card")
	b.press(on("Bob Reporter", "Approve (1 of 2)"))
	b.see("#confirm", "Nothing is revoked yet")
	b.state("dialog")
	b.tap("#confirm-yes")
	b.see(message+".private", "Only visible to you", "You are not an approver", "This was recorded")
	b.only(message+" button.block", "Bob Reporter lost", "Approve (1 of 2)", "Deny", "Details")
	b.state("refused")
}

// twoApprovals: Alice's leaves it open, Amir's revokes.
func (b *tab) twoApprovals() {
	b.become(alice)
	b.enter(approvals)
	b.press(on("Bob Reporter", "Approve (1 of 2)"))
	b.tap("#confirm-yes")
	b.see(message, "@Alice Approver approved (1 of 2)", "Waiting for one more: @Amir Approver", "Nothing is revoked yet")
	b.only(message+" button.block", "Bob Reporter", "Revoke sessions", "Deny", "Details")
	b.see(message+" .replies", "1 reply")
	b.state("first approval")
	b.become(amir) // whom the thread mentions
	b.see(inThread, "@Alice Approver approved (1 of 2)", "Please decide on the card")
	b.press(part{inThread + " button.block", "Revoke sessions", ""})
	b.tap("#confirm-yes")
	b.see(inThread, "Still open, and until when")
	b.tap("#thread-close")
	b.see(message, "Bob Reporter's sessions are revoked", "Approved by @Alice Approver and @Amir Approver", "Verified in Entra")
	b.only(message+" button.block", "Bob Reporter", "Details")
	b.state("revoked")
	b.press(part{message + " .replies", "", "Bob Reporter"})
	b.see(inThread, "Still open, and until when", "access tokens")
	b.state("thread")
	b.tap("#thread-close")
	b.become(bob)
	b.enter(itself)
	b.tap("#tab-messages")
	b.see(message, "Done: your sessions are revoked")
	b.state("told")
	b.tap("#side-open")
	b.see("#entries .fold summary", "reads")
	b.only("#entries .write .entry", "", "invalidateAllRefreshTokens for Bob Reporter")
	b.state("what Entra saw")
	b.press(part{"#entries .write summary", "", ""})
	b.see("#entries .write", "request-id")
	b.tap("#side-close")
}

// homeTab: two buttons for everybody; a form opens.
func (b *tab) homeTab() {
	b.tap("#tab-home")
	b.see("#messages .home", "Lost a device?", "Nobody answers?")
	b.only("#messages .home button.block", "", "I lost a device", "Report for somebody else")
	b.state("home")
	b.press(part{"#messages .home button.block", "Report for somebody else", ""})
	b.see(form, "Revoke sessions")
	b.state("form")
	b.tap("#view-submit")
	b.see(form+" .wrong", "required")
	b.state("form not complete")
	b.tap("#view-close")
	b.none(form)
}

// shortcut: Carol's message is the reason, and Carol the person. Her card waits in Alice's Home tab.
func (b *tab) shortcut() {
	b.enter(general)
	b.hover(message, "stolen")
	b.press(part{message + " button.more", "", "stolen"})
	b.see("#menu", "Revoke sessions of…")
	b.state("menu")
	b.press(part{"#menu button b", "Revoke sessions of…", ""})
	b.see(form, "the message you chose")
	b.state("form of a message")
	b.tap("#view-submit")
	b.see(form, "Got it", "REQ-")
	b.tap("#view-close")
	b.none(form)
	b.become(alice)
	b.enter(approvals)
	b.see(message, "Revoke all sessions of Carol Target?", "From: a message")
	b.inSight("sessions of Carol Target")
	b.only(message+" button.block", "", "Details", "Approve (1 of 2)", "Deny", "Details") // one card can be decided
	b.state("card of two")
	b.enter(itself)
	b.tap("#tab-home")
	b.see("#messages .home", "Waiting for you", "Carol Target")
	b.state("home of an approver")
}

// freeze: no card offers a revoke, until two approvers end it.
func (b *tab) freeze() {
	b.enter(approvals)
	b.write("/revoke-sessions freeze somebody approves everything")
	b.see(message, "Carol Target", "Frozen by @Alice Approver: no revoke can start")
	b.only(message+" button.block", "Carol Target", "Deny", "Details")
	b.state("frozen")
	b.write("/revoke-sessions unfreeze")
	b.see(message, "@Alice Approver asked to end the freeze (1 of 2)")
	b.become(amir)
	b.enter(approvals)
	b.write("/revoke-sessions unfreeze")
	b.see(message, "The freeze is over")
	b.only(message+" button.block", "Carol Target", "Approve (1 of 2)", "Deny", "Details")
	b.state("free")
}

// killed: the bot dies while a card waits. What was approved before counts.
func (b *tab) killed() {
	b.press(on("Carol Target", "Approve (1 of 2)"))
	b.tap("#confirm-yes")
	b.see(message, "Carol Target", "@Amir Approver approved (1 of 2)")
	b.panel(func() {
		b.tap("#control-kill")
		b.see("#panel-status", "was killed")
		b.state("killed")
	})
	b.become(alice)
	b.enter(approvals)
	b.press(on("Carol Target", "Revoke sessions"))
	b.tap("#confirm-yes")
	b.see(message, "Carol Target's sessions are revoked", "Verified in Entra")
	b.state("revoked after a kill")
}

// TestLateAnswer: the bot says what it does not know, and then what it has read.
func TestLateAnswer(t *testing.T) {
	onEachScreen(t, func(b *tab) {
		b.see("#messages", "Start here")
		b.panel(func() { b.choose("#control-microsoft", "late") })
		b.become(olga)
		b.write("/revoke-sessions me lost my tablet")
		b.see(message+".private", "Got it")
		b.become(alice)
		b.enter(approvals)
		b.press(on("Olga Outsider", "Revoke sessions"))
		b.see("#confirm", "Olga Outsider", "cannot be undone")
		b.state("dialog that revokes")
		b.tap("#confirm-yes")
		b.see(message, "Olga Outsider", "asking Microsoft Entra")
		b.only(message+" button.block", "Olga Outsider", "Details")
		b.state("asking")
		b.see(message, "Olga Outsider", "not known yet")
		b.state("not known")
		b.see(message, "Olga Outsider's sessions are revoked", "I saw the change on the account")
		b.state("known")
	})
}

// hover moves the mouse over a message, where there is one.
func (b *tab) hover(selector, words string) {
	b.Helper()
	if b.phone {
		return
	}
	x, y := b.spot(part{selector: selector, message: words})
	b.do("move", chromedp.MouseEvent(chromedp.MouseMoved, x, y))
}
