package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Grant is a role, and the units that it is for; none = the whole installation, where the role may be that.
type Grant struct {
	Role  Role     `json:"role"`
	Units []string `json:"units,omitempty"`
}

// ErrGrant means that a grant is none: an unknown role, or a role with units that it can't have or must have.
var ErrGrant = errors.New("web: no such grant")

// Check returns ErrGrant for what is no grant. Nobody but the admin socket is without a role, and no clerk without units: such
// a caller would have every right.
func (g Grant) Check() error {
	l, ok := limits[g.Role]
	switch {
	case !ok:
		return fmt.Errorf("%w: want one of the roles", ErrGrant)
	case l.must && len(g.Units) == 0:
		return fmt.Errorf("%w: a %s is so of at least one unit", ErrGrant, g.Role)
	case !l.may && len(g.Units) > 0:
		return fmt.Errorf("%w: a %s is so of the whole installation", ErrGrant, g.Role)
	case slices.Contains(g.Units, ""):
		return fmt.Errorf("%w: a unit without a name", ErrGrant)
	}
	return nil
}

// May reports whether the role may call an operation. No role may call none.
func (r Role) May(operation string) bool { return r != "" && r.may(operation) }

// Staff is somebody who is signed in, in the grant that they work in now.
type Staff struct {
	Subject string // tells two people apart, whatever role they work in; never shown
	Name    string // as the audit and other staff see it
	Role    Role
	Units   []string // none = the whole installation
	Wall    bool     // a wall session's: nothing but the day
}

// May reports whether somebody may call an operation; about what, their units say besides.
func (s Staff) May(operation string) bool {
	return s.Role.May(operation) && (!s.Wall || operation == wallOperation)
}

// caller is who the audit names and whom rights and units bind. A name that the audit could not keep is left out.
func (s Staff) caller() (*caller, error) {
	if s.Subject == "" {
		return nil, fmt.Errorf("%w: nobody is signed in", ErrGrant)
	}
	if err := (Grant{s.Role, s.Units}).Check(); err != nil {
		return nil, err
	}
	self := "staff:" + shortSubject(s.Subject)
	return &caller{actor: strings.TrimSpace(self + " " + plainName(s.Name)), self: s.Subject, holder: s.Subject, role: s.Role, units: slices.Clone(s.Units), wall: s.Wall}, nil
}

// shortSubject names a subject in audit and log: letters alone, since the audit takes long numbers for people's.
func shortSubject(subject string) string {
	sum := sha256.Sum256([]byte("husk staff 1\x00" + subject))
	b := sum[:keyIDLength]
	for i := range b {
		b[i] = keyLetters[b[i]%16]
	}
	return string(b)
}

// plainName is a name as the audit can keep it: "" where it can't.
func plainName(s string) string {
	if s = strings.TrimSpace(s); IsName(s) {
		return s
	}
	return ""
}

// Call makes one call of the staff API inside the process, for somebody who is signed in: the same way as over HTTPS, with the same
// rights, units, audit, limits of time and number. path has its query; in is the body, nil = none; the answer is decoded into out,
// nil = it is not wanted. What is refused is an *Error; so is a line that is shut (503). ErrGrant means that s may not call at all.
func (d *Door) Call(ctx context.Context, s Staff, method, path string, in, out any) error {
	began := d.o.Now()
	c, err := s.caller()
	if err != nil {
		return err
	}
	body := []byte(nil)
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("web: %s %w", method, err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, path, bytes.NewReader(body))
	if err != nil {
		return errors.New("web: want a method, and a path with its query")
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	x, leave, why := d.enter()
	if x == nil {
		return &Error{code: http.StatusServiceUnavailable, Text: "not ready: " + why}
	}
	defer leave()
	who := shortSubject(s.Subject)
	if wait := d.keys.take("staff:"+who, began); wait > 0 {
		d.refused.WithLabelValues("key_rate").Inc()
		return &Error{code: http.StatusTooManyRequests, retry: wait, Text: "too many requests: wait a moment"}
	}
	w := &heard{header: http.Header{}, code: http.StatusOK}
	route, code := d.pass(w, r, x, c)
	d.o.Log.Info("request", zap.String("route", route), zap.Int("code", code), zap.String("staff", who), zap.Duration("took", d.o.Now().Sub(began)))
	return w.into(out)
}

// heard is an answer that stays in the process.
type heard struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (h *heard) Header() http.Header { return h.header }

// WriteHeader implements http.ResponseWriter.
func (h *heard) WriteHeader(code int) { h.code = code }

// Write implements http.ResponseWriter.
func (h *heard) Write(b []byte) (int, error) { return h.body.Write(b) }

func (h *heard) into(out any) error {
	if h.code >= http.StatusMultipleChoices {
		e := &Error{code: h.code}
		if err := json.Unmarshal(h.body.Bytes(), e); err != nil || e.Text == "" {
			e.Text = "no answer"
		}
		if n, err := strconv.Atoi(h.header.Get("Retry-After")); err == nil {
			e.retry = time.Duration(n) * time.Second
		}
		return e
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(&h.body).Decode(out); err != nil && !errors.Is(err, io.EOF) {
		return errors.New("web: the answer can't be read")
	}
	return nil
}

// Admit counts a request for a page against its address. It returns zero, or how long the address must wait.
func (d *Door) Admit(remoteAddr string) time.Duration {
	wait := d.visitors.take(network(remoteAddr), d.o.Now())
	if wait > 0 {
		d.refused.WithLabelValues("page_rate").Inc()
	}
	return wait
}

// Units is the unit directory of the line behind the door; nil while it is shut.
func (d *Door) Units() *reminder.Directory {
	x, leave, _ := d.enter()
	if x == nil {
		return nil
	}
	defer leave()
	return x.api.o.Units
}
