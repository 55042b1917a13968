package wire

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// Marks is a page of memory that agent and reader share: the reader notes in
// it which GPUs it is calling, so that when a call takes the process with it
// the agent knows whose it was. Each record has one writer, and the agent
// looks after the reader's death.
type Marks struct{ page []byte }

// A record is a byte that is 1 during a call, and the GPU's identity.
const (
	marks      = 64
	markSize   = 128
	marksBytes = marks * markSize
)

// MapMarks maps the page held by f, which it makes as large as it must be.
func MapMarks(f *os.File) (Marks, error) {
	if err := f.Truncate(marksBytes); err != nil {
		return Marks{}, fmt.Errorf("size the page shared with the gpu reader: %w", err)
	}
	page, err := syscall.Mmap(int(f.Fd()), 0, marksBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return Marks{}, fmt.Errorf("map the page shared with the gpu reader: %w", err)
	}
	return Marks{page}, nil
}

// Mark is one record; nil where there is none, which costs nothing.
type Mark []byte

// Claim takes the i-th record for a GPU. It returns nil beyond the last one,
// and where nothing is shared.
func (m Marks) Claim(i int, uuid string) Mark {
	if m.page == nil || i >= marks || len(uuid) >= markSize {
		return nil
	}
	r := Mark(m.page[i*markSize : (i+1)*markSize])
	clear(r)
	copy(r[1:], uuid)
	return r
}

// Enter and Leave stand around a call.
func (m Mark) Enter() { m.set(1) }

// Leave ends what Enter began.
func (m Mark) Leave() { m.set(0) }

func (m Mark) set(v byte) {
	if m != nil {
		m[0] = v
	}
}

// Read lists the GPUs that were being called, and counts all that have a record.
// What a dying process left there is not trusted: identities are only compared.
func (m Marks) Read() (busy []string, gpus int) {
	for i := 0; i+markSize <= len(m.page); i += markSize {
		r := m.page[i : i+markSize]
		id, _, _ := bytes.Cut(r[1:], []byte{0})
		if len(id) == 0 {
			continue
		}
		gpus++
		if r[0] != 0 {
			busy = append(busy, string(id))
		}
	}
	return busy, gpus
}

// Close gives the page back.
func (m *Marks) Close() error {
	if m.page == nil {
		return nil
	}
	page := m.page
	m.page = nil
	return syscall.Munmap(page)
}
