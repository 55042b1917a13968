// Package plot draws the analyzer's pictures from neutral inputs: series,
// matrices, five-number boxes, bars, samples. It knows neither windows nor
// tasks; analysis/report turns results into its panels.
//
// Data flows one way: a Panel becomes a sheet (title, axes, legend, what to
// draw in the data area), a Figure lays sheets out in a grid with their data
// areas aligned, and Render writes the figure as PNG, SVG or PDF. The same
// input gives the same bytes. Values that are absent are NaN on the way in
// and are never joined, never drawn as zero.
//
// Nothing here is safe for concurrent use of one value; different figures may
// be drawn by different goroutines.
package plot
