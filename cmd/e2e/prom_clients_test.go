//go:build e2e

package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// TestFiftyScrapers scrapes one agent from fifty clients as fast as they can
// for some seconds (NODEMETER_SCRAPERS_FOR, a duration, to make it longer): no
// tick is missed and memory stays where it is.
func TestFiftyScrapers(t *testing.T) {
	span := 8 * time.Second
	if s := os.Getenv("NODEMETER_SCRAPERS_FOR"); s != "" {
		var err error
		if span, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	a := startAgent(t, nil)
	before := a.gauge(t, "process_resident_memory_bytes")
	var mu sync.Mutex
	var took []time.Duration
	refused := 0
	end := time.Now().Add(span)
	var clients sync.WaitGroup
	for range 50 {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
			for time.Now().Before(end) {
				start := time.Now()
				resp, err := client.Get(a.url + "/metrics")
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				mu.Lock()
				took = append(took, time.Since(start))
				if resp.StatusCode != http.StatusOK {
					refused++
				}
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	missed, err := a.value(`nodemeter_missed_ticks_total{reason="overrun"}`)
	if err != nil {
		t.Fatal(err)
	}
	after := a.gauge(t, "process_resident_memory_bytes")
	slices.Sort(took)
	t.Logf("%d scrapes in %s, p50 %s, p99 %s, %d refused; memory %.1f MiB before, %.1f after", len(took), span,
		took[len(took)/2], took[len(took)*99/100], refused, before/(1<<20), after/(1<<20))
	if missed > 0 {
		t.Errorf("%g ticks missed", missed)
	}
	if after > before+128<<20 { // a megabyte of compressor and two of buffers each
		t.Errorf("memory grew from %g to %g bytes", before, after)
	}
	a.stop(t)
}

// TestHostileClients opens connections that send nothing, nonsense, too much,
// or do not read; the agent refuses them and goes on answering others.
func TestHostileClients(t *testing.T) {
	t.Parallel() // it mostly waits
	a := startAgent(t, nil)
	address := strings.TrimPrefix(a.url, "http://")
	dial := func() net.Conn {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	for range 100 { // ask and do not read; say nothing
		fmt.Fprintf(dial(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
		dial()
	}
	for name, request := range map[string]string{
		"nonsense":             "\x16\x03\x01 this is no HTTP\r\n\r\n",
		"a bad version":        "GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n",
		"too many headers":     "GET /metrics HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 100) + "\r\n",
		"a line without end":   "GET /" + strings.Repeat("a", 100_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"a method not allowed": "DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		c := dial()
		go io.WriteString(c, request)
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		line, err := bufio.NewReader(c).ReadString('\n')
		if err == nil && !strings.Contains(line, " 4") && !strings.Contains(line, " 5") {
			t.Errorf("%s: answered %q", name, line)
		}
	}
	c := dial() // a header that never ends is cut off
	fmt.Fprint(c, "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("a request that does not end is kept open: %v", err)
	}
	if _, err := get(a.url + "/metrics"); err != nil {
		t.Errorf("after all of them: %v", err)
	}
	if missed, err := a.value(`nodemeter_missed_ticks_total{reason="overrun"}`); err != nil || missed > 0 {
		t.Errorf("%g ticks missed, %v", missed, err)
	}
	a.stop(t)
}

// TestTLSAndPasswords serves over TLS with a password and a client
// certificate: who has both is answered, nobody else, and neither is one whose
// certificate has expired.
func TestTLSAndPasswords(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	ca := newAuthority(t)
	ca.issue(t, dir, "server", time.Now().Add(time.Hour))
	ca.issue(t, dir, "client", time.Now().Add(time.Hour))
	ca.issue(t, dir, "expired", time.Now().Add(-time.Minute))
	newAuthority(t).issue(t, dir, "stranger", time.Now().Add(time.Hour))
	writeFile(t, filepath.Join(dir, "ca.pem"), ca.pem)
	hash, err := bcrypt.GenerateFromPassword([]byte("s3cret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "web.yml"), []byte(`tls_server_config: {cert_file: server.pem, key_file: server.key, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}
basic_auth_users: {prometheus: "`+string(hash)+`"}
`))
	a := startAgent(t, []string{"env"}, "--web.config.file="+filepath.Join(dir, "web.yml"))
	a.url = strings.Replace(a.url, "http", "https", 1)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca.pem)
	ask := func(certificate, user, password string) (int, error) {
		config := &tls.Config{RootCAs: pool}
		if certificate != "" {
			pair, err := tls.LoadX509KeyPair(filepath.Join(dir, certificate+".pem"), filepath.Join(dir, certificate+".key"))
			if err != nil {
				t.Fatal(err)
			}
			// sent whether or not the server names its issuer
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 5 * time.Second}
		q, err := http.NewRequest("GET", a.url+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.SetBasicAuth(user, password)
		resp, err := client.Do(q)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, nil
	}
	eventually(t, "the agent over TLS", func() error {
		code, err := ask("client", "prometheus", "s3cret")
		if err == nil && code != 200 {
			err = fmt.Errorf("status %d", code)
		}
		return err
	})
	for _, c := range []struct {
		certificate, password string
		code                  int // 0: no connection
	}{
		{"client", "wrong", 401}, {"client", "", 401}, {"", "s3cret", 0}, {"expired", "s3cret", 0}, {"stranger", "s3cret", 0},
	} {
		if code, err := ask(c.certificate, "prometheus", c.password); code != c.code || (err != nil) != (c.code == 0) {
			t.Errorf("certificate %q, password %q: %d, %v, want %d", c.certificate, c.password, code, err, c.code)
		}
	}
	if resp, err := get(strings.Replace(a.url, "https", "http", 1) + "/metrics"); err == nil {
		t.Errorf("without TLS it answers %q", resp)
	}
	a.stop(t)
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{template, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue writes NAME.pem and NAME.key.
func (a *authority) issue(t *testing.T, dir, name string, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	writeFile(t, filepath.Join(dir, name+".key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}))
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
