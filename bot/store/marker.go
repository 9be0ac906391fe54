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

// Marker is a small file, outside the database, with the anchor of a row that the
// database has. A database that has that row no more was restored from an older
// backup, or exchanged.
type Marker struct {
	path string
	last marked
}

// marked is what a marker holds: an anchor, and when the database had it.
type marked struct {
	Anchor
	at time.Time
}

// NewMarker is the marker at path or, with none, beside an SQLite database; nil
// where there is no place for one.
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

// Expect has the marker know an anchor that somebody kept elsewhere.
func Expect(a Anchor) *Marker { return &Marker{last: marked{Anchor: a}} }

// Path is where it is, for people; empty for one that was expected.
func (m *Marker) Path() string { return m.path }

// Load reads what the file holds. No file is no error: the machine may be new.
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

// Compare looks whether the database still has the row of the marker. Where it has
// not, it answers how far it went back, unless that is on record already: another
// replica has dealt with it.
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

// knowsOf reports whether it is on record that the database went back: from this
// row, or after it was last seen with it.
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

// Note writes the chain's head into the file, if it has moved. A database that has
// gone back meanwhile is answered as Compare does, and nothing is written.
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

// write replaces the file in one step.
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
