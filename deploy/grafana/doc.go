// Package grafana holds nodemeter's dashboards as code: each is a list of rows
// of panels, and a panel is a title, a description, a unit and its expressions.
//
// Data flow: Dashboards builds them, Model lays them out as the JSON that
// Grafana imports, and the generate command writes that into dashboards/. A test
// holds the checked-in files against this code, and another every metric named
// here against the exporter.
package grafana

//go:generate go run ./generate
