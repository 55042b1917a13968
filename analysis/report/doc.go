// Package report turns the analyzer's results into pictures and one
// self-contained HTML page.
//
// Data flows one way: an analysis.Result (and the results of analysis/tasks)
// becomes Pictures, each a plot.Panel with its caption, text alternative and
// the figures behind it; `nodemeter plot` lays panels out in a file, and
// WritePage renders pictures, findings and tables with html/template. Nothing
// here reads a clock or the network: the same input gives the same bytes.
package report
