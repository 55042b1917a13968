package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Dashboard is what we say about one dashboard; Model adds what Grafana wants.
type Dashboard struct {
	UID, Title, Description string
	From                    string // start of the time shown at first, such as "now-6h"
	Refresh                 string
	Variables               []Variable
	Rows                    []Row
}

// Row is a line of panels under a heading. Widths are shares of the line.
type Row struct {
	Title  string
	Height int // in Grafana's units of 30 pixels
	Panels []Panel
}

// Panel is one picture.
type Panel struct {
	Type        string
	Title       string
	Description string
	Width       int // of 24; 0 shares what the row has left
	Unit        string
	Min, Max    *float64
	Decimals    *int
	Thresholds  []Step // nil: none
	Color       string // colour mode; "" is the classic palette
	Queries     []Query
	Custom      map[string]any // fieldConfig.defaults.custom
	Options     map[string]any
	Overrides   []Override
	Transform   []Transformation
	NoValue     string
	Mappings    []any
	Links       []Link // data links
}

// Query is one expression. Instant asks for the last value only, as a table.
type Query struct {
	Expr, Legend string
	Instant      bool
	Points       int // at most so many steps over the range; 0: Grafana's choice
}

// Step is the start of a threshold's colour; the first has no value.
type Step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// Override changes the look of the series of one name.
type Override struct {
	Matcher    Matcher    `json:"matcher"`
	Properties []Property `json:"properties"`
}

// Matcher says which fields an Override is for.
type Matcher struct {
	ID      string `json:"id"`
	Options string `json:"options"`
}

// Property is one changed setting.
type Property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}

// Transformation is a step between answer and panel.
type Transformation struct {
	ID      string         `json:"id"`
	Options map[string]any `json:"options"`
}

// Link leads from a value to another dashboard.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// Variable is a choice above the panels.
type Variable struct {
	Name, Label, Description string
	Metric, Label2           string // label_values(Metric{...}, Label2); "" makes the data source's choice
	Single                   bool
}

// JSON is the file that Grafana imports.
func (d *Dashboard) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d.Model()); err != nil {
		return nil, fmt.Errorf("dashboard %s: %w", d.UID, err)
	}
	return b.Bytes(), nil
}

type object = map[string]any

// source is the data source that the variable of that name chooses.
func source() object { return object{"type": "prometheus", "uid": "${datasource}"} }

// Model is the dashboard in Grafana's own schema.
func (d *Dashboard) Model() map[string]any {
	var variables []any
	for i, v := range d.Variables {
		variables = append(variables, v.model(d.Variables[:i]))
	}
	return object{
		"uid": d.UID, "title": d.Title, "description": d.Description,
		"tags": []string{"nodemeter"}, "timezone": "browser", "schemaVersion": 39, "version": 1,
		"editable": true, "fiscalYearStartMonth": 0, "graphTooltip": 1, "liveNow": false, "weekStart": "",
		"time": object{"from": d.From, "to": "now"}, "timepicker": object{}, "refresh": d.Refresh,
		"annotations": object{"list": []any{annotation()}},
		"templating":  object{"list": variables},
		"links": []any{object{
			"type": "dashboards", "title": "nodemeter", "tags": []string{"nodemeter"}, "asDropdown": false,
			"includeVars": true, "keepTime": true, "icon": "external link", "targetBlank": false, "tooltip": "", "url": "",
		}},
		"panels": d.panels(),
	}
}

// annotation marks restarts of the agent.
func annotation() object {
	return object{
		"name": "Agent started", "datasource": source(), "enable": true, "hide": false, "iconColor": "blue",
		"target":      object{"refId": "Anno", "expr": `changes(process_start_time_seconds{job=~"$job",instance=~"$node"}[$__interval]) > 0`, "limit": 100, "matchAny": false, "tags": []string{}, "type": "tags"},
		"titleFormat": "nodemeterd restarted", "textFormat": "{{instance}}",
	}
}

// panels lays the rows out from top to bottom.
func (d *Dashboard) panels() []any {
	var out []any
	y, id := 0, 1
	for _, r := range d.Rows {
		if r.Title != "" {
			out = append(out, object{"id": id, "type": "row", "title": r.Title, "collapsed": false, "panels": []any{},
				"gridPos": object{"x": 0, "y": y, "w": 24, "h": 1}})
			y, id = y+1, id+1
		}
		x, widths := 0, r.widths()
		for i, p := range r.Panels {
			m := p.model()
			m["id"], m["gridPos"] = id, object{"x": x, "y": y, "w": widths[i], "h": r.Height}
			out = append(out, m)
			x, id = x+widths[i], id+1
		}
		y += r.Height
	}
	return out
}

func (r Row) widths() []int {
	left, open := 24, 0
	for _, p := range r.Panels {
		left -= p.Width
		if p.Width == 0 {
			open++
		}
	}
	out := make([]int, len(r.Panels))
	for i, p := range r.Panels {
		out[i] = p.Width
		if p.Width == 0 {
			out[i] = left / open
			left, open = left-out[i], open-1
		}
	}
	return out
}
