package stat

import (
	"math"
	"slices"
	"testing"
)

func close10(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-10*math.Max(math.Abs(a), math.Abs(b))
}

// The wanted figures are scipy 1.10.1's.
func TestTwoSampleTestsAreScipys(t *testing.T) {
	for _, c := range []struct {
		name                string
		x, y                []float64
		t, p, welch, welchP float64
		u, mannWhitneyP     float64
		method              string
		ties                bool
	}{
		{"exact 5 and 7", []float64{0.7075, 1.0252, 0.5685, 0.8951, 0.2065}, []float64{6.7673, 0.0195, 5.6184, 1.1507, 0.6011, 1.0823, 0.6243}, -1.2757062437329671, 0.23089516371917465, -1.5233760046277363, 0.17672299858757295, 11.0, 0.3434343434343435, "exact", false},
		{"exact 8 and 12", []float64{0.1054, -0.9305, -0.0293, 0.6953, -1.3442, -0.4576, -1.9012, -1.2895}, []float64{-1.3417, 0.2649, -0.7674, 0.7713, 0.6568, 0.3131, -2.0168, -0.0387, 0.4515, 0.6133, -1.0301, 0.0222}, -1.1538404152396096, 0.26365659614372067, -1.1614397545527964, 0.2630446465379321, 33.0, 0.2702706993728666, "exact", false},
		{"asymptotic 9 and 10", []float64{-0.9785, -0.8088, 1.0609, -0.8075, -0.0325, 0.8844, -0.5836, -0.1117, 0.1105}, []float64{3.0638, 1.7749, 3.0761, 4.3588, 1.4529, 3.8594, 3.1194, 2.3585, 5.0004, 3.7623}, -7.569354998229294, 7.688568476317137e-07, -7.735304752962735, 9.608610251392028e-07, 0.0, 0.0002797002701866865, "asymptotic", false},
		{"ties", []float64{0.0, 0.0, 2.0, 1.0, 2.0, 1.0, 0.0, 0.0, 1.0, 3.0, 1.0}, []float64{2.0, 3.0, 5.0, 2.0, 3.0, 2.0}, -3.40996176730967, 0.003877702854742136, -3.2475762021220596, 0.009941050827003067, 7.0, 0.008416978417490716, "asymptotic", true},
		{"one each", []float64{1.5}, []float64{2.5}, nan, nan, nan, nan, 0.0, 1.0, "exact", false},
		{"all equal", []float64{2.0, 2.0, 2.0, 2.0}, []float64{2.0, 2.0, 2.0, 2.0, 2.0}, nan, nan, nan, nan, 10.0, 1.0, "asymptotic", true},
		{"one against many", []float64{0.1}, []float64{1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}, nan, nan, nan, nan, 0.0, 0.2222222222222222, "exact", false},
		{"far apart", []float64{1.0, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06, 1.07, 1.08, 1.09}, []float64{9.0, 9.01, 9.02, 9.03, 9.04, 9.05, 9.06, 9.07, 9.08, 9.1}, -573.9454540455498, 8.051068415386269e-40, -573.9454540455498, 1.0389301796513893e-39, 0.0, 0.00018267179110955002, "asymptotic", false},
		{"a NaN", []float64{1, nan}, []float64{2, 3}, nan, nan, nan, nan, nan, nan, "asymptotic", false},
		{"nothing", nil, []float64{2, 3}, nan, nan, nan, nan, nan, nan, "asymptotic", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, w, m := Student(c.x, c.y), Welch(c.x, c.y), ScipyMannWhitney(c.x, c.y)
			for _, f := range []struct {
				what      string
				got, want float64
			}{
				{"t", s.Statistic, c.t}, {"p", s.P, c.p}, {"Welch's t", w.Statistic, c.welch}, {"Welch's p", w.P, c.welchP},
				{"U", m.UX, c.u}, {"Mann-Whitney p", m.P, c.mannWhitneyP}, {"other U", m.UY, float64(len(c.x)*len(c.y)) - c.u},
			} {
				if !close10(f.got, f.want) {
					t.Errorf("%s = %.17g, want %.17g", f.what, f.got, f.want)
				}
			}
			if m.Method != c.method || m.Ties != c.ties {
				t.Errorf("method %s, ties %v; want %s, %v", m.Method, m.Ties, c.method, c.ties)
			}
		})
	}
}

// Far in the tail, at many degrees of freedom and in the middle, against
// scipy.stats.t.sf and t.ppf (at 5 degrees of freedom scipy 1.10 is off by 4e-10; the
// table of NIST is taken).
func TestStudentTails(t *testing.T) {
	for _, c := range [][3]float64{
		{0.001, 3, 0.9992648949694609}, {0.5, 1, 0.7048327646991336}, {2, 2.5, 0.157391495757966},
		{9.83368853304941, 798, 1.2856839373142087e-21}, {9.83368853304941, 513.4742225186991, 5.048996779993884e-21},
		{40, 12, 3.851229580772037e-14}, {30, 100000, 7.378536872221507e-197}, {1e-08, 50, 0.9999999920609464},
		{5, 1e6, 5.733997870890731e-07}, {38, 2000, 2.5507723095839834e-238}, {0, 5, 1}, {math.Inf(-1), 5, 0}, {1, 0, nan}, {nan, 5, nan},
	} {
		if got := studentTwoSided(c[0], c[1]); !close10(got, c[2]) {
			t.Errorf("P(|T_%v| >= %v) = %.17g, want %.17g", c[1], c[0], got, c[2])
		}
	}
	for df, want := range map[float64]float64{
		1: 12.706204736432095, 2: 4.302652729911275, 5.408773507427564: 2.51323317020775, 5: 2.570581835636314, 30: 2.0422724563012373, 513.4742225186991: 1.9645947482608204, 1e5: 1.9599877075346093,
	} {
		if got := studentQuantile(0.975, df); !close10(got, want) {
			t.Errorf("quantile at %v degrees of freedom = %.17g, want %.17g", df, got, want)
		}
		if got := studentQuantile(0.025, df); !close10(got, -want) {
			t.Errorf("lower quantile at %v degrees of freedom = %.17g, want %.17g", df, got, -want)
		}
	}
}

// Two constants that differ: scipy's statistic is infinite and its p-value 0.
func TestWelchWithoutVariance(t *testing.T) {
	if w := Welch([]float64{1, 1}, []float64{2, 2}); !math.IsInf(w.Statistic, -1) || w.P != 0 || !math.IsNaN(w.DF) || !math.IsNaN(w.Low) {
		t.Errorf("%+v", w)
	}
}

func TestExactWhereItCanBe(t *testing.T) {
	x, y := Linspace(0, 1, 12), Linspace(0.55, 1.5, 11)
	if m, ok := ExactMannWhitney(x, y); !ok || m.Method != "exact" || m.P >= AsymptoticMannWhitney(x, y).P*1.5 {
		t.Errorf("exact: %+v %v", m, ok)
	}
	if _, ok := ExactMannWhitney([]float64{1, 1}, y); ok {
		t.Error("exact in spite of ties")
	}
	many := Linspace(0, 1, 3000)
	if _, ok := ExactMannWhitney(many, Linspace(2, 3, 3000)); ok {
		t.Error("exact in spite of 9 million pairs")
	}
	if m := ScipyMannWhitney(x[:8], Linspace(2, 3, 200_000)); m.Method != "asymptotic" || m.Why == "" {
		t.Errorf("8 against 200,000: %s, why %q", m.Method, m.Why)
	}
}

func TestEffects(t *testing.T) {
	e := Effects([]float64{3, 4, 5}, []float64{1, 2, 3})
	if !close10(e.A, 8.5/9) || !close10(e.RankBiserial, 8.0/9) || !close10(e.HedgesG, 2*(1-3.0/15)) {
		t.Errorf("%+v", e)
	}
	if !(e.ALow > 0.2 && e.ALow < e.A && e.AHigh > e.A && e.AHigh <= 1) {
		t.Errorf("interval of A: %v to %v", e.ALow, e.AHigh)
	}
	if e := Effects(nil, []float64{1}); !math.IsNaN(e.A) || Magnitude(e.A) != "" {
		t.Errorf("of nothing: %+v", e)
	}
	for a, want := range map[float64]string{0.5: "negligible", 0.42: "small", 0.66: "medium", 0.2: "large"} {
		if got := Magnitude(a); got != want {
			t.Errorf("Magnitude(%v) = %s, want %s", a, got, want)
		}
	}
}

func TestHolm(t *testing.T) {
	got := Holm([]float64{0.04, 0.01, nan, 0.03})
	if want := []float64{0.06, 0.03, nan, 0.06}; !slices.EqualFunc(got, want, close10) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The ranks are those of Hahn and Meeker's tables: for the median of 20, the 6th
// and 15th; for the 99th percentile, no two-sided interval below 368.
func TestPercentileIntervals(t *testing.T) {
	s, _ := NewSample(Linspace(1, 20, 20))
	if i, ok := s.PercentileInterval(50); !ok || i != (Interval{6, 15}) {
		t.Errorf("median of 20: %v %v", i, ok)
	}
	for n, want := range map[int]bool{5: false, 6: true} {
		s, _ := NewSample(Linspace(1, 20, n))
		if _, ok := s.PercentileInterval(50); ok != want {
			t.Errorf("median of %d: ok %v", n, ok)
		}
	}
	for n, want := range map[int]bool{200: false, 367: false, 368: true, 10_000: true} {
		s, _ := NewSample(Linspace(1, 20, n))
		if _, ok := s.PercentileInterval(99); ok != want {
			t.Errorf("P99 of %d: ok %v", n, ok)
		}
	}
	if i := ProportionInterval(196, 200); math.Abs(i.Low-0.9497) > 1e-4 || math.Abs(i.High-0.9922) > 1e-4 {
		t.Errorf("196 of 200: %v", i)
	}
	if i := s.MeanInterval(); math.Abs((i.High-i.Low)/2-2.0930240544*s.Std()/math.Sqrt(20)) > 1e-8 {
		t.Errorf("mean of 20: %v", i)
	}
}

func TestHistogramIsNumpys(t *testing.T) {
	h := NewHistogram([]float64{1, 2, 3, 4, nan, 4}, 3, 1, 4)
	if !slices.Equal(h.Counts, []int{1, 1, 3}) || !slices.Equal(h.Edges, []float64{1, 2, 3, 4}) || h.Density[2] != 0.6 {
		t.Errorf("%+v", h)
	}
	if h := NewHistogram([]float64{2, 2}, 2, 2, 2); !slices.Equal(h.Edges, []float64{1.5, 2, 2.5}) || !slices.Equal(h.Counts, []int{0, 2}) {
		t.Errorf("one value: %+v", h)
	}
	if h := NewHistogram([]float64{nan}, 2, nan, nan); h.Counts != nil {
		t.Errorf("of NaN: %+v", h)
	}
}

func TestViolins(t *testing.T) {
	v := NewViolin([]float64{1, 2, 4}) // scipy.stats.gaussian_kde([1,2,4])(1) = 0.20976...
	if len(v.Density) != 100 || v.Min != 1 || v.Max != 4 || v.Median != 2 {
		t.Errorf("%+v", v)
	}
	if v := NewViolin([]float64{3, 3}); v.Density[0] != 1 || v.Density[99] != 1 {
		t.Errorf("equal numbers: %+v", v)
	}
	if v := NewViolin([]float64{3, nan}); !math.IsNaN(v.Mean) || v.Density != nil {
		t.Errorf("a NaN: %+v", v)
	}
	if got := thin(Linspace(1, 100, 100), 4); !slices.Equal(got, []float64{13, 38, 63, 88}) {
		t.Errorf("thinned: %v", got)
	}
}
