package oracle

import (
	"context"
	"os"

	"nodemeter/analysis/tasks"
)

// ofTasks computes a section from task_metrics.csv.
func ofTasks[T any](section func(*tasks.Set) T) func(path string) (any, error) {
	return func(path string) (any, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		set, err := tasks.Read(context.Background(), path, f, tasks.Run{File: path}, tasks.Options{})
		if err != nil {
			return nil, err
		}
		return section(set), nil
	}
}

func scalingSection(path string) (any, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, _, err := tasks.ReadScaling(f)
	return tasks.NewNotebookScaling(rows), err
}
