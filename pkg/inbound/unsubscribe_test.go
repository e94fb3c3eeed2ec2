package inbound_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/inbound"
	"github.com/husk-reminders/husk/pkg/provider"
)

// attempts knows one reference.
type attempts struct {
	known string
	fail  error
	did   []string
}

func (a *attempts) StopAttempt(_ context.Context, reference, via string) error {
	if reference != a.known {
		return inbound.ErrUnknownAttempt
	}
	if a.fail == nil {
		a.did = append(a.did, via)
	}
	return a.fail
}

const reference = "00aabbccddeeff00112233445566"

func tokens(t *testing.T, key byte) *inbound.Tokens {
	t.Helper()
	k, err := inbound.NewTokens(bytes.Repeat([]byte{key}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func made(t *testing.T, k *inbound.Tokens, reference string) string {
	t.Helper()
	s, err := k.Make(reference)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTokens(t *testing.T) {
	k := tokens(t, 1)
	a, b := made(t, k, reference), made(t, k, reference)
	if a == b || strings.Contains(a, reference) || len(a) != 75 {
		t.Errorf("%q and %q", a, b)
	}
	for _, x := range []string{a, b} {
		if got, err := k.Open(x); err != nil || got != reference {
			t.Errorf("%q, %v", got, err)
		}
	}
	for name, x := range map[string]string{
		"none": "", "not base64": "!!", "short": "AAAA", "another's": made(t, tokens(t, 2), reference), "the bare reference": reference,
		"a bit changed": "A" + a[1:], "one more": a + "A", "a long one": strings.Repeat("A", 9000),
	} {
		if _, err := k.Open(x); !errors.Is(err, inbound.ErrToken) && x != a {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.Make("a b"); err == nil {
		t.Error("a reference with a blank is taken")
	}
	if _, err := inbound.NewTokens([]byte("short")); err == nil {
		t.Error("a short key is taken")
	}
}

func TestOneClick(t *testing.T) {
	const form, post = "application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"
	k := tokens(t, 1)
	var multi bytes.Buffer
	w := multipart.NewWriter(&multi)
	_ = w.WriteField("List-Unsubscribe", "One-Click")
	_ = w.Close()
	for name, c := range map[string]struct {
		method, token, kind, body string
		fail                      error
		status                    int
		stops                     int
	}{
		"as RFC 8058 has it":      {"POST", made(t, k, reference), form, post, nil, 200, 1},
		"as multipart":            {"POST", made(t, k, reference), w.FormDataContentType(), multi.String(), nil, 200, 1},
		"with a charset":          {"POST", made(t, k, reference), form + "; charset=UTF-8", post, nil, 200, 1},
		"a look":                  {"GET", made(t, k, reference), "", "", nil, 200, 0},
		"a look with the words":   {"GET", made(t, k, reference) + "?" + post, "", "", nil, 200, 0},
		"a head":                  {"HEAD", made(t, k, reference), "", "", nil, 200, 0},
		"without the field":       {"POST", made(t, k, reference), form, "", nil, 400, 0},
		"the field in the URL":    {"POST", made(t, k, reference) + "?" + post, form, "", nil, 400, 0},
		"another value":           {"POST", made(t, k, reference), form, "List-Unsubscribe=Yes", nil, 400, 0},
		"without a type":          {"POST", made(t, k, reference), "", post, nil, 400, 0},
		"too much":                {"POST", made(t, k, reference), form, post + "&x=" + strings.Repeat("x", 1<<20), nil, 400, 0},
		"another's token":         {"POST", made(t, tokens(t, 2), reference), form, post, nil, 404, 0},
		"a look at another's":     {"GET", made(t, tokens(t, 2), reference), "", "", nil, 404, 0},
		"a message long gone":     {"POST", made(t, k, "00"), form, post, nil, 404, 0},
		"put":                     {"PUT", made(t, k, reference), form, post, nil, 405, 0},
		"while the journal fails": {"POST", made(t, k, reference), form, post, errors.New("no room"), 503, 0},
	} {
		a := &attempts{known: reference, fail: c.fail}
		core, logs := observer.New(zap.DebugLevel)
		u, err := inbound.NewUnsubscriber(k, a, zap.New(core))
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), c.method, "https://husk.example/u/"+c.token, strings.NewReader(c.body))
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		rec := httptest.NewRecorder()
		u.ServeHTTP(rec, r)
		got := rec.Result()
		body, _ := io.ReadAll(got.Body)
		if got.StatusCode != c.status || len(a.did) != c.stops {
			t.Errorf("%s: %d and %d stops, want %d and %d", name, got.StatusCode, len(a.did), c.status, c.stops)
		}
		if len(got.Cookies()) > 0 || got.Header.Get("Location") != "" || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: header %v", name, got.Header)
		}
		if bare, _, _ := strings.Cut(c.token, "?"); strings.Contains(string(body), bare) {
			t.Errorf("%s: the page repeats the token", name)
		}
		for _, e := range logs.All() {
			if strings.Contains(e.Message, c.token) || e.ContextMap()["error"] != "no room" {
				t.Errorf("%s: logged %v %v", name, e.Message, e.ContextMap())
			}
		}
		if c.status == http.StatusServiceUnavailable && got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
	}
}

// A mail to the address of a List-Unsubscribe counts whatever stands in it and whoever it says it is from.
func TestUnsubscribeByMail(t *testing.T) {
	k, a, d := tokens(t, 1), &attempts{known: reference}, newDesk()
	u, err := inbound.NewUnsubscriber(k, a, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := d.station(t, inbound.Options{Unsubscriber: u})
	mail := func(token, text string) error {
		n := says("other@example.org", text)
		n.Unsubscribe, n.Automatic = token, true
		return in.Handle(t.Context(), "box", n)
	}
	if err := mail(made(t, k, reference), "START"); err != nil || !slices.Equal(a.did, []string{"list-unsubscribe-mail"}) || len(d.list()) != 0 {
		t.Errorf("%v: %v and %v", err, a.did, d.list())
	}
	// One that is not ours is read like any other mail.
	for _, x := range []string{"hospital", made(t, k, "00")} {
		if err := mail(x, "STOP"); err != nil {
			t.Error(err)
		}
	}
	if got := d.list(); !slices.Equal(got, []string{"stop other@example.org box", "stop other@example.org box"}) {
		t.Errorf("%q", got)
	}
	a.fail = errors.New("no room")
	if err := mail(made(t, k, reference), ""); err == nil {
		t.Error("an unsubscription that is not on disk is acknowledged")
	}
}

// A complaint is the STOP of the address that the message went to, known by the message's reference or else by its token.
func TestAComplaintBars(t *testing.T) {
	broken := errors.New("journal is down")
	k := tokens(t, 1)
	for name, c := range map[string]struct {
		n    provider.Notice
		fail error
		want []string
		err  error
	}{
		"by the reference":        {provider.Notice{Reference: reference}, nil, []string{"mail"}, nil},
		"by the token":            {provider.Notice{Unsubscribe: made(t, k, reference)}, nil, []string{"mail"}, nil},
		"of an unknown reference": {provider.Notice{Reference: "00ff", Unsubscribe: made(t, k, reference)}, nil, []string{"mail"}, nil},
		"another's reference":     {provider.Notice{Reference: "00ff"}, nil, nil, provider.ErrUnknownMessage},
		"another's token":         {provider.Notice{Unsubscribe: made(t, tokens(t, 2), reference)}, nil, nil, provider.ErrUnknownMessage},
		"about nothing":           {provider.Notice{}, nil, nil, provider.ErrUnknownMessage},
		"while the journal fails": {provider.Notice{Reference: reference}, broken, nil, broken},
	} {
		t.Run(name, func(t *testing.T) {
			a := &attempts{known: reference, fail: c.fail}
			u, err := inbound.NewUnsubscriber(k, a, nil)
			if err != nil {
				t.Fatal(err)
			}
			r := &register{}
			c.n.Kind = provider.Complaint
			err = station(t, inbound.Options{Register: r, Unsubscriber: u}).Handle(t.Context(), "mail", c.n)
			if !errors.Is(err, c.err) || !slices.Equal(a.did, c.want) || len(r.list()) != 0 {
				t.Errorf("%v, stopped %q, registered %q; want %v and %q", err, a.did, r.list(), c.err, c.want)
			}
		})
	}
	if err := station(t, inbound.Options{Register: &register{}}).Handle(t.Context(), "mail", provider.Notice{Kind: provider.Complaint, Reference: reference}); err == nil {
		t.Error("a complaint is dropped where nobody can bar")
	}
}
