package window

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Files of a window share a base name: UTC start, width in seconds, part.
//
//	node=n1/date=2026-01-02/20260102T150000Z_3600s_001.parquet       sealed
//	node=n1/date=2026-01-02/_20260102T150000Z_3600s_001.sha256       its manifest
//	node=n1/date=2026-01-02/_20260102T150000Z_3600s_001.journal      open
//	node=n1/date=2026-01-02/_20260102T150000Z_3600s_001.tmp          being sealed
//
// What begins with _ is passed over by every engine that reads the directory
// as a table; names sort by time.
const (
	extSealed   = ".parquet"
	extJournal  = ".journal"
	extManifest = ".sha256"
	extTemp     = ".tmp"
	startLayout = "20060102T150405Z"
	dateLayout  = "2006-01-02"
)

// slotName identifies a window's file: a span, and the part of it. A span gets
// a further part when it is opened again by an agent of another boot, version
// or interval, after an orderly stop, or after the clock was set back.
type slotName struct {
	from  time.Time
	width time.Duration
	part  int
}

func (s slotName) to() time.Time { return s.from.Add(s.width) }

func (s slotName) base() string {
	return fmt.Sprintf("%s_%ds_%03d", s.from.UTC().Format(startLayout), int64(s.width/time.Second), s.part)
}

func (s slotName) dir() string { return "date=" + s.from.UTC().Format(dateLayout) }

// parseSlot is the inverse of base.
func parseSlot(base string) (slotName, bool) {
	f := strings.Split(base, "_")
	if len(f) != 3 || !strings.HasSuffix(f[1], "s") {
		return slotName{}, false
	}
	from, err := time.Parse(startLayout, f[0])
	seconds, err2 := strconv.ParseUint(strings.TrimSuffix(f[1], "s"), 10, 31)
	part, err3 := strconv.ParseUint(f[2], 10, 31)
	s := slotName{from: from, width: time.Duration(seconds) * time.Second, part: int(part)}
	if err != nil || err2 != nil || err3 != nil || s.base() != base || part == 0 {
		return slotName{}, false
	}
	return s, true
}

// parseName splits a window's file name; ok is false for any other file.
func parseName(name string) (s slotName, ext string, ok bool) {
	ext = filepath.Ext(name)
	base := strings.TrimSuffix(name, ext)
	switch ext {
	case extSealed:
	case extJournal, extManifest, extTemp:
		var under bool
		if base, under = strings.CutPrefix(base, "_"); !under {
			return s, ext, false
		}
	default:
		return s, ext, false
	}
	s, ok = parseSlot(base)
	return s, ext, ok
}

// sibling is the path of another file of the same window.
func sibling(path, ext string) string {
	dir, name := filepath.Split(path)
	base := strings.TrimPrefix(strings.TrimSuffix(name, filepath.Ext(name)), "_")
	if ext != extSealed {
		base = "_" + base
	}
	return dir + base + ext
}

// nodeDir is the directory of a node's windows: node= and the name with
// everything but letters, digits, '-', '_' and inner dots as %XX, as Hive,
// Spark and DuckDB write and read partition values.
func nodeDir(node string) string {
	var b strings.Builder
	b.WriteString("node=")
	for i := range len(node) {
		c := node[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// nodeOf is the node that a path's node= directory names, or "".
func nodeOf(path string) string {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if v, ok := strings.CutPrefix(filepath.Base(dir), "node="); ok {
			return unescape(v)
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// spanOf is the window of a width that t falls into, aligned to UTC.
func spanOf(t time.Time, width time.Duration) (from time.Time) {
	ns := t.UnixNano()
	w := int64(width)
	start := ns - ns%w
	if ns%w < 0 {
		start -= w
	}
	return unixNano(start)
}
