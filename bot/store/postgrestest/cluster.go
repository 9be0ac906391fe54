//go:build unix

package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// superuser is whom initdb makes.
const superuser = "postgres"

// cluster is a data directory of our own and the server on it. (PostgreSQL
// calls it so; it is one machine.)
type cluster struct {
	bin, folder string // folder holds data and log
	as          *syscall.Credential
	port        int
	admin       string // address of the superuser
	keeper      *keeper

	mu     sync.Mutex
	server *exec.Cmd     // nil while it is stopped
	exited chan struct{} // closed once server has
	paused []int         // its processes, while they are
	closed bool
}

func newCluster(ctx context.Context, in, password string) (*cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	removeForgotten()
	folder, keeper, err := newFolder(in, as)
	if err != nil {
		return nil, err
	}
	c := &cluster{bin: bin, folder: folder, as: as, keeper: keeper}
	if err = c.init(ctx, password); err == nil {
		err = c.startSomewhere(ctx, password)
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *cluster) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)) }

// init makes the data directory.
func (c *cluster) init(ctx context.Context, password string) error {
	file := filepath.Join(c.folder, "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	defer os.Remove(file)
	if c.as != nil {
		if err := os.Chown(file, int(c.as.Uid), int(c.as.Gid)); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "initdb"), "--pgdata", c.data(),
		"--username", superuser, "--pwfile", file, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	c.dress(cmd)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(said))
	}
	return nil
}

func (c *cluster) data() string { return filepath.Join(c.folder, "data") }
func (c *cluster) log() string  { return filepath.Join(c.folder, "log") }

// dress has a command run as the server's user, in its folder and in a process
// group of its own, which no Ctrl-C at a terminal reaches.
func (c *cluster) dress(cmd *exec.Cmd) {
	cmd.Dir = c.folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Setpgid: true}
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC"} // none of the variables that are for clients
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
}

// startSomewhere starts the server for the first time, on a free port.
func (c *cluster) startSomewhere(ctx context.Context, password string) error {
	var err error
	for range 5 {
		c.port = freePort()
		c.admin = (&url.URL{Scheme: "postgres", Host: c.address(), Path: "/postgres",
			User: url.UserPassword(superuser, password), RawQuery: "sslmode=disable"}).String()
		if err = c.start(ctx); !errors.Is(err, errExited) {
			return err
		}
	}
	return err
}

// freePort finds a port that is free now and that no outgoing connection takes
// by itself: those begin at 32768 on Linux and at 49152 elsewhere. So it is
// still free when the server comes back after a stop.
func freePort() int {
	for range 100 {
		port := 20000 + rand.IntN(12000)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = listener.Close()
			return port
		}
	}
	return 0 // the server will say what is wrong
}

// errExited: the server ended instead of answering.
var errExited = errors.New("postgres ended at once")

// start starts the server and waits until it answers.
func (c *cluster) start(ctx context.Context) error {
	log, err := os.OpenFile(c.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	// No Unix socket: its path may have 107 bytes, and temporary folders have more.
	cmd := exec.Command(filepath.Join(c.bin, "postgres"), "-D", c.data(), "-p", strconv.Itoa(c.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections=400", "-c", "fsync=on", "-c", "synchronous_commit=on",
		"-c", "logging_collector=off", "-c", "log_destination=stderr",
		// What it would leave in memory when it is killed lies in its folder, and its
		// log of changes takes little room there.
		"-c", "dynamic_shared_memory_type=mmap", "-c", "max_wal_size=128MB")
	c.dress(cmd)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	c.keeper.note(cmd.Process.Pid)
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // how it ended stands in its log
	}()
	c.server, c.exited = cmd, exited
	for {
		conn, err := pgx.Connect(ctx, c.admin)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-exited:
			c.ended()
			return fmt.Errorf("%w: %s", errExited, c.lastWords())
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%w while it starts: %w: %s", ctx.Err(), err, c.lastWords()), c.signal(syscall.SIGQUIT))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// lastWords are the last lines of the server's log.
func (c *cluster) lastWords() string {
	text, _ := os.ReadFile(c.log()) // nothing is as good as an error about it
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "; ")
}

// ended notes that the server is gone.
func (c *cluster) ended() {
	c.keeper.note(0)
	c.server, c.exited, c.paused = nil, nil, nil
}

// patience is how long a server may take to stop.
const patience = 15 * time.Second

// signal sends the server a signal that ends it, and waits for the end.
func (c *cluster) signal(sig syscall.Signal) error {
	if c.server == nil {
		return nil
	}
	c.resume()
	if err := c.server.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the PostgreSQL: %w", err)
	}
	select {
	case <-c.exited:
		c.ended()
		return nil
	case <-time.After(patience):
		return fmt.Errorf("the PostgreSQL did not stop: %s", c.lastWords())
	}
}

func (c *cluster) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	// Nothing of it is read again: there is nothing to write down.
	return errors.Join(c.signal(syscall.SIGQUIT), c.keeper.close())
}
