package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// others are the rights of everybody except a file's owner.
const others fs.FileMode = 0o077

// beside lists the files of an SQLite database: the database, the two files where SQLite
// keeps parts of it, and the lock, which anybody who may open it can hold.
func beside(path string) []string {
	return []string{path, path + "-wal", path + "-shm", lockOf(path)}
}

// keepPrivate removes the rights of others to a database's files and returns where it
// could not. It opens none of them, see createPrivate.
func keepPrivate(path string) (left []Exposure) {
	for _, file := range beside(path) {
		mode, wide := readableBy(file)
		if !wide {
			continue
		}
		why := os.Chmod(file, mode&^others)
		if failed, ok := errors.AsType[*fs.PathError](why); ok {
			why = failed.Err // the message names the file already
		}
		// Some file systems accept a mode and ignore it.
		if mode, wide = readableBy(file); wide {
			e := exposed(file, mode)
			if e.Says += ", and the bot cannot change that"; why != nil {
				e.Says += fmt.Sprintf(" (%v)", why)
			}
			left = append(left, e)
		}
	}
	return append(left, openFolder(path)...)
}

// lookPrivate returns what keepPrivate would have to change, and changes nothing.
func lookPrivate(path string) (all []Exposure) {
	for _, file := range beside(path) {
		if mode, wide := readableBy(file); wide {
			all = append(all, exposed(file, mode))
		}
	}
	return append(all, openFolder(path)...)
}

// readableBy returns a file's mode, and whether others have any right to it. It ignores
// Windows, where a file gets its rights from the folder.
func readableBy(file string) (mode fs.FileMode, wide bool) {
	info, err := os.Stat(file)
	if err != nil || runtime.GOOS == "windows" {
		return 0, false
	}
	mode = info.Mode().Perm()
	return mode, mode&others != 0
}

func exposed(file string, mode fs.FileMode) Exposure {
	return Exposure{
		Says:   fmt.Sprintf("other users of this machine have rights to %s (mode %04o)", file, mode),
		Remedy: fmt.Sprintf("Run this as the file's owner, who must be the bot's user: chmod %04o '%s';", mode&^others, file),
	}
}

// openFolder returns an exposure if everybody may replace the database's file. It leaves
// the mode alone, because the folder may serve others, too.
func openFolder(path string) []Exposure {
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o002 == 0 {
		return nil
	}
	return []Exposure{{
		Says:   fmt.Sprintf("every user of this machine may create files in the database's folder %s (mode %04o)", folder, info.Mode().Perm()),
		Remedy: fmt.Sprintf("Give the database a folder of its own, or run: chmod o-w '%s';", folder),
	}}
}
