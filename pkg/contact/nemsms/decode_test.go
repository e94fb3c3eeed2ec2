package nemsms

import (
	"encoding/base64"
	"testing"
	"time"
)

func FuzzRead(f *testing.F) {
	for _, s := range []string{`{"result":true}`, `{"result":false}`, `{"result":"true"}`, `{"result":1}`, `{"Result":true,"result":false}`, `{}`, `null`, `{"result":true}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		has, fault := read(body)
		if fault == nil && len(body) < len(`{"result":true}`) {
			t.Errorf("%d bytes are an answer", len(body))
		}
		if fault != nil && has {
			t.Error("a fault says yes")
		}
	})
}

func TestRead(t *testing.T) {
	for body, want := range map[string]string{
		`{"result":true}`: "true", `{"result":false}`: "false", ` {"result" : true , "more":1}`: "true",
		`{"result":"true"}`: "fault", `{"result":1}`: "fault", `{"result":null}`: "fault", `{}`: "fault", `[]`: "fault", `true`: "fault",
		`{"result":true,"result":false}`: "fault", `{"reſult":true,"result":true}`: "fault", `{"result":true}{"result":false}`: "fault",
	} {
		has, fault := read([]byte(body))
		got := "fault"
		if fault == nil {
			got = map[bool]string{true: "true", false: "false"}[has]
		}
		if got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

func TestNotOnOrAfter(t *testing.T) {
	const head = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">`
	end := time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		xml string
		ok  bool
	}{
		"plain":              {head + `<saml:Conditions NotOnOrAfter="2026-03-01T17:00:00Z"/></saml:Assertion>`, true},
		"the earlier of two": {head + `<saml:Conditions NotOnOrAfter="2026-03-01T18:00:00Z"/><saml:Conditions NotOnOrAfter="2026-03-01T17:00:00.000Z"/></saml:Assertion>`, true},
		"none":               {head + `<saml:Conditions/></saml:Assertion>`, false},
		"of another":         {`<a><Conditions NotOnOrAfter="2026-03-01T17:00:00Z"/></a>`, false},
		"no date":            {head + `<saml:Conditions NotOnOrAfter="8 hours"/></saml:Assertion>`, false},
		"broken off":         {head + `<saml:Conditions NotOnOrAfter="2026-03-01T17:00:00Z"/>`, false},
		"empty":              {``, false},
	} {
		at, ok := notOnOrAfter(base64.StdEncoding.EncodeToString([]byte(c.xml)))
		if ok != c.ok || (ok && !at.Equal(end)) {
			t.Errorf("%s: %v %s", name, ok, at)
		}
	}
	if _, ok := notOnOrAfter(head); ok {
		t.Error("no base64")
	}
}

func FuzzNotOnOrAfter(f *testing.F) {
	f.Add([]byte(`<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><saml:Conditions NotOnOrAfter="2026-03-01T17:00:00Z"/></saml:Assertion>`))
	f.Fuzz(func(t *testing.T, xml []byte) {
		if at, ok := notOnOrAfter(base64.StdEncoding.EncodeToString(xml)); ok && at.IsZero() {
			t.Error("an end that is none")
		}
	})
}
