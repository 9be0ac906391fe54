package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
)

// Proxy is a cable between programs and a server, for tests to cut. Make it
// with NewProxy. All its methods may be called at once.
type Proxy struct {
	target   string // host and port of the server
	listener net.Listener
	running  context.Context // ends with Close
	stop     context.CancelFunc
	work     sync.WaitGroup // every goroutine

	mu      sync.Mutex
	changed *sync.Cond // after each change of what follows
	cut     bool
	hanging map[direction]bool
	traps   []*trap
	lines   map[*line]bool
}

type direction int

const (
	requests direction = iota // from program to server
	answers
)

// line is one connection through the cable.
type line struct {
	program, server net.Conn
	gone            bool
	trap            *trap // the one that waits for the answer
}

// trap does something at the request that holds a text.
type trap struct {
	text   []byte
	does   effect
	sprung chan struct{}
}

type effect int

const (
	cutBefore effect = iota
	cutAfter
	hangBefore
	hangAfter
)

// NewProxy lays a cable to the server of an address.
func NewProxy(databaseURL string) (*Proxy, error) {
	u, err := url.Parse(databaseURL)
	if err != nil || u.Host == "" {
		return nil, errors.New("lay a cable to a database: its address cannot be read") // it holds a password
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("lay a cable to a database: %w", err)
	}
	p := &Proxy{target: hostPort(u), listener: listener, hanging: map[direction]bool{}, lines: map[*line]bool{}}
	p.changed = sync.NewCond(&p.mu)
	p.running, p.stop = context.WithCancel(context.Background())
	p.work.Go(p.accept)
	return p, nil
}

// hostPort is what an address connects to.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// URL is the address of a database by way of the cable. An address that has its
// server prove its name with a certificate stops working by it.
func (p *Proxy) URL(databaseURL string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "" // as useful as what was given
	}
	u.Host = p.listener.Addr().String()
	return u.String()
}

// Cut breaks all connections with a reset, and each new one that comes, until
// Mend: a server whose process is gone, or a balancer in front of it.
func (p *Proxy) Cut() { p.change(func() { p.cut = true; p.resetAll() }) }

// Hang lets nothing through, in neither direction, until Mend, also no news
// that one side has hung up: a cable that was pulled. Connections are accepted
// and lead nowhere.
func (p *Proxy) Hang() {
	p.change(func() { p.hanging[requests], p.hanging[answers] = true, true })
}

// HangAnswers lets requests through and no answers, until Mend: what programs
// ask for happens, and they do not read of it. Answers are kept for those who
// are still there at Mend; with Cut before, they are lost.
func (p *Proxy) HangAnswers() { p.change(func() { p.hanging[answers] = true }) }

// Mend ends Cut, Hang and HangAnswers, and takes up the traps of CutBefore,
// CutAfter, HangBefore and HangAfter.
func (p *Proxy) Mend() { p.change(func() { p.cut, p.traps = false, nil; clear(p.hanging) }) }

// CutBefore breaks the next connection on which a program sends a text, which
// does not reach the server: once. The channel is closed when it has happened.
// In "commit\x00" the text is PostgreSQL's message of that statement.
func (p *Proxy) CutBefore(text string) <-chan struct{} { return p.set(text, cutBefore) }

// CutAfter is like CutBefore, but the server gets the text, and its answer to
// it is lost.
func (p *Proxy) CutAfter(text string) <-chan struct{} { return p.set(text, cutAfter) }

// HangBefore is Hang at the moment when a program sends a text, which does not
// reach the server before Mend.
func (p *Proxy) HangBefore(text string) <-chan struct{} { return p.set(text, hangBefore) }

// HangAfter is Hang at the moment when the server has been sent a text: it
// carries that out, and nothing more comes through, of anybody's, until Mend.
func (p *Proxy) HangAfter(text string) <-chan struct{} { return p.set(text, hangAfter) }

func (p *Proxy) set(text string, does effect) <-chan struct{} {
	t := &trap{[]byte(text), does, make(chan struct{})}
	p.change(func() { p.traps = append(p.traps, t) })
	return t.sprung
}

// Connections counts those that are open.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

// Close takes the cable away. It may be called twice.
func (p *Proxy) Close() {
	p.stop()
	_ = p.listener.Close() // twice is an error
	p.change(func() { p.cut = true; p.resetAll() })
	p.work.Wait()
}

func (p *Proxy) change(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
	p.changed.Broadcast()
}

func (p *Proxy) accept() {
	for {
		program, err := p.listener.Accept()
		if err != nil {
			return // Close
		}
		l := &line{program: program}
		p.mu.Lock()
		p.lines[l] = true
		if p.cut {
			p.reset(l)
		}
		p.mu.Unlock()
		p.work.Go(func() { p.carry(l) })
	}
}

// carry connects a program with the server, which hears of it when the cable
// is whole.
func (p *Proxy) carry(l *line) {
	if !p.wait(l, requests) {
		return
	}
	server, err := (&net.Dialer{}).DialContext(p.running, "tcp", p.target)
	p.mu.Lock()
	if err == nil {
		l.server = server
	}
	if err != nil || l.gone {
		p.reset(l)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	p.work.Go(func() { p.copy(l, answers, server, l.program) })
	p.copy(l, requests, l.program, server)
}

// copy carries what comes, and the end when it comes.
func (p *Proxy) copy(l *line, d direction, from, to net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if !p.wait(l, d) || n > 0 && !p.pass(l, d, buf[:n]) {
			return
		}
		if n > 0 {
			if _, failed := to.Write(buf[:n]); failed != nil {
				err = errors.Join(err, failed)
			}
		}
		if err != nil {
			p.change(func() { p.hangUp(l) })
			return
		}
	}
}

// wait waits until a direction lets things through; false if the line is gone.
func (p *Proxy) wait(l *line, d direction) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.hanging[d] && !l.gone {
		p.changed.Wait()
	}
	return !l.gone
}

// pass looks for traps; false if one has cut the line.
func (p *Proxy) pass(l *line, d direction, data []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	sprung := l.trap
	if d == requests {
		at := slices.IndexFunc(p.traps, func(t *trap) bool { return bytes.Contains(data, t.text) })
		if at < 0 {
			return true
		}
		sprung = p.traps[at]
		p.traps = slices.Delete(p.traps, at, at+1)
		switch sprung.does {
		case cutAfter:
			l.trap = sprung
			return true
		case hangBefore, hangAfter:
			p.hanging[requests], p.hanging[answers] = true, true
			close(sprung.sprung)
			for sprung.does == hangBefore && p.hanging[requests] && !l.gone {
				p.changed.Wait()
			}
			return !l.gone
		}
	}
	if sprung == nil {
		return true
	}
	close(sprung.sprung) // before the program can read of it
	p.reset(l)
	return false
}

func (p *Proxy) resetAll() {
	for l := range p.lines {
		p.reset(l)
	}
}

// reset breaks a line so that both ends read of a reset.
func (p *Proxy) reset(l *line) {
	for _, end := range []net.Conn{l.program, l.server} {
		if tcp, ok := end.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // what fails here is closed already
		}
	}
	p.hangUp(l)
}

func (p *Proxy) hangUp(l *line) {
	l.gone = true
	delete(p.lines, l)
	for _, end := range []net.Conn{l.program, l.server} {
		if end != nil {
			_ = end.Close() // it may be already
		}
	}
	p.changed.Broadcast()
}
