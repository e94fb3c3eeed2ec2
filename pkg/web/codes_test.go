package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact/code"
)

// fakeCodes answers what the fake is told to.
type fakeCodes struct{ *fake }

func (f fakeCodes) Start(_ context.Context, r code.Request) (code.Started, error) {
	if !somebodys(r.Clerk) {
		return code.Started{}, errors.New("sent by nobody")
	}
	err := errors.Join(f.call("code to "+r.Address.Reveal()+" of "+r.Unit+" "+r.Language), f.codeErr)
	return code.Started{Reference: "ab12", Address: "1-ff", Expires: noon.Add(code.Life), Sure: true}, err
}

func (f fakeCodes) Check(_ context.Context, g code.Guess, by string) (code.Result, error) {
	if !somebodys(by) {
		return code.Result{}, errors.New("checked by nobody")
	}
	return f.told, errors.Join(f.call("code "+g.Code.Reveal()+" for "+string(g.Address)), f.codeErr)
}

const (
	codesPath = "/v1/persons/" + somebody + "/codes"
	sending   = `{"address":"20 12 34 56","unit":"rh-eye","language":"en","reason":"at the desk"}`
	telling   = `{"address":"20123456","code":"867 530"}`
)

func TestCodes(t *testing.T) {
	f := &fake{}
	d := openDoor(t, f)
	w := ask(d.Staff(), "POST", codesPath, sending)
	var sent CodeSent
	if err := json.Unmarshal(w.Body.Bytes(), &sent); err != nil || w.Code != 200 || !sent.Sure || sent.Hash != "1-ff" || !sent.Expires.Equal(noon.Add(10*time.Minute)) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := strings.Join(f.calls, ", "); got != "audit, code to +4520123456 of rh-eye en" || f.audits[0].Action != "code.send" || f.audits[0].Address == "" || f.audits[0].Reason != "at the desk" {
		t.Errorf("%s, %+v", got, f.audits)
	}
	for _, x := range []struct {
		told code.Result
		want CodeChecked
	}{
		{code.Result{Outcome: code.Right}, CodeChecked{Proven: true, Outcome: "right"}},
		{code.Result{Outcome: code.Wrong, Left: 4}, CodeChecked{Outcome: "wrong", Left: 4}},
		{code.Result{Outcome: code.TooMany}, CodeChecked{Outcome: "too_many"}},
		{code.Result{Outcome: code.TooLate}, CodeChecked{Outcome: "too_late"}},
		{code.Result{}, CodeChecked{Outcome: "no_code"}},
	} {
		f.told, f.calls, f.audits = x.told, nil, nil
		w := ask(d.Staff(), "POST", codesPath+"/check", telling)
		var got CodeChecked
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		x.want.Person, x.want.Hash = somebody, got.Hash
		if got != x.want || got.Hash == "" || len(f.calls) != 2 || f.calls[0] != "audit" || f.audits[0].Action != "code.check" || f.audits[0].Address != got.Hash {
			t.Errorf("%+v, want %+v; %v %+v", got, x.want, f.calls, f.audits)
		}
		if strings.Contains(fmt.Sprint(f.audits), "867") || strings.Contains(w.Body.String(), "867") {
			t.Errorf("the code is in the audit or the answer: %+v %s", f.audits, w.Body)
		}
	}
	f.calls = nil
	hash := "1-0123456789abcdef0123456789abcdef"
	if w := ask(d.Staff(), "POST", codesPath+"/check", `{"hash":"`+hash+`","code":"123456"}`); w.Code != 200 || f.calls[1] != "code 123456 for "+hash {
		t.Errorf("%d %s %v", w.Code, w.Body, f.calls)
	}
	f.noAudit = errors.New("full")
	f.calls = nil
	for _, x := range [][2]string{{codesPath, sending}, {codesPath + "/check", telling}} {
		if w := ask(d.Staff(), "POST", x[0], x[1]); w.Code != 503 || len(f.calls) > 0 {
			t.Errorf("without audit: %d %s %v", w.Code, w.Body, f.calls)
		}
	}
}

func TestCodesAreRefused(t *testing.T) {
	for _, x := range []struct {
		name string
		err  error
		code int
		text string
	}{
		{"too many", &code.LimitError{By: "clerk", Next: noon.Add(90 * time.Second)}, 429, "too many codes for this clerk: wait 1m30s"},
		{"a STOP", code.ErrBarred, 409, "a STOP came from this number"},
		{"a dispute", code.ErrDisputed, 409, "not who it is thought to be"},
		{"not to be written to", code.ErrForbidden, 409, "this person is not sent codes"},
		{"stopped", &code.NotSentError{Reason: "kill_switch"}, 409, "not sent: sending is stopped"},
		{"not told why", &code.NotSentError{}, 409, "the line does not say why"},
		{"another reason", &code.NotSentError{Reason: "rejected"}, 409, "not sent: rejected"},
		{"state", code.ErrUnknown, 503, "try again"},
		{"store", code.ErrStore, 503, "try again"},
		{"journal", fmt.Errorf("%w: x", ErrNotTaken), 503, "the code was right"},
	} {
		f := &fake{codeErr: x.err}
		d := openDoor(t, f)
		for _, y := range [][2]string{{codesPath, sending}, {codesPath + "/check", telling}} {
			w := ask(d.Staff(), "POST", y[0], y[1])
			var e Error
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != x.code || !strings.Contains(e.Text, x.text) {
				t.Errorf("%s: %d %s", x.name, w.Code, w.Body)
			}
			if after := w.Header().Get("Retry-After"); (after == "90") != (w.Code == http.StatusTooManyRequests) {
				t.Errorf("%s: Retry-After %q", x.name, after)
			}
		}
	}
	for _, x := range [][3]string{
		{"", `{"address":"20123456","unit":"nowhere"}`, "unit"},
		{"", `{"address":"20123456","unit":"rh-eye","language":"xx"}`, "language"},
		{"", `{"unit":"rh-eye"}`, "address"},
		{"", `{"address":"anna@b.example","unit":"rh-eye"}`, "address"},
		{"", `{"address":"20123456","unit":"rh-eye","reason":"rang 20 12 34 56"}`, "reason"},
		{"/check", `{"code":"123456"}`, "address"},
		{"/check", `{"address":"20123456","hash":"1-0123456789abcdef0123456789abcdef","code":"123456"}`, "hash"},
		{"/check", `{"hash":"20123456","code":"123456"}`, "address"},
	} {
		f := &fake{}
		w := ask(openDoor(t, f).Staff(), "POST", codesPath+x[0], x[1])
		var e Error
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != 400 || e.Field != x[2] || len(f.calls) > 0 {
			t.Errorf("%s: %d %s, %v", x[1], w.Code, w.Body, f.calls)
		}
	}
	f := &fake{told: code.Result{Outcome: code.Malformed}}
	if w := ask(openDoor(t, f).Staff(), "POST", codesPath+"/check", `{"address":"20123456","code":"12345"}`); w.Code != 400 || strings.Contains(w.Body.String(), "12345") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
