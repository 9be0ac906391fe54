//go:build unix

package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Stop stops the server in good order: connections are ended, what was
// committed is written down. Restart brings it back.
func (s *Server) Stop() error {
	return s.outage(func(c *cluster) error { return c.signal(syscall.SIGINT) })
}

// Kill ends all processes of the server at once, with SIGKILL, as a power cut
// would: what was committed has to be found again in its write-ahead log.
func (s *Server) Kill() error {
	return s.outage(func(c *cluster) error {
		if c.server == nil {
			return nil
		}
		// The first process makes all others, and makes no more once it is stopped. One
		// that it is just making is seen at the second look: left alive, with the locks of
		// the dead in memory, it would never end, and the server would never start again.
		first, killed := c.server.Process.Pid, map[int]bool{}
		_ = syscall.Kill(first, syscall.SIGSTOP) // it may have ended
		for fresh := true; fresh; time.Sleep(10 * time.Millisecond) {
			all, err := family(first)
			if err != nil {
				return err
			}
			fresh = false
			for _, pid := range all[1:] {
				if !killed[pid] {
					fresh, killed[pid] = true, true
					_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
				}
			}
		}
		c.paused = nil // nothing goes on once more before it ends
		return c.signal(syscall.SIGKILL)
	})
}

// restartTakes is how long a server may take to come back.
const restartTakes = time.Minute

// Restart stops the server in good order if it runs, starts it on the same port
// and data, and waits until it answers, for a minute at most.
func (s *Server) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, restartTakes)
	defer cancel()
	return s.outage(func(c *cluster) error {
		if err := c.signal(syscall.SIGINT); err != nil {
			return err
		}
		for {
			// What is left of a server that was killed is in the way for a moment.
			err := c.start(ctx)
			if err == nil || !errors.Is(err, errExited) {
				return err
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return errors.Join(err, ctx.Err())
			}
		}
	})
}

// Pause stops every process of the server where it stands, with SIGSTOP.
// Connections are still accepted, by the kernel, and nothing is answered.
func (s *Server) Pause() error {
	return s.outage(func(c *cluster) error {
		if c.server == nil {
			return errors.New("the PostgreSQL is stopped: there is nothing to pause")
		}
		// The first process makes all others, and makes no more once it is stopped.
		c.paused = []int{c.server.Process.Pid}
		if err := syscall.Kill(c.paused[0], syscall.SIGSTOP); err != nil {
			return fmt.Errorf("pause the PostgreSQL: %w", err)
		}
		all, err := family(c.paused[0])
		if err != nil {
			return err
		}
		for _, pid := range all[1:] {
			if err := syscall.Kill(pid, syscall.SIGSTOP); err == nil {
				c.paused = append(c.paused, pid)
			}
		}
		return nil
	})
}

// Resume has the processes go on that Pause has stopped.
func (s *Server) Resume() error {
	return s.outage(func(c *cluster) error { c.resume(); return nil })
}

func (c *cluster) resume() {
	for _, pid := range c.paused {
		_ = syscall.Kill(pid, syscall.SIGCONT) // it may be gone
	}
	c.paused = nil
}

// Log is what the server has written so far: errors that it answered, and each
// start and end.
func (s *Server) Log() (string, error) {
	if s.cluster == nil {
		return "", ErrOutside
	}
	text, err := os.ReadFile(s.cluster.log())
	return string(text), err
}

// outage does something to the server itself, if it is ours.
func (s *Server) outage(do func(*cluster) error) error {
	if s.cluster == nil {
		return ErrOutside
	}
	s.cluster.mu.Lock()
	defer s.cluster.mu.Unlock()
	if s.cluster.closed {
		return errors.New("the PostgreSQL is closed")
	}
	return do(s.cluster)
}
