// Package deploy has no code: it is where the test lives that holds every
// metric named in this directory and in docs/prometheus.md against those that
// exist.
package deploy
