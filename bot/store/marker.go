package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"revoke-sessions/bot"
)

// Marker is a small file outside the database with the anchor of one of its rows. If the
// database has lost that row, it was restored from an older backup or replaced.
type Marker struct {
	path string
	last marked
}

// marked is the content of a marker: an anchor, and when the database had it.
type marked struct {
	Anchor
	at time.Time
}

// NewMarker returns the marker at path or, if path is empty, beside an SQLite database.
// It returns nil if there is no place for one.
func NewMarker(databaseURL, path string) *Marker {
	if path == "" && !isPostgres(databaseURL) {
		if beside, err := databasePath(databaseURL); err == nil {
			path = beside + ".anchor"
		}
	}
	if path == "" {
		return nil
	}
	return &Marker{path: path}
}

// Expect returns a marker with an anchor that was kept elsewhere.
func Expect(a Anchor) *Marker { return &Marker{last: marked{Anchor: a}} }

// Path names the file for people; empty for a marker from Expect.
func (m *Marker) Path() string { return m.path }

// Load reads the file. A missing file is not an error: the machine may be new.
func (m *Marker) Load() error {
	text, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the marker: %w", err)
	}
	anchor, at, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	var read marked
	if err := read.UnmarshalText([]byte(anchor)); err != nil {
		return fmt.Errorf("read the marker %s: it holds no anchor", m.path)
	}
	if read.at, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return fmt.Errorf("read the marker %s: it holds no time", m.path)
	}
	m.last = read
	return nil
}

// Compare checks whether the database still has the marker's row. If not, it returns how
// far the database went back, unless that is on record already: another replica has
// handled it.
func (m *Marker) Compare(ctx context.Context, s *Store) (*bot.StepBack, error) {
	_, back, err := m.compare(ctx, s)
	return back, err
}

func (m *Marker) compare(ctx context.Context, s *Store) (head Anchor, back *bot.StepBack, err error) {
	var has string
	err = tried(ctx, writeWithin, s.again, func() error {
		return s.read.QueryRowContext(ctx, `SELECT seq, hash, coalesce((SELECT hash FROM audit WHERE seq = $1), '')
			FROM audit_head WHERE id = 1`, m.last.Seq).Scan(&head.Seq, &head.Hash, &has)
	})
	switch {
	case err != nil:
		return head, nil, fmt.Errorf("compare the audit chain with the marker: %w", err)
	case m.last.Seq == 0 || has == m.last.Hash && head.Seq >= m.last.Seq:
		return head, nil, nil
	}
	back = &bot.StepBack{Seq: m.last.Seq, Hash: m.last.Hash, Head: head.Seq, At: m.last.at}
	known, err := s.knowsOf(ctx, *back)
	if err != nil || known {
		back = nil
	}
	return head, back, err
}

// knowsOf reports whether it is on record that the database went back, either from this
// row or at some time after it last had it.
func (c *chain) knowsOf(ctx context.Context, back bot.StepBack) (known bool, err error) {
	all, err := rows(ctx, c.core, func(row scanner) (e bot.Entry, err error) {
		var text []byte
		if err = row.Scan(&text); err == nil {
			err = json.Unmarshal(text, &e)
		}
		return e, err
	}, `SELECT entry FROM audit WHERE request_id = '' AND entry LIKE '{"action":"database_restored"%' ORDER BY seq`)
	if err != nil {
		return false, fmt.Errorf("look whether it is on record that the database went back: %w", err)
	}
	return slices.ContainsFunc(all, func(e bot.Entry) bool {
		return strings.Contains(e.Origin, back.Anchor()) || !back.At.IsZero() && e.At.After(back.At)
	}), nil
}

// Note writes the chain's head to the file, if it has moved. If the database has gone
// back meanwhile, it writes nothing and returns the same as Compare.
func (m *Marker) Note(ctx context.Context, s *Store) (*bot.StepBack, error) {
	head, back, err := m.compare(ctx, s)
	if err != nil || back != nil || head == m.last.Anchor || head.Seq == 0 {
		return back, err
	}
	now := marked{head, s.Now().UTC()}
	if err := m.write(now); err != nil {
		return nil, fmt.Errorf("write the marker: %w", err)
	}
	m.last = now
	return nil, nil
}

// write replaces the file atomically.
func (m *Marker) write(now marked) error {
	f, err := os.CreateTemp(filepath.Dir(m.path), "."+filepath.Base(m.path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s %s\n", now.Anchor, now.at.Format(time.RFC3339Nano))
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), m.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
