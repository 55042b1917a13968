package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
)

// parse resolves a command line, an environment and a configuration file.
func parse(t *testing.T, args []string, env map[string]string, file string) (*settings, error) {
	t.Helper()
	s := &settings{}
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	for _, g := range s.flags() {
		fs.AddFlagSet(g.flags)
	}
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	if file != "" {
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
		s.configFile = path
	}
	return s, s.resolve(fs, from(env))
}

func from(env map[string]string) lookup {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestPrecedence(t *testing.T) {
	env := map[string]string{"NODEMETER_INTERVAL": "3s"}
	file := "interval: 4s\n"
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		file string
		want time.Duration
	}{
		{"default", nil, nil, "", time.Second},
		{"file", nil, nil, file, 4 * time.Second},
		{"environment over file", nil, env, file, 3 * time.Second},
		{"flag over both", []string{"--interval=2s"}, env, file, 2 * time.Second},
		{"flag that says the default", []string{"--interval=1s"}, env, file, time.Second},
	} {
		s, err := parse(t, c.args, c.env, c.file)
		if err != nil || s.interval != c.want {
			t.Errorf("%s: %s, %v; want %s", c.name, s.interval, err, c.want)
		}
	}
}

func TestEveryKindOfSettingFromEverywhere(t *testing.T) {
	file := `
windows: false
windows.max-bytes: 1GiB   # dotted
web:
  listen-address: [":1", ":2"]
log: {level: debug}
collector:
  per-core: false
node:
`
	s, err := parse(t, nil, nil, file)
	if err != nil {
		t.Fatal(err)
	}
	if s.recordWindows || s.maxBytes != 1<<30 || !slices.Equal(s.listen, []string{":1", ":2"}) || s.logLevel != "debug" || s.perCore || s.node != "" {
		t.Errorf("%+v", s)
	}
	s, err = parse(t, nil, map[string]string{
		"NODEMETER_WEB_LISTEN_ADDRESS": ":1,:2", "NODEMETER_WINDOWS": "false", "NODEMETER_WINDOWS_MAX_AGE": "30d",
	}, file)
	if err != nil || !slices.Equal(s.listen, []string{":1", ":2"}) || s.maxAge != 30*day {
		t.Errorf("%+v %v", s, err)
	}
}

func TestConfigErrors(t *testing.T) {
	for file, want := range map[string]string{
		"windows:\n  dri: x\n":            "2:3: unknown setting windows.dri (did you mean windows.dir?)",
		"- interval\n":                    "1:1: expected settings",
		"interval: {a: 1}\n":              "1:11: interval takes a duration",
		"once: true\n":                    "unknown setting once",
		"config.file: x\n":                "unknown setting config.file",
		"interval: 1ms\n":                 "c.yaml:1:11: interval: the shortest interval is 10ms",
		"windows.width: 1s\ninterval: 1m": "c.yaml:1:16: windows.width: it is shorter than",
		"windows: yes\n":                  "c.yaml:1:10: windows: \"yes\" is not true or false",
		"metrics.max-series: many\n":      "c.yaml:1:21: metrics.max-series: \"many\" is not a whole number",
		"interval: 2h\n":                  "c.yaml:1:11: interval: it is longer than --windows.width=1h",
		"log:\n  level: loud\n":           "c.yaml:2:10: log.level: must be debug",
		"windows.width: 7s\n":             "c.yaml:1:16: windows.width: windows: width 7s must be whole seconds",
		"windows.max-bytes: 1\n":          "c.yaml:1:20: windows.max-bytes: windows: a limit of 1 bytes",
		"windows.sync-interval: 0s\n":     "c.yaml:1:24: windows.sync-interval: must be more than 0",
		"web.listen-address: ''\n":        "c.yaml:1:21: web.listen-address: must be HOST:PORT",
		"remote-write.queue: -5\n":        "c.yaml:1:21: remote-write.queue: must be from 1",
		"remote-write.labels: [x]\n":      "c.yaml:1:22: remote-write.labels: must be NAME=VALUE",
		"windows.dir: &d run1\n":          "c.yaml:1:14: windows.dir: write the value itself, without tags",
		"windows.dir: *d\n":               "c.yaml:1:14: windows.dir: write the value itself",
		"windows.dir: !!str run1\n":       "c.yaml:1:14: windows.dir: write the value itself",
		"interval: \"\n":                  "c.yaml:1:",
	} {
		_, err := parse(t, nil, nil, file)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want an error with %q, got %v", file, want, err)
		}
	}
}

// TestBadSettingsSayWhereTheyAreFrom: a wrong command line or environment is status 2,
// a wrong file 1.
func TestBadSettingsSayWhereTheyAreFrom(t *testing.T) {
	for _, c := range []struct {
		args  []string
		env   map[string]string
		file  string
		want  string
		usage bool
	}{
		{[]string{"--interval=1ms"}, nil, "interval: 2ms\n", "--interval=1ms: the shortest", true},
		{nil, map[string]string{"NODEMETER_INTERVAL": "1ms"}, "interval: 2ms\n", "NODEMETER_INTERVAL=1ms: the shortest", true},
		{nil, nil, "interval: 2ms\n", "c.yaml:1:11: interval: the shortest", false},
		{[]string{"--windows.width=7s"}, nil, "", "--windows.width=7s: ", true},
		{[]string{"--windows.max-bytes=1"}, nil, "", "--windows.max-bytes=1", true},
		{[]string{"--web.listen-address=:99999"}, nil, "", "--web.listen-address=:99999: ", true},
		{[]string{"--collector.root-pid=-1"}, nil, "", "--collector.root-pid=-1: ", true},
	} {
		_, err := parse(t, c.args, c.env, c.file)
		if usage := (usageError{}); err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &usage) != c.usage {
			t.Errorf("%v %v %q: %v, want %q, usage %v", c.args, c.env, c.file, err, c.want, c.usage)
		}
	}
}

// TestBlockScalars: YAML's ways to write a long value are values.
func TestBlockScalars(t *testing.T) {
	for _, file := range []string{"windows.dir: >-\n  run1\n", "windows.dir: |-\n  run1\n", "windows.dir: >\n  run1\n", "windows.dir: |\n  run1\ninterval: 1s\n", "windows.dir: 'run1'\n", "windows.dir: \"run1\"\n"} {
		if s, err := parse(t, nil, nil, file); err != nil || s.windowsDir != "run1" {
			t.Errorf("%q: %q, %v", file, s.windowsDir, err)
		}
	}
}

// TestConfigIsAFile: whatever else has the name is refused, and not waited for.
func TestConfigIsAFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{pipe: "is not a file but a pipe", dir: "is not a file but a directory", "/dev/zero": "is not a file but a device"} {
		for name, read := range map[string]func() error{
			"configuration":     func() error { _, err := readConfig(path, nil); return err },
			"web configuration": func() error { _, err := readWebConfig(path); return err },
		} {
			if err := read(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s: %v", name, path, err)
			}
		}
	}
	web := filepath.Join(dir, "web.yml")
	if err := os.WriteFile(web, []byte("tls_server_config: {cert_file: pipe, key_file: pipe}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readWebConfig(web); err == nil || !strings.Contains(err.Error(), "is not a file but a pipe") {
		t.Errorf("a certificate that is a pipe: %v", err)
	}
}

func TestWindowsDirectory(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		uid  int
		want string
	}{
		{map[string]string{"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "HOME": "/root"}, 0, "/var/lib/a/windows"},
		{map[string]string{"XDG_STATE_HOME": "/x", "HOME": "/home/u"}, 1000, "/x/nodemeter/windows"},
		{map[string]string{"XDG_STATE_HOME": "relative", "HOME": "/home/u"}, 1000, "/home/u/.local/state/nodemeter/windows"},
		{nil, 0, "/var/lib/nodemeter/windows"},
		{nil, 1000, ""},
	} {
		got, err := new(settings).dir(from(c.env), c.uid)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%v uid %d: %q, %v; want %q", c.env, c.uid, got, err, c.want)
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, s := range []string{"interval: 1s\n", "web:\n  listen-address: [\":1\"]\n", "a: &x 1\nb: *x\n", "? a\n: b\n", "{", "- 1\n", "<<: {interval: 1s}\n", "---\n---\ninterval: |\n 1s\n"} {
		f.Add(s)
	}
	s := &settings{}
	fs := pflag.NewFlagSet("fuzz", pflag.ContinueOnError)
	for _, g := range s.flags() {
		fs.AddFlagSet(g.flags)
	}
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseConfig("c.yaml", []byte(text), fs)
		if err != nil && len(entries) > 0 {
			t.Error("an error and settings")
		}
		for _, e := range entries {
			if fs.Lookup(e.name) == nil || e.at == nil {
				t.Errorf("setting %q without a flag or a place", e.name)
			}
		}
	})
}
