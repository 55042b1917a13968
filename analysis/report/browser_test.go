//go:build e2e

package report

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestBrowser opens pages in headless Chromium, in the light and the dark theme
// and at the width of a phone: no console message, no request beyond the page
// itself, and the theme is followed.
func TestBrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("this test needs Chromium (Debian: apt-get install chromium): %v", err)
	}
	for name, page := range pages(t) {
		t.Run(name, func(t *testing.T) {
			server := &pageServer{page: page}
			s := httptest.NewServer(server)
			defer s.Close()
			light := shoot(t, browser, s.URL, 1400, 3000, false)
			dark := shoot(t, browser, s.URL, 1400, 3000, true)
			shoot(t, browser, s.URL, 500, 3000, false)
			if l, d := brightness(light), brightness(dark); l < 0.7 || d > 0.35 {
				t.Errorf("mean brightness %.2f in the light theme, %.2f in the dark one", l, d)
			}
			if got := server.requests(); !slices.Equal(got, []string{"/"}) {
				t.Errorf("the page asked for %q", got)
			}
		})
	}
}

// pageServer serves one page and remembers what else was asked for.
type pageServer struct {
	page string
	mu   sync.Mutex
	seen map[string]bool
}

func (s *pageServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	s.seen[r.URL.String()] = true
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, s.page)
}

func (s *pageServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for r := range s.seen {
		out = append(out, r)
	}
	slices.Sort(out)
	return out
}

// shoot takes a screenshot; anything on the page's console fails the test.
func shoot(t *testing.T, browser, url string, width, height int, dark bool) image.Image {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out := filepath.Join(t.TempDir(), "page.png")
	args := []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr", "--user-data-dir=" + t.TempDir(),
		fmt.Sprintf("--window-size=%d,%d", width, height), "--screenshot=" + out}
	if dark {
		args = append(args, "--blink-settings=preferredColorScheme=0")
	}
	cmd := exec.CommandContext(ctx, browser, append(args, url)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, stderr.String())
	}
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("console: %s", strings.TrimSpace(line))
		}
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatalf("no screenshot: %v\n%s", err, stderr.String())
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// brightness is the mean luminance, 0-1.
func brightness(img image.Image) float64 {
	b := img.Bounds()
	sum, n := 0.0, 0.0
	for y := b.Min.Y; y < b.Max.Y; y += 7 {
		for x := b.Min.X; x < b.Max.X; x += 7 {
			r, g, bl, _ := img.At(x, y).RGBA()
			sum += (0.299*float64(r) + 0.587*float64(g) + 0.114*float64(bl)) / 0xffff
			n++
		}
	}
	return sum / n
}
