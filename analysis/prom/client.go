package prom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
)

// Access says which server to ask and as whom. Secrets come from files or the
// environment, never from the command line.
type Access struct {
	URL string
	// ConfigFile is an HTTP client configuration as Prometheus and promtool
	// read it: basic_auth, authorization, oauth2, tls_config, proxy_url. "" is none.
	ConfigFile string
	// Token is a bearer token, User and Password are for basic
	// authentication; empty for none. They exclude ConfigFile.
	Token, User, Password string
	// Timeout bounds one query; 0 means two minutes.
	Timeout time.Duration
}

// Client asks one server.
type Client struct {
	api     v1.API
	url     string
	timeout time.Duration
}

// Connect checks the address and credentials; it sends nothing yet.
func Connect(a Access) (*Client, error) {
	u, err := url.Parse(a.URL)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return nil, fmt.Errorf("server %q: give a URL such as http://prometheus:9090", redacted(a.URL))
	case u.User != nil:
		return nil, fmt.Errorf("server %s: a password on a command line can be read by everybody on this machine; put it into a file or the environment", u.Redacted())
	}
	c, err := a.http()
	if err != nil {
		return nil, err
	}
	client, err := api.NewClient(api.Config{Address: a.URL, Client: c})
	if err != nil {
		return nil, fmt.Errorf("server %s: %w", a.URL, err)
	}
	if a.Timeout <= 0 {
		a.Timeout = 2 * time.Minute
	}
	return &Client{v1.NewAPI(client), a.URL, a.Timeout}, nil
}

// redacted hides what may be a password in an address that does not parse.
func redacted(s string) string {
	if u, err := url.Parse(s); err == nil {
		return u.Redacted()
	}
	return "(not an address)"
}

// http makes the client with credentials and TLS.
func (a Access) http() (*http.Client, error) {
	c := config.DefaultHTTPClientConfig
	switch {
	case a.ConfigFile != "" && (a.Token != "" || a.User != "" || a.Password != ""):
		return nil, errors.New("credentials are given twice: in the HTTP configuration file and in the environment")
	case a.ConfigFile != "":
		file, _, err := config.LoadHTTPConfigFile(a.ConfigFile)
		if err != nil {
			return nil, fmt.Errorf("HTTP configuration file %s: %w", a.ConfigFile, err)
		}
		c = *file
	case a.Token != "" && a.User != "":
		return nil, errors.New("a token and a user: give one of them")
	case a.Token != "":
		c.Authorization = &config.Authorization{Type: "Bearer", Credentials: config.Secret(a.Token)}
	case a.User != "":
		c.BasicAuth = &config.BasicAuth{Username: a.User, Password: config.Secret(a.Password)}
	}
	client, err := config.NewClientFromConfig(c, "nodemeter", config.WithUserAgent("nodemeter"))
	if err != nil {
		return nil, fmt.Errorf("HTTP client: %w", err)
	}
	client.Transport = bounded{client.Transport}
	return client, nil
}

// mostAnswer is far above what a question about ten thousand nodes brings.
const mostAnswer = 256 << 20

// bounded ends an answer that does not.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = &answer{resp.Body, mostAnswer}
	}
	return resp, err
}

type answer struct {
	io.ReadCloser
	left int
}

func (a *answer) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, fmt.Errorf("the answer has more than %d MiB", mostAnswer>>20)
	}
	n, err := a.ReadCloser.Read(p[:min(len(p), a.left)])
	a.left -= n
	return n, err
}

// instant evaluates an expression at one time.
func (c *Client) instant(ctx context.Context, expr string, at time.Time) (model.Vector, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	v, _, _, err := c.api.Query(ctx, expr, at, v1.WithTimeout(c.timeout))
	if err != nil {
		return nil, c.explain(err, expr)
	}
	vector, ok := v.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("%s: answered %s to %s, want a vector", c.url, v.Type(), expr)
	}
	return vector, nil
}

// over evaluates an expression at each step of a range.
func (c *Client) over(ctx context.Context, expr string, from, to time.Time, step time.Duration) (model.Matrix, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	v, _, _, err := c.api.QueryRange(ctx, expr, v1.Range{Start: from, End: to, Step: step}, v1.WithTimeout(c.timeout))
	if err != nil {
		return nil, c.explain(err, expr)
	}
	matrix, ok := v.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("%s: answered %s to %s, want a matrix", c.url, v.Type(), expr)
	}
	return matrix, nil
}

// explain says what was asked of whom, and what to do about the usual refusals.
func (c *Client) explain(err error, expr string) error {
	var e *v1.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("ask %s: %w", c.url, err)
	}
	switch {
	case e.Type == v1.ErrClient && (contains(e.Msg, "401") || contains(e.Msg, "403")):
		return fmt.Errorf("ask %s: %w: credentials are missing or wrong", c.url, err)
	case e.Type == v1.ErrBadResponse:
		return fmt.Errorf("ask %s: %w: is this the address of a Prometheus-compatible API?", c.url, err)
	}
	return fmt.Errorf("ask %s for %s: %w", c.url, expr, err)
}
