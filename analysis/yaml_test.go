package analysis

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestOddYAML: texts on which the library panics are refused, with the place
// where there is one.
func TestOddYAML(t *testing.T) {
	var into struct {
		Runs []struct {
			File string `yaml:"file"`
		} `yaml:"runs"`
	}
	err := UnmarshalYAML([]byte("08: A\nruns:\n !00000000000 0"), &into, yaml.Strict())
	if err == nil || !strings.Contains(err.Error(), "[3:2] a tag (!00000000000) has no place here") {
		t.Errorf("%v", err)
	}
	if err := UnmarshalYAML([]byte("runs:\n- file: a\n"), &into, yaml.Strict()); err != nil || len(into.Runs) != 1 {
		t.Errorf("%v, %v", into, err)
	}
	if err := oddYAML([]byte("a: 1\n")); !strings.Contains(err.Error(), "without tags") {
		t.Errorf("%v", err)
	}
}
