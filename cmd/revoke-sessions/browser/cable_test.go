package browser_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// cable is a line to the demo that can be cut.
type cable struct {
	url      string // of the demo's page, through the cable
	from, to string // addresses

	mu       sync.Mutex
	listener net.Listener
	ends     map[net.Conn]bool
}

func newCable(t *testing.T, demo string) *cable {
	t.Helper()
	at, err := url.Parse(demo)
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{from: "127.0.0.1:0", to: at.Host}
	c.mend(t)
	t.Cleanup(c.cut)
	at.Host = c.from
	c.url = at.String()
	return c
}

// mend lets connections through.
func (c *cable) mend(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", c.from)
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from, c.listener, c.ends = listener.Addr().String(), listener, map[net.Conn]bool{}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", c.to)
			if err != nil {
				near.Close()
				return
			}
			c.join(listener, near, far)
			c.join(listener, far, near)
		}
	}()
}

// join carries what comes from one end to the other, and closes both at the end.
func (c *cable) join(listener net.Listener, from, to net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener != listener { // cut meanwhile
		from.Close()
		return
	}
	c.ends[from] = true
	go func() {
		_, _ = io.Copy(to, from)
		from.Close()
		to.Close()
	}()
}

// cut ends all connections, and refuses others.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener == nil {
		return
	}
	c.listener.Close()
	c.listener = nil
	for end := range c.ends {
		end.Close()
	}
}
