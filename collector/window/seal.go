package window

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"nodemeter/collector/metric"
)

// SealJournal turns a journal into its window's Parquet file and manifest and
// then removes it. It may be run again after a crash at any point: a temporary
// file is made anew, and a sealed file already in place only loses its journal.
// A journal without any sample is removed and leaves no file.
//
// It takes about 30 MiB beyond the process's own for a window of 100 columns
// (measured), which is why a daemon runs it in a child.
//
// It needs no lock: only the recorder that holds the directory's lock, or a
// child of it, calls this.
func SealJournal(path string) error {
	if _, err := os.Stat(sibling(path, extSealed)); err == nil {
		return os.Remove(path)
	}
	in, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	j, err := openJournal(path, in, st.Size())
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if len(j.ticks) == 0 {
		return os.Remove(path)
	}
	if err := writeSealed(j, sibling(path, extSealed)); err != nil {
		return fmt.Errorf("seal %s: %w", path, err)
	}
	return os.Remove(path)
}

// writeSealed writes a journal's samples as the Parquet file path, with its
// manifest: both are complete on disk before the file takes its name.
func writeSealed(j *journal, path string) error {
	meta := j.meta()
	meta.Events = append(meta.Events, j.recovered()...)
	return writeWindow(path, &meta, j.coverage(path), sealReserve(j.size), func(w *sealedWriter) error { return sealChunks(w, j) })
}

// writeWindow writes a window's Parquet file in the durable way: a temporary
// file, its manifest, sync, rename, sync of the directory. It gives up on a
// file of more than most bytes, 0 for no limit.
func writeWindow(path string, meta *Meta, cov coverage, most int64, rows func(*sealedWriter) error) (err error) {
	tmp := sibling(path, extTemp)
	out, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			out.Close()
			os.Remove(tmp)
		}
	}()
	sums := newManifestWriter(out, most)
	buf := bufio.NewWriterSize(sums, 64<<10)
	w, err := newSealedWriter(buf, meta, cov)
	if err != nil {
		return err
	}
	if err := rows(w); err != nil {
		return err
	}
	if err := w.close(); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	if err := writeDurable(sibling(path, extManifest), sums.manifest(filepath.Base(path))); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func sealChunks(w *sealedWriter, j *journal) error {
	chunks := newJournalChunks(j, Query{})
	for {
		b, err := chunks.next()
		if err != nil || b == nil {
			return err
		}
		if err := w.write(&b.chunk); err != nil {
			return err
		}
	}
}

// recovered is what the metadata of a sealed window says about damage in its journal.
func (j *journal) recovered() []metric.Event {
	if len(j.problems) == 0 {
		return nil
	}
	_, last := j.span()
	e := metric.Event{Kind: metric.EventRecovered, Time: last}
	for i, p := range j.problems {
		if i == 5 {
			e.Detail += fmt.Sprintf("; and %d more", len(j.problems)-i)
			break
		}
		if i > 0 {
			e.Detail += "; "
		}
		e.Detail += fmt.Sprintf("byte %d: %s", p.Offset, p.Lost)
	}
	e.Count = int64(len(j.problems))
	return []metric.Event{e}
}

func (j *journal) coverage(path string) coverage {
	first, last := j.span()
	c := coverage{Samples: len(j.ticks), First: first, Last: last}
	if s, _, ok := parseName(filepath.Base(path)); ok {
		c.Part = s.part
	}
	c.LateMax, c.LateMean, c.Covered = j.lateMax, j.lateSum/max(1, float64(len(j.ticks))), j.covered
	return c
}

// writeDurable writes a small file so that it is either all there or not.
func writeDurable(path string, data []byte) error {
	tmp := path + extTemp
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}

// syncDir makes renames and removals in a directory durable. Some network file
// systems cannot; what they then promise is theirs.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
