package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// patient is an invented citizen.
type patient struct{ n int }

// id is the patient's CPR number: its day is raised by 60, as in the numbers that Danish hospitals give.
func (p patient) id() string { return fmt.Sprintf("%02d%02d70%04d", 61+p.n%28, 1+p.n/28%12, 1000+p.n) }

func (p patient) phone() string { return fmt.Sprintf("+45209876%02d", p.n%100) }

// appointment is the booking system's id of the patient's appointment.
func (p patient) appointment() string { return fmt.Sprintf("A-%d", p.n) }

// bookingSystem is how the booking system names itself.
const bookingSystem = "prove"

var copenhagen = func() *time.Location {
	l, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		panic(err)
	}
	return l
}()

// soon is when a reminder falls due that somebody waits for: one that is due before it is planned is none any more.
const soon = 4 * time.Second

// book publishes an appointment of a patient, whose reminder falls due after a while.
func (h *house) book(t *testing.T, p patient, unit string, due time.Duration) {
	t.Helper()
	event, err := json.Marshal(map[string]any{
		"system": bookingSystem, "appointment": p.appointment(), "revision": 1, "status": "booked",
		"start": time.Now().Add(due).In(copenhagen).AddDate(0, 0, 1).Format("2006-01-02T15:04:05"), "zone": copenhagen.String(), "minutes": 30, "unit": unit,
		"patient": map[string]any{"id": p.id(), "country": "DK", "given_name": "Vera", "language": "da"},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.publish(t, unit, event)
}

// publish publishes an event as the booking system does.
func (h *house) publish(t *testing.T, unit string, event []byte) {
	t.Helper()
	nc, err := nats.Connect("nats://"+h.nats, nats.UserInfo(bookingUser, bookingWord))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "husk.events."+bookingSystem+"."+unit, event); err != nil {
		t.Fatal(err)
	}
}

// ask has the staff API over the admin socket do something.
func (h *house) ask(t *testing.T, method, path string, in, out any) {
	t.Helper()
	c := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(h.data, "admin.sock"))
	}}}
	if code, answer := call(t, c, method, "http://husk"+path, "", in); code != http.StatusOK {
		t.Fatalf("%s %s: %d: %s", method, path, code, answer)
	} else if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatal(err)
		}
	}
}

// askWithKey has the staff API do something for who has an API key, and returns its answer.
func (h *house) askWithKey(t *testing.T, key, method, path string, in any) (code int, answer string) {
	t.Helper()
	code, b := call(t, http.DefaultClient, method, "http://"+h.api+path, key, in)
	return code, string(b)
}

func call(t *testing.T, c *http.Client, method, url, key string, in any) (int, []byte) {
	t.Helper()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			t.Fatal(err)
		}
	}
	q, err := http.NewRequestWithContext(t.Context(), method, url, &body)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Husk-Actor", "browser")
	q.Header.Set("Content-Type", "application/json")
	if key != "" {
		q.Header.Set("Authorization", "Bearer "+key)
	}
	r, err := c.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, answer
}

// key is the patient's pseudonym.
func (h *house) key(t *testing.T, p patient) string {
	t.Helper()
	var k struct {
		Person string `json:"person"`
	}
	h.ask(t, http.MethodPost, "/v1/persons/key", map[string]string{"country": "DK", "id": p.id()}, &k)
	return k.Person
}

// welcome takes the patient's yes and phone down, as a clerk at the desk does.
func (h *house) welcome(t *testing.T, p patient) { t.Helper(); h.agree(t, p, "sms", p.phone()) }

// agree takes the patient's yes down, and where messages are to go.
func (h *house) agree(t *testing.T, p patient, channel, address string) {
	t.Helper()
	key := h.key(t, p)
	h.ask(t, http.MethodPost, "/v1/persons/"+key+"/consent", map[string]any{
		"type": "granted", "purposes": []string{"reminder"}, "channels": []string{"sms", "email"}, "method": "desk", "actor": map[string]string{"kind": "self"},
		"notice": map[string]string{"id": "notice-1", "hash": strings.Repeat("ab", 32), "language": "da"},
	}, nil)
	h.ask(t, http.MethodPost, "/v1/persons/"+key+"/addresses", map[string]any{"type": "verified", "channel": channel, "address": address, "method": "desk-id"}, nil)
}

// comes makes that a patient has said yes and has an appointment whose reminder falls due soon.
func (h *house) comes(t *testing.T, p patient, unit string) {
	t.Helper()
	h.welcome(t, p)
	h.book(t, p, unit, soon)
}

// doubtful makes that nobody knows of the patient's reminder whether it left: the patient has e-mail alone, and its carrier cuts the line.
func (h *house) doubtful(t *testing.T, p patient, unit string) found {
	t.Helper()
	h.agree(t, p, "email", fmt.Sprintf("patient%d@mail.example", p.n))
	h.book(t, p, unit, soon)
	return h.reminder(t, p, "unknown")
}

// found is a reminder in a listing.
type found struct {
	ID, Person, Status, Reason string
}

// reminder is the patient's reminder, once it has a status.
func (h *house) reminder(t *testing.T, p patient, status string) (r found) {
	t.Helper()
	var all []found
	end := time.Now().Add(20 * time.Second)
	for {
		h.ask(t, http.MethodPost, "/v1/reminders/find", map[string]string{"system": bookingSystem, "appointment": p.appointment()}, &all)
		if len(all) == 1 && all[0].Status == status {
			return all[0]
		}
		if time.Now().After(end) {
			t.Fatalf("no reminder of patient %d is %s: %v", p.n, status, all)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
