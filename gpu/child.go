package gpu

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nodemeter/collector/timer"
	"nodemeter/gpu/wire"
)

// child is one reader process. ask may be called by one goroutine at a time;
// stop by any.
type child struct {
	cmd      *exec.Cmd
	in       *os.File // our end of its standard input
	out      *os.File // our end of its standard output
	requests *wire.Writer
	timer    *timer.Timer      // of ask
	replies  chan wire.Message // closed when the pipe ends, after readErr is set
	readErr  error
	stderr   *head
	exited   chan struct{} // closed when the process has been waited for
	exitErr  error
	seq      uint64
	missed   int // ticks in a row without an answer
	stopped  sync.Once
	quit     chan struct{} // closed by stop
	marks    wire.Marks
	crash    *crash // what it was doing when it ended by itself; nil: it was told to. Set before exited is closed
}

// attempt writes to a pipe without ever waiting: what fits in, which is at most
// PIPE_BUF, goes whole or not at all (pipe(7)).
type attempt struct{ pipe *os.File }

func (a attempt) Write(p []byte) (n int, err error) {
	conn, err := a.pipe.SyscallConn()
	if err != nil {
		return 0, err
	}
	refused := conn.Write(func(fd uintptr) bool {
		for {
			if n, err = unix.Write(int(fd), p); err != unix.EINTR {
				return true
			}
		}
	})
	return max(n, 0), errors.Join(err, refused)
}

// reply is what one tick brought.
type reply struct {
	hello     *wire.Hello
	inventory *wire.Inventory
	detail    *wire.Detail
	snapshot  *wire.Snapshot
	late      []late
}

// late is the answer to an earlier tick, which came too late for it. Its values
// are of then, but what it adds to counters is told this once.
type late struct {
	inventory *wire.Inventory // that came before it, if one did
	snapshot  *wire.Snapshot
}

// start runs a reader process.
func start(executable string, args, env []string) (*child, error) {
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe to the gpu reader: %w", err)
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a pipe from the gpu reader: %w", err), childIn.Close(), in.Close())
	}
	c := &child{in: in, out: out, requests: wire.NewWriter(attempt{in}), timer: timer.New(true), replies: make(chan wire.Message, 4), stderr: &head{}, exited: make(chan struct{}), quit: make(chan struct{})}
	page, err := c.share()
	if err != nil {
		c.timer.Close()
		return nil, errors.Join(err, childIn.Close(), in.Close(), out.Close(), childOut.Close())
	}
	defer page.Close()
	c.cmd = exec.Command(executable, args...)
	c.cmd.ExtraFiles = []*os.File{page} // descriptor 3
	c.cmd.Env = env
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = childIn, childOut, c.stderr
	// Its own process group: a Ctrl-C at the terminal is the agent's to handle,
	// and the reader leaves when the pipe closes.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// Descendants of a dead reader must not hold its standard error open for ever.
	c.cmd.WaitDelay = time.Second
	err = c.cmd.Start()
	childIn.Close()
	childOut.Close()
	if err != nil {
		c.timer.Close()
		return nil, errors.Join(fmt.Errorf("start the gpu reader: %w", err), in.Close(), out.Close(), c.marks.Close())
	}
	go c.receive()
	go c.await()
	return c, nil
}

// await notes how the process ended, and what it was doing then.
func (c *child) await() {
	c.exitErr = c.cmd.Wait()
	if !c.told() {
		busy, gpus := c.marks.Read()
		c.crash = &crash{busy, gpus}
	}
	c.marks.Close() // its error could only say that it was not mapped
	close(c.exited)
}

// marksFD is the descriptor of the shared page in the reader.
const marksFD = "3"

// share makes the page that says which GPUs the reader is calling.
func (c *child) share() (*os.File, error) {
	fd, err := unix.MemfdCreate("gpu-reader-marks", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a page to share with the gpu reader: %w", err)
	}
	page := os.NewFile(uintptr(fd), "marks")
	if c.marks, err = wire.MapMarks(page); err != nil {
		return nil, errors.Join(err, page.Close())
	}
	return page, nil
}

// receive hands messages over until the pipe ends or the child is stopped.
func (c *child) receive() {
	r := wire.NewReader(c.out)
	defer close(c.replies)
	for {
		m, err := r.Read()
		if err != nil {
			c.readErr = err
			return
		}
		select {
		case c.replies <- m:
		case <-c.quit:
			c.readErr = errors.New("stopped")
			return
		}
	}
}

var errDeadline = errors.New("the gpu reader did not answer in time")

// ask sends one tick and collects the answer. wait bounds the whole; the
// reader gives its devices half of it, so that the answer of one that waited
// for a stuck call comes in time on a machine that hardly runs it. pace
// lengthens the times between dear calls.
func (c *child) ask(wait time.Duration, pace uint16) (*reply, error) {
	c.seq++
	c.timer.Set(wait)
	defer c.timer.Stop()
	err := c.requests.Write(&wire.Tick{Seq: c.seq, Deadline: wait / 2, Pace: pace})
	if errors.Is(err, syscall.EAGAIN) { // it has not read many of them
		c.missed++
		return &reply{}, errDeadline
	}
	if err != nil {
		return nil, c.died(err)
	}
	r := &reply{}
	for {
		select {
		case m, ok := <-c.replies:
			if !ok {
				return r, c.died(c.readErr)
			}
			if err := r.add(m); err != nil {
				return r, err
			}
			if done, err := c.answered(r); done || err != nil {
				return r, err
			}
		case <-c.timer.C:
			if !c.timer.Expired() {
				continue
			}
			c.missed++
			return r, errDeadline
		}
	}
}

// answered reports whether the reply is to the last tick.
func (c *child) answered(r *reply) (bool, error) {
	switch {
	case r.snapshot == nil:
		return false, nil
	case r.snapshot.Seq > c.seq:
		return false, fmt.Errorf("the gpu reader answered tick %d, asked was %d", r.snapshot.Seq, c.seq)
	case r.snapshot.Seq < c.seq:
		r.late = append(r.late, late{r.inventory, r.snapshot})
		r.snapshot = nil
		return false, nil
	}
	c.missed = 0
	return true, nil
}

func (r *reply) add(m wire.Message) error {
	switch m := m.(type) {
	case *wire.Hello:
		r.hello = m
	case *wire.Inventory:
		r.inventory = m
	case *wire.Detail:
		r.detail = m
	case *wire.Snapshot:
		r.snapshot = m
	default:
		return fmt.Errorf("the gpu reader sent a %T, which is the agent's to send", m)
	}
	return nil
}

// exitGrace is how long a child whose pipe has ended is given to be reaped,
// so that its exit status can be told.
const exitGrace = 200 * time.Millisecond

// died explains the end of a pipe by the end of the process, where it ended.
func (c *child) died(err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("the gpu reader does not speak as one: %w", err)
	}
	if !c.leaves(exitGrace) {
		return fmt.Errorf("the pipe to the gpu reader broke: %w", err)
	}
	why := "exit status 0"
	if c.exitErr != nil {
		why = c.exitErr.Error()
	}
	if said := c.stderr.summary(); said != "" {
		why += ": " + said
	}
	return fmt.Errorf("the gpu reader ended: %s", why)
}

// stop asks the child to leave by closing its input, kills it when it has not
// left within grace, and returns when it is gone or grace is over once more.
// exited says when it is gone, which is never while a thread of it is stuck in
// the kernel.
func (c *child) stop(grace time.Duration) {
	c.stopped.Do(func() {
		close(c.quit)
		c.in.Close()
		c.leaves(grace)
		c.cmd.Process.Kill() // an error says that it is gone already
		c.out.Close()
		c.timer.Close()
		c.leaves(grace)
	})
}

// leaves waits until the child is gone, for a while at most, and reports whether it is.
func (c *child) leaves(within time.Duration) bool {
	if within > 0 {
		select {
		case <-c.exited:
		case <-time.After(within):
		}
	}
	return c.gone()
}

// told reports whether the child was told to leave.
func (c *child) told() bool {
	select {
	case <-c.quit:
		return true
	default:
		return false
	}
}

func (c *child) gone() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// head keeps the first bytes a process wrote to its standard error: a crash
// says what it is in its first line.
type head struct {
	mu  sync.Mutex
	buf []byte
}

const headSize = 4096

// Write keeps what fits; it never fails.
func (t *head) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := headSize - len(t.buf); room > 0 {
		t.buf = append(t.buf, p[:min(len(p), room)]...)
	}
	return len(p), nil
}

// summary is the first line said: for a crash of Go that names the signal, for
// the dynamic linker the symbol.
func (t *head) summary() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	line, _, _ := strings.Cut(strings.TrimSpace(string(t.buf)), "\n")
	return line
}

var _ io.Writer = (*head)(nil)
