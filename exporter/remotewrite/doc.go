// Package remotewrite pushes what a scrape would have read to a server that
// cannot scrape this node.
//
// Data flow: at each step Run gathers the same families that /metrics shows and
// puts them into a bounded queue in memory; one goroutine sends the queue,
// oldest first, in Remote Write 2.0 or, to servers that do not know it, 1.0.
// While the server does not answer the queue grows, and when it is full its
// oldest entries give way: the span they covered is then the gap. Back in
// touch, the gap is read from the windows on disk and sent first, so that
// samples arrive in order and a server needs no out-of-order window.
//
// Concurrency: Run owns the steps, a goroutine that it starts owns the
// connection, and the queue between them has a lock. Nothing here is called
// from the tick loop.
package remotewrite
