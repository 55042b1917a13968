package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"
)

// FuzzName draws names from outside: whatever they are, the SVG is well formed,
// has only the elements this package writes, and other formats do not fail.
func FuzzName(f *testing.F) {
	for _, s := range []string{"worker-0", "<script>alert(1)</script>", "a\x00b\u202e", "\xff\xfe", "]]>&amp;\"'", "节点-🚀", "\n\n", "", "e\u0301\u0301\u0301", "a\tb\r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		p := &Bars{Title: name, X: Axis{Label: name, Categories: []string{name, name}}, Y: Axis{Label: name}, Absent: name, Notes: []string{name},
			Sets: []BarSet{{Name: name, Values: []float64{1, 2}, Color: SteelBlue()}, {Name: name, Values: []float64{2, 1}, Color: Coral()}}}
		svg, err := Inline(p, 4, 3, name)
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{"svg": true, "path": true, "text": true, "circle": true, "image": true}
		d := xml.NewDecoder(bytes.NewReader(svg))
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%q: not well formed: %v\n%s", name, err, svg)
			}
			if e, ok := tok.(xml.StartElement); ok && !known[e.Name.Local] {
				t.Fatalf("%q: element %s", name, e.Name.Local)
			}
		}
		fig := Figure{Panels: []Panel{p}, Width: 2, Height: 2, DPI: 30}
		for _, format := range Formats() {
			if err := fig.Render(io.Discard, format); err != nil {
				t.Fatalf("%q as %s: %v", name, format, err)
			}
		}
	})
}
