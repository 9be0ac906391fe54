package store_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"revoke-sessions/bot/store"
	"revoke-sessions/bot/testrun"
)

// childJob names the job of a test binary that a test starts as a child process; see
// children.
const childJob = "STORE_TEST_CHILD"

// children are the jobs of such processes, by name. Each gets a database's path or
// address and returns the exit code.
var children = map[string]func(path string) int{
	"hold":        holdDatabase,
	"commit":      commitForEver,
	"open":        openOnce,
	"one writer":  writers(1),
	"ten writers": writers(10),
}

func TestMain(m *testing.M) {
	if job, ok := children[os.Getenv(childJob)]; ok {
		os.Exit(job(os.Args[1]))
	}
	testrun.Parallel(4)
	goleak.VerifyTestMain(andStopServer{m})
}

// andStopServer stops the shared server before goleak looks.
type andStopServer struct{ *testing.M }

func (m andStopServer) Run() int {
	code := m.M.Run()
	started.Lock()
	defer started.Unlock()
	if started.server == nil {
		if started.err != nil {
			fmt.Fprintln(os.Stderr, "SKIPPED: all tests on PostgreSQL: "+started.err.Error())
		}
		return code
	}
	if err := started.server.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// within limits the time of anything in a test.
const within = 30 * time.Second

func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	t.Cleanup(cancel)
	return ctx
}

// clock is a database time that a test moves by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// noon has nanoseconds, so that a test notices when they are lost.
var noon = time.Date(2026, time.March, 4, 12, 0, 0, 123456789, time.UTC)

func newClock() *clock { return &clock{at: noon} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// opener opens a new empty store for each call, with the given clock.
type opener func(t *testing.T, now func() time.Time) *store.Store

// atOnce runs f n times concurrently and returns the errors.
func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-start
			errs[i] = f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return errs
}
