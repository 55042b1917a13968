package window

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"nodemeter/collector/metric"
)

// The keys of a Parquet file's metadata. Times are RFC 3339 in UTC, lists are JSON.
const (
	keyFormat   = "nodemeter.format"
	keyNode     = "nodemeter.node"
	keyBoot     = "nodemeter.boot_id"
	keyAgent    = "nodemeter.agent"
	keyInterval = "nodemeter.interval_seconds"
	keyFrom     = "nodemeter.from"
	keyTo       = "nodemeter.to"
	keyCoverage = "nodemeter.coverage"
	keyEntities = "nodemeter.entities"
	keyFields   = "nodemeter.fields"
	keyFamilies = "nodemeter.families"
	keyEvents   = "nodemeter.events"
)

// metaKeys is every key, in the order they are written.
func metaKeys() []string {
	return []string{keyFormat, keyNode, keyBoot, keyAgent, keyInterval, keyFrom, keyTo, keyCoverage, keyEntities, keyFields, keyFamilies, keyEvents}
}

type labelJSON = map[string]string

type entityJSON struct {
	Kind   string    `json:"kind"`
	ID     string    `json:"id"`
	Worker string    `json:"worker_id,omitempty"`
	Info   labelJSON `json:"info,omitempty"`
}

type fieldJSON struct {
	Column string   `json:"column"`
	Unit   string   `json:"unit"`
	Kind   string   `json:"kind"`
	Type   string   `json:"type"`
	Step   float64  `json:"step,omitempty"`
	States []string `json:"states,omitempty"`
	Help   string   `json:"help"`
	Absent string   `json:"absent"`
}

type familyJSON struct {
	Kind   string    `json:"kind"`
	Column string    `json:"column"`
	Metric string    `json:"metric"`
	Labels labelJSON `json:"labels,omitempty"`
}

type eventJSON struct {
	Kind   string    `json:"kind"`
	Number uint8     `json:"number"`
	Time   time.Time `json:"time"`
	By     float64   `json:"by_seconds,omitempty"`
	Count  int64     `json:"count,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// coverage is what a window knows about its own completeness.
type coverage struct {
	Samples int       `json:"samples"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	// Covered is the sum of the node's intervals.
	Covered float64 `json:"covered_seconds"`
	// LateMax and LateMean are how long after its tick a sample was taken.
	LateMax  float64 `json:"late_max_seconds"`
	LateMean float64 `json:"late_mean_seconds"`
	Part     int     `json:"part"`
}

// encodeMeta is the key-value metadata of a window.
func encodeMeta(m *Meta, cov coverage) (map[string]string, error) {
	kv := map[string]string{
		keyFormat: fmt.Sprintf("%d.%d", formatMajor, formatMinor), keyNode: m.Node, keyBoot: m.BootID, keyAgent: m.Agent,
		keyInterval: strconv.FormatFloat(m.Interval.Seconds(), 'g', -1, 64),
		keyFrom:     m.From.UTC().Format(time.RFC3339Nano), keyTo: m.To.UTC().Format(time.RFC3339Nano),
	}
	entities, fields, families, events := []entityJSON{}, []fieldJSON{}, []familyJSON{}, []eventJSON{}
	for _, e := range m.Entities {
		entities = append(entities, entityJSON{e.Kind.String(), e.ID, e.Worker, labelMap(e.Info)})
	}
	for _, f := range m.Fields {
		fields = append(fields, fieldJSON{f.Column, string(f.Unit), f.Kind.String(), typeName(f.Type), f.Step, f.States, f.Help, f.Absent})
	}
	for _, f := range m.Families {
		families = append(families, familyJSON{f.Kind.String(), f.Column, f.Metric, labelMap(f.Labels)})
	}
	for _, e := range fewerEvents(m.Events, maxEvents) {
		events = append(events, eventJSON{e.Kind.String(), uint8(e.Kind), e.Time.UTC(), e.By.Seconds(), e.Count, e.Detail})
	}
	for key, v := range map[string]any{keyCoverage: cov, keyEntities: entities, keyFields: fields, keyFamilies: families, keyEvents: events} {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", key, err)
		}
		kv[key] = string(b)
	}
	return kv, nil
}

// decodeMeta reads the metadata of a Parquet file. A file without the format
// key is not a window; a newer major version is refused.
func decodeMeta(lookup func(string) (string, bool)) (Meta, coverage, error) {
	var m Meta
	var cov coverage
	format, ok := lookup(keyFormat)
	if !ok {
		return m, cov, fmt.Errorf("not a sample window: the Parquet metadata has no %s", keyFormat)
	}
	if err := checkFormat(format); err != nil {
		return m, cov, err
	}
	get := func(key string) string { v, _ := lookup(key); return v }
	m.Node, m.BootID, m.Agent, m.Format = get(keyNode), get(keyBoot), get(keyAgent), format
	seconds, err := strconv.ParseFloat(get(keyInterval), 64)
	if err != nil || !(seconds >= 0 && seconds < 1e9) {
		return m, cov, fmt.Errorf("metadata %s: bad value %q", keyInterval, get(keyInterval))
	}
	m.Interval = time.Duration(seconds * 1e9)
	for key, t := range map[string]*time.Time{keyFrom: &m.From, keyTo: &m.To} {
		if *t, err = time.Parse(time.RFC3339Nano, get(key)); err != nil {
			return m, cov, fmt.Errorf("metadata %s: %w", key, err)
		}
	}
	if err := decodeLists(&m, &cov, get); err != nil {
		return m, cov, err
	}
	return m, cov, nil
}

func checkFormat(format string) error {
	major, minor, ok := strings.Cut(format, ".")
	ma, err1 := strconv.ParseUint(major, 10, 32)
	mi, err2 := strconv.ParseUint(minor, 10, 32)
	if !ok || err1 != nil || err2 != nil || ma == 0 {
		return fmt.Errorf("metadata %s: bad value %q", keyFormat, format)
	}
	if ma > formatMajor {
		return &NewerVersionError{ma, mi}
	}
	return nil
}

func decodeLists(m *Meta, cov *coverage, get func(string) string) error {
	var entities []entityJSON
	var fields []fieldJSON
	var families []familyJSON
	var events []eventJSON
	for key, v := range map[string]any{keyCoverage: cov, keyEntities: &entities, keyFields: &fields, keyFamilies: &families, keyEvents: &events} {
		s := get(key)
		if s == "" {
			continue
		}
		if err := json.Unmarshal([]byte(s), v); err != nil {
			return fmt.Errorf("metadata %s: %w", key, err)
		}
	}
	for _, e := range entities {
		kind, err := metric.ParseEntityKind(e.Kind)
		if err != nil {
			continue // of a newer minor version
		}
		m.Entities = append(m.Entities, metric.Entity{Kind: kind, ID: e.ID, Worker: e.Worker, Info: labelList(e.Info)})
	}
	for _, f := range fields {
		t, ok := parseType(f.Type)
		if !ok || len(f.States) > maxStates {
			continue
		}
		m.Fields = append(m.Fields, Field{Column: f.Column, Unit: metric.Unit(f.Unit), Kind: parseKind(f.Kind), Type: t, Step: f.Step, States: f.States, Help: f.Help, Absent: f.Absent})
	}
	for _, f := range families {
		if kind, err := metric.ParseEntityKind(f.Kind); err == nil {
			m.Families = append(m.Families, Family{Kind: kind, Column: f.Column, Metric: f.Metric, Labels: labelList(f.Labels)})
		}
	}
	for _, e := range events {
		m.Events = append(m.Events, metric.Event{Kind: metric.EventKind(e.Number), Time: e.Time, By: time.Duration(e.By * 1e9), Count: e.Count, Detail: e.Detail})
	}
	return nil
}

func typeName(t metric.Type) string {
	switch t {
	case metric.TypeInt:
		return "int"
	case metric.TypeState:
		return "state"
	}
	return "float"
}

func parseType(s string) (metric.Type, bool) {
	for t := metric.TypeFloat; t <= metric.TypeState; t++ {
		if typeName(t) == s {
			return t, true
		}
	}
	return 0, false
}

func parseKind(s string) metric.Kind {
	if s == metric.Counter.String() {
		return metric.Counter
	}
	return metric.Gauge
}
