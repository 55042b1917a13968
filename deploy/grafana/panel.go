package grafana

// Units, as Grafana names them.
const (
	ratio     = "percentunit" // 0-1, shown as percent
	byteRate  = "Bps"
	byteCount = "bytes"
	secs      = "s"
	watts     = "watt"
	celsius   = "celsius"
	hertz     = "hertz"
	number    = "short"
	perSecond = "cps"
	hours     = "h"
	cores     = "none"
)

// steps makes thresholds: the first colour, then value and colour in turn.
func steps(first string, more ...any) []Step {
	out := []Step{{Color: first}}
	for i := 0; i+1 < len(more); i += 2 {
		v := more[i].(float64)
		out = append(out, Step{Color: more[i+1].(string), Value: &v})
	}
	return out
}

func ptr[T any](v T) *T { return &v }

func q(expr, legend string) Query { return Query{Expr: expr, Legend: legend} }

func instant(expr, legend string) Query { return Query{Expr: expr, Legend: legend, Instant: true} }

// lines is a time series panel. Gaps are never joined: what was not measured is
// not drawn.
func lines(title, unit, description string, queries ...Query) Panel {
	p := Panel{Type: "timeseries", Title: title, Unit: unit, Description: description, Queries: queries, Min: ptr(0.0)}
	if unit == ratio {
		p.Max = ptr(1.0)
	}
	p.Custom = object{
		"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 0, "gradientMode": "none",
		"spanNulls": false, "insertNulls": false, "showPoints": "auto", "pointSize": 4,
		"axisPlacement": "auto", "axisLabel": "", "axisColorMode": "text", "axisBorderShow": false, "axisCenteredZero": false,
		"barAlignment": 0, "scaleDistribution": object{"type": "linear"},
		"stacking":        object{"mode": "none", "group": "A"},
		"thresholdsStyle": object{"mode": "off"},
		"hideFrom":        object{"legend": false, "tooltip": false, "viz": false},
	}
	p.Options = object{
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	}
	return p
}

// stacked puts the series of a lines panel on top of each other.
func stacked(p Panel) Panel {
	p.Custom["fillOpacity"], p.Custom["stacking"] = 60, object{"mode": "normal", "group": "A"}
	p.Custom["lineWidth"] = 0
	return p
}

// marked draws thresholds into a lines panel.
func marked(p Panel, s []Step) Panel {
	p.Thresholds = s
	p.Custom["thresholdsStyle"] = object{"mode": "dashed"}
	return p
}

// unbounded takes the fixed upper end off a ratio that may be small throughout.
func unbounded(p Panel) Panel {
	p.Max = nil
	return p
}

// flat takes the fixed upper end off and keeps an axis whose values are tiny, or
// zero throughout, from blowing them up.
func flat(p Panel, upTo float64) Panel {
	p.Max = nil
	p.Custom["axisSoftMax"] = upTo
	return p
}

// black draws one series as the notebook draws its average: thick, above all
// others, black on white and white on black.
func black(p Panel, series string) Panel {
	p.Overrides = append(p.Overrides, Override{Matcher{"byName", series}, []Property{
		{"color", object{"mode": "fixed", "fixedColor": "text"}},
		{"custom.lineWidth", 3},
	}})
	return p
}

// figure is one number over the range or now.
func figure(title, unit, description string, s []Step, query Query) Panel {
	query.Instant = true
	p := Panel{Type: "stat", Title: title, Unit: unit, Description: description, Queries: []Query{query}, Thresholds: s, Color: "thresholds", NoValue: "none"}
	p.Options = object{
		"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": "value", "wideLayout": true,
		"showPercentChange": false, "percentChangeColorMode": "standard",
		"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
	}
	if s == nil {
		p.Thresholds = steps("text")
	}
	return p
}

// bars compares one number across things; worst first when the query sorts.
func bars(title, unit, description string, s []Step, queries ...Query) Panel {
	for i := range queries {
		queries[i].Instant = true
	}
	p := Panel{Type: "bargauge", Title: title, Unit: unit, Description: description, Queries: queries, Thresholds: s, Color: "thresholds", Min: ptr(0.0), NoValue: "none"}
	if unit == ratio {
		p.Max = ptr(1.0)
	}
	if s == nil {
		p.Color = "palette-classic"
	}
	p.Options = object{
		"displayMode": "basic", "orientation": "horizontal", "showUnfilled": true, "valueMode": "color", "namePlacement": "auto", "sizing": "auto",
		"minVizHeight": 16, "minVizWidth": 8, "maxVizHeight": 300,
		"legend":        object{"displayMode": "list", "placement": "bottom", "showLegend": false, "calcs": []string{}},
		"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
	}
	return p
}

// heat is a row a series and a cell a step, coloured by value: the notebook's
// heatmap, on a fixed scale of 0 to 1 so that two of them can be compared.
func heat(title, unit, description string, query Query) Panel {
	query.Points = 120
	p := Panel{Type: "status-history", Title: title, Unit: unit, Description: description, Queries: []Query{query},
		Color: "continuous-YlRd", Min: ptr(0.0), Max: ptr(1.0), Decimals: ptr(0)}
	p.Custom = object{"fillOpacity": 90, "lineWidth": 0, "hideFrom": object{"legend": false, "tooltip": false, "viz": false}}
	p.Options = object{
		"showValue": "never", "rowHeight": 0.9, "colWidth": 1, "perPage": 64,
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": false, "calcs": []string{}},
		"tooltip": object{"mode": "single", "sort": "none"},
	}
	return p
}

// states is a row a series and a colour a state, from series that are 1 in one
// state at a time.
func states(title, description string, mappings []any, query Query) Panel {
	p := Panel{Type: "state-timeline", Title: title, Unit: "none", Description: description, Queries: []Query{query}, Mappings: mappings, Color: "thresholds"}
	p.Custom = object{"fillOpacity": 80, "lineWidth": 0, "spanNulls": false, "insertNulls": false, "hideFrom": object{"legend": false, "tooltip": false, "viz": false}}
	p.Options = object{
		"showValue": "auto", "alignValue": "left", "mergeValues": true, "rowHeight": 0.8, "perPage": 32,
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": object{"mode": "single", "sort": "none"},
	}
	return p
}

// table shows labels and values, one query a column.
func table(title, description string, queries ...Query) Panel {
	for i := range queries {
		queries[i].Instant = true
	}
	p := Panel{Type: "table", Title: title, Unit: number, Description: description, Queries: queries, Color: "thresholds", NoValue: "none"}
	p.Custom = object{"align": "auto", "cellOptions": object{"type": "auto"}, "filterable": true, "inspect": false}
	p.Options = object{"showHeader": true, "cellHeight": "sm", "frameIndex": 0}
	return p
}
