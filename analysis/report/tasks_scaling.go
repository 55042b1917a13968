package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"nodemeter/analysis/plot"
	"nodemeter/analysis/tasks"
)

func sortedKeys(m map[float64]float64) []float64 {
	var out []float64
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// studies are the scaling studies of one kind.
func (t *Tasks) studies(kind string) []tasks.ScalingStudy {
	var out []tasks.ScalingStudy
	for _, s := range t.Scaling.Studies {
		if s.Kind == kind && len(s.Points) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// sizes are a study's positions on the axis: nodes as in the notebook where all
// rows have them, cores otherwise.
func sizes(s tasks.ScalingStudy, nodes bool) []float64 {
	var out []float64
	for _, p := range s.Points {
		if nodes {
			out = append(out, float64(p.Nodes))
		} else {
			out = append(out, float64(p.Cores))
		}
	}
	return out
}

func haveNodes(all []tasks.ScalingStudy) bool {
	for _, s := range all {
		for _, p := range s.Points {
			if !(p.Nodes > 0) {
				return false
			}
		}
	}
	return true
}

// name is a study's name in legends: "Actual" when it is the only one.
func studyName(s tasks.ScalingStudy, n int) string {
	if n == 1 || s.Series == "" {
		return "Actual"
	}
	return s.Series
}

// scalingPicture draws one figure of every study of a kind over its size.
func (t *Tasks) scalingPicture(kind, title, label string, base color.Color, of func(tasks.ScalingPoint) (v, low, high float64)) (*Picture, *plot.Lines) {
	all := t.studies(kind)
	if len(all) == 0 {
		return nothing(title, "No "+kind+" scaling was measured: it takes runs of at least two sizes."), nil
	}
	axis := "Number of Nodes"
	nodes := haveNodes(all)
	if !nodes {
		axis = "Number of Cores"
	}
	p := &plot.Lines{Title: title, X: plot.Axis{Label: axis, Log2: true}, Y: plot.Axis{Label: label, Zero: true}}
	alt := title + "."
	for i, s := range all {
		line := plot.Series{Name: studyName(s, len(all)), X: sizes(s, nodes), Color: base, Bold: true, Marker: true}
		if len(all) > 1 {
			line.Color = plot.Engine(i)
			if k := slices.Index(t.engines, s.Series); k >= 0 {
				line.Color = t.engineColor(s.Series)
			}
		}
		for k, pt := range s.Points {
			v, low, high := of(pt)
			if pt.Runs < 2 {
				low, high = math.NaN(), math.NaN()
			}
			line.Y, line.Low, line.High = append(line.Y, v), append(line.Low, low), append(line.High, high)
			alt += fmt.Sprintf(" %s at %g: %.4g.", line.Name, line.X[k], v)
		}
		p.Series = append(p.Series, line)
	}
	return &Picture{Title: title, Panel: p, Alt: alt}, p
}

func (t *Tasks) strongSpeedup() *Picture {
	pic, p := t.scalingPicture("strong", "Strong Scaling: Speedup", "Speedup", plot.SteelBlue(), func(pt tasks.ScalingPoint) (float64, float64, float64) {
		perTime := float64(pt.Speedup * pt.Time)
		return float64(pt.Speedup), perTime / float64(pt.Slowest), perTime / float64(pt.Fastest)
	})
	if p == nil {
		return pic
	}
	p.Y.Log2 = true
	all := t.studies("strong")
	var front []plot.Series
	for i, s := range all {
		if ideal := ratios(s); len(front) == 0 || len(ideal) > len(front[0].X) {
			front = []plot.Series{{Name: "Ideal Linear", X: p.Series[i].X, Y: ideal, Color: plot.Red(), Dashed: true}}
		}
	}
	for i, s := range all {
		if s.Law == nil {
			continue
		}
		name := s.Law.Name + " fit"
		if i > 0 { // one entry of the legend stands for all
			name = ""
		}
		fit := plot.Series{Name: name, X: p.Series[i].X, Color: p.Series[i].Color, Dashed: true, Faint: true}
		for _, pt := range s.Points {
			fit.Y = append(fit.Y, float64(pt.Fitted))
		}
		front = append(front, fit)
		pic.Alt += fmt.Sprintf(" %s's serial fraction is %s.", s.Law.Name, figure(s.Law.Serial))
	}
	p.Series = append(front, p.Series...)
	pic.Caption = "Against the measured run of the smallest size, both axes logarithmic; the faint dashed line is Amdahl's law with the serial fraction that fits best."
	pic.Table = t.scalingTable("strong")
	return pic
}

func ratios(s tasks.ScalingStudy) []float64 {
	var out []float64
	for _, p := range s.Points {
		out = append(out, float64(p.Ratio))
	}
	return out
}

func efficiencyOf(pt tasks.ScalingPoint) (float64, float64, float64) {
	perTime := 100 * float64(pt.Efficiency*pt.Time)
	return 100 * float64(pt.Efficiency), perTime / float64(pt.Slowest), perTime / float64(pt.Fastest)
}

func (t *Tasks) strongEfficiency() *Picture {
	pic, p := t.scalingPicture("strong", "Strong Scaling: Parallel Efficiency", "Parallel Efficiency (%)", plot.Green(), efficiencyOf)
	if p != nil {
		p.Rules = []plot.Rule{{Name: "Ideal (100%)", At: 100, Color: plot.Red()}, {Name: "Good (80%)", At: 80, Color: plot.Qualitative(13)}}
		pic.Caption = "Speed-up over the growth of the machine, against the smallest run."
	}
	return pic
}

func (t *Tasks) weakTime() *Picture {
	pic, p := t.scalingPicture("weak", "Weak Scaling: Execution Time", "Execution Time (seconds)", plot.Qualitative(10), func(pt tasks.ScalingPoint) (float64, float64, float64) {
		return float64(pt.Time), float64(pt.Fastest), float64(pt.Slowest)
	})
	if p == nil {
		return pic
	}
	for i, s := range t.studies("weak") {
		name := ""
		if i == 0 {
			name = "Ideal (constant)"
		}
		p.Rules = append(p.Rules, plot.Rule{Name: name, At: float64(s.Points[0].Time), Color: plot.Red(), Faint: i > 0})
		if i > 0 {
			continue
		}
		for _, pt := range s.Points {
			label := ""
			if pt.Tasks > 0 {
				label = fmt.Sprintf("%.0f tasks", float64(pt.Tasks))
			}
			p.Series[i].Labels = append(p.Series[i].Labels, label)
		}
	}
	pic.Caption = "Work grows with the machine, so the ideal is constant. The axis starts at zero: small differences look small."
	pic.Table = t.scalingTable("weak")
	return pic
}

func (t *Tasks) weakEfficiency() *Picture {
	pic, p := t.scalingPicture("weak", "Weak Scaling: Efficiency", "Weak Scaling Efficiency (%)", plot.Qualitative(8), efficiencyOf)
	if p != nil {
		p.Rules = []plot.Rule{{Name: "Ideal (100%)", At: 100, Color: plot.Red()}}
		pic.Caption = "Work per second and core against the smallest run."
	}
	return pic
}

// scalingTable tabulates the studies of a kind.
func (t *Tasks) scalingTable(kind string) *Table {
	out := &Table{Caption: "Measured against the smallest run", Head: []string{"Study", "Nodes", "Cores", "Tasks", "Runs", "Time (s)", "Speed-up", "Efficiency", "Serial fraction", "Fitted speed-up"}}
	all := t.studies(kind)
	for _, s := range all {
		for _, p := range s.Points {
			out.Rows = append(out.Rows, []string{studyName(s, len(all)), figure(p.Nodes), figure(p.Cores), figure(p.Tasks), fmt.Sprint(p.Runs), figure(p.Time), figure(p.Speedup), part(p.Efficiency), figure(p.Serial), figure(p.Fitted)})
		}
	}
	return out.limit()
}
