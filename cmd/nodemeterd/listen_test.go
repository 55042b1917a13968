package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates for 127.0.0.1.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir(), pool: x509.NewCertPool()}
	a.cert, a.key = a.issue(t, "ca", time.Now().Add(time.Hour))
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// issue makes NAME.pem and NAME.key; the first signs itself.
func (a *authority) issue(t *testing.T, name string, until time.Time) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: a.cert == nil, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, a.path(name+".pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(t, a.path(name+".key"), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})))
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// served starts an endpoint that answers "hello" and returns its address.
func served(t *testing.T, s *settings) string {
	t.Helper()
	_, address := serving(t, s)
	return address
}

func serving(t *testing.T, s *settings) (*endpoint, string) {
	t.Helper()
	e, err := listen(s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	e.serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	t.Cleanup(func() {
		e.shutdown()
		if err := <-e.failed; err != nil {
			t.Errorf("served: %v", err)
		}
	})
	return e, e.listeners[0].Addr().String()
}

func TestTLSAndPassword(t *testing.T) {
	ca := newAuthority(t)
	ca.issue(t, "server", time.Now().Add(time.Hour))
	config := ca.path("web.yml")
	// The hash is bcrypt's of "secret", cost 4.
	writeFile(t, config, "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"+
		"basic_auth_users:\n  prometheus: $2a$04$YleXZ/3YWnPAQKPXOlkWoOutCIxdOB3MLqYa.41bgmdobPQQvVRDW\n")
	address := served(t, &settings{listen: []string{"127.0.0.1:0"}, webConfigFile: config})

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool}, DisableKeepAlives: true}}
	get := func(user, password string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if user != "" {
			r.SetBasicAuth(user, password)
		}
		w, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		return w.StatusCode
	}
	for want, c := range map[int][2]string{200: {"prometheus", "secret"}, 401: {"prometheus", "wrong"}} {
		if got := get(c[0], c[1]); got != want {
			t.Errorf("as %v: %d, want %d", c, got, want)
		}
	}
	if got := get("", ""); got != 401 {
		t.Errorf("without a password: %d", got)
	}
	if w, err := http.Get("http://" + address); err == nil && w.StatusCode == 200 {
		t.Error("plain HTTP was answered")
	}
}

// TestWebConfigurationIsRenewed: new certificates are used by the connections
// that follow a reload, and wrong ones leave the old in use.
func TestWebConfigurationIsRenewed(t *testing.T) {
	ca := newAuthority(t)
	first, _ := ca.issue(t, "server", time.Now().Add(time.Hour))
	config := ca.path("web.yml")
	writeFile(t, config, "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n")
	e, address := serving(t, &settings{listen: []string{"127.0.0.1:0"}, webConfigFile: config})
	presents := func(want *x509.Certificate) {
		t.Helper()
		c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: ca.pool})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := c.ConnectionState().PeerCertificates[0]; !got.Equal(want) {
			t.Errorf("presents certificate %s, want %s", got.SerialNumber, want.SerialNumber)
		}
	}
	presents(first)
	writeFile(t, ca.path("server.pem"), "half a certif")
	presents(first)
	if changed, err := e.config.reload(); changed || err == nil {
		t.Errorf("a broken certificate: %v, %v", changed, err)
	}
	presents(first)
	second, _ := ca.issue(t, "server", time.Now().Add(2*time.Hour))
	presents(first)
	if changed, err := e.config.reload(); !changed || err != nil {
		t.Errorf("a new certificate: %v, %v", changed, err)
	}
	presents(second)
	if changed, err := e.config.reload(); changed || err != nil {
		t.Errorf("nothing new: %v, %v", changed, err)
	}
}

func TestClientCertificates(t *testing.T) {
	ca := newAuthority(t)
	ca.issue(t, "server", time.Now().Add(time.Hour))
	ca.issue(t, "client", time.Now().Add(time.Hour))
	ca.issue(t, "expired", time.Now().Add(-time.Hour))
	stranger := newAuthority(t)
	stranger.issue(t, "client", time.Now().Add(time.Hour))
	config := ca.path("web.yml")
	writeFile(t, config, "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"+
		"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n")
	address := served(t, &settings{listen: []string{"127.0.0.1:0"}, webConfigFile: config})

	for _, c := range []struct {
		who   string
		from  *authority
		name  string
		enter bool
	}{
		{"a known client", ca, "client", true},
		{"an expired certificate", ca, "expired", false},
		{"another authority's client", stranger, "client", false},
		{"nobody", nil, "", false},
	} {
		tlsConfig := &tls.Config{RootCAs: ca.pool}
		if c.from != nil {
			pair, err := tls.LoadX509KeyPair(c.from.path(c.name+".pem"), c.from.path(c.name+".key"))
			if err != nil {
				t.Fatal(err)
			}
			tlsConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig, DisableKeepAlives: true}}
		w, err := client.Get("https://" + address)
		if err == nil {
			w.Body.Close()
		}
		if entered := err == nil && w.StatusCode == http.StatusOK; entered != c.enter {
			t.Errorf("%s: entered %v, %v", c.who, entered, err)
		}
	}
}

func TestPlainHTTPAndLimits(t *testing.T) {
	address := served(t, &settings{listen: []string{"127.0.0.1:0"}})
	w, err := http.Get("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if b, _ := io.ReadAll(w.Body); string(b) != "hello" {
		t.Errorf("got %q", b)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Long", strings.Repeat("x", 64<<10))
	big, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer big.Body.Close()
	if big.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("64 KiB of headers: %s", big.Status)
	}
}

func TestListenErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	bad := filepath.Join(t.TempDir(), "web.yml")
	writeFile(t, bad, "tls_server_config:\n  cert_fil: x\n")
	for want, s := range map[string]*settings{
		"is in use: another nodemeterd may be running": {listen: []string{"127.0.0.1:0", taken.Addr().String()}},
		"web configuration file":                       {listen: []string{"127.0.0.1:0"}, webConfigFile: bad},
		"systemd passed none":                          {systemdSocket: true},
		"listen on":                                    {listen: []string{"256.0.0.1:1"}},
	} {
		if _, err := listen(s, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}
