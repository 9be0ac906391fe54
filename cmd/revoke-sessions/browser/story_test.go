package browser_test

import (
	"testing"
)

// The people of the demo, and its conversations.
const (
	bob, alice, amir, olga, carol = "U0BOB", "U0ALICE", "U0AMIR", "U0OLGA", "U0CAROL"
	general, approvals            = "C0GENERAL", "C0APPROVALS"
)

const card = `#messages .message:has(button.block)`

// state holds a state of the page to what holds for all of them, and photographs it.
func (b *tab) state(name string) {
	b.Helper()
	b.accessible(name)
	b.fits(name)
	b.photograph(name)
}

func (b *tab) become(person string) {
	b.Helper()
	b.press(`#people button[data-focus="`+person+`"]`, "")
}

func (b *tab) go_(conversation string) {
	b.Helper()
	b.press(`#channels button[data-focus="`+conversation+`"]`, "")
}

func TestStory(t *testing.T) {
	for name, s := range map[string]screen{"1280": desktop, "390": phone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needAxe(t)
			startChromium(t)
			b := open(t, s, startDemo(t).url)
			b.see("#messages", "Start here")
			b.state("start")
			b.enter("#input", "/revoke-sessions me lost my phone")
			b.become(olga)
			b.go_(approvals)
			b.see(card, "Bob Reporter lost a device")
			b.state("pending")
			b.press("#messages button.block", "Revoke sessions")
			b.see("#confirm", "Revoke")
			b.state("dialog")
			b.press("#confirm-yes", "")
			b.see("#messages .private", "approver")
			b.state("refused")
			b.become(alice)
			b.go_(approvals)
			b.press("#messages button.block", "Revoke sessions")
			b.press("#confirm-yes", "")
			b.see("#messages", "sessions are revoked")
			b.state("revoked")
			b.press("#messages .replies", "")
			b.see("#replies", "Still open")
			b.state("thread")
		})
	}
}
