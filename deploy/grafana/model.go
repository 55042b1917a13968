package grafana

import "fmt"

func (p Panel) model() object {
	defaults := object{"unit": p.Unit, "mappings": list(p.Mappings), "color": object{"mode": p.Color}, "thresholds": thresholds(p.Thresholds)}
	if p.Color == "" {
		defaults["color"] = object{"mode": "palette-classic"}
	}
	if p.Min != nil {
		defaults["min"] = *p.Min
	}
	if p.Max != nil {
		defaults["max"] = *p.Max
	}
	if p.Decimals != nil {
		defaults["decimals"] = *p.Decimals
	}
	if p.Custom != nil {
		defaults["custom"] = p.Custom
	}
	if p.NoValue != "" {
		defaults["noValue"] = p.NoValue
	}
	if p.Links != nil {
		defaults["links"] = p.Links
	}
	m := object{
		"type": p.Type, "title": p.Title, "description": p.Description, "datasource": source(),
		"targets": p.targets(), "options": p.Options,
		"fieldConfig": object{"defaults": defaults, "overrides": list(p.Overrides)},
	}
	if p.Transform != nil {
		m["transformations"] = p.Transform
	}
	for _, q := range p.Queries {
		if q.Points > 0 {
			m["maxDataPoints"] = q.Points
		}
	}
	return m
}

func (p Panel) targets() []any {
	var out []any
	for i, q := range p.Queries {
		t := object{"refId": string(rune('A' + i)), "datasource": source(), "editorMode": "code", "expr": q.Expr, "legendFormat": q.Legend}
		if q.Instant {
			t["instant"], t["range"], t["format"] = true, false, "table"
		} else {
			t["instant"], t["range"], t["format"] = false, true, "time_series"
		}
		if q.Legend == "" {
			t["legendFormat"] = "__auto"
		}
		out = append(out, t)
	}
	return out
}

// thresholds of a panel; without any, one colour for all values.
func thresholds(steps []Step) object {
	if steps == nil {
		steps = []Step{{Color: "green"}}
	}
	return object{"mode": "absolute", "steps": steps}
}

// list makes an absent list an empty one, as Grafana writes it.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// model of a variable; the ones before it narrow its values.
func (v Variable) model(before []Variable) object {
	if v.Metric == "" {
		return object{"type": "datasource", "name": v.Name, "label": v.Label, "description": v.Description, "query": "prometheus", "refresh": 1,
			"regex": "", "hide": 0, "includeAll": false, "multi": false, "skipUrlSync": false, "options": []any{}, "current": object{"text": "default", "value": "default"}}
	}
	matchers := ""
	for _, b := range before {
		if b.Metric != "" {
			matchers += fmt.Sprintf(`%s=~"$%s",`, b.Label2, b.Name)
		}
	}
	q := fmt.Sprintf("label_values(%s{%s}, %s)", v.Metric, matchers, v.Label2)
	all := object{"text": []string{"All"}, "value": []string{"$__all"}}
	m := object{"type": "query", "name": v.Name, "label": v.Label, "description": v.Description, "datasource": source(),
		"definition": q, "query": object{"qryType": 1, "query": q, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
		"refresh": 2, "sort": 7, "regex": "", "hide": 0, "skipUrlSync": false, "options": []any{},
		"multi": !v.Single, "includeAll": !v.Single, "current": object{}}
	if !v.Single {
		m["allValue"], m["current"] = ".*", all
	}
	return m
}
