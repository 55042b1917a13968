package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nodemeter/gpu/device"
)

func examples() []Message {
	return []Message{
		&Tick{Seq: 7, Deadline: 300 * time.Millisecond, Pace: 4},
		&Snapshot{Seq: 7, Devices: []DeviceValues{
			{Slot: 0, State: device.StateOK, Values: []device.Value{device.FloatValue(device.Util, 0.5), device.IntValue(device.MemoryUsed, 1<<36)}},
			{Slot: 1, State: device.StateHung, Why: "nvmlDeviceGetTemperature has not returned for 2s", Values: []device.Value{}},
		}},
		&Hello{Ready: true, Libraries: []device.Library{{Backend: "nvml", Path: "/usr/lib/libnvidia-ml.so.1", Driver: "570.1", CUDA: "12.8"}},
			Failures: []Failure{{Backend: "amdgpu", Status: device.DriverNotLoaded, Message: "no such directory"}}},
		&Inventory{Count: 2, Problems: []string{"gpu 1: lost"}, Devices: []DeviceInfo{{Info: device.Info{UUID: "GPU-1", Name: "H200"}, Unsupported: []string{"gpu_fan_util"}}}},
		&Detail{Calls: []Call{{UUID: "GPU-1", Name: "nvmlDeviceGetFanSpeed", Count: 3, Total: time.Millisecond, Max: time.Millisecond, Last: device.NotSupported}},
			Processes: []ProcessList{{UUID: "GPU-1", Time: time.Unix(1, 0).UTC(), Processes: []device.Process{{PID: 3, MemoryBytes: -1, Util: -1}}}}},
	}
}

func encode(t testing.TB, m Message) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := NewWriter(&b).Write(m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, m := range examples() {
		if err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	r := NewReader(&b)
	for _, want := range examples() {
		got, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%T: %s", want, d)
		}
	}
	if _, err := r.Read(); err != io.EOF {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

// TestEveryCutIsSeen: a frame that ends early is an error, and not an end.
func TestEveryCutIsSeen(t *testing.T) {
	for _, m := range examples() {
		whole := encode(t, m)
		for n := 1; n < len(whole); n++ {
			if _, err := NewReader(bytes.NewReader(whole[:n])).Read(); err == nil || err == io.EOF {
				t.Fatalf("%T cut to %d of %d bytes: %v", m, n, len(whole), err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	frame := func(typ Type, payload []byte) []byte {
		b := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)+2))
		return append(append(b, Version, byte(typ)), payload...)
	}
	snapshot := func(d DeviceValues) []byte { return encode(t, &Snapshot{Seq: 1, Devices: []DeviceValues{d}}) }
	long := encode(t, &Tick{Seq: 1})
	binary.LittleEndian.PutUint32(long, MaxFrame+1)
	other := encode(t, &Tick{Seq: 1})
	other[4]++
	for name, c := range map[string]struct {
		frame []byte
		says  string
	}{
		"too long":           {long, "frame length"},
		"too short":          {[]byte{0, 0, 0, 0, 0, 0}, "frame length"},
		"another version":    {other, "version 3"},
		"unknown type":       {frame(99, nil), "unknown type"},
		"bytes after":        {frame(TypeTick, append(make([]byte, 16), 1, 0, 0)), "after the message"},
		"negative deadline":  {encode(t, &Tick{Deadline: -1, Pace: 1}), "out of range"},
		"pace of nothing":    {encode(t, &Tick{Deadline: 1}), "pace of 0 is out of range"},
		"unknown state":      {snapshot(DeviceValues{State: 99}), "unknown"},
		"slot":               {snapshot(DeviceValues{Slot: MaxSlots}), "slot"},
		"unknown quantity":   {snapshot(DeviceValues{Values: []device.Value{{Q: 9999}}}), "impossible"},
		"NaN":                {snapshot(DeviceValues{Values: []device.Value{device.FloatValue(device.Util, math.NaN())}}), "impossible"},
		"utilization of 2e8": {snapshot(DeviceValues{Values: []device.Value{device.FloatValue(device.Util, 218322032)}}), "impossible"},
		"null":               {frame(TypeHello, []byte("null")), "null"},
		"unknown field":      {frame(TypeHello, []byte(`{"redy":true}`)), "unknown field"},
		"two messages":       {frame(TypeHello, []byte(`{}{}`)), "after the message"},
		"no identity":        {encode(t, &Inventory{Devices: []DeviceInfo{{}}}), "identity"},
		"repeated identity":  {encode(t, &Inventory{Devices: []DeviceInfo{{Info: device.Info{UUID: "a"}}, {Info: device.Info{UUID: "a"}}}}), "identity"},
		"negative count":     {encode(t, &Inventory{Count: -1}), "counted"},
		"processes":          {encode(t, &Detail{Processes: []ProcessList{{Processes: make([]device.Process, MaxProcess+1)}}}), "processes"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := NewReader(bytes.NewReader(c.frame)).Read()
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%#v, %v; want an error with %q", m, err, c.says)
			}
		})
	}
}

func TestWriterBounds(t *testing.T) {
	for name, m := range map[string]Message{
		"devices": &Snapshot{Devices: make([]DeviceValues, MaxSlots+1)},
		"values":  &Snapshot{Devices: []DeviceValues{{Values: make([]device.Value, MaxValues+1)}}},
		"frame":   &Hello{Failures: []Failure{{Message: strings.Repeat("x", MaxFrame)}}},
	} {
		if err := NewWriter(io.Discard).Write(m); err == nil {
			t.Errorf("%s beyond the limit were written", name)
		}
	}
	if s := Clip(strings.Repeat("x", 10*MaxText)); len(s) != MaxText {
		t.Errorf("clipped to %d", len(s))
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWriteError(t *testing.T) {
	if err := NewWriter(broken{}).Write(&Tick{}); err == nil || !strings.Contains(err.Error(), "broken pipe") {
		t.Errorf("%v", err)
	}
}

// FuzzRead: no stream of bytes makes the reader panic, or allocate beyond a
// frame; what decodes encodes and decodes to the same.
func FuzzRead(f *testing.F) {
	for _, m := range examples() {
		f.Add(encode(f, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b))
		for {
			m, err := r.Read()
			if err != nil {
				return
			}
			again, err := NewReader(bytes.NewReader(encode(t, m))).Read()
			if err != nil {
				t.Fatalf("%#v does not read back: %v", m, err)
			}
			if d := cmp.Diff(m, again); d != "" {
				t.Fatal(d)
			}
		}
	})
}
