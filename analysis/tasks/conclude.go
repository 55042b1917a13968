package tasks

import "fmt"

// conclude states a pair's direction and size, and whether the two tests agree.
func (p *Pair) conclude() string {
	if p.NX == 0 || p.NY == 0 {
		return "no tasks on one side"
	}
	if !known(p.WelchHolm) && !known(p.RanksHolm) {
		return "too few tasks to test"
	}
	fast, slow, size := p.direction()
	means, ranks := p.WelchHolm < significance, p.RanksHolm < significance
	switch {
	case !known(p.WelchHolm):
		if ranks {
			return fmt.Sprintf("%s is faster: %s (by ranks; means cannot be tested)", fast, size)
		}
		return fmt.Sprintf("no significant difference by ranks (p %s); means cannot be tested with so few tasks", pText(p.RanksHolm))
	case means && ranks:
		return p.agree(fast, slow, size)
	case means:
		return fmt.Sprintf("tests disagree: the means differ (p %s; %s), the ranks do not (p %s): a few long tasks may make the difference", pText(p.WelchHolm), size, pText(p.RanksHolm))
	case ranks:
		return fmt.Sprintf("tests disagree: the ranks differ (p %s; %s), the means do not (p %s): tasks are typically shorter on one side, their sum is not clearly so", pText(p.RanksHolm), size, pText(p.WelchHolm))
	}
	return fmt.Sprintf("no significant difference (means p %s, ranks p %s); the mean difference lies between %s and %s s", pText(p.WelchHolm), pText(p.RanksHolm), signed(p.Welch.Interval[0]), signed(p.Welch.Interval[1]))
}

// agree words the case in which both tests find a difference: they may still point
// different ways.
func (p *Pair) agree(fast, slow, size string) string {
	if (p.Welch.Difference > 0) != (p.A > 0.5) {
		return fmt.Sprintf("tests point different ways: %s has the smaller mean, but most of its tasks take longer; look at the distributions", fast)
	}
	text := fmt.Sprintf("%s is faster than %s: %s, both tests", fast, slow, size)
	if p.Magnitude == "negligible" {
		text += "; significant only because there are many tasks"
	}
	return text
}

// direction names the side with the smaller mean, and how large the difference is.
func (p *Pair) direction() (fast, slow, size string) {
	fast, slow = p.Y, p.X
	d, low, high := p.Welch.Difference, p.Welch.Interval[0], p.Welch.Interval[1]
	meanFast, meanSlow, a := p.MeanY, p.MeanX, p.A
	if d < 0 {
		fast, slow = p.X, p.Y
		d, low, high = -d, -high, -low
		meanFast, meanSlow, a = p.MeanX, p.MeanY, 1-p.A
	}
	size = fmt.Sprintf("mean %s instead of %s s", short(meanFast), short(meanSlow))
	if known(low) {
		size += fmt.Sprintf(" (%s s less, 95%% %s to %s)", short(d), short(low), short(high))
	}
	size += fmt.Sprintf(", shorter in %.0f%% of pairs, a %s effect", 100*float64(a), p.Magnitude)
	return fast, slow, size
}

// pText is a p-value for a sentence.
func pText(p Number) string {
	if p < 0.0001 {
		return "< 0.0001"
	}
	return fmt.Sprintf("%.2g", float64(p))
}

// short is a number to three significant digits.
func short(x Number) string { return significant(float64(x), 3) }

func signed(x Number) string {
	if x > 0 {
		return "+" + short(x)
	}
	return short(x)
}
