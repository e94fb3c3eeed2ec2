package ledger_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// canaries are personal data that must be nowhere in the clear.
var canaries = map[string]string{
	"national id": "0107334939", "given name": "Kanariafugl", "birth date": "1933-07-01", "number": "+4529876501", "mail": "kanarie@fugl.example",
	"relative": "Perdix Rovfugl", "relative's number": "+4529876502", "relative's mail": "rovfugl@fugl.example", "system's id": "A-KANARIE-77",
	"dead letter": "Dødbrevsfugl", "unit in the subject": "0107334938",
}

// forms are the ways in which a text may stand in the clear: as it is, in hex, and in base64 at each of its three phases.
func forms(s string) []string {
	out := []string{s, strings.TrimPrefix(s, "+45"), hex.EncodeToString([]byte(s))}
	for pad := range 3 {
		b := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", pad) + s))
		out = append(out, b[(pad*8+5)/6:len(b)-4]) // without what the neighbours have a share in
	}
	return out
}

func leaks(t *testing.T, where string, b []byte) {
	t.Helper()
	for what, s := range canaries {
		for _, f := range forms(s) {
			if bytes.Contains(b, []byte(f)) {
				t.Errorf("%s holds the %s in the clear", where, what)
				break
			}
		}
	}
}

func TestCanariesAreFound(t *testing.T) {
	for what, s := range canaries {
		for _, text := range []string{
			"before " + s + " after", hex.EncodeToString([]byte("ab" + s)), base64.StdEncoding.EncodeToString([]byte(`{"x":"` + s + `"}`)),
			base64.StdEncoding.EncodeToString([]byte(`{"xy":"` + s + `"}`)), base64.StdEncoding.EncodeToString([]byte(`{"xyz":"` + s + `"}`)),
		} {
			found := false
			for _, f := range forms(s) {
				found = found || strings.Contains(text, f)
			}
			if !found {
				t.Errorf("the %s is not found in %s", what, text)
			}
		}
	}
}

// Everything a ledger writes, logs, counts or says stays free of personal data, though the broker encrypts nothing here.
func TestPersonalDataStaysSealed(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	sink := zapcore.Lock(zapcore.AddSync(&log))
	metrics := prometheus.NewRegistry()
	w := newWorld(t, func(o *ledger.Options) {
		o.Log = zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), sink, zap.DebugLevel))
		if metrics != nil {
			o.Metrics, metrics = metrics, nil // once
		}
		o.HighWater = filepath.Join(filepath.Dir(o.Snapshot.Path), "high-water")
	})
	to := reminder.NewAddress(reminder.SMS, canaries["number"])
	mail := reminder.NewAddress(reminder.Email, canaries["mail"])
	a := w.appointment(1, func(a *reminder.Appointment) {
		a.NationalID = reminder.NewNationalID("DK", canaries["national id"])
		a.Person = w.p.Person(a.NationalID)
		a.ID = canaries["system's id"]
		a.Key = w.p.Appointment(a.System, a.ID)
		a.GivenName = reminder.Mask(canaries["given name"])
		a.BirthDate = reminder.Date{Year: 1933, Month: 7, Day: 1}
		a.Others = []reminder.Other{{
			Role: reminder.Relative, Names: []reminder.Masked{reminder.Mask(canaries["relative"])},
			Phones: []reminder.Masked{reminder.Mask(canaries["relative's number"])}, Mails: []reminder.Masked{reminder.Mask(canaries["relative's mail"])},
		}}
	})
	p := a.Person

	// A whole life.
	w.accept(a)
	w.known(p, to)
	w.ok(w.Contact(w.ctx, w.proof(p, mail)))
	w.due()
	x := w.wire(to)
	w.settle(x, receipt.Accepted)
	w.ok(w.Report(w.ctx, receipt.Report{Claim: x.intent.Claim, Status: receipt.Delivered}))
	moved := a
	moved.Order.Revision, moved.Start = 2, a.Start.Add(day)
	w.accept(moved)
	w.ok(w.Stop(w.ctx, to, "outbox"))
	w.ok(w.Start(w.ctx, to, "outbox"))
	w.ok(w.Other(w.ctx, mail, "outbox"))
	w.ok(w.WrongNumber(w.ctx, mail, "outbox"))
	w.ok(w.Consent(w.ctx, w.word(p, consent.Withdrawn)))
	w.ok(w.Bury(w.ctx, []ledger.DeadLetter{{
		Station: "intake", Reason: "malformed", Subject: "husk.events.cosmic." + canaries["unit in the subject"],
		Data: []byte(`{"patient":"` + canaries["dead letter"] + ` ` + canaries["national id"] + `"}`),
	}, {
		Station: "intake", Reason: "subject", Subject: "husk.events." + canaries["unit in the subject"] + ".rh-ortho", Data: []byte("x"),
	}}))
	dead, err := w.DeadLetters(w.ctx)
	w.ok(err)
	if len(dead) != 2 || dead[0].System != "cosmic" || dead[1].System != "" {
		t.Errorf("dead letters %+v", dead)
	}

	// Whatever goes wrong. Each must be an error, and none may tell.
	unknown := a
	unknown.Key, unknown.Unit = w.p.Appointment("cosmic", "other"), canaries["unit in the subject"]
	errs, err := w.Accept(w.ctx, []reminder.Appointment{unknown})
	w.ok(err)
	w.is(errs[0], plan.ErrUnknownUnit)
	incomplete := unknown
	incomplete.Key, incomplete.Status = w.p.Appointment("cosmic", "third"), "odd"
	odd, err := w.Accept(w.ctx, []reminder.Appointment{incomplete})
	w.ok(err)
	short, cancel := contextFor(t, 0)
	defer cancel()
	bad := w.proof(p, to)
	bad.Type = contact.Type(canaries["given name"])
	yes := w.word(p, consent.Granted)
	yes.Method = consent.Method(canaries["given name"])
	unsure := w.uncertain()
	large := ledger.DeadLetter{Subject: canaries["unit in the subject"], Data: bytes.Repeat([]byte(canaries["dead letter"]), 1<<17)}
	_, gone := w.DeadLetter(w.ctx, 99)
	_, lost := unsure.Accept(short, []reminder.Appointment{moved, a, w.appointment(9)})
	failures := map[string]error{
		"unknown unit": errs[0], "incomplete": odd[0], "contact": w.Contact(w.ctx, bad), "no address": w.Contact(w.ctx, w.proof(p, reminder.Address{})),
		"consent": w.Consent(w.ctx, yes), "dead letter": gone, "lost": lost, "stop": unsure.Stop(short, to, "outbox"),
		"start": unsure.Start(short, mail, "outbox"), "too large": w.Bury(w.ctx, []ledger.DeadLetter{large}), "replay": w.Replay(w.ctx, 1),
	}
	for name, err := range failures {
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			leaks(t, "the error of "+name, []byte(text))
		}
	}

	// A journal that can't be read.
	entries := w.entries(journal.StreamJournal)
	broken := entries[0]
	broken.Clear = []byte(`{"appointment":"` + canaries["given name"] + `"`)
	if _, err := w.journal.Append(w.ctx, broken); err == nil {
		t.Error("an entry that is no JSON was written")
	} else {
		leaks(t, "the error of a broken entry", []byte(err.Error()))
	}

	var snapshot bytes.Buffer
	w.ok(w.state.Snapshot(&snapshot))
	leaks(t, "the state", snapshot.Bytes())
	if !bytes.Contains(snapshot.Bytes(), []byte(p)) {
		t.Error("the person is not in the state that was looked at")
	}
	w.ok(w.end())
	leaks(t, "the log", log.Bytes())
	if log.Len() == 0 {
		t.Error("nothing was logged: there is nothing to look at")
	}

	// The broker's files, the snapshot's and the high-water mark's.
	files, found := 0, false
	w.ok(filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files++
		leaks(t, "the file "+d.Name(), b)
		found = found || bytes.Contains(b, []byte(x.intent.Claim))
		return err
	}))
	if files < 8 || !found {
		t.Errorf("%d files, the claim found %v: the store's files are not what was looked at", files, found)
	}
}

func TestMetricsTellNothingOfAnybody(t *testing.T) {
	t.Parallel()
	metrics := prometheus.NewRegistry()
	w := worldWith(t, t.TempDir(), journal.NewKeyset(), func(o *ledger.Options) { o.Metrics = metrics })
	w.open()
	w.change = nil
	a := w.appointment(1, func(a *reminder.Appointment) { a.GivenName = reminder.Mask(canaries["given name"]) })
	w.accept(a)
	w.known(a.Person, reminder.NewAddress(reminder.SMS, canaries["number"]))
	w.ok(w.Stop(w.ctx, reminder.NewAddress(reminder.SMS, canaries["number"]), "outbox"))
	want := map[string]float64{
		"husk_ledger_folded_total": 4, "husk_ledger_append_errors_total": 0, "husk_ledger_certified": 1, "husk_ledger_planned_total": 1, "husk_ledger_stops_total": 1, "husk_ledger_reports_total": 0, "husk_ledger_faults_total": 0, "husk_ledger_contradictions_total": 0,
	}
	told := func() map[string]float64 {
		fs, err := metrics.Gather()
		w.ok(err)
		got := map[string]float64{}
		for _, f := range fs {
			leaks(t, "a metric", []byte(f.String()))
			if bytes.Contains([]byte(f.String()), []byte(a.Person)) {
				t.Error("a metric names a person")
			}
			for _, m := range f.GetMetric() {
				got[f.GetName()] += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
		return got
	}
	got := told()
	for end := time.Now().Add(10 * time.Second); !maps.Equal(got, want) && time.Now().Before(end); got = told() {
		time.Sleep(time.Millisecond) // what is folded is counted a moment after it can be read
	}
	if !maps.Equal(got, want) {
		t.Errorf("metrics %v, want %v", got, want)
	}
}
