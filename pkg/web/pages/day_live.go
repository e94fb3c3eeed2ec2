package pages

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/web"
)

// How the figures of the day are sent while a page is left open.
const (
	// dayEvery is how often is looked whether they have changed.
	dayEvery = 5 * time.Second
	// dayBeat is after how long without anything to say a comment is sent, so that nothing between takes the connection for dead.
	dayBeat = 20 * time.Second
	// dayWrite is how long one of the writes may take.
	dayWrite = 10 * time.Second
	// streamsOfOne and streamsOfAll are how many pages of a session, and of everybody, are kept up to date at once. A session's oldest
	// gives way to its newest: after a broken line the browser comes anew before the old connection is known to be dead.
	streamsOfOne = 4
	streamsOfAll = 1000
)

// Why a stream ends that the browser must not open anew: keys of day.over.
const (
	overSession   = "session"   // signed out, for whatever reason
	overElsewhere = "elsewhere" // too many pages of the session are open
	overRole      = "role"      // the role, or the unit, is no longer theirs
)

// streams are the pages that are kept up to date.
type streams struct {
	every, beat time.Duration

	mu     sync.Mutex
	of     map[string][]*stream // by session, the oldest first
	count  int
	closed chan struct{}
}

// stream is one of them. over is closed when it has to give way.
type stream struct{ over chan struct{} }

func newStreams() *streams {
	return &streams{every: dayEvery, beat: dayBeat, of: map[string][]*stream{}, closed: make(chan struct{})}
}

// join adds a stream of a session, until leave is called; nil when there are too many.
func (s *streams) join(session string) (x *stream, leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count >= streamsOfAll {
		return nil, nil
	}
	x = &stream{over: make(chan struct{})}
	all := append(s.of[session], x)
	if len(all) > streamsOfOne {
		close(all[0].over)
		all = all[1:]
	}
	s.of[session] = all
	s.count++
	return x, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.count--
		s.of[session] = slices.DeleteFunc(s.of[session], func(y *stream) bool { return x == y })
		if len(s.of[session]) == 0 {
			delete(s.of, session)
		}
	}
}

// close ends all streams; it may be called again.
func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
}

// Close ends what is sent to pages that are left open. Browsers come anew, to whatever answers then. It is for the shutdown of the server,
// which waits for every answer.
func (p *Pages) Close() { p.streams.close() }

// errMany means that too many pages are kept up to date.
var errMany = tooMany(30 * time.Second)

// dayEvents sends the figures of the day as they change, as server-sent events (HTML, section 9.2): day with the part of the page that
// changes, wait with a sentence while there are none, over with why there will be no more. It never takes itself for a sign of life,
// and looks before everything it sends whether the session, the role and the unit still hold. A browser that is led here gets the page.
func (v *visit) dayEvents() error {
	if v.r.Header.Get("Accept") != eventStream {
		return v.day()
	}
	unit, err := v.dayUnit()
	if err != nil {
		return err
	}
	last, err := v.figures(unit)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", eventStream)
	h.Set("Content-Language", v.words.language)
	h.Set("Cache-Control", "no-store, no-transform") // nothing between may keep or gather it
	h.Set("X-Accel-Buffering", "no")
	if v.r.Method == http.MethodHead {
		return nil
	}
	x, leave := v.streams.join(v.session.ID)
	if x == nil {
		return errMany
	}
	defer leave()
	w := eventWriter{v.w, http.NewResponseController(v.w)}
	// The server's limits of time are for pages that end.
	if err := errors.Join(w.rc.SetReadDeadline(time.Time{}), w.send("retry: 5000\n"+event("day", last))); err != nil {
		return nil // the browser has gone
	}
	v.stream(w, x, unit, last)
	return nil
}

// stream sends what has changed until the browser goes, or something ends it.
func (v *visit) stream(w eventWriter, x *stream, unit, last string) {
	tick := time.NewTicker(v.streams.every)
	defer tick.Stop()
	said := time.Now()
	for {
		select {
		case <-v.ctx().Done():
			return
		case <-v.streams.closed:
			return
		case <-x.over:
			_ = w.send(event("over", v.words.must("day.over."+overElsewhere)))
			return
		case <-tick.C:
		}
		now, over, err := v.dayNow(unit)
		text := ""
		switch {
		case over != "":
			_ = w.send(event("over", v.words.must("day.over."+over)))
			return
		case err != nil && last != "":
			text = event("wait", v.words.must("day.wait"))
		case now != last:
			text = event("day", now)
		}
		last = now
		if text == "" && time.Since(said) < v.streams.beat {
			continue
		}
		if text == "" {
			text = ": still here\n\n"
		}
		if w.send(text) != nil {
			return
		}
		said = time.Now()
	}
}

// dayNow is the part of the page that changes; over says why there is none any more, err that there is none now.
func (v *visit) dayNow(unit string) (now, over string, err error) {
	was := v.session
	if err := v.enter(v.o.Sessions.Peek); err != nil {
		if errors.Is(err, web.ErrNoSession) || errors.Is(err, web.ErrGrant) {
			return "", overSession, nil
		}
		return "", "", err
	}
	if v.session.Active != was.Active || !v.may("day.show") {
		return "", overRole, nil
	}
	now, err = v.figures(unit) // "" with an error
	var e *web.Error
	switch {
	case errors.Is(err, web.ErrGrant):
		return "", overSession, nil
	case errors.As(err, &e) && (e.GetStatus() == http.StatusForbidden || e.GetStatus() == http.StatusBadRequest):
		return "", overRole, nil
	}
	return now, "", err
}

// eventWriter writes events, each at once.
type eventWriter struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (w eventWriter) send(text string) error {
	if err := w.rc.SetWriteDeadline(time.Now().Add(dayWrite)); err != nil {
		return fmt.Errorf("pages: %w", err)
	}
	if _, err := w.w.Write([]byte(text)); err != nil { //nolint:gosec // of html/template
		return fmt.Errorf("pages: %w", err)
	}
	if err := w.rc.Flush(); err != nil {
		return fmt.Errorf("pages: %w", err)
	}
	return nil
}

// event is one event in the form that browsers read.
func event(name, data string) string {
	return "event: " + name + "\ndata: " + strings.ReplaceAll(strings.TrimSpace(data), "\n", "\ndata: ") + "\n\n"
}
