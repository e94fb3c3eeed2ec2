package pages

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// visitWith is a visit with a form that was posted.
func visitWith(t *testing.T, body string) *visit {
	t.Helper()
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/x", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return &visit{w: httptest.NewRecorder(), r: r, words: all["en"]}
}

type typed struct {
	Reason string   `form:"reason,required"`
	Text   string   `form:"text,raw"`
	Count  int      `form:"count"`
	Sure   bool     `form:"sure"`
	Units  []string `form:"units"`
	Other  string
}

func TestReadingAForm(t *testing.T) {
	var in typed
	f := visitWith(t, url.Values{"reason": {" why "}, "text": {" a\r\nb "}, "count": {"7"}, "sure": {"yes"}, "units": {"a", "b"}, "Other": {"x"}}.Encode()).read(&in)
	if !f.OK() || in.Reason != "why" || in.Text != " a\nb " || in.Count != 7 || !in.Sure || !slices.Equal(in.Units, []string{"a", "b"}) || in.Other != "" {
		t.Errorf("%+v %+v", in, f.Errors)
	}
}

// What is wrong is told at its field, and what was typed is still there.
func TestAFormThatIsWrong(t *testing.T) {
	var in typed
	v := visitWith(t, url.Values{"reason": {"  "}, "count": {"seven"}, "text": {"kept"}}.Encode())
	f := v.read(&in)
	if f.OK() || f.Error("reason") == nil || f.Error("count") == nil || f.Error("text") != nil || v.form != f {
		t.Errorf("%+v", f.Errors)
	}
	if f.Value("count") != "seven" || f.Value("text") != "kept" || !f.Shown("reason") || f.Shown("Other") {
		t.Errorf("%+v", f)
	}
	if f = visitWith(t, "reason="+strings.Repeat("x", maxForm)).read(&in); f.OK() {
		t.Error("too long, and nothing is wrong")
	}
	if f = visitWith(t, "reason=%zz").read(&in); f.OK() {
		t.Error("unreadable, and nothing is wrong")
	}
}
