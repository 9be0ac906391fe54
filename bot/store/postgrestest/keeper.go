//go:build unix

package postgrestest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// folderPattern names the temporary folders.
const folderPattern = "revoke-sessions-postgres-*"

// keeper is a small process that outlives ours. It reads from us which process
// is the server, and when we are gone, by Close or by SIGKILL, it ends the
// server and removes the folder.
type keeper struct {
	cmd  *exec.Cmd
	tell io.WriteCloser
	// alive is locked for as long as this process lives, for those who look for
	// folders that even the keeper has left behind.
	alive *flock.Flock
}

// keep is the keeper's job. SIGCONT wakes a server that was paused, so that it
// hears SIGQUIT; when the folder is gone a server ends by itself within a minute.
const keep = `
while read -r line; do server=$line; done
if [ "${server:-0}" -gt 0 ]; then kill -s QUIT "$server"; kill -s CONT "$server"; fi
for again in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" && exit 0; sleep 1; done
exit 1
`

// newFolder makes a temporary folder in another one, or in the usual one for "".
// It belongs to a user, and has a keeper.
func newFolder(in string, as *syscall.Credential) (string, *keeper, error) {
	folder, err := os.MkdirTemp(in, folderPattern)
	if err != nil {
		return "", nil, err
	}
	k := &keeper{alive: flock.New(filepath.Join(folder, "alive"))}
	if _, err = k.alive.TryLock(); err == nil && as != nil {
		err = os.Chown(folder, int(as.Uid), int(as.Gid))
	}
	if err == nil {
		k.cmd = exec.Command("/bin/sh", "-c", keep, "sh", folder)
		k.cmd.Dir = "/"
		k.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if k.tell, err = k.cmd.StdinPipe(); err == nil {
			err = k.cmd.Start()
		}
	}
	if err != nil {
		return "", nil, errors.Join(err, k.alive.Unlock(), os.RemoveAll(folder))
	}
	return folder, k, nil
}

// note tells the keeper which process is the server: 0 for none.
func (k *keeper) note(server int) { fmt.Fprintln(k.tell, server) }

// close has the keeper do its job and waits for it.
func (k *keeper) close() error {
	err := errors.Join(k.alive.Close(), k.tell.Close())
	if ended := k.cmd.Wait(); ended != nil {
		err = errors.Join(err, fmt.Errorf("remove the folder of the PostgreSQL: %w", ended))
	}
	return err
}

// removeForgotten removes folders whose owner is gone, and whose keeper was
// killed as well. What cannot be removed stays: the folders are no one's need.
func removeForgotten() {
	folders, _ := filepath.Glob(filepath.Join(os.TempDir(), folderPattern)) // which fails for a bad pattern only
	if memory != "" {
		more, _ := filepath.Glob(filepath.Join(memory, folderPattern))
		folders = append(folders, more...)
	}
	for _, folder := range folders {
		info, err := os.Stat(folder)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue // it is being made
		}
		// Others may make such a folder where all may write: what is no file is not
		// waited for, and no link is followed.
		alive := flock.New(filepath.Join(folder, "alive"), flock.SetFlag(os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW))
		switch free, err := alive.TryLock(); {
		case err == nil && free:
			_ = os.RemoveAll(folder)
		case errors.Is(err, fs.ErrNotExist): // its keeper is removing it
			_ = os.RemoveAll(folder)
		}
		_ = alive.Close()
	}
}
