package exporter

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// connections bounds how many clients are connected at once. Over it, whoever has
// asked nothing for longest makes room, so that nobody can keep a server out by holding
// connections; where all are being answered, the new one is closed.
type connections struct {
	most int

	mu   sync.Mutex
	open map[net.Conn]time.Time // since when it asks nothing; zero while it does
}

func newConnections(most int) *connections {
	return &connections{most: most, open: map[net.Conn]time.Time{}}
}

// follow is an http.Server's ConnState.
func (c *connections) follow(conn net.Conn, state http.ConnState) {
	if over := c.note(conn, state); over != nil {
		go over.Close() // it may have something to say first, and new clients wait for this
	}
}

// note takes in a state, and returns the connection that is one too many.
func (c *connections) note(conn net.Conn, state http.ConnState) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
	case http.StateActive:
		c.open[conn] = time.Time{}
	case http.StateIdle, http.StateNew:
		c.open[conn] = time.Now()
	}
	if state != http.StateNew || len(c.open) <= c.most {
		return nil
	}
	over := conn
	for other, since := range c.open {
		if !since.IsZero() && since.Before(c.open[over]) {
			over = other
		}
	}
	delete(c.open, over)
	return over
}
