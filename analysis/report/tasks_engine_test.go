package report

import (
	"strings"
	"testing"

	"nodemeter/analysis/tasks"
)

// Tasks without an engine have times; what the radar lacks is the engine.
func TestRadarWithoutEngines(t *testing.T) {
	text := "task_id,submit_time,wait_time_secs,completion_time,execution_secs,status\na,2024-06-22 10:00:00,0.5,2024-06-22 10:00:02.5,2.0,SUCCESS\n"
	set, err := tasks.Read(t.Context(), "x", strings.NewReader(text), tasks.Run{}, tasks.Options{})
	if err != nil {
		t.Fatal(err)
	}
	figure, err := NewTasks(set, nil).Figure("comparative")
	if err != nil {
		t.Fatal(err)
	}
	radar := figure.Pictures[len(figure.Pictures)-1]
	if !strings.Contains(radar.Alt, "No engine is known") {
		t.Errorf("%s: %s", radar.Title, radar.Alt)
	}
}
