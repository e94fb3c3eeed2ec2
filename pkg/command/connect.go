package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/web"
)

// client asks the staff API: over the admin socket of a running `husk serve`, or in this process when none runs.
type client struct {
	http   *http.Client
	local  bool // in this process: no line runs
	actor  string
	closes func() error
	made   *web.Rebuilt // of a state that was made again when the line was opened here
}

// apiError is an answer that is no success.
type apiError struct {
	code int
	body web.Error
}

// Error implements error.
func (e *apiError) Error() string {
	if e.body.Field != "" {
		return e.body.Field + ": " + e.body.Text
	}
	return e.body.Text
}

// withClient runs a command that asks the staff API.
func withClient(run func(c *cobra.Command, s *client, args []string) error) func(*cobra.Command, []string) error {
	return withClientOf(connect, run)
}

func withClientOf(connect func(context.Context, config.Config, io.Writer) (*client, error), run func(c *cobra.Command, s *client, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		cfg, err := configure(c)
		if err != nil {
			return err
		}
		s, err := connect(c.Context(), cfg, c.ErrOrStderr())
		if err != nil {
			return err
		}
		return errors.Join(run(c, s, args), s.closes())
	}
}

// connect finds the staff API of the data. If nobody answers on the admin socket, it takes the data's lock and opens the line in
// this process, with nothing running but the projector.
func connect(ctx context.Context, cfg config.Config, logs io.Writer) (*client, error) {
	return connectOr(ctx, cfg, logs, false)
}

// connectOr is connect, which where it opens the line here makes the state again, if it is to.
func connectOr(ctx context.Context, cfg config.Config, logs io.Writer, rebuild bool) (*client, error) {
	if answers(cfg.Admin.Socket) {
		t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", cfg.Admin.Socket)
		}}
		return &client{http: &http.Client{Transport: t}, actor: osUser(), closes: func() error { t.CloseIdleConnections(); return nil }}, nil
	}
	log, err := logger(cfg, logs, zapcore.WarnLevel)
	if err != nil {
		return nil, err
	}
	// The port that booking systems publish to opens with the line alone.
	cfg.Broker.Listen = ""
	e, err := newEngine(cfg, log, (*app.App).Project)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := e.open(ctx, rebuild); err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.loop(running) }()
	closes := func() error {
		cancel()
		err := <-ended
		e.close()
		return err
	}
	select {
	case <-e.opened:
	case <-e.ended:
		if err := closes(); err != nil {
			return nil, err
		}
		return nil, context.Cause(ctx)
	}
	s := &client{http: &http.Client{Transport: inMemory{e.door.Staff()}}, local: true, actor: osUser(), closes: closes}
	if rebuild {
		s.made = &web.Rebuilt{Entries: e.folded.Load(), Seconds: time.Since(began).Seconds()}
	}
	return s, nil
}

// osUser is who asks, for the audit.
func osUser() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}

// get asks.
func (s *client) get(ctx context.Context, path string, q url.Values, into any) error {
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return s.call(ctx, http.MethodGet, path, nil, into)
}

// post changes.
func (s *client) post(ctx context.Context, path string, body, into any) error {
	return s.call(ctx, http.MethodPost, path, body, into)
}

func (s *client) call(ctx context.Context, method, path string, body, into any) error {
	var b bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&b).Encode(body); err != nil {
			return fmt.Errorf("the request can't be written: %w", err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://husk"+path, &b)
	if err != nil {
		return errors.New("the request can't be made") // the cause quotes the path
	}
	r.Header.Set(web.ActorHeader, s.actor)
	res, err := s.http.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the path
		}
		return fmt.Errorf("the admin socket does not answer: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		e := &apiError{code: res.StatusCode}
		if err := json.NewDecoder(io.LimitReader(res.Body, 1<<16)).Decode(&e.body); err != nil || e.body.Text == "" {
			e.body.Text = "the admin socket answers " + res.Status
		}
		return e
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		return fmt.Errorf("the answer can't be read: is the running husk of another version? %w", err)
	}
	return nil
}

// inMemory brings requests straight to a handler.
type inMemory struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := &written{header: http.Header{}}
	m.handler.ServeHTTP(w, r)
	_ = r.Body.Close()
	if w.code == 0 {
		w.code = http.StatusOK
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.code, http.StatusText(w.code)), StatusCode: w.code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// written is an answer in memory.
type written struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *written) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *written) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
}

// Write implements http.ResponseWriter.
func (w *written) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}
