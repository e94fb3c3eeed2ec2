package pages

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/husk-reminders/husk/pkg/web"
)

// maxForm is the most bytes of a form.
const maxForm = 256 << 10

// form is what somebody typed, as they typed it, and what is wrong with it.
type form struct {
	Values url.Values
	Errors []wrong
	fields []string // that the page has
	words  *words
}

// wrong is one thing that is wrong with a form.
type wrong struct {
	Field string // "" = the whole
	Text  string
	// English says that Text is the staff API's and in no other language.
	English bool
}

// blank is a form that nobody has filled in yet, with the values of pairs, name after value.
func (v *visit) blank(pairs ...string) *form {
	f := &form{Values: url.Values{}, words: v.words}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Values.Add(pairs[i], pairs[i+1])
	}
	return f
}

// read reads a POST form into a struct of string, bool, int and []string fields with tags such as `form:"reason"`. Text is trimmed,
// unless the tag ends with ",raw". What is no number, and a field with ",required" that is empty, is an error of the form. The form is
// what show shows again.
func (v *visit) read(into any) *form {
	f := v.blank()
	v.form = f
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		f.Errors = append(f.Errors, wrong{Text: v.words.must("form.unreadable")})
		return f
	}
	f.Values = v.r.PostForm
	s := reflect.ValueOf(into).Elem()
	for i := range s.NumField() {
		name, rest, _ := strings.Cut(s.Type().Field(i).Tag.Get("form"), ",")
		if name == "" {
			continue
		}
		f.fields = append(f.fields, name)
		options := strings.Split(rest, ",")
		text := f.Values.Get(name)
		if !slices.Contains(options, "raw") {
			text = strings.TrimSpace(text)
		}
		if slices.Contains(options, "required") && strings.TrimSpace(text) == "" {
			f.missing(name)
		}
		switch to := s.Field(i).Addr().Interface().(type) {
		case *string:
			*to = strings.ReplaceAll(text, "\r\n", "\n")
		case *bool:
			*to = text != ""
		case *[]string:
			*to = f.Values[name]
		case *int:
			n, err := strconv.Atoi(text)
			if err != nil && text != "" {
				f.Wrong(name, "form.number")
			}
			*to = n
		default:
			panic("pages: a form has a field of the type " + s.Field(i).Type().String())
		}
	}
	return f
}

// missing says that a field has to be filled in, in the field's own words, required.<field>, where it has some.
func (f *form) missing(name string) {
	key := "required." + name
	if _, err := f.words.text(key); err != nil {
		key = "form.required"
	}
	f.Wrong(name, key)
}

// OK reports whether nothing is wrong so far.
func (f *form) OK() bool { return len(f.Errors) == 0 }

// Wrong says what is wrong with a field, "" = with the whole, by the key of a text.
func (f *form) Wrong(field, key string, args ...any) {
	f.Errors = append(f.Errors, wrong{Field: field, Text: f.words.must(key, args...)})
}

// take makes an answer of the staff API that is about what was typed into an error of the form, and reports whether it is one. Where
// there are words for it, wrong.<field>, they are shown instead of the staff API's.
func (f *form) take(err error) bool {
	var e *web.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.GetStatus() {
	case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity:
	default:
		return false
	}
	if text, err := f.words.text("wrong." + e.Field); err == nil && e.Field != "" {
		f.Errors = append(f.Errors, wrong{Field: e.Field, Text: text})
		return true
	}
	if e.GetStatus() == http.StatusConflict {
		f.Wrong("", "error.409.text")
	}
	f.Errors = append(f.Errors, wrong{Field: e.Field, Text: e.Text, English: true})
	return true
}

// Value is what was typed into a field.
func (f *form) Value(name string) string { return f.Values.Get(name) }

// Has reports whether a value of a field was chosen.
func (f *form) Has(name, value string) bool { return slices.Contains(f.Values[name], value) }

// Error is what is wrong with a field; nil = nothing.
func (f *form) Error(name string) *wrong {
	for i := range f.Errors {
		if f.Errors[i].Field == name {
			return &f.Errors[i]
		}
	}
	return nil
}

// Shown reports whether the page has a field, so that the summary can lead to it.
func (f *form) Shown(name string) bool { return slices.Contains(f.fields, name) }
