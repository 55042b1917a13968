package remotewrite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/common/config"
)

// sendTimeout bounds one request.
const sendTimeout = 30 * time.Second

// Client sends series to one server. It belongs to one goroutine.
type Client struct {
	api    *remote.API
	status *lastStatus
	place  string // of the server, for errors
	// v1 is set once the server has shown that it does not know 2.0.
	v1      bool
	settled bool // a message of the version in use has been accepted
	// plain is set once the server has refused native histograms.
	plain bool
}

// ErrAddress is within the error for an address that cannot be used.
var ErrAddress = errors.New("cannot be used")

// NewClient makes a client of a full URL, such as
// http://prometheus:9090/api/v1/write. configFile holds credentials and TLS as
// Prometheus' remote_write section has them ("" is none).
func NewClient(address, configFile string) (*Client, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return nil, fmt.Errorf("the address %w: give all of it, such as http://prometheus:9090/api/v1/write", ErrAddress)
	case u.User != nil:
		return nil, fmt.Errorf("an address with a password %w, because others can read it: put user and password into --remote-write.config.file", ErrAddress)
	}
	c := &config.HTTPClientConfig{FollowRedirects: true, EnableHTTP2: true}
	if configFile != "" {
		if c, _, err = config.LoadHTTPConfigFile(configFile); err != nil {
			return nil, fmt.Errorf("%s: %w", configFile, err)
		}
	}
	transport, err := config.NewRoundTripperFromConfig(*c, "remote_write")
	if err != nil {
		return nil, err
	}
	status := &lastStatus{next: transport}
	api, err := remote.NewAPI(address, remote.WithAPIPath(""), remote.WithAPINoRetryOnRateLimit(),
		remote.WithAPIHTTPClient(&http.Client{Transport: status, Timeout: sendTimeout, CheckRedirect: status.redirect(c.FollowRedirects)}),
		remote.WithAPIBackoff(remote.BackoffConfig{Min: 10 * time.Millisecond, Max: 10 * time.Millisecond, MaxRetries: 1}))
	if err != nil {
		return nil, err
	}
	return &Client{api: api, status: status, place: place(u)}, nil
}

// place is an address as an error may show it: what is behind it may be a secret.
func place(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// lastStatus remembers how the last request was answered, or why it was not, which
// the API client tells in words only.
type lastStatus struct {
	next http.RoundTripper
	code atomic.Int64 // 0: not answered
	err  error        // why it was not, or why the answer is none
}

// RoundTrip implements http.RoundTripper.
func (l *lastStatus) RoundTrip(r *http.Request) (*http.Response, error) {
	l.code.Store(0)
	var resp *http.Response
	if resp, l.err = l.next.RoundTrip(r); l.err == nil {
		l.code.Store(int64(resp.StatusCode))
		resp.Body = bounded{io.LimitReader(resp.Body, mostAnswer), resp.Body}
	}
	return resp, l.err
}

// mostAnswer is how much of an answer is read: it is words for people.
const mostAnswer = 64 << 10

// bounded is the beginning of a body.
type bounded struct {
	io.Reader
	io.Closer
}

// redirect follows one that asks for the same again. Others make a POST a GET
// (RFC 9110, 15.4): a page to log in at would be taken for success.
func (l *lastStatus) redirect(follow bool) func(*http.Request, []*http.Request) error {
	return func(r *http.Request, before []*http.Request) error {
		if follow && r.Method == before[0].Method && len(before) < 10 {
			return nil
		}
		l.err = fmt.Errorf("the server redirects to %s: give the address that takes remote write", place(r.URL))
		return l.err
	}
}

// refused is an answer that will be the same next time: the batch is lost.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// Protocol is the version in use.
func (c *Client) Protocol() string {
	if c.v1 {
		return "1.0"
	}
	return "2.0"
}

// Send sends a batch. An error of type refused says that sending it again is
// pointless, any other that it is not.
func (c *Client) Send(ctx context.Context, series []Series) error {
	err := c.send(ctx, series)
	if err != nil && !c.v1 && !c.settled && c.unknown() {
		c.v1 = true
		if err = c.send(ctx, series); err != nil && !c.settled {
			c.v1 = false // perhaps it is not the version
		}
	}
	if err != nil && !c.plain && c.status.code.Load() >= 400 && strings.Contains(strings.ToLower(err.Error()), "histogram") {
		c.plain = true
		err = c.send(ctx, series)
	}
	code := c.status.code.Load()
	switch {
	case err == nil:
		c.settled = true
		return nil
	case code/100 == 4 && code != http.StatusTooManyRequests && code != http.StatusRequestTimeout && code != http.StatusUnauthorized && code != http.StatusForbidden:
		return refused{err}
	}
	return err
}

// unknown reports whether the last answer is that of a server which does not
// know version 2.0: 415 by the specification, 400 or 404 of some, and 2xx
// without having stored anything, of Prometheus before 2.54.
func (c *Client) unknown() bool {
	code := c.status.code.Load()
	return code == http.StatusUnsupportedMediaType || code == http.StatusBadRequest || code == http.StatusNotFound || code/100 == 2
}

func (c *Client) send(ctx context.Context, series []Series) error {
	if c.plain {
		series = slices.DeleteFunc(slices.Clone(series), func(s Series) bool { return s.Histogram != nil })
	}
	if !c.v1 {
		_, err := c.api.Write(ctx, remote.WriteV2MessageType, version2(series))
		return c.told(err)
	}
	message, err := version1(series)
	if err != nil {
		return refused{err}
	}
	_, err = c.api.Write(ctx, remote.WriteV1MessageType, message)
	return c.told(err)
}

// told is an error as it may be logged: net/http's has the whole address in it.
func (c *Client) told(err error) error {
	switch {
	case err != nil && c.status.err != nil:
		return fmt.Errorf("%s: %w", c.place, c.status.err)
	case err != nil && c.status.code.Load()/100 == 3:
		return fmt.Errorf("%s: the server redirects to nowhere", c.place)
	}
	return err
}
