package tasks

import (
	"math"
	"slices"
	"strings"
)

// grow makes room for as many times the n rows read so far, so that the columns of a
// long file do not grow by copying.
func (s *Set) grow(times float64, n int) {
	more := int(times*float64(n)) - n
	if more <= 0 || times > 1e6 {
		return
	}
	s.Submit, s.Completion = slices.Grow(s.Submit, more), slices.Grow(s.Completion, more)
	s.Wait, s.Exec = slices.Grow(s.Wait, more), slices.Grow(s.Exec, more)
	s.Status, s.Group = slices.Grow(s.Status, more), slices.Grow(s.Group, more)
	s.File, s.Line = slices.Grow(s.File, more), slices.Grow(s.Line, more)
	s.errors, s.requests = slices.Grow(s.errors, more), slices.Grow(s.requests, more)
	s.idEnds = slices.Grow(s.idEnds, more)
	s.ids = slices.Grow(s.ids, more*len(s.ids)/max(1, len(s.idEnds)))
}

// add appends a row to the columns.
func (s *Set) add(r *row, group int32) {
	s.Submit = append(s.Submit, r.submit)
	s.Completion = append(s.Completion, r.completion)
	s.Wait = append(s.Wait, r.wait)
	s.Exec = append(s.Exec, r.exec)
	if r.staging > 0 && s.Staging == nil {
		s.Staging = make([]float64, len(s.Exec)-1, cap(s.Exec))
	}
	if s.Staging != nil {
		s.Staging = append(s.Staging, r.staging)
	}
	s.Status = append(s.Status, s.statusOf(r))
	s.Group = append(s.Group, group)
	s.File = append(s.File, uint16(len(s.Files)-1))
	s.Line = append(s.Line, int32(r.line))
	s.errors = append(s.errors, int32(intern(s.internErrors, &s.ErrorTexts, cutText(r.err), 1<<16)))
	s.ids = append(s.ids, r.id...)
	s.idEnds = append(s.idEnds, uint32(len(s.ids)))
	s.requests = append(s.requests, uint16(intern(s.internIDs, &s.Pilots, r.requested, 1<<15)))
	s.InputBytes += r.inputBytes
}

func (s *Set) statusOf(r *row) Status {
	if r.status != StatusOther {
		return r.status
	}
	for i := int(StatusOther); i < len(s.Statuses); i++ {
		if s.Statuses[i] == r.statusText {
			return Status(i)
		}
	}
	if len(s.Statuses) == math.MaxUint8 {
		return math.MaxUint8
	}
	text := r.statusText
	if len(s.Statuses) == math.MaxUint8-1 {
		text = "other"
	}
	s.Statuses = append(s.Statuses, text)
	return Status(len(s.Statuses) - 1)
}

// cutText keeps the beginning of a message: what is needed to tell errors apart.
func cutText(b []byte) []byte { return b[:min(len(b), 400)] }

// intern gives equal texts one index; past limit distinct texts, new ones share the
// last index, "other".
func intern(known map[string]int, texts *[]string, b []byte, limit int) int {
	if i, ok := known[string(b)]; ok {
		return i
	}
	text := strings.ToValidUTF8(string(b), "\ufffd")
	if len(*texts) >= limit {
		text = "other"
		if i, ok := known["\x00other"]; ok {
			return i
		}
		known["\x00other"] = len(*texts)
	} else {
		known[string(b)] = len(*texts)
	}
	*texts = append(*texts, text)
	return len(*texts) - 1
}
