package gpu

import (
	"slices"
	"strings"
	"testing"
)

func TestCrashesNarrowDown(t *testing.T) {
	for name, c := range map[string]struct {
		busy  []string // of each crash, separated by spaces
		known int
		avoid []string
	}{
		"once is chance":         {[]string{"a"}, 8, nil},
		"twice the same":         {[]string{"a", "a"}, 8, []string{"a"}},
		"narrowed by the second": {[]string{"a b c", "c d"}, 8, []string{"c"}},
		"narrowed by the third":  {[]string{"a b c", "a c d", "c e"}, 8, []string{"c"}},
		"two at the third":       {[]string{"a b", "a b", "a b"}, 8, []string{"a", "b"}},
		"nobody was called":      {[]string{"", "", ""}, 8, nil},
		"different ones":         {[]string{"a", "b", "c"}, 8, nil},
		"the only GPU":           {[]string{"a", "a", "a"}, 1, nil},
		"all of them":            {[]string{"a b", "a b", "a b"}, 2, nil},
		"none, then the same":    {[]string{"", "a", "a"}, 8, []string{"a"}},
		"another, then the same": {[]string{"b", "a", "a"}, 8, []string{"a"}},
		"left out already":       {[]string{"a", "a", "a", "a"}, 8, []string{"a"}},
		"never the last of them": {[]string{"a", "a", "b", "b", "c", "c"}, 3, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			var cr crashes
			for _, b := range c.busy {
				cr.add(strings.Fields(b), c.known)
			}
			if !slices.Equal(cr.avoid, c.avoid) {
				t.Errorf("avoid %v, want %v", cr.avoid, c.avoid)
			}
		})
	}
	var cr crashes
	if cr.trial() != nil {
		t.Error("nothing to avoid")
	}
	cr.passed([]string{"a", "b", "c"})
	for _, want := range []string{"b c", "c a", "a b", "b c"} {
		if got := strings.Join(cr.trial(), " "); got != want {
			t.Errorf("tries without %s, want %s", got, want)
		}
	}
	cr.passed(nil)
	cr.add([]string{"a"}, 8)
	cr.served()
	if cr.add([]string{"a"}, 8) {
		t.Error("crashes with long service between them are no row")
	}
}
