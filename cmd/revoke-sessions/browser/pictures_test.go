package browser_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// picturesVariable names a folder for the pictures of all states. Else only those of a
// failed test are kept, in a temporary folder.
const picturesVariable = "REVOKE_TEST_PICTURES"

// album is what a tab looked like.
type album []photograph

type photograph struct {
	name string
	png  []byte
	html string
}

// photograph takes a picture of what is on the screen, under a name.
func (b *tab) photograph(name string) {
	b.Helper()
	p := photograph{name: fmt.Sprintf("%02d %s", len(b.album)+1, name)}
	var err error
	if p.png, err = chromedp.Run(b.ctx, chromedp.CaptureScreenshot()); err == nil {
		p.html, err = ask[string](b, `(() => document.documentElement.outerHTML)`)
	}
	if err != nil {
		b.Errorf("photograph %s: %v", name, err)
	}
	b.album = append(b.album, p)
}

// kept is the folder for the pictures of all failed tests.
var kept = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "revoke-sessions-pictures-") })

// keep writes the pictures where somebody wants them. nth is the number of the tab in its
// test.
func (b *tab) keep(t *testing.T, nth int) {
	folder := os.Getenv(picturesVariable)
	if len(b.album) == 0 {
		return
	}
	if folder == "" {
		if !t.Failed() {
			return
		}
		var err error
		if folder, err = kept(); err != nil {
			t.Error(err)
			return
		}
	}
	folder = filepath.Join(folder, strings.ReplaceAll(t.Name(), "/", "-"))
	if nth > 1 {
		folder += fmt.Sprintf(" tab %d", nth)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Error(err)
		return
	}
	for _, p := range b.album {
		for name, content := range map[string][]byte{p.name + ".png": p.png, p.name + ".html": []byte(p.html)} {
			if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("the pictures of %d states are in %s", len(b.album), folder)
}

// images is the folder of the README's pictures.
var images = filepath.Join(root, "docs", "images")

// TestPictures makes the README's pictures, with -update: the card that waits on a phone,
// and at a desk one that is done, with its thread, above one that waits. Else it only
// plays what they show, and holds the files to their sizes. Their pixels are nobody's
// business: fonts differ from machine to machine.
func TestPictures(t *testing.T) {
	t.Parallel()
	startChromium(t)
	d := startDemo(t)
	handheld := open(t, screen{width: 390, height: 844, phone: true, scale: 2}, d.url)
	handheld.see("#messages", "Start here")
	handheld.write("/revoke-sessions me lost my phone")
	handheld.see(message+".private", "Got it")
	handheld.become(alice)
	handheld.enter(approvals)
	handheld.inSight("Bob Reporter lost a device")
	handheld.picture("phone")

	desk := open(t, screen{width: 1280, height: 900, scale: 2}, d.url+"/#"+alice+"/"+approvals)
	desk.press(on("Bob Reporter", "Revoke sessions"))
	desk.tap("#confirm-yes")
	desk.see(message, "Bob Reporter's sessions are revoked", "Verified in Entra")
	desk.become(olga)
	desk.enter(general)
	desk.write("/revoke-sessions @carol laptop stolen on the train")
	desk.see(message+".private", "Got it")
	desk.become(alice)
	desk.enter(approvals)
	desk.see(message, "Revoke all sessions of Carol Target?")
	desk.press(part{message + " .replies", "", "Bob Reporter"})
	desk.see(inThread, "Still open, and until when")
	desk.see("#thread-of", "Bob Reporter's sessions are revoked")
	desk.inSight("sessions of Carol Target")
	desk.inSight("Bob Reporter's sessions are revoked")
	desk.picture("desk")
}

// picture is one of the README's, light and dark.
func (b *tab) picture(name string) {
	b.Helper()
	const most = 250 << 10
	for _, scheme := range []string{"light", "dark"} {
		b.light(scheme)
		file := filepath.Join(images, name+"-"+scheme+".png")
		taken, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		b.must("picture", err)
		if *update {
			smaller, err := small(taken)
			b.must("make it small", err)
			b.must("write", os.WriteFile(file, smaller, 0o644))
		}
		kept, err := os.ReadFile(file)
		b.must("read", err)
		is, err := png.DecodeConfig(bytes.NewReader(kept))
		b.must(file, err)
		if wide, high := int(float64(b.width)*b.scale), int(float64(b.height)*b.scale); is.Width != wide || is.Height != high {
			b.Errorf("%s has %d x %d pixels, want %d x %d: run this test with -update", file, is.Width, is.Height, wide, high)
		}
		if len(kept) > most {
			b.Errorf("%s has %d bytes, %d are the most", file, len(kept), most)
		}
	}
}

// small makes a picture small: with 256 colours, of which each differs from the others.
// What is left out are steps of the edges of letters, which nobody sees.
func small(picture []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	box := full.Bounds()
	dots := map[color.Color]int{}
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			dots[full.At(x, y)]++
		}
	}
	few := image.NewPaletted(box, nil)
	nearest := map[color.Color]uint8{}
	for _, c := range slices.SortedFunc(maps.Keys(dots), func(a, b color.Color) int { return dots[b] - dots[a] }) {
		if len(few.Palette) < 256 && (len(few.Palette) == 0 || far(c, few.Palette.Convert(c))) {
			few.Palette = append(few.Palette, c)
		}
		nearest[c] = uint8(few.Palette.Index(c))
	}
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			few.SetColorIndex(x, y, nearest[full.At(x, y)])
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few)
	return out.Bytes(), err
}

// far tells whether an eye could tell two colours from each other.
func far(a, b color.Color) bool {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	apart := func(a, b uint32) uint32 { return (max(a, b) - min(a, b)) >> 8 }
	return apart(ar, br)+apart(ag, bg)+apart(ab, bb) > 16
}
