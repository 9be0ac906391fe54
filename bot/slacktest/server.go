package slacktest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is one workspace with one app installed. Make it with Start.
type Server struct {
	cfg  Config
	base string // http://127.0.0.1:port
	http *http.Server
	done chan struct{}  // closed by Close
	work sync.WaitGroup // every goroutine that Server started

	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed and replaced at every change of state
	lastTS  int64         // microseconds; message timestamps are unique
	lastID  int

	users    map[string]*User
	channels map[string]*Channel
	groups   map[string]*UserGroup
	log      map[string][]*thread
	private  []*ephemeral
	views    []*openView
	homes    map[string]*openView // by user ID
	triggers map[string]*trigger
	urls     map[string]*responseURL

	calls   []Call
	faults  []*injected
	buckets map[string]*bucket

	ahead         time.Duration // of the Date headers
	strangers     int           // sockets of somebody else's
	socketModeOff bool
	pingsOff      bool
	acksLost      bool
	tickets       map[string]bool
	sockets       []*socket // open ones, oldest first
	lastSocket    int
	lastRoute     int
	route         func(sockets []int) int
	random        *rand.Rand
	deliveries    map[string][]*Delivery // by envelope_id
	acks          []Ack
	badFrames     [][]byte
}

// Start serves the workspace until Close.
func Start(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := checkShortcuts(cfg.Shortcuts); err != nil {
		return nil, fmt.Errorf("starting the Slack double: %w", err)
	}
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("starting the Slack double: %w", err)
	}
	s := &Server{
		cfg:        cfg,
		base:       "http://" + listener.Addr().String(),
		done:       make(chan struct{}),
		changed:    make(chan struct{}),
		users:      map[string]*User{},
		channels:   map[string]*Channel{},
		groups:     map[string]*UserGroup{},
		log:        map[string][]*thread{},
		homes:      map[string]*openView{},
		triggers:   map[string]*trigger{},
		urls:       map[string]*responseURL{},
		buckets:    map[string]*bucket{},
		tickets:    map[string]bool{},
		deliveries: map[string][]*Delivery{},
	}
	if cfg.RandomSeed != 0 {
		s.random = rand.New(rand.NewPCG(cfg.RandomSeed, 0))
	}
	s.AddUser(User{ID: cfg.BotUserID, Name: cfg.BotName, RealName: cfg.BotName, Bot: true, AppUser: false})
	s.http = &http.Server{Handler: s.counted(s.routes()), ReadHeaderTimeout: 10 * time.Second}
	s.work.Go(func() {
		// Serve ends when Close closes the listener; there is nobody to tell.
		_ = s.http.Serve(listener)
	})
	return s, nil
}

// Close hangs up every socket, ends every hanging request and waits for all
// goroutines. It may be called twice.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	close(s.done)
	for _, k := range s.sockets {
		k.cut()
	}
	s.mu.Unlock()
	s.http.Close()
	s.work.Wait()
}

// counted lets Close wait for the requests that are under way.
func (s *Server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			panic(http.ErrAbortHandler)
		}
		s.work.Add(1)
		s.mu.Unlock()
		defer s.work.Done()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveMethod)
	mux.HandleFunc("GET /link/", s.serveSocket)
	mux.HandleFunc("POST /respond/{secret}", s.serveResponseURL)
	return mux
}

// APIURL is the base of the Web API methods. It ends in a slash.
func (s *Server) APIURL() string { return s.base + "/api/" }

// TeamID is the workspace's ID.
func (s *Server) TeamID() string { return s.cfg.TeamID }

// AppID is the ID of the one app that is installed.
func (s *Server) AppID() string { return s.cfg.AppID }

// BotUserID is the bot's ID as a user (U…).
func (s *Server) BotUserID() string { return s.cfg.BotUserID }

// BotID is the bot's ID as a bot (B…).
func (s *Server) BotID() string { return s.cfg.BotID }

// BotToken is the xoxb- token that the Web API accepts.
func (s *Server) BotToken() string { return s.cfg.BotToken }

// AppToken is the xapp- token that apps.connections.open accepts.
func (s *Server) AppToken() string { return s.cfg.AppToken }

// SetClockSkew has Slack's clock, as its Date headers tell it, go ahead of
// Config.Now; with a negative value it is behind.
func (s *Server) SetClockSkew(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead = d
}

// Changed returns a channel that is closed at the next change of state: a
// call, a message, a view, a socket, an envelope or an ack.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Until waits for the condition, evaluating it now and after every change of
// state. The condition may call any method of Server.
func (s *Server) Until(ctx context.Context, condition func() bool) error {
	for {
		changed := s.Changed()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the Slack double: %w", ctx.Err())
		case <-s.done:
			return fmt.Errorf("waiting for the Slack double: %w", errClosed)
		}
	}
}

// touch tells everybody who waits that something changed. s.mu is held.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// newTS returns a message timestamp later than all before. s.mu is held.
func (s *Server) newTS() string {
	us := s.cfg.Now().UnixMicro()
	s.lastTS = max(us, s.lastTS+1)
	return fmt.Sprintf("%d.%06d", s.lastTS/1e6, s.lastTS%1e6)
}

// newID returns an ID in Slack's form: a letter, then capitals and digits.
// s.mu is held.
func (s *Server) newID(prefix string) string {
	s.lastID++
	return fmt.Sprintf("%s0NEW%05d", prefix, s.lastID)
}
