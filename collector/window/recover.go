package window

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"nodemeter/collector/metric"
)

// resumable is a journal of this very boot, agent and interval that an earlier
// run left open: the next sample of its span goes on in it.
type resumable struct {
	path string
	slot slotName
	good int64 // where its last intact record ends
	lost string
	enc  *encoder
	// samples is how many of them this run wrote.
	samples int64
}

// recover looks for journals of an earlier run. The newest one is kept open
// where this run may go on with it; all others are sealed.
func (r *Recorder) recover() error {
	journals, err := r.survey()
	if err != nil {
		return fmt.Errorf("recover windows: %w", err)
	}
	slices.Sort(journals)
	for i, path := range journals {
		r.stats.recovered.Add(1)
		if i == len(journals)-1 {
			if res, err := r.resumable(path); err != nil {
				r.opt.Log.Warn("cannot go on with the open window: it is sealed instead", "path", path, "err", err)
			} else if res != nil {
				r.w.resume = res
				r.opt.Log.Info("going on with the window that an earlier run left open", "path", path, "lost", res.lost)
				continue
			}
		}
		r.sealer.add(path)
	}
	return nil
}

// survey takes everything in the node's directory into the ledger, and returns
// the journals.
func (r *Recorder) survey() (journals []string, err error) {
	err = filepath.WalkDir(r.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		_, ext, ok := parseName(d.Name())
		if !ok || !d.Type().IsRegular() {
			return nil
		}
		if ext == extTemp {
			return os.Remove(p) // sealing was cut short; its journal is still there
		}
		if ext == extJournal {
			journals = append(journals, p)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		r.ledger.found(p, info.Size())
		return nil
	})
	return journals, err
}

// resumable reports whether a journal is this recorder's to go on with.
func (r *Recorder) resumable(path string) (*resumable, error) {
	slot, _, _ := parseName(filepath.Base(path))
	if slot.width != r.opt.Width || exists(sibling(path, extSealed)) {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	j, err := openJournal(path, f, st.Size())
	if err != nil {
		return nil, err
	}
	h := j.header
	if h.major != formatMajor || h.minor != formatMinor || h.node != r.opt.Node || h.boot != r.opt.BootID || h.agent != r.opt.Agent || h.interval != r.opt.Interval {
		return nil, nil
	}
	res := &resumable{path: path, slot: slot, good: j.good, enc: newEncoder()}
	switch {
	case len(j.problems) == 1 && j.good < st.Size():
		res.lost = j.problems[0].Lost
	case len(j.problems) > 0:
		return nil, nil // damaged further up: sealed as it is
	}
	return res, j.replay(res.enc)
}

// replay gives an encoder the numbers that a journal has given out.
func (j *journal) replay(e *encoder) error {
	e.seq = uint64(len(j.ticks))
	s := newFrameScanner(j.r, j.good, int64(len(journalMagic)))
	for {
		f, _, ok := s.next()
		if !ok {
			return s.err
		}
		nums := e.descNums
		switch f.typ {
		case frameEntity:
			nums = e.entityNums
		case frameDesc:
		default:
			continue
		}
		c := cursor{b: f.payload}
		if num := c.uvarint(); num != uint64(len(nums)) {
			return fmt.Errorf("number %d is out of turn", num)
		}
		nums[string(c.b)] = uint32(len(nums))
	}
}

// resumeSlot opens a journal to go on with it. done is false when it is no
// longer there; what was in it is then lost.
func (w *writer) resumeSlot(res *resumable) (done bool, err error) {
	st, err := os.Stat(res.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && st.Size() < res.good {
		w.resume = nil
		w.r.stats.lost.Add(res.samples)
		w.miss(losses{samples: res.samples, why: fmt.Errorf("the open window was deleted or replaced: %s", res.path)})
		w.r.ledger.closed(res.path)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	file, err := w.r.opt.open(res.path)
	if err != nil {
		return false, err
	}
	if err := file.Truncate(res.good); err != nil {
		file.Close()
		return false, err
	}
	w.resume = nil
	w.setFile(file, res.path, res.slot, res.enc, res.good)
	w.samples = res.samples
	if res.lost != "" {
		err = w.append(appendEvent(nil, metric.Event{Kind: metric.EventRecovered, Time: res.slot.from, Count: 1, Detail: fmt.Sprintf("byte %d: %s", res.good, res.lost)}))
	}
	return true, err
}
