package host

import (
	"context"
	"testing"

	"nodemeter/collector/metric"
)

func TestDescriptorsAgree(t *testing.T) {
	for _, perCore := range []bool{false, true} {
		var all []*metric.Desc
		for _, s := range Sources(Config{PerCore: perCore}) {
			all = append(all, s.Source.Descs()...)
		}
		if err := metric.Check(all); err != nil {
			t.Errorf("per core %v: %v", perCore, err)
		}
	}
}

// TestThisMachine reads the machine the test runs on: everything a Linux
// machine has must be there, and nothing may be refused.
func TestThisMachine(t *testing.T) {
	node := &metric.Entity{Kind: metric.Node, ID: "n"}
	for _, s := range Sources(Config{Node: node, PerCore: true}) {
		for range 2 {
			var b metric.Batch
			err := s.Source.Read(context.Background(), &b)
			for _, r := range b.Readings() {
				for _, p := range r.Points {
					t.Logf("%s %s %v %s = %v", s.Name, r.Entity.ID, r.Entity.Info, p.Desc.Column, p.Float())
				}
			}
			if err != nil && s.Name != "pressure" { // not every kernel has it
				t.Errorf("%s: %v", s.Name, err)
			}
			if b.Rejected() > 0 {
				t.Errorf("%s: %d points refused", s.Name, b.Rejected())
			}
		}
	}
}
