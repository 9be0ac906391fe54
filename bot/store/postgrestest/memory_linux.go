package postgrestest

import "syscall"

// memory is where Linux keeps files in memory.
const memory = "/dev/shm"

// enough is how much must be free there: a few hundred small databases.
// Containers often have 64 MB.
const enough = 2 << 30

// roomInMemory is a folder whose files are kept in memory, or "" for none that has
// room.
func roomInMemory() string {
	var fs syscall.Statfs_t
	const tmpfs = 0x01021994 // TMPFS_MAGIC, statfs(2)
	const writable = 2 | 1   // W_OK and X_OK, access(2)
	if err := syscall.Statfs(memory, &fs); err != nil || int64(fs.Type) != tmpfs {
		return ""
	}
	if fs.Bavail*uint64(fs.Bsize) < enough || syscall.Access(memory, writable) != nil {
		return ""
	}
	return memory
}
