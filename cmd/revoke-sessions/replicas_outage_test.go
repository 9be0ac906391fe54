package main

import (
	"errors"
	"testing"
	"time"

	"revoke-sessions/bot/store/postgrestest"
	"revoke-sessions/bot/testrun"
)

// TestDatabaseGoesAway takes the database away from two replicas while people
// report and confirm: a restart, a power cut, a fail-over during which it takes
// no writes. No replica needs a restart, and what was acked is neither lost nor
// done twice.
func TestDatabaseGoesAway(t *testing.T) {
	testrun.BesideOthers(t)
	for _, outage := range []struct {
		name   string
		strike func(*postgrestest.Server, *ensemble) error
	}{
		{"restarted", func(s *postgrestest.Server, e *ensemble) error { return s.Restart(t.Context()) }},
		{"without power for 4 s", func(s *postgrestest.Server, e *ensemble) error {
			err := s.Kill()
			time.Sleep(4 * time.Second) // the outage
			return errors.Join(err, s.Restart(t.Context()))
		}},
		{"read-only for 6 s", func(s *postgrestest.Server, e *ensemble) error {
			err := s.ReadOnly(t.Context(), e.url, true)
			time.Sleep(6 * time.Second) // the fail-over
			return errors.Join(err, s.ReadOnly(t.Context(), e.url, false))
		}},
	} {
		t.Run(outage.name, func(t *testing.T) {
			t.Parallel()
			postgres(t) // or it is skipped
			server, err := startServer(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := server.Close(); err != nil {
					t.Error(err)
				}
			})
			if !server.Ours() {
				t.Skip("SKIPPED: a server of REVOKE_TEST_POSTGRES_URL cannot be taken away")
			}
			e := newEnsembleOn(t, server)
			e.at.timing = productions()
			e.join()
			e.join()
			l := e.under(testrun.Reports.Times(), 500*time.Millisecond)
			// In the middle of it, when some are through and others have begun.
			e.await(longer, "the first are told", func() bool { return e.told(l.crowd[0]) && e.told(l.crowd[1]) })
			for range 2 {
				if err := outage.strike(server, e); err != nil {
					t.Fatal(err)
				}
			}
			<-l.done
			e.quiet()
			e.acksKept()
			e.exactlyOnce(l.crowd)
			worst, what := l.slowest()
			t.Logf("the longest from ack to record: %.1f s (%s); tried again: %s", worst.Seconds(), what, &l.again)
		})
	}
}
