//go:build unix

package postgrestest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// family lists a process and its children. Each process of PostgreSQL leads a
// session of its own, so that no process group holds them together.
func family(first int) ([]int, error) {
	parents, err := parents()
	if err != nil {
		return nil, fmt.Errorf("look for the processes of PostgreSQL: %w", err)
	}
	all := []int{first}
	for pid, parent := range parents {
		if parent == first {
			all = append(all, pid)
		}
	}
	return all, nil
}

// parents tells the parent of each process.
func parents() (map[int]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return parentsOfPS()
	}
	of := map[int]int{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// "12 (name) S 1 …": the name may hold anything.
		// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
		var state string
		var parent int
		if _, err := fmt.Sscan(string(text[bytes.LastIndexByte(text, ')')+1:]), &state, &parent); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		of[pid] = parent
	}
	return of, nil
}

// parentsOfPS is for systems without /proc.
func parentsOfPS() (map[int]int, error) {
	said, err := exec.Command("ps", "-A", "-o", "pid=", "-o", "ppid=").Output()
	if err != nil {
		return nil, fmt.Errorf("ps: %w", err)
	}
	of := map[int]int{}
	for line := range strings.Lines(string(said)) {
		var pid, parent int
		if _, err := fmt.Sscan(line, &pid, &parent); err != nil {
			return nil, fmt.Errorf("ps says %q: %w", line, err)
		}
		of[pid] = parent
	}
	return of, nil
}
