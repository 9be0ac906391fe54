package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// onEach measures on both databases.
func onEach(b *testing.B, measure func(*testing.B, *theatre)) {
	for name, choose := range databases {
		b.Run(name, func(b *testing.B) {
			th := newTheatreWith(b, slacktest.Config{NoRateLimits: "round after round"})
			choose(th)
			measure(b, th)
		})
	}
}

// BenchmarkEnvelopeToAck is the time from an envelope on the socket to its
// ack, with what arrived on disk in between.
func BenchmarkEnvelopeToAck(b *testing.B) { onEach(b, envelopeToAck) }

func envelopeToAck(b *testing.B, th *theatre) {
	th.begin()
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		ack, err := th.slack.As(bobID).Command(general, "help").Wait(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, ack.Latency)
	}
	percentiles(b, "ack", took)
}

// BenchmarkClickToGraph is the time from an approver's click to the POST at
// Graph and to the result in the thread, look-ups, audit and all.
func BenchmarkClickToGraph(b *testing.B) { onEach(b, clickToGraph) }

func clickToGraph(b *testing.B, th *theatre) {
	th.begin()
	var toGraph, toThread []time.Duration
	for b.Loop() {
		b.StopTimer()
		// Slack's rate limits and the caches are of the clock: every round
		// starts with full buckets and nobody looked up.
		if before := len(th.entra.Posts()); before > 0 {
			th.quiet()
		}
		th.clock.advance(10 * time.Minute)
		before := len(th.entra.Posts())
		th.typed(bobID, "me lost my phone")
		var card slacktest.Message
		th.until("a card waits", func() bool {
			for _, m := range th.slack.Messages(approvals) {
				if len(m.Buttons()) == 3 {
					card = m
				}
			}
			return card.TS != ""
		})
		th.until("the receipt stands", func() bool { return len(th.slack.DMs(bobID)) == before+1 })
		time.Sleep(200 * time.Millisecond) // what the clock does by itself, once a minute, is over
		b.StartTimer()
		clicked := th.clock.now()
		th.acked(th.slack.As(aliceID).Click(approvals, card.TS, bot.ActionConfirm))
		th.until("the result stands", func() bool { return len(th.slack.Thread(approvals, card.TS)) > 1 })
		toThread = append(toThread, th.clock.now().Sub(clicked))
		b.StopTimer()
		toGraph = append(toGraph, th.entra.Posts()[before].At.Sub(clicked))
		th.until("Bob is told", func() bool {
			return !slices.ContainsFunc(th.slack.DMs(bobID), func(m slacktest.Message) bool { return !strings.Contains(m.Text, "Done: ") })
		})
		b.StartTimer()
	}
	percentiles(b, "graph", toGraph)
	percentiles(b, "thread", toThread)
}

// BenchmarkMemory is what the bot's own process holds after a few decisions,
// and what it holds if its numbers are served and have been read.
func BenchmarkMemory(b *testing.B) {
	for name, served := range map[string]bool{"plain": false, "served": true} {
		b.Run(name, func(b *testing.B) {
			onEach(b, func(b *testing.B, th *theatre) { memory(b, th, served) })
		})
	}
}

func memory(b *testing.B, th *theatre, served bool) {
	if served {
		th.served()
	}
	th.spawn()
	if served {
		th.samples()
	}
	idle := th.resident()
	for b.Loop() {
		th.typed(bobID, "help")
	}
	th.typed(bobID, "me lost my phone")
	th.click(aliceID, bot.ActionConfirm)
	th.cardSays("Verified")
	if served {
		th.samples()
	}
	b.ReportMetric(idle, "idle-MB")
	b.ReportMetric(th.resident(), "after-MB")
}

// BenchmarkIdle is what a bot costs while nobody wants anything of it: two sockets
// and a clock that looks every second.
//
// A round is a tenth of a second, so that 100 of them are ten ticks of that clock.
func BenchmarkIdle(b *testing.B) {
	const begun, idle = 2 * time.Second, 100 * time.Millisecond
	onEach(b, func(b *testing.B, th *theatre) {
		th.at.timing = productions()
		th.spawn()
		time.Sleep(begun) // what a start has to do is done
		before, began := worked(b, th.child.Process.Pid), time.Now()
		for b.Loop() {
			time.Sleep(idle) // that is what is measured
		}
		b.ReportMetric(100*float64(worked(b, th.child.Process.Pid)-before)/float64(time.Since(began)), "cpu-%")
	})
}

// worked is for how long the threads of a process have run.
func worked(b *testing.B, pid int) (all time.Duration) {
	b.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		b.Skip("how long a process has run is read from /proc")
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			b.Fatal(err)
		}
		var ran time.Duration
		if _, err := fmt.Sscan(string(text), &ran); err != nil {
			b.Fatal(err)
		}
		all += ran
	}
	return all
}

// BenchmarkStart is the time from the start of a bot's own process to its first
// socket, on a database that is there.
func BenchmarkStart(b *testing.B) {
	onEach(b, func(b *testing.B, th *theatre) {
		th.spawn()
		var took []time.Duration
		for b.Loop() {
			b.StopTimer()
			th.kill()
			b.StartTimer()
			began := time.Now()
			th.spawn()
			took = append(took, time.Since(began))
		}
		percentiles(b, "connected", took)
	})
}

// BenchmarkRevokeCommand is one account on the command line, the whole process
// from its start to its end: sign-in, look-up, three transactions, the revoke
// and a read to verify it.
func BenchmarkRevokeCommand(b *testing.B) {
	th := newTheatreWith(b, slacktest.Config{NoRateLimits: "round after round"})
	var took []time.Duration
	for b.Loop() {
		child, err := th.process("revoke", "--user-id", th.entraID("carol"), "--confirm=false")
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if out, err := child.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		took = append(took, time.Since(began))
	}
	percentiles(b, "process", took)
}

// resident is the child's resident memory in megabytes.
func (th *theatre) resident() float64 { return residentOf(th.t, th.child.Process.Pid) }

func residentOf(t testing.TB, pid int) float64 {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("resident memory is read from /proc")
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kb, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb / 1024
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

func percentiles(b *testing.B, name string, took []time.Duration) {
	slices.Sort(took)
	for _, p := range []int{50, 95, 99} {
		at := took[min(len(took)*p/100, len(took)-1)]
		b.ReportMetric(float64(at.Microseconds())/1000, fmt.Sprintf("%s-p%d-ms", name, p))
	}
}
