package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"nodemeter/collector/window"
)

func newVerify() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "verify DIR|FILE...",
		Short: "Check sample windows for damage, and say where it is and what survives",
		Long: `Check every byte of sample windows: checksums, structure and values.

A sealed window is compared with its manifest (SHA-256, and a checksum for each
4 KiB block to find the damage); an open one has a checksum for each record.
The exit code is 1 when anything is damaged. 'nodemeter repair' rewrites what survives.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usagef("--format must be text or json, not %q", format)
			}
			return verify(cmd, args, format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "how to print: text or json")
	return cmd
}

// verified is the result for one window.
type verified struct {
	File     string        `json:"file"`
	Node     string        `json:"node,omitempty"`
	Sealed   bool          `json:"sealed"`
	OK       bool          `json:"ok"`
	Rows     int           `json:"rows"`
	Values   int           `json:"values"`
	Problems []problemJSON `json:"problems,omitempty"`
	Notes    []string      `json:"notes,omitempty"`
}

type problemJSON struct {
	File   string `json:"file,omitempty"`
	Offset int64  `json:"offset"` // -1 where it does not apply
	Error  string `json:"error"`
	Lost   string `json:"lost,omitempty"`
}

func verify(cmd *cobra.Command, paths []string, format string) error {
	files, problems, err := window.Find(paths, window.Query{})
	if err != nil {
		return err
	}
	if len(files) == 0 && len(problems) == 0 {
		return fmt.Errorf("no sample windows in %v", paths)
	}
	var results []verified
	for _, p := range problems {
		results = append(results, verified{File: p.File, Problems: []problemJSON{problemOf(p)}})
	}
	for _, f := range files {
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		results = append(results, verifyFile(f))
	}
	damaged := 0
	for _, r := range results {
		if !r.OK {
			damaged++
		}
	}
	out := cmd.OutOrStdout()
	if format == "json" {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(map[string]any{"windows": results, "damaged": damaged}); err != nil {
			return err
		}
	} else {
		if err := printVerified(out, results, damaged); err != nil {
			return err
		}
	}
	if damaged > 0 {
		return errFound
	}
	return nil
}

func problemOf(p window.Problem) problemJSON {
	return problemJSON{Offset: p.Offset, Error: p.Err.Error(), Lost: p.Lost}
}

// verifyFile reads a whole window and counts what of it can be read.
func verifyFile(f window.File) verified {
	v := verified{File: f.Path, Node: f.Node, Sealed: f.Sealed, OK: true}
	r, err := f.Open(window.Query{})
	if err != nil {
		v.OK, v.Problems = false, []problemJSON{{Offset: -1, Error: err.Error(), Lost: "the whole window"}}
		return v
	}
	defer r.Close()
	for r.Next() {
		c := r.Chunk()
		v.Rows += c.Len()
		for i := range c.Columns {
			v.Values += present(&c.Columns[i], c.Len())
		}
	}
	for _, p := range r.Problems() {
		if errors.Is(p.Err, window.ErrNoManifest) {
			v.Notes = append(v.Notes, p.Err.Error())
			continue
		}
		v.OK, v.Problems = false, append(v.Problems, problemOf(p))
	}
	if err := r.Err(); err != nil {
		v.OK, v.Problems = false, append(v.Problems, problemJSON{Offset: -1, Error: err.Error(), Lost: "the rest of the window"})
	}
	return v
}

// present counts the values of a column that are there.
func present(c *window.Column, rows int) int {
	if c.Valid == nil {
		return rows
	}
	n := 0
	for _, ok := range c.Valid {
		if ok {
			n++
		}
	}
	return n
}

func printVerified(w io.Writer, results []verified, damaged int) error {
	out := bufio.NewWriter(printable{w})
	for _, v := range results {
		state := "ok"
		if !v.OK {
			state = "DAMAGED"
		}
		fmt.Fprintf(out, "%-8s %s\n", state, v.File)
		for _, p := range v.Problems {
			where := ""
			if p.Offset >= 0 {
				where = fmt.Sprintf("byte %d: ", p.Offset)
			}
			fmt.Fprintf(out, "         %s%s\n", where, p.Error)
			if p.Lost != "" {
				fmt.Fprintf(out, "         lost: %s\n", p.Lost)
			}
		}
		for _, n := range v.Notes {
			fmt.Fprintf(out, "         note: %s\n", n)
		}
		if !v.OK {
			fmt.Fprintf(out, "         survives: %d rows, %d values\n", v.Rows, v.Values)
		}
	}
	fmt.Fprintf(out, "%d %s checked, %d damaged\n", len(results), plural(len(results), "window", "windows"), damaged)
	return out.Flush()
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
