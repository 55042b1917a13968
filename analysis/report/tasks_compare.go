package report

import (
	"fmt"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
)

// samples are the engines' execution times, of tasks that did not fail.
func (t *Tasks) samples() []plot.Sample {
	var out []plot.Sample
	for _, e := range t.engines {
		if xs := t.delivered(e); len(xs) > 0 {
			out = append(out, plot.Sample{Name: engineName(e), Values: xs, Color: t.engineColor(e)})
		}
	}
	return out
}

func executionAxis() plot.Axis { return plot.Axis{Label: "Execution Time (seconds)"} }

func (t *Tasks) distributionAlt(title string) string {
	alt := title + "."
	for _, s := range t.Comparison.Samples[:min(len(t.engines), len(t.Comparison.Samples))] {
		alt += fmt.Sprintf(" %s: %d tasks, mean %s, median %s, P99 %s, longest %s s.", engineName(s.Name), s.N, figure(s.Mean), figure(s.At(50)), figure(s.At(99)), figure(s.Max))
	}
	return alt
}

// pooledWarning says when the engines' pooled distributions are not to be compared.
func (t *Tasks) pooledWarning() string {
	for _, p := range t.Comparison.Pooled {
		if p.Confound != "" {
			return " All configurations of an engine are pooled, and they did not run on the same cores: " + p.Confound + "."
		}
	}
	return ""
}

func (t *Tasks) histogram() *Picture {
	const title = "Execution Time Distribution"
	samples := t.samples()
	if len(samples) == 0 {
		return noTasks(title)
	}
	p := &plot.Histogram{Title: title, X: executionAxis(), Y: plot.Axis{Label: "Density"}, Samples: samples}
	return &Picture{Title: title, Panel: p, Alt: t.distributionAlt(title), Caption: "Both engines in the same 30 bins, so that heights can be compared; dashed lines are the means." + t.pooledWarning()}
}

func (t *Tasks) cdf() *Picture {
	const title = "Cumulative Distribution Function"
	samples := t.samples()
	if len(samples) == 0 {
		return noTasks(title)
	}
	p := &plot.CDF{Title: title, X: executionAxis(), Y: plot.Axis{Label: "Cumulative Probability", Max: 1}, Samples: samples}
	return &Picture{Title: title, Panel: p, Alt: t.distributionAlt(title), Caption: "Share of tasks that took at most this long."}
}

func (t *Tasks) violins() *Picture {
	const title = "Execution Time Violin Plot"
	samples := t.samples()
	if len(samples) == 0 {
		return noTasks(title)
	}
	for i := range samples {
		samples[i].Name = fmt.Sprintf("%s\n(n = %s)", samples[i].Name, analysis.FormatCount(int64(len(samples[i].Values))))
	}
	p := &plot.Violins{Title: title, Y: executionAxis(), Samples: samples}
	return &Picture{Title: title, Panel: p, Alt: t.distributionAlt(title), Caption: "Mirrored densities, each as wide as the other whatever the number of tasks; line: median, dot: mean."}
}
