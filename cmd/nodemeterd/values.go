package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"nodemeter/collector/host"
)

// duration is a flag value: what time.ParseDuration takes, and days and weeks.
type duration struct{ to *time.Duration }

func durationFlag(to *time.Duration, def time.Duration) duration {
	*to = def
	return duration{to}
}

const day = 24 * time.Hour

// Set implements pflag.Value.
func (d duration) Set(s string) error {
	v, err := parseDuration(s)
	if err != nil {
		return err
	}
	*d.to = v
	return nil
}

func parseDuration(s string) (time.Duration, error) {
	for suffix, unit := range map[string]time.Duration{"d": day, "w": 7 * day} {
		n, ok := strings.CutSuffix(s, suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(n, 64)
		if err != nil || !(v >= 0) || v*float64(unit) > math.MaxInt64/2 {
			return 0, fmt.Errorf("%q is not a duration such as 500ms, 1s, 2h or 30d", s)
		}
		return time.Duration(v * float64(unit)), nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 500ms, 1s, 2h or 30d", s)
	}
	return v, nil
}

// String implements pflag.Value: 1h rather than 1h0m0s.
func (d duration) String() string {
	if d.to == nil {
		return "0s"
	}
	if v := *d.to; v >= day && v%day == 0 {
		return strconv.Itoa(int(v/day)) + "d"
	}
	s := d.to.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Type implements pflag.Value.
func (duration) Type() string { return "duration" }

// byteSize is a number of bytes, written with a decimal or a binary unit.
type byteSize int64

const gigabyte byteSize = 1e9

// sizeUnits are the accepted suffixes, longest first so that none hides another.
func sizeUnits() []struct {
	suffix string
	bytes  float64
} {
	return []struct {
		suffix string
		bytes  float64
	}{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
		{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
		{"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"B", 1}, {"", 1},
	}
}

// parseSize reads "10GB", "1.5GiB" or a plain number of bytes.
func parseSize(s string) (byteSize, error) {
	for _, u := range sizeUnits() {
		if len(s) < len(u.suffix) || !strings.EqualFold(s[len(s)-len(u.suffix):], u.suffix) {
			continue
		}
		n := strings.TrimSpace(s[:len(s)-len(u.suffix)])
		v, err := strconv.ParseFloat(n, 64)
		if err != nil || !(v >= 0) || v*u.bytes >= math.MaxInt64 {
			break
		}
		return byteSize(v * u.bytes), nil
	}
	return 0, fmt.Errorf("%q is not a size such as 500MB, 10GB or 10GiB", s)
}

func (b byteSize) String() string {
	for _, u := range []struct {
		suffix string
		bytes  byteSize
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if b >= u.bytes && b%u.bytes == 0 {
			return strconv.FormatInt(int64(b/u.bytes), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// size is a flag value.
type size struct{ to *byteSize }

func sizeFlag(to *byteSize, def byteSize) size {
	*to = def
	return size{to}
}

// Set implements pflag.Value.
func (f size) Set(s string) error {
	v, err := parseSize(s)
	if err == nil {
		*f.to = v
	}
	return err
}

// String implements pflag.Value.
func (f size) String() string {
	if f.to == nil {
		return "0"
	}
	return f.to.String()
}

// Type implements pflag.Value.
func (size) Type() string { return "size" }

// reader is a flag value: who parses the kernel's files.
type reader struct{ to *host.Reader }

func readerFlag(to *host.Reader, def host.Reader) reader {
	*to = def
	return reader{to}
}

// Set implements pflag.Value.
func (f reader) Set(s string) error {
	v, err := host.ParseReader(s)
	if err == nil {
		*f.to = v
	}
	return err
}

// String implements pflag.Value.
func (f reader) String() string {
	if f.to == nil {
		return string(host.Native)
	}
	return string(*f.to)
}

// Type implements pflag.Value.
func (reader) Type() string { return "reader" }
