package browser_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"revoke-sessions/bot/testrun"
)

// chromium is the one browser of this test; its tabs know nothing of each other.
var chromium = struct {
	sync.Mutex
	ctx  context.Context
	end  context.CancelFunc
	err  error
	tabs map[string]int // how many a test has opened
}{tabs: map[string]int{}}

// startChromium starts it, if no test has done so yet.
func startChromium(t *testing.T) context.Context {
	t.Helper()
	path := testrun.Chromium(t)
	c := &chromium
	c.Lock()
	defer c.Unlock()
	if c.ctx == nil && c.err == nil {
		// All that Chromium writes is in a folder of this test, which is gone in the end.
		folder := filepath.Join(scratch, "chromium")
		c.err = os.MkdirAll(filepath.Join(folder, "tmp"), 0o700)
		options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
			chromedp.ExecPath(path),
			chromedp.UserDataDir(filepath.Join(folder, "profile")),
			chromedp.Env("TMPDIR="+filepath.Join(folder, "tmp"), "HOME="+folder),
			// It opens no page but the demo's, and a sandbox needs rights that a
			// container may not have.
			chromedp.NoSandbox,
			chromedp.DisableGPU,
			// The machine may have no mouse, but a person at a desktop has one.
			chromedp.Flag("blink-settings", "primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"),
			chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		)
		allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, end := chromedp.NewContext(allocator)
		c.ctx, c.end = ctx, func() { end(); endAllocator() }
		c.err = errors.Join(c.err, chromedp.Do(ctx))
	}
	if c.err != nil {
		t.Fatalf("start Chromium: %v", c.err)
	}
	return c.ctx
}

// endOfChromium ends it, if a test has started it.
func endOfChromium() error {
	if chromium.ctx == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(chromium.ctx, 10*time.Second)
	defer cancel()
	err := chromedp.Cancel(ctx)
	chromium.end()
	return err
}

// screen is what a tab is shown on.
type screen struct {
	width, height int64
	phone         bool    // it is touched
	scale         float64 // pixels of the picture to one of the page; 0: one
}

var (
	desktop = screen{width: 1280, height: 900}
	phone   = screen{width: 390, height: 844, phone: true}
)

// tab is a tab that shows the demo's page.
type tab struct {
	*testing.T
	ctx context.Context
	screen
	album

	mu       sync.Mutex
	troubles []string
	expected func(trouble string) bool
}

//go:embed testdata/eyes.js
var eyes string

// open opens an address in a tab of its own. In the end nothing has gone wrong there, by
// what the browser says.
func open(t *testing.T, s screen, url string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(startChromium(t), chromedp.WithNewBrowserContext())
	b := &tab{T: t, ctx: ctx}
	chromium.Lock()
	chromium.tabs[t.Name()]++
	nth := chromium.tabs[t.Name()]
	chromium.Unlock()
	t.Cleanup(func() {
		defer cancel()
		for _, trouble := range b.trouble() {
			t.Errorf("the browser says: %s", trouble)
		}
		if t.Failed() {
			b.photograph("the end")
		}
		b.keep(t, nth)
	})
	b.must("listen", chromedp.Listen(ctx, b.listen))
	b.must("eyes", call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: eyes}))
	b.must("focus", call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}))
	b.show(s)
	b.light("light")
	b.must("open "+url, chromedp.Do(ctx, chromedp.Navigate(url)))
	return b
}

// call sends the browser a command that answers nothing of interest.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) })
	return err
}

func (b *tab) must(what string, err error) {
	b.Helper()
	if err != nil {
		b.Fatalf("%s: %v", what, err)
	}
}

// show shows the page on another screen.
func (b *tab) show(s screen) {
	b.Helper()
	if s.scale == 0 {
		s.scale = 1
	}
	b.screen = s
	b.must("screen", call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: s.width, Height: s.height, DeviceScaleFactor: s.scale, Mobile: s.phone,
	}))
	b.must("touch", call(b, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: s.phone}))
}

// light chooses "light" or "dark", as a person does in the system's settings.
func (b *tab) light(scheme string) {
	b.Helper()
	b.must(scheme, call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}))
}

// listen writes down what goes wrong in the page. It runs inside of chromedp.
func (b *tab) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			b.note("console." + string(e.Type) + ": " + texts(e.Args))
		}
	case *runtime.EventExceptionThrown:
		b.note("exception: " + e.ExceptionDetails.Text + " " + texts([]*runtime.RemoteObject{e.ExceptionDetails.Exception}))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.note(fmt.Sprintf("%s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			b.note("a request failed: " + e.ErrorText)
		}
	}
}

func texts(objects []*runtime.RemoteObject) string {
	var all []string
	for _, o := range objects {
		if o != nil {
			all = append(all, o.Description+string(o.Value))
		}
	}
	return strings.Join(all, " ")
}

func (b *tab) note(trouble string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.expected == nil || !b.expected(trouble) {
		b.troubles = append(b.troubles, trouble)
	}
}

// expect has the tab write down nothing of this kind from now on.
func (b *tab) expect(words ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = func(trouble string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(trouble, word) })
	}
}

func (b *tab) trouble() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.troubles
}

// ask calls a function in the page and answers what it answers.
func ask[T any](b *tab, function string, args ...any) (answer T, err error) {
	all := make([]string, len(args))
	for i, arg := range args {
		js, err := json.Marshal(arg)
		if err != nil {
			return answer, err
		}
		all[i] = string(js)
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](function+"("+strings.Join(all, ", ")+")", chromedp.EvalAwaitPromise))
}

// tell is ask, where no error is possible.
func tell[T any](b *tab, function string, args ...any) T {
	b.Helper()
	answer, err := ask[T](b, function, args...)
	b.must(function, err)
	return answer
}
