package browser_test

import (
	"os/exec"
	"syscall"
)

// mortal has a process end with this one, which go test kills when its time is over.
func mortal(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
