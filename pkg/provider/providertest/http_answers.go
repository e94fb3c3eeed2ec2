package providertest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func tells(t *testing.T, h HTTP) {
	v, s := h.open(t)
	if err := h.send(t, s, "tells-1"); err != nil {
		t.Fatal(err, errors.Unwrap(err))
	}
	if err := h.send(t, s, "tells-2"); err != nil {
		t.Fatal(err)
	}
	all := v.sent(t, "tells-1")
	if len(all) != 1 || len(v.sent(t, "tells-2")) != 1 {
		t.Fatal("the reference is not where the vendor sends it back from")
	}
	r := all[0]
	if got := r.Header.Get("Authorization"); got != h.Authorization {
		t.Errorf("authorization %q", got)
	}
	for _, k := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if r.Header.Get(k) != "" {
			t.Errorf("the header %s invites to send again", k)
		}
	}
	head := r.URL + fmt.Sprint(r.Header)
	for _, what := range []string{"987654", "tiden", "tells-1"} {
		if strings.Contains(head, what) {
			t.Errorf("the address or head of the request tells of the message")
		}
	}
	numbers := 0
	for _, value := range flat(h.Fields(t, r.Body)) {
		if strings.TrimPrefix(value, "+") == strings.TrimPrefix(Recipient, "+") {
			numbers++
			continue
		}
		if strings.Contains(value, "987654") {
			t.Errorf("the number is also in %q", value)
		}
		if value != Text && strings.Contains(value, "tiden") {
			t.Errorf("the text is also in %q", value)
		}
	}
	if numbers != 1 {
		t.Errorf("the recipient is told %d times", numbers)
	}
	if strings.Contains(r.Body, "canary") {
		t.Errorf("the request tells what only Husk is to know: %s", r.Body)
	}
	// What is of the configuration is the same in every message.
	m := SMS("tells-3")
	one, err1 := s.Encode(m)
	m.To, m.Text, m.Reference = reminder.NewAddress(reminder.SMS, "+4531415926"), reminder.Mask("andet"), "other"
	two, err2 := s.Encode(m)
	if errors.Join(err1, err2) != nil || !reflect.DeepEqual(one.Fixed, two.Fixed) {
		t.Errorf("what the wire calls fixed is not: %v", errors.Join(err1, err2))
	}
	for _, f := range one.Fixed {
		if f.IsZero() || strings.Contains(f.Reveal(), "987654") {
			t.Error("the wire calls something fixed that is not")
		}
	}
}

// flat are all values in fields, as text.
func flat(v any) (all []string) {
	switch x := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			all = append(all, flat(x[k])...)
		}
	case []any:
		for _, y := range x {
			all = append(all, flat(y)...)
		}
	default:
		all = append(all, fmt.Sprint(x))
	}
	return all
}

func unfit(t *testing.T, h HTTP) {
	v, s := h.open(t)
	for _, to := range []string{"20987654", "+020987654", "+45", "+45 20987654", "+4520987654;+4531415926", "004520987654", "+4520987654321098", "anna@example.org"} {
		m := SMS("unfit-1")
		m.To = reminder.NewAddress(reminder.SMS, to)
		if _, err := s.Encode(m); provider.OutcomeOf(err) != provider.Reject {
			t.Errorf("recipient %s: %v", to, err)
		}
	}
	for _, from := range []string{"", "Rigshospitalet", "Ort<a>", "Øre", " Ort", "12"} {
		m := SMS("unfit-2")
		m.Sender = from
		if _, err := s.Encode(m); provider.OutcomeOf(err) != provider.Reject {
			t.Errorf("sender %q: %v", from, err)
		}
	}
	for i, from := range []string{"Husk", "+4520123456", "4520123456"} {
		m := SMS(fmt.Sprintf("fit-%d", i))
		m.Sender = from
		slot, err := s.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Send(t.Context(), s, slot, m); err != nil || len(v.sent(t, m.Reference)) != 1 {
			t.Errorf("sender %q: %v", from, err)
		}
		slot.Close()
	}
}

func refusals(t *testing.T, h HTTP) {
	if len(h.Refusals) == 0 {
		t.Fatal("no refusals")
	}
	v, s := h.open(t)
	for i, c := range h.Refusals {
		reference := fmt.Sprintf("refusal-%d", i)
		v.will(func(w http.ResponseWriter, _ *http.Request, _ Received) { write(w, c.Reply) })
		err := h.send(t, s, reference)
		want(t, c.Name, err, c.Outcome, c.Code)
		var e *provider.Error
		if errors.As(err, &e) && (e.Fault != c.Fault || e.After != c.After) {
			t.Errorf("%s: fault %q after %v, want %q %v", c.Name, e.Fault, e.After, c.Fault, c.After)
		}
		if n := len(v.sent(t, reference)); n != 1 {
			t.Errorf("%s: sent %d times", c.Name, n)
		}
	}
	v.will(nil)
	if err := h.send(t, s, "refusal-none"); err != nil {
		t.Errorf("after refusals the carrier no longer sends: %v", err)
	}
}

// want compares an error's outcome and code.
func want(t *testing.T, name string, err error, outcome provider.Outcome, code string) {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: %v, want %v", name, err, outcome)
		return
	}
	if e.Outcome != outcome || code != "" && e.Code != code {
		t.Errorf("%s: %v (%v), want %v %s", name, err, e.Err, outcome, code)
	}
	if e.Label() == "" {
		t.Errorf("%s: the code can't be shown", name)
	}
}

func retryAfter(t *testing.T, h HTTP) {
	v, s := h.open(t)
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		for _, c := range []struct {
			header   string
			from, to time.Duration
			says     bool
		}{
			{"7", 7 * time.Second, 7 * time.Second, true},
			{time.Now().Add(time.Minute).UTC().Format(http.TimeFormat), 50 * time.Second, 61 * time.Second, true},
			{"99999999", 24 * time.Hour, 24 * time.Hour, true},
			{"", 0, 0, false}, {"-3", 0, 0, false}, {"soon", 0, 0, false}, {"0", 0, 0, true},
			{time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), 0, 0, true},
		} {
			reference := fmt.Sprintf("after-%d-%d", status, c.from)
			v.will(func(w http.ResponseWriter, _ *http.Request, _ Received) {
				write(w, Reply{Status: status, Header: map[string]string{"Retry-After": c.header}, Body: "<html>busy: " + Recipient})
			})
			outcome := provider.Retry
			if status == http.StatusServiceUnavailable && !c.says { // it may be of a proxy that lost sight of a carrier that has the message
				outcome = provider.Unknown
			}
			err := h.send(t, s, reference)
			want(t, fmt.Sprintf("%d, Retry-After %q", status, c.header), err, outcome, "")
			var e *provider.Error
			if errors.As(err, &e) && (e.After < c.from || e.After > c.to) {
				t.Errorf("%d, Retry-After %q: wait %v", status, c.header, e.After)
			}
		}
	}
}

func statuses(t *testing.T, h HTTP) {
	v, s := h.open(t)
	for _, c := range []struct {
		name    string
		reply   Reply
		outcome provider.Outcome
	}{
		{"200 with a proxy's page", Reply{Status: 200, Body: "<html>Log in to the guest network"}, provider.Unknown},
		{"200 with other JSON", Reply{Status: 200, Body: `{"ok":true}`}, provider.Unknown},
		{"200 with nothing", Reply{Status: 200}, provider.Unknown},
		{"201 with null", Reply{Status: 201, Body: "null"}, provider.Unknown},
		{"202", Reply{Status: 202, Body: "[]"}, provider.Unknown},
		{"204", Reply{Status: 204}, provider.Unknown},
		{"401", Reply{Status: 401, Body: Recipient}, provider.Retry},
		{"403 of a proxy", Reply{Status: 403, Body: "<html>" + Recipient}, provider.Retry},
		{"404", Reply{Status: 404}, provider.Retry},
		{"408", Reply{Status: 408}, provider.Unknown},
		{"409", Reply{Status: 409}, provider.Unknown},
		{"400 of a proxy", Reply{Status: 400, Body: "<html>"}, provider.Reject},
		{"418", Reply{Status: 418}, provider.Reject},
		{"500", Reply{Status: 500, Body: h.Authorization + " " + Recipient}, provider.Unknown},
		{"502", Reply{Status: 502, Body: "<html>"}, provider.Unknown},
		{"503 of a proxy that had passed it on", Reply{Status: 503, Body: "upstream connect error or disconnect/reset before headers. reset reason: connection termination"}, provider.Unknown},
		{"504", Reply{Status: 504}, provider.Unknown},
		{"599", Reply{Status: 599}, provider.Unknown},
	} {
		v.will(func(w http.ResponseWriter, _ *http.Request, _ Received) { write(w, c.reply) })
		reference := "status-" + strings.Fields(c.name)[0] + fmt.Sprint(len(c.name))
		err := h.send(t, s, reference)
		want(t, c.name, err, c.outcome, "")
		if n := len(v.sent(t, reference)); n != 1 {
			t.Errorf("%s: sent %d times", c.name, n)
		}
	}
}

func redirects(t *testing.T, h HTTP) {
	v, s := h.open(t)
	for status, outcome := range map[int]provider.Outcome{301: provider.Unknown, 302: provider.Unknown, 303: provider.Unknown, 307: provider.Retry, 308: provider.Retry} {
		reference := fmt.Sprintf("redirect-%d", status)
		v.will(func(w http.ResponseWriter, r *http.Request, _ Received) {
			http.Redirect(w, r, v.URL+h.Path, status) // to itself: followed, it would come again
		})
		err := h.send(t, s, reference)
		want(t, reference, err, outcome, "")
		if n := len(v.sent(t, reference)); n != 1 {
			t.Errorf("%d: sent %d times", status, n)
		}
	}
}
