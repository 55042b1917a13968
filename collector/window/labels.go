package window

import (
	"maps"
	"slices"

	"nodemeter/collector/metric"
)

// labelMap and labelList turn labels into JSON's object and back, sorted by name.
func labelMap(labels []metric.Label) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	m := make(map[string]string, len(labels))
	for _, l := range labels {
		m[l.Name] = l.Value
	}
	return m
}

func labelList(m map[string]string) []metric.Label {
	var labels []metric.Label
	for _, name := range slices.Sorted(maps.Keys(m)) {
		labels = append(labels, metric.Label{Name: name, Value: m[name]})
	}
	return labels
}
