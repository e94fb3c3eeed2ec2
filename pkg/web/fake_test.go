package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	defaults "github.com/husk-reminders/husk/config"
	policies "github.com/husk-reminders/husk/config/policy"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/code"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/templates"
)

// noon is when the tests are.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	somebody = "1-0123456789abcdef0123456789abcdef"
	wished   = "0123456789abcdef01234567" // an entry of the inbox
)

// fake is a ledger that remembers what it was asked, in order.
type fake struct {
	calls     []string
	audits    []ledger.Audit
	noAudit   error
	err       error // of everything but the audit
	moved     error // of releasing and cancelling
	codeErr   error // of codes
	told      code.Result
	directory *reminder.Directory // nil = the shipped one
	units     []string            // where the person has an appointment
	unit      string              // of every reminder
	word      consent.Record      // of every person
	born      reminder.Date       // of every person
	misses    []ledger.Misdelivery
	noInbox   error
	block     chan struct{}
	denies    gate.Reason // "" = of no reason
	written   ledger.Written
	known     []contact.Record // of every person
	replayed  error            // of a dead letter

	fourEyes bool
	kept     *keptTexts // nil = as seeded
	later    time.Duration
	stopped  map[string]string // nil = one unit
	switched []state.Switch
}

func (f *fake) call(name string) error { f.calls = append(f.calls, name); return f.err }

func (f *fake) Status(context.Context) (ledger.Status, error) {
	if f.block != nil {
		<-f.block
	}
	if f.stopped == nil {
		f.stopped = map[string]string{"unit:rh-eye": "leak"}
	}
	return ledger.Status{Stopped: f.stopped}, f.err
}

func (f *fake) Reminders(_ context.Context, q ledger.Filter) ([]ledger.ReminderView, error) {
	return []ledger.ReminderView{{ID: q.ID, Person: somebody, Unit: f.unit}}, f.call("reminders")
}

func (f *fake) Letters(_ context.Context, q ledger.LetterFilter, known func(string) bool) (ledger.Letters, error) {
	if !known("rh-eye") || known("nowhere") {
		return ledger.Letters{}, errors.New("asked with another unit directory")
	}
	return ledger.Letters{Letters: []ledger.Letter{}}, f.call(fmt.Sprintf("letters %s %s %d", q.Unit, q.Reason, q.Max))
}

func (f *fake) People(_ context.Context, keys []reminder.PersonKey) ([]ledger.Person, error) {
	ps := make([]ledger.Person, len(keys))
	ps[0].BirthDate, ps[0].Contact = f.born, f.known
	if f.known == nil {
		ps[0].Contact = []contact.Record{{Person: keys[0], Hash: somebody, Channel: reminder.SMS, Address: reminder.NewAddress(reminder.SMS, "+4520999999")}}
	}
	if f.word.ID != "" {
		ps[0].Consent = []consent.Record{f.word}
	}
	return ps, f.call("people")
}
func (f *fake) Consent(context.Context, consent.Record) error { return f.call("consent") }
func (f *fake) Contact(context.Context, contact.Record) error { return f.call("contact") }

func (f *fake) Switch(_ context.Context, s state.Switch) error {
	f.switched = append(f.switched, s)
	if s.On {
		f.stopped[s.Name] = s.Reason
	} else {
		delete(f.stopped, s.Name)
	}
	return f.call("switch")
}

// somebodys reports whether by names who did it.
func somebodys(by string) bool {
	return by == "karen" || strings.HasPrefix(by, "key:") || strings.HasPrefix(by, "staff:")
}

func (f *fake) Release(_ context.Context, _ reminder.PersonKey, _ reminder.ID, by, why string) error {
	if !somebodys(by) || why == "" {
		return errors.New("released by nobody, or for nothing")
	}
	return errors.Join(f.call("release"), f.moved)
}

func (f *fake) Cancel(_ context.Context, _ reminder.PersonKey, _ reminder.ID, by string) error {
	if !somebodys(by) {
		return errors.New("cancelled by nobody")
	}
	return errors.Join(f.call("cancel"), f.moved)
}

func (f *fake) Stop(_ context.Context, a reminder.Address, via string) error {
	return f.call("stop " + a.Reveal() + " " + via)
}

func (f *fake) Start(_ context.Context, a reminder.Address, via string) error {
	return f.call("start " + a.Reveal() + " " + via)
}

func (f *fake) WrongNumber(_ context.Context, a reminder.Address, via string) error {
	return f.call("wrong number " + a.Reveal() + " " + via)
}

func (f *fake) Wishes(_ context.Context, unit string) ([]ledger.Wish, error) {
	return []ledger.Wish{{ID: wished, At: noon.Add(-90 * time.Minute), Person: somebody, Unit: f.unit}}, errors.Join(f.call("wishes "+unit), f.noInbox)
}

func (f *fake) Handled(_ context.Context, id, by string) error {
	if !somebodys(by) {
		return errors.New("seen to by nobody")
	}
	return f.call("handled " + id)
}

func (f *fake) Misdeliveries(_ context.Context, unit string) ([]ledger.Misdelivery, error) {
	ms := f.misses
	if ms == nil && (unit == "" || unit == f.unit) {
		ms = []ledger.Misdelivery{{ID: missed, Aware: noon.Add(-100 * time.Hour), Address: somebody}}
	}
	return ms, f.call("misdeliveries " + unit)
}

func (f *fake) LastAudits(_ context.Context, p reminder.PersonKey, most int) ([]ledger.Audit, error) {
	return []ledger.Audit{}, f.call(fmt.Sprintf("audits %s %d", p, most))
}

func (f *fake) Audit(_ context.Context, a ledger.Audit) error {
	if f.noAudit != nil {
		return f.noAudit
	}
	f.calls = append(f.calls, "audit")
	f.audits = append(f.audits, a)
	return nil
}

func (f *fake) DeadLetters(context.Context) ([]ledger.DeadLetter, error) { return nil, f.call("dead") }

func (f *fake) DeadLetter(_ context.Context, id uint64) (ledger.DeadLetter, error) {
	return ledger.DeadLetter{ID: id, Data: []byte{0xff}}, f.call("dead letter")
}
func (f *fake) Replay(context.Context, uint64) error {
	return errors.Join(f.call("replay"), f.replayed)
}

func (f *fake) Units(context.Context, reminder.PersonKey) ([]string, error) {
	return f.units, f.call("units")
}

// drawer is a shelf in memory.
type drawer struct {
	err    error
	values map[string][]byte
	last   map[string]uint64
}

func newDrawer() *drawer { return &drawer{values: map[string][]byte{}, last: map[string]uint64{}} }

func (d *drawer) Read(_ context.Context, name string) ([]byte, uint64, error) {
	b, ok := d.values[name]
	if !ok && d.err == nil {
		return nil, 0, ErrNotFound
	}
	return b, d.last[name], d.err
}

func (d *drawer) List(_ context.Context, prefix string) (map[string][]byte, error) {
	all := map[string][]byte{}
	for name, b := range d.values {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			all[rest] = b
		}
	}
	return all, d.err
}

func (d *drawer) Write(_ context.Context, name string, value []byte, revision uint64) error {
	if _, ok := d.values[name]; ok != (revision != 0) || ok && d.last[name] != revision {
		return ErrRaced
	}
	d.values[name] = value
	d.last[name]++
	return d.err
}

func (d *drawer) Remove(_ context.Context, name string, revision uint64) error {
	if _, ok := d.values[name]; !ok || d.last[name] != revision {
		return ErrRaced
	}
	delete(d.values, name)
	return d.err
}

// shipped are the unit directory, packs and templates that come with the program.
func shipped() (*reminder.Directory, *policy.Set, *template.Set) {
	s := readShipped()
	return s.units, s.packs, s.templates
}

type shippedFiles struct {
	units     *reminder.Directory
	packs     *policy.Set
	templates *template.Set
}

var readShipped = sync.OnceValue(func() (s shippedFiles) {
	var err error
	if s.units, err = reminder.ReadUnits(bytes.NewReader(defaults.Units)); err != nil {
		panic(err)
	}
	if s.packs, err = policy.Load(policies.FS); err != nil {
		panic(err)
	}
	if s.templates, err = template.Load(templates.FS); err != nil {
		panic(err)
	}
	return s
})

func openDoor(t *testing.T, f *fake) *Door { return openDoorWith(t, f, newDrawer()) }

func openDoorWith(t *testing.T, f *fake, shelf Shelf) *Door {
	t.Helper()
	return openDoorOver(t, f, f, shelf)
}

// openDoorOver has the door's ledger answer in the fake's place.
func openDoorOver(t *testing.T, f *fake, l Ledger, shelf Shelf) *Door {
	t.Helper()
	units, packs, set := shipped()
	if f.directory != nil {
		units = f.directory
	}
	a, err := New(Options{
		Ledger: l, Units: units, Packs: packs, Templates: f.texts(set), Versions: f.kept, Composer: composerOf(t, f.kept.live), Routes: []string{"sms"}, Carriers: fakeCarriers{}, Country: "DK", Controller: consent.Controller{ID: "29190623", Name: "Region Nord"}, Metrics: prometheus.NewRegistry(),
		Person: func(_ reminder.Country, id string) (reminder.PersonKey, error) {
			if len(id) != 10 {
				return "", &FieldError{"id", "ten digits"}
			}
			if id == guardianID {
				return guardian, nil
			}
			return somebody, nil
		},
		Verify: func(_ context.Context, by string, keys ...reminder.PersonKey) ([]ledger.Verified, error) {
			return nil, f.call("verify " + by + " " + string(keys[0]))
		},
		Hash:  func(reminder.Address) reminder.AddressHash { return somebody },
		Ready: func(context.Context) error { return nil },
		Codes: fakeCodes{f},
		Explain: func(context.Context, gate.Question) (gate.Explanation, error) {
			last := gate.Step{Rule: gate.RuleConsent, Answer: gate.No}
			if f.denies == gate.Guardian {
				last = gate.Step{Rule: gate.RuleAge, Answer: gate.Unknown}
			}
			return gate.Explanation{Outcome: "deny", Reason: f.denies, Steps: []gate.Step{last}}, f.call("explain")
		},
		Shelf: shelf, Secret: bytes.Repeat([]byte{7}, 32), FourEyes: f.fourEyes,
		Now: func() time.Time { return noon.Add(f.later) },
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDoor(DoorOptions{Rebuild: func(context.Context) (Rebuilt, error) { return Rebuilt{Entries: 7, Seconds: 0.5}, f.err }})
	if err != nil {
		t.Fatal(err)
	}
	d.Open(a)
	return d
}

func ask(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	return askBy("karen", h, method, path, body)
}

func askAs(h http.Handler, user, path, body string) *httptest.ResponseRecorder {
	return askBy(user, h, http.MethodPost, path, body)
}

func askBy(user string, h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set(ActorHeader, user)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const notice = `{"id":"n-1","hash":"` + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" + `","language":"da"}`

// fakeCarriers are one that is well.
type fakeCarriers struct{}

func (fakeCarriers) List(_ context.Context, try bool) ([]Carrier, error) {
	return []Carrier{{Name: "sms", Type: "outbox", Channels: []string{"sms"}, Health: "well", Tried: try}}, nil
}

func (fakeCarriers) Test(_ context.Context, name string) (CarrierTest, error) {
	if name != "sms" {
		return CarrierTest{}, want("name", "sms")
	}
	return CarrierTest{Carrier: name, Channel: "sms", Reference: "r1", Outcome: "accepted"}, nil
}
