// Package window keeps sample windows on disk: an append-only journal while a
// window is open, one Parquet file when it is closed. docs/format.md describes
// both to the byte.
//
// Data flows in by Recorder.Publish: encoder (samples to frames), writer (frames
// to the journal), sealer (SealJournal: journal to Parquet and manifest). It flows
// out by Find and Reader: journal or sealed file to Chunks. Sealing is itself a
// reader of the journal, so an open window and the sealed one that it becomes
// give the same values.
//
// A Recorder has three goroutines. The writer owns the open journal and may block
// on the disk; the sync goroutine calls fsync, watches over the journal's path
// and the age limit, and may block too; the sealer seals one window at a time. They
// meet in writer.mu, which nobody holds while waiting for a disk, and in the
// ledger, which knows what the directory holds. Publish only ever puts a sample
// into a queue. A Reader belongs to one goroutine, and any number of them may
// read the same windows while they are recorded, sealed and deleted.
//
// Readers trust no file: every length is checked against the bytes at hand before
// memory is taken for it, damage becomes a Problem with its offset, and nothing
// is invented over it.
package window
