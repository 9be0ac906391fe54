package slacktest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"revoke-sessions/bot/slacktest"
)

func TestAckInTime(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	d := s.As("U2").Command("C1", "help")
	c.acked(t, `{"response_type":"ephemeral","text":"Try me."}`)
	ack, err := d.Wait(timeout(t))
	if err != nil || ack.EnvelopeID != d.EnvelopeID || ack.Late || ack.OtherSocket || ack.Socket != 1 || ack.Latency <= 0 || ack.At.IsZero() {
		t.Fatalf("%+v %v", ack, err)
	}
	if saw, err := d.Outcome(timeout(t)); saw != "" || err != nil {
		t.Fatalf("saw %q, %v", saw, err)
	}
	if m := s.Ephemerals("U2"); len(m) != 1 || m[0].Text != "Try me." || m[0].Via != "ack" || m[0].Channel != "C1" || !m[0].Ephemeral {
		t.Fatalf("%+v", m)
	}
	if len(s.Ephemerals("U1")) != 0 || len(s.Messages("C1")) != 0 {
		t.Fatal("others saw a private answer")
	}
}

func TestLateAckShowsNothing(t *testing.T) {
	s := workspace(t, slacktest.Config{AckDeadline: 30 * time.Millisecond})
	c := connect(t, s)
	d := s.As("U2").Command("C1", "help")
	if saw, err := d.Outcome(timeout(t)); saw != slacktest.OperationTimeout || err != nil {
		t.Fatalf("saw %q, %v", saw, err)
	}
	c.acked(t, `{"text":"too late"}`)
	ack, err := d.Wait(timeout(t))
	if err != nil || !ack.Late || ack.Latency < 30*time.Millisecond {
		t.Fatalf("%+v %v", ack, err)
	}
	if len(s.Ephemerals("U2")) != 0 || d.Saw() != slacktest.OperationTimeout {
		t.Fatal("a late ack was shown")
	}
}

func TestAckDeadlineIsThreeSeconds(t *testing.T) {
	t.Parallel()
	s := workspace(t, slacktest.Config{})
	connect(t, s)
	began := time.Now()
	saw, err := s.As("U2").Command("C1", "help").Outcome(timeout(t))
	if took := time.Since(began); saw != slacktest.OperationTimeout || err != nil || took < 2900*time.Millisecond {
		t.Fatalf("saw %q after %v, %v", saw, took, err)
	}
}

func TestAcksThatDoNotCount(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	a, b := connect(t, s), connect(t, s)
	s.Route(func([]int) int { return 1 })
	d := s.As("U2").Command("C1", "help")
	id := a.next(t)["envelope_id"]
	b.ack(t, id, "")
	a.ack(t, id, `{"text":"`+strings.Repeat("x", slacktest.MaxAckBytes)+`"}`)
	a.ack(t, "no-such-envelope", "")
	if err := a.conn.WriteMessage(websocket.TextMessage, []byte("garbage")); err != nil {
		t.Fatal(err)
	}
	if err := s.Until(timeout(t), func() bool { return len(s.Acks()) == 3 && len(s.BadFrames()) == 1 }); err != nil {
		t.Fatal(err)
	}
	other, dropped, unknown := 0, 0, 0
	for _, ack := range s.Acks() {
		switch {
		case ack.OtherSocket && ack.Socket == 2:
			other++
		case ack.Dropped:
			dropped++
		case ack.Unknown:
			unknown++
		}
	}
	if other != 1 || dropped != 1 || unknown != 1 {
		t.Fatalf("%+v", s.Acks())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if ack, err := d.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("one of them counted: %+v %v", ack, err)
	}
	a.ack(t, id, "")
	if _, err := d.Wait(timeout(t)); err != nil {
		t.Fatal(err)
	}
	a.ack(t, id, `{"text":"again"}`)
	if err := s.Until(timeout(t), func() bool { return len(s.Acks()) == 5 }); err != nil {
		t.Fatal(err)
	}
	if last := s.Acks()[4]; !last.Repeated || len(s.Ephemerals("U2")) != 0 {
		t.Fatalf("%+v", last)
	}
}

func TestAckOnAnySocket(t *testing.T) {
	s := workspace(t, slacktest.Config{AckOnAnySocket: true})
	a := connect(t, s)
	d := s.As("U2").Command("C1", "help")
	id := a.next(t)["envelope_id"]
	a.conn.Close()
	connect(t, s).ack(t, id, "")
	if ack, err := d.Wait(timeout(t)); err != nil || !ack.OtherSocket || ack.Socket != 2 {
		t.Fatalf("%+v %v", ack, err)
	}
}

func TestUnusableAckPayload(t *testing.T) {
	for name, payload := range map[string]string{
		"unknown field":  `{"text":"x","colour":"red"}`,
		"invalid blocks": `{"blocks":[{"type":"alert"}]}`,
		"nothing to say": `{"response_type":"ephemeral"}`,
		"not an object":  `["x"]`,
		"response type":  `{"text":"x","response_type":"loud"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := workspace(t, slacktest.Config{})
			c := connect(t, s)
			d := s.As("U2").Command("C1", "help")
			c.acked(t, payload)
			if ack, err := d.Wait(timeout(t)); err != nil || ack.Rejected == "" || d.Saw() != slacktest.UnknownError || len(s.Ephemerals("U2")) != 0 {
				t.Fatalf("%+v %v %q", ack, err, d.Saw())
			}
		})
	}
}

func TestRedeliverAndReplay(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	c := connect(t, s)
	first := s.As("U2").Command("C1", "me gone")
	sent := c.next(t)
	again, replay := first.Redeliver(), first.Replay()
	second, third := c.next(t), c.next(t)
	trigger := func(frame map[string]any) any { return frame["payload"].(map[string]any)["trigger_id"] }
	if second["envelope_id"] == sent["envelope_id"] || second["envelope_id"] != again.EnvelopeID || third["envelope_id"] != sent["envelope_id"] {
		t.Fatalf("envelopes %v %v %v", sent["envelope_id"], second["envelope_id"], third["envelope_id"])
	}
	if trigger(second) != trigger(sent) || trigger(third) != trigger(sent) {
		t.Fatal("the act is not the same")
	}
	for _, frame := range []map[string]any{sent, second, third} {
		c.ack(t, frame["envelope_id"], "")
	}
	for _, d := range []*slacktest.Delivery{first, again, replay} {
		if _, err := d.Wait(timeout(t)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoSocket(t *testing.T) {
	s := workspace(t, slacktest.Config{})
	d := s.As("U2").Command("C1", "me")
	if _, err := d.Wait(timeout(t)); !errors.Is(err, slacktest.ErrNoSocket) || d.Saw() != slacktest.DispatchFailed {
		t.Fatalf("%v %q", err, d.Saw())
	}
	c := connect(t, s)
	d = d.Redeliver()
	c.acked(t, "")
	if _, err := d.Wait(timeout(t)); err != nil {
		t.Fatal(err)
	}
}
