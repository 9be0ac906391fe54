// Package demo is the bot to try: the real bot, in a process of its own, between a
// Slack and a Microsoft Entra that are doubles on this machine. People play on a page
// (Demo), or a script plays (Play). It knows neither the bot's process nor Microsoft's
// libraries: the program hands over how to start the one.
package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
)

var (
	errOver     = errors.New("the demo is over")
	errReplaced = errors.New("the workspace was started over")
)

// Demo is a world that people play in, and after "Start over" the next.
type Demo struct {
	cfg   Config
	world atomic.Pointer[world]

	acting sync.Mutex // held while the world is changed
	closed bool
}

// Start starts a demo and returns once its bot is connected. Close ends it.
func Start(ctx context.Context, cfg Config) (*Demo, error) {
	d := &Demo{cfg: cfg}
	if err := d.next(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// next puts a new world in place of the one that is there.
func (d *Demo) next(ctx context.Context) error {
	w, err := newWorld(ctx, d.cfg)
	if err != nil {
		return err
	}
	w.page = d.show(w)
	before := d.world.Swap(w)
	if before != nil {
		if err := before.close(); err != nil {
			return fmt.Errorf("a new workspace is there, but the one before could not be deleted: %w", err)
		}
	}
	return nil
}

// Close ends the demo and its bot, and deletes what they wrote.
func (d *Demo) Close() error {
	d.acting.Lock()
	defer d.acting.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	return d.world.Load().close()
}

// ServeHTTP serves the page of the world as it is now.
func (d *Demo) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.world.Load().page.ServeHTTP(w, r) }

// Stage is the stage as it is now.
func (d *Demo) Stage() *Stage { return d.world.Load().Stage }
