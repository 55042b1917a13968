package stat

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// studentTwoSided is P(|T| >= |t|) for Student's t with df degrees of freedom,
// accurate to about 1e-12 relative however far out t lies: gonum's complement
// flattens at 1e-16, and its log-beta loses digits as df grows.
//
// P = I_x(df/2, 1/2) with x = df/(df+t^2) (Abramowitz and Stegun 26.7.1), by the
// continued fraction of DLMF 8.17.22 on whichever side converges.
func studentTwoSided(t, df float64) float64 {
	switch {
	case math.IsNaN(t) || !(df > 0):
		return math.NaN()
	case math.IsInf(t, 0):
		return 0
	case t == 0:
		return 1
	}
	a, r := df/2, t*t/df
	// ln x = -ln(1+r) and ln(1-x) = ln(r/(1+r)), without forming x near 1.
	lnX := -math.Log1p(r)
	lnY := math.Log(r) - math.Log1p(r)
	front := math.Exp(a*lnX + 0.5*lnY - lnBetaHalf(a))
	x, y := 1/(1+r), r/(1+r)
	if x < (a+1)/(a+2.5) {
		return min(1, front*betaFraction(a, 0.5, x)/a)
	}
	return max(0, 1-front*betaFraction(0.5, a, y)/0.5)
}

// lnBetaHalf is ln B(a, 1/2). For large a it uses the asymptotic series of
// ln(Gamma(a+1/2)/Gamma(a)) (DLMF 5.11.13), because the difference of two
// log-gammas cancels.
func lnBetaHalf(a float64) float64 {
	const lnSqrtPi = 0.57236494292470008707
	if a < 20 {
		p, _ := math.Lgamma(a)
		q, _ := math.Lgamma(a + 0.5)
		return p + lnSqrtPi - q
	}
	i := 1 / a
	i2 := i * i
	series := i * (-1.0/8 + i2*(1.0/192+i2*(-1.0/640+i2*(17.0/14336-i2*31.0/18432))))
	return lnSqrtPi - 0.5*math.Log(a) - series
}

// betaFraction is the continued fraction of the incomplete beta function by
// Lentz's method, modified by Thompson and Barnett (1986).
func betaFraction(a, b, x float64) float64 {
	const tiny, eps, limit = 1e-300, 1e-16, 100_000
	guard := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/guard(1-(a+b)*x/(a+1))
	h := d
	for m := 1.0; m < limit; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/guard(1+even*d), guard(1+even/c)
		h *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/guard(1+odd*d), guard(1+odd/c)
		step := d * c
		h *= step
		if math.Abs(step-1) < eps {
			break
		}
	}
	return h
}

// studentQuantile is the value that Student's t with df degrees of freedom stays
// below with probability p; NaN where it is not defined.
func studentQuantile(p, df float64) float64 {
	if !(df > 0) || !(p > 0 && p < 1) {
		return math.NaN()
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(p)
	return polishQuantile(t, p, df)
}

// polishQuantile refines a quantile by Newton steps on studentTwoSided; gonum's
// inverse is good to about nine digits only.
func polishQuantile(t, p, df float64) float64 {
	tail := 2 * min(p, 1-p)
	sign := math.Copysign(1, p-0.5)
	x := math.Abs(t)
	if x == 0 || tail == 1 {
		return 0
	}
	for range 4 {
		density := 2 * math.Exp(-lnBetaHalf(df/2)-0.5*math.Log(df)-(df+1)/2*math.Log1p(x*x/df))
		next := x + (studentTwoSided(x, df)-tail)/density
		if !(next > 0) || math.IsInf(next, 0) || next == x {
			break
		}
		x = next
	}
	return sign * x
}

// normalTwoSided is P(|Z| >= z) for z >= 0, and more than 1 for z < 0, as twice
// scipy's norm.sf is.
func normalTwoSided(z float64) float64 { return math.Erfc(z / math.Sqrt2) }
