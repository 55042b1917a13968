package stat

import "math"

// TTest is a two-sample t test of the difference of means, two-sided.
// Statistic, P, DF and the interval are NaN where they are not defined (fewer
// than two numbers, no variance, a NaN among the numbers).
type TTest struct {
	Statistic, P, DF float64
	// Difference is mean(x) - mean(y); Low and High are its 95 % interval.
	Difference, Low, High float64
}

// Student is scipy's ttest_ind(x, y): variances taken as equal and pooled.
func Student(x, y []float64) TTest {
	m := twoMoments(x, y)
	df := m.nx + m.ny - 2
	pooled := ((m.nx-1)*m.vx + (m.ny-1)*m.vy) / df
	return m.test(math.Sqrt(pooled*(1/m.nx+1/m.ny)), df)
}

// Welch is scipy's ttest_ind(x, y, equal_var=False): each sample has its own
// variance, and the degrees of freedom are Welch and Satterthwaite's.
func Welch(x, y []float64) TTest {
	m := twoMoments(x, y)
	sx, sy := m.vx/m.nx, m.vy/m.ny
	df := (sx + sy) * (sx + sy) / (sx*sx/(m.nx-1) + sy*sy/(m.ny-1))
	t := m.test(math.Sqrt(sx+sy), df)
	if math.IsNaN(df) { // no variance on either side: scipy takes 1, for an infinite statistic
		t.P = studentTwoSided(t.Statistic, 1)
	}
	return t
}

type moments struct{ nx, ny, mx, my, vx, vy float64 }

func twoMoments(x, y []float64) moments {
	m := moments{nx: float64(len(x)), ny: float64(len(y))}
	m.mx, m.vx = meanVariance(x)
	m.my, m.vy = meanVariance(y)
	return m
}

// meanVariance is the mean and the n-1 variance; NaN of too few numbers, and of
// a NaN among them.
func meanVariance(x []float64) (mean, variance float64) {
	n := float64(len(x))
	for _, v := range x {
		mean += v
	}
	mean /= n
	ss, rest := 0.0, 0.0
	for _, v := range x {
		d := v - mean
		ss, rest = ss+d*d, rest+d
	}
	if len(x) < 2 {
		return mean, math.NaN()
	}
	return mean, (ss - rest*rest/n) / (n - 1)
}

func (m moments) test(se, df float64) TTest {
	t := TTest{Difference: m.mx - m.my, DF: df}
	t.Statistic = t.Difference / se
	t.P = studentTwoSided(t.Statistic, df)
	half := studentQuantile(0.975, df) * se
	t.Low, t.High = t.Difference-half, t.Difference+half
	return t
}
