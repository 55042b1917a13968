// Package window keeps sample windows on disk: an append-only journal while a
// window is open, one Parquet file when it is closed. docs/format.md describes
// both to the byte.
package window
