package main

import (
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for in, want := range map[string]byteSize{
		"0": 0, "512": 512, "10GB": 10e9, "10GiB": 10 << 30, "1.5g": 1.5e9, "3 MiB": 3 << 20, "7B": 7, "2tib": 2 << 40,
	} {
		if got, err := parseSize(in); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "GB", "-1", "1e30GB", "NaN", "Inf", "10XB", "1 0"} {
		if got, err := parseSize(in); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", in, got)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"1s": time.Second, "30d": 30 * day, "2w": 14 * day, "1h30m": 90 * time.Minute, "0": 0, "1.5d": 36 * time.Hour,
	} {
		if got, err := parseDuration(in); err != nil || got != want {
			t.Errorf("parseDuration(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "d", "-1s", "-1d", "NaNd", "1e9w", "10", "soon"} {
		if got, err := parseDuration(in); err == nil {
			t.Errorf("parseDuration(%q) = %s, want an error", in, got)
		}
	}
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{"10GB", "1.5GiB", "30d", "1h", "0", "512"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := parseSize(s); err == nil {
			if back, err := parseSize(v.String()); err != nil || back != v {
				t.Errorf("%q is %d, printed as %q, read as %d, %v", s, v, v, back, err)
			}
		}
		if v, err := parseDuration(s); err == nil {
			printed := duration{&v}.String()
			if back, err := parseDuration(printed); err != nil || back != v {
				t.Errorf("%q is %d, printed as %q, read as %d, %v", s, v, printed, back, err)
			}
		}
	})
}
