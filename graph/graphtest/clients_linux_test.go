package graphtest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// The names by which Microsoft's hosts are known.
const authorityHost, graphHost = "login.microsoftonline.com", "graph.microsoft.com"

// hostsVariable tells a process that it is the one under the real hosts' names, and
// where its /etc/hosts is.
const hostsVariable = "GRAPHTEST_HOSTS"

func insideRealHosts() bool { return os.Getenv(hostsVariable) != "" }

// underRealHosts runs the test again in a process with a network of its own, in which
// there is nothing but loopback and Microsoft's names lead there. Nothing of it can
// reach Microsoft, and nothing outside it changes.
func underRealHosts(t *testing.T, clients string) {
	hosts := filepath.Join(t.TempDir(), "hosts")
	names := "127.0.0.1 localhost " + authorityHost + " " + graphHost + "\n"
	if err := os.WriteFile(hosts, []byte(names), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	inside := exec.CommandContext(t.Context(), self, "-test.run=^TestForeignClients$", "-test.v", "-test.timeout=8m")
	inside.Env = append(os.Environ(), hostsVariable+"="+hosts, clientsVariable+"="+clients)
	inside.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		inside.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		inside.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		inside.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	inside.WaitDelay = 10 * time.Second
	out, err := inside.CombinedOutput()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it passed, and something that it started kept its output open
	}
	switch {
	case inside.Process == nil:
		t.Skipf("NOT RUN: Microsoft's names need a network and mounts of their own, which this machine does not allow: %v", err)
	case strings.Contains(string(out), notAllowed):
		t.Skipf("NOT RUN: Microsoft's names need a network and mounts of their own, which this machine does not allow:\n%s", out)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	// A process in which the test was not found passes too.
	case !strings.Contains(string(out), "--- PASS: TestForeignClients/m365/certificate"), !strings.Contains(string(out), "--- PASS: TestForeignClients/identity"):
		t.Fatalf("it did not run:\n%s", out)
	}
}

// notAllowed is what the process says when it may not do what it is there for.
const notAllowed = "not allowed to arrange the real hosts' names"

// arrange makes Microsoft's names lead to loopback, for this process and its children.
func arrange(t *testing.T) {
	t.Helper()
	steps := []func() error{
		// What is mounted from here on stays in this process.
		func() error { return syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") },
		func() error { return syscall.Mount(os.Getenv(hostsVariable), "/etc/hosts", "", syscall.MS_BIND, "") },
		loopbackUp,
	}
	for i, step := range steps {
		switch err := step(); {
		case errors.Is(err, fs.ErrPermission):
			t.Fatalf("%s, step %d: %v", notAllowed, i+1, err)
		case err != nil:
			t.Fatalf("arrange the real hosts' names, step %d: %v", i+1, err)
		}
	}
}

// loopbackUp switches the loopback device on, which a new network has switched off.
func loopbackUp() error {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(socket)
	request := struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(request.name[:], "lo")
	if _, _, failed := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); failed != 0 {
		return fmt.Errorf("SIOCSIFFLAGS: %w", failed)
	}
	return nil
}
