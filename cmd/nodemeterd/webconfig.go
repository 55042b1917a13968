package main

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
	"golang.org/x/sys/unix"
)

// webConfig is the web configuration in effect: a copy in memory of the file
// and of the certificates it names. The toolkit reads its file at every
// connection; a file that is half written, or wrong, would end scraping, and
// the copy is only ever replaced by one that is right.
type webConfig struct {
	path string
	fd   int // of the copy
	text []byte
}

// newWebConfig reads the file at path; nil where there is none.
func newWebConfig(path string) (*webConfig, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readWebConfig(path)
	if err != nil {
		return nil, err
	}
	fd, err := memoryFile(text)
	if err != nil {
		return nil, fmt.Errorf("web configuration file %s: keep a copy: %w", path, err)
	}
	return &webConfig{path, fd, text}, nil
}

// copied is where the toolkit finds the copy.
func (w *webConfig) copied() string {
	if w == nil {
		return ""
	}
	return fmt.Sprintf("/proc/self/fd/%d", w.fd)
}

// reload takes what the file and the certificates say now, for the connections
// that follow. What is wrong changes nothing.
func (w *webConfig) reload() (changed bool, err error) {
	if w == nil {
		return false, nil
	}
	text, err := readWebConfig(w.path)
	if err != nil || bytes.Equal(text, w.text) {
		return false, err
	}
	fd, err := memoryFile(text)
	if err == nil {
		err = unix.Dup3(fd, w.fd, unix.O_CLOEXEC) // replaces the copy at one instant
		unix.Close(fd)
	}
	if err != nil {
		return false, fmt.Errorf("web configuration file %s: keep a copy: %w", w.path, err)
	}
	w.text = text
	return true, nil
}

// webFile is a web configuration file as far as it must be told apart. It is
// read and written with the toolkit's own YAML library, as others disagree on
// what off is; and where the toolkit takes a string, it is read as one, or a
// user called on would come out as true.
type webFile struct {
	TLS struct {
		Names []string       `yaml:"client_allowed_sans,omitempty"`
		Rest  map[string]any `yaml:",inline"`
	} `yaml:"tls_server_config,omitempty"`
	HTTP struct {
		Headers map[string]string `yaml:"headers,omitempty"`
		Rest    map[string]any    `yaml:",inline"`
	} `yaml:"http_server_config,omitempty"`
	Users map[string]string `yaml:"basic_auth_users,omitempty"`
	Rest  map[string]any    `yaml:",inline"`
}

// maxWebConfig is the most that is read of the file and of each that it names.
const maxWebConfig = 1 << 20

// readWebConfig is the file with the certificates that it names in their place.
func readWebConfig(path string) ([]byte, error) {
	failed := func(err error) ([]byte, error) { return nil, fmt.Errorf("web configuration file %s: %w", path, err) }
	text, err := readSmall(path, maxWebConfig)
	if err != nil {
		return failed(err)
	}
	var doc webFile
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return failed(err)
	}
	tls := doc.TLS.Rest
	for _, key := range []string{"cert", "key", "client_ca"} {
		name, _ := tls[key+"_file"].(string)
		if name == "" {
			continue
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		b, err := readSmall(name, maxWebConfig)
		if err != nil {
			return failed(err)
		}
		delete(tls, key+"_file")
		tls[key] = string(b)
	}
	if err := web.Validate(path); err != nil { // which reads all of them without a bound
		return failed(err)
	}
	if text, err = yaml.Marshal(doc); err != nil {
		return failed(err)
	}
	return text, nil
}

// memoryFile is a file that only this process has. What the toolkit would not
// take is an error.
func memoryFile(text []byte) (int, error) {
	fd, err := unix.MemfdCreate("web-config", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, err
	}
	for rest := text; err == nil && len(rest) > 0; {
		var n int
		n, err = unix.Write(fd, rest)
		rest = rest[max(n, 0):]
	}
	if err == nil {
		err = web.Validate(fmt.Sprintf("/proc/self/fd/%d", fd))
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
