package analysis

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

func TestFormatValue(t *testing.T) {
	for _, c := range []struct {
		v    float64
		unit metric.Unit
		want string
	}{
		{0.503154, metric.Ratio, "50.3%"}, {math.NaN(), metric.Ratio, "-"}, {1 << 30, metric.Bytes, "1 GiB"}, {1536, metric.Bytes, "1.50 KiB"},
		{59.3, metric.Mbps, "59.3 Mbit/s"}, {3.6e6, metric.Joules, "1 kWh"}, {1800, metric.Joules, "1800 J"}, {7200, metric.Joules, "2 Wh"},
		{1.98e9, metric.Hertz, "1980 MHz"}, {12345, metric.Count, "12345"}, {0.00042, metric.Count, "0.00042"}, {-2.5, metric.Celsius, "-2.50 °C"}, {90, metric.Seconds, "1m 30s"},
	} {
		if got := FormatValue(Number(c.v), c.unit); got != c.want {
			t.Errorf("%v %s: %q, want %q", c.v, c.unit, got, c.want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0 s", 1500 * time.Millisecond: "1.50 s", 61 * time.Second: "1m 1s", 25 * time.Hour: "1d 1h", 3 * 365 * 24 * time.Hour: "3.0 years", -time.Minute: "-1m 0s",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
	if got := FormatCount(-1234567); got != "-1,234,567" {
		t.Errorf("got %q", got)
	}
}

func TestNumberIsNullWhereThereIsNone(t *testing.T) {
	b, err := json.Marshal([]Number{0.1, NaN(), Number(math.Inf(1)), 0})
	if err != nil || string(b) != "[0.1,null,null,0]" {
		t.Fatalf("%s %v", b, err)
	}
	var back []Number
	if err := json.Unmarshal(b, &back); err != nil || back[0] != 0.1 || !back[1].IsNaN() || back[3] != 0 {
		t.Errorf("%v %v", back, err)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"worker-0": "worker-0", "": `""`, "a\nb": `a\nb`, "\x1b[2J": `\x1b[2J`, "東京": "東京", "x\u202ey": `x\u202ey`, "\xff": `\ufffd`, "é": "é",
	} {
		if got := Escape(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := Escape(strings.Repeat("x", 500)); len(got) != 120+len("…") {
		t.Errorf("%d bytes", len(got))
	}
}

func TestNamesSortAsPeopleDo(t *testing.T) {
	names := []string{"worker-10", "worker-2", "worker-1", "node02-1", "node2-1", "a", "", "worker-1a", "worker-007", "worker-30"}
	slices.SortFunc(names, CompareNames)
	want := []string{"", "a", "node02-1", "node2-1", "worker-1", "worker-1a", "worker-2", "worker-007", "worker-10", "worker-30"}
	if !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}

func TestTableAlignsWideCharacters(t *testing.T) {
	tab := &Table{Header: []string{"Name", "N"}, Left: 1}
	tab.Add("東京", "1")
	tab.Add("e\u0301", "100")
	var b strings.Builder
	if err := tab.Write(&b); err != nil {
		t.Fatal(err)
	}
	if want := "  Name    N\n  東京    1\n  e\u0301     100\n"; b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
