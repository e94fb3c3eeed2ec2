package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// staff speaks to the admin socket.
type staff struct {
	h    *house
	http *http.Client
}

func (h *house) staff() *staff {
	t := &http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(h.data, "admin.sock"))
	}}
	h.t.Cleanup(t.CloseIdleConnections)
	return &staff{h, &http.Client{Transport: t, Timeout: time.Minute}}
}

// ask sends a request and reads the answer into into.
func (s *staff) ask(method, path string, body, into any) error {
	var b bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&b).Encode(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequest(method, "http://husk"+path, &b)
	if err != nil {
		return err
	}
	r.Header.Set("Husk-Actor", "acceptance")
	res, err := s.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// get must be answered.
func get[T any](s *staff, path string) (v T) {
	s.h.t.Helper()
	s.h.must(s.ask(http.MethodGet, path, nil, &v))
	return v
}

// status is the part of the line's status that the tests look at.
type status struct {
	Counts map[string]int `json:"counts"`
	Due    int            `json:"due"`
	Leased int            `json:"leased"`
	Dead   int            `json:"dead"`
}

// reminders is how many there are, whatever has become of them.
func (s status) reminders() (n int) {
	for _, k := range s.Counts {
		n += k
	}
	return n
}

// some are the counts that are not 0: a state that was made again does not remember those.
func (s status) some() map[string]int {
	counts := maps.Clone(s.Counts)
	maps.DeleteFunc(counts, func(_ string, n int) bool { return n == 0 })
	return counts
}

// view is the part of a reminder that the tests look at.
type view struct {
	ID       string `json:"id"`
	Person   string `json:"person"`
	Unit     string `json:"unit"`
	Status   string `json:"status"`
	Attempts []struct {
		Claim  string `json:"claim"`
		Status string `json:"status"`
		Code   string `json:"code"`
	} `json:"attempts"`
}

// most is the longest list the staff API gives.
const most = 10_000

func (s *staff) status() status { s.h.t.Helper(); return get[status](s, "/v1/status?next=0") }

func (s *staff) reminders(status string) []view {
	s.h.t.Helper()
	return get[[]view](s, fmt.Sprintf("/v1/reminders?status=%s&max=%d", status, most))
}

// key asks for a person's pseudonym.
func (s *staff) key(p person) (string, error) {
	var k struct {
		Person string `json:"person"`
	}
	err := s.ask(http.MethodPost, "/v1/persons/key", map[string]string{"country": "DK", "id": p.id}, &k)
	return k.Person, err
}

// welcome takes down a person's consent and the proof of the address, as a clerk at the desk does.
func (s *staff) welcome(p person) error { return s.welcomeAt(p, "email", p.mail) }

// welcomeAt is welcome with an address of any channel.
func (s *staff) welcomeAt(p person, channel, address string) error {
	key, err := s.key(p)
	if err != nil {
		return err
	}
	if err := s.consent(key, "email", "sms"); err != nil {
		return err
	}
	return s.ask(http.MethodPost, "/v1/persons/"+key+"/addresses", map[string]any{
		"type": "verified", "channel": channel, "address": address, "method": "desk-id",
	}, nil)
}

// consent takes down a person's yes to reminders on channels.
func (s *staff) consent(key string, channels ...string) error {
	return s.ask(http.MethodPost, "/v1/persons/"+key+"/consent", map[string]any{
		"type": "granted", "purposes": []string{"reminder"}, "channels": channels, "method": "desk",
		"actor":  map[string]string{"kind": "self"},
		"notice": map[string]string{"id": "notice-1", "hash": strings.Repeat("ab", 32), "language": "da"},
	}, nil)
}

// withdraw takes a person's consent back. It returns when the withdrawal is acknowledged.
func (s *staff) withdraw(key string) error {
	return s.ask(http.MethodPost, "/v1/persons/"+key+"/consent", map[string]any{
		"type": "withdrawn", "method": "phone", "actor": map[string]string{"kind": "self"},
	}, nil)
}

// bar takes down a STOP for a mail address. It returns when the STOP is acknowledged.
func (s *staff) bar(mail string) error {
	return s.ask(http.MethodPost, "/v1/addresses/bars", map[string]any{"channel": "email", "address": mail, "reason": "said STOP by letter"}, nil)
}

// each calls do for 0 to n-1, some at a time, and returns the first error.
func each(n, atATime int, do func(i int) error) error {
	var wg sync.WaitGroup
	var first sync.Once
	var err error
	next := make(chan int)
	for range atATime {
		wg.Go(func() {
			for i := range next {
				if e := do(i); e != nil {
					first.Do(func() { err = e })
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return err
}
