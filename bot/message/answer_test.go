package message

import (
	"strings"
	"testing"

	"revoke-sessions/bot/bottest"
)

func TestBusy_SaysRequestIsSafe(t *testing.T) {
	m := Busy(bottest.Emergency)
	for _, want := range []string{"Busy, and your request is safe:", "stored", "need not send it again", bottest.Emergency} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q does not say %q", m.Text, want)
		}
	}
	if got := Privately(m).(map[string]any); got["response_type"] != "ephemeral" || got["text"] != m.Text || got["blocks"] == nil {
		t.Errorf("the ack carries %v", got)
	}
}
