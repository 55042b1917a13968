package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
	"golang.org/x/sys/unix"
)

// TestCopyOfAWebConfigurationSaysTheSame: in YAML 1.1, which the toolkit reads,
// off and no are false, on is true, and 010 is eight, but not where a string is
// wanted.
func TestCopyOfAWebConfigurationSaysTheSame(t *testing.T) {
	const hash = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"
	for name, text := range map[string]string{
		"off":     "http_server_config: {http2: off}\n",
		"on":      "http_server_config: {http2: on}\n",
		"no":      "tls_server_config: {prefer_server_cipher_suites: no, client_allowed_sans: [no, 010]}\nhttp_server_config:\n  http2: no\n",
		"strings": "basic_auth_users: {on: " + hash + ", 010: " + hash + "}\nhttp_server_config: {headers: {X-Frame-Options: deny, X-XSS-Protection: 010}}\n",
		"numbers": "rate_limit: {burst: 010, interval: 1m30s}\n",
		"nothing": "{}\n",
	} {
		path := filepath.Join(t.TempDir(), "web.yml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		copied, err := readWebConfig(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		fd, err := memoryFile(copied)
		if err != nil {
			t.Errorf("%s: the copy\n%s: %v", name, copied, err)
			continue
		}
		unix.Close(fd)
		if d := cmp.Diff(understood(t, []byte(text)), understood(t, copied)); d != "" {
			t.Errorf("%s: the copy\n%ssays something else: %s", name, copied, d)
		}
	}
}

// understood is what the toolkit makes of a file.
func understood(t *testing.T, text []byte) web.Config {
	t.Helper()
	//lint:ignore SA1019 the key is still read, and so must be copied
	c := web.Config{TLSConfig: web.TLSConfig{PreferServerCipherSuites: true}, HTTPConfig: web.HTTPConfig{HTTP2: true}}
	if err := yaml.UnmarshalStrict(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}
