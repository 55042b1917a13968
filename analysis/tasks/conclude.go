package tasks

import "fmt"

// conclude states a pair's direction and size, and whether the two tests agree.
func (p *Pair) conclude() string {
	if p.NX == 0 || p.NY == 0 {
		return "no tasks on one side"
	}
	means, ranks := p.WelchHolm < significance, p.RanksHolm < significance
	switch {
	case !known(p.WelchHolm) && ranks:
		return p.byRanks() + "; means cannot be tested with these tasks"
	case !known(p.WelchHolm):
		return fmt.Sprintf("too few tasks, or too much alike, to tell (means cannot be tested, ranks p %s)", pText(p.RanksHolm))
	case means && ranks && (p.Welch.Difference > 0) != (p.A > 0.5):
		return fmt.Sprintf("the tests point different ways: %s; but %s. A few long tasks decide the mean: look at the distributions", p.byMeans(""), p.byRanks())
	case means && ranks:
		text := p.byMeans("") + fmt.Sprintf("; %s; both tests agree", p.effect())
		if p.Magnitude == "negligible" {
			text += ", but only because there are many tasks"
		}
		return text
	case means:
		return fmt.Sprintf("the tests disagree: %s; by ranks there is no significant difference (p %s; %s). A few long tasks may make the difference", p.byMeans("; p "+pText(p.WelchHolm)), pText(p.RanksHolm), p.effect())
	case ranks:
		return fmt.Sprintf("the tests disagree: %s (p %s); by means there is no significant difference (p %s; between %s and %s s)", p.byRanks(), pText(p.RanksHolm), pText(p.WelchHolm), signed(p.Welch.Interval[0]), signed(p.Welch.Interval[1]))
	}
	return fmt.Sprintf("no significant difference (means p %s, ranks p %s); the mean difference lies between %s and %s s", pText(p.WelchHolm), pText(p.RanksHolm), signed(p.Welch.Interval[0]), signed(p.Welch.Interval[1]))
}

// byMeans names the side with the smaller mean, and by how much; more goes into the
// brackets with the figures.
func (p *Pair) byMeans(more string) string {
	fast, slow := p.Y, p.X
	d, low, high := p.Welch.Difference, p.Welch.Interval[0], p.Welch.Interval[1]
	meanFast, meanSlow := p.MeanY, p.MeanX
	if d < 0 {
		fast, slow = p.X, p.Y
		d, low, high = -d, -high, -low
		meanFast, meanSlow = p.MeanX, p.MeanY
	}
	return fmt.Sprintf("%s is faster than %s by %s s on average (95%% %s to %s; %s instead of %s s%s)", fast, slow, short(d), short(low), short(high), short(meanFast), short(meanSlow), more)
}

// byRanks names the side whose tasks are typically shorter.
func (p *Pair) byRanks() string {
	fast, slow, a := p.Y, p.X, p.A
	if a < 0.5 {
		fast, slow, a = p.X, p.Y, 1-a
	}
	return fmt.Sprintf("tasks of %s are typically shorter than those of %s, in %.0f%% of pairs (a %s effect)", fast, slow, 100*float64(a), p.Magnitude)
}

// effect is how often the side with the smaller mean wins a pair of tasks.
func (p *Pair) effect() string {
	a := p.A
	if p.Welch.Difference < 0 {
		a = 1 - a
	}
	return fmt.Sprintf("shorter in %.0f%% of pairs, a %s effect", 100*float64(a), p.Magnitude)
}

// pText is a p-value for a sentence.
func pText(p Number) string {
	switch {
	case !known(p):
		return "unknown"
	case p < 0.0001:
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
