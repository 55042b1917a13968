package metric

import (
	"testing"
)

var (
	recycledNode = &Entity{Kind: Node, ID: "n"}
	recycledLink = &Entity{Kind: NIC, ID: "eth0"}
	nodeBytes    = &Desc{On: Node, Column: "bytes", Unit: Bytes, Kind: Counter, Type: TypeInt}
	linkBytes    = &Desc{On: NIC, Column: "bytes", Unit: Bytes, Kind: Counter, Type: TypeInt}
)

func read(b *Batch, v int64) []*Batch {
	b.Reset()
	b.Add(recycledLink, Int(linkBytes, v))
	b.Add(recycledNode, Int(nodeBytes, v))
	return []*Batch{b}
}

func TestHeldSampleStaysAsItIs(t *testing.T) {
	a := NewAssembler()
	var b Batch
	held := a.Assemble(read(&b, 1))
	held.Hold()
	held.Release() // the one who made it is done; another holds it still
	for v := int64(2); v < 10; v++ {
		s := a.Assemble(read(&b, v))
		if s == held {
			t.Fatal("a held sample was used again")
		}
		s.Release()
	}
	if p, ok := held.Node().Get("bytes"); !ok || p.Int() != 1 || len(held.Readings) != 2 {
		t.Errorf("a held sample changed: %v", held.Readings)
	}
	held.Release()
	if s, other := a.Assemble(read(&b, 10)), a.Assemble(read(&b, 11)); s != held && other != held {
		t.Error("a sample that nobody holds is not used again")
	}
}

func TestAssembleFollowsWhatIsThere(t *testing.T) {
	a := NewAssembler()
	var one, two Batch
	gone := &Entity{Kind: Disk, ID: "sda"}
	written := &Desc{On: Disk, Column: "bytes", Unit: Bytes, Kind: Counter, Type: TypeInt}
	two.Add(gone, Int(written, 5))
	s := a.Assemble(append(read(&one, 1), &two))
	if len(s.Readings) != 3 || s.Readings[0].Entity != recycledNode || s.Readings[2].Entity != gone {
		t.Fatalf("%v: want the node first, then in order of appearance", s.Readings)
	}
	s.Release()
	s = a.Assemble(read(&one, 2))
	if len(s.Readings) != 2 || len(s.Readings[1].Points) != 1 || s.Readings[1].Points[0].Int() != 2 {
		t.Errorf("%v: what is gone stays", s.Readings)
	}
	again := &Entity{Kind: NIC, ID: "eth0"}
	two.Reset()
	two.Add(again, Int(linkBytes, 7))
	if s = a.Assemble(append(read(&one, 3), &two)); len(s.Readings) != 2 || len(s.Readings[1].Points) != 2 {
		t.Errorf("%v: one entity in two batches is one reading", s.Readings)
	}
}

func TestAssembleAllocatesNothing(t *testing.T) {
	a := NewAssembler()
	var b Batch
	batches := read(&b, 1)
	if n := testing.AllocsPerRun(100, func() { a.Assemble(batches).Release() }); n != 0 {
		t.Errorf("%v allocations a tick", n)
	}
}
