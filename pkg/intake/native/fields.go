package native

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// fields reads the fields of one object. The first thing wrong stays in *err, and every later call gives zero.
type fields struct {
	path string // "" or "patient."
	m    map[string]any
	err  *error
}

func (f fields) fail(name, fix string) {
	if *f.err == nil {
		*f.err = malformed(f.path+name, fix)
	}
}

// only refuses names that are not in the list. It does not tell the name: the event chose it.
func (f fields) only(names ...string) {
	for k := range f.m {
		if !slices.Contains(names, k) {
			at := strings.TrimSuffix(f.path, ".")
			if *f.err == nil {
				*f.err = malformed(at, "has a field that the schema does not know; known are "+strings.Join(names, ", "))
			}
		}
	}
}

// get finds a value; a required one that is missing is an error, null always is.
func (f fields) get(name string, required bool) (any, bool) {
	if *f.err != nil {
		return nil, false
	}
	v, ok := f.m[name]
	switch {
	case !ok && required:
		f.fail(name, "is missing")
	case ok && v == nil:
		f.fail(name, "is null: leave it out instead")
		return nil, false
	}
	return v, ok
}

// matching is a string of the given form; fix says which.
func (f fields) matching(name string, required bool, re *regexp.Regexp, fix string) string {
	v, ok := f.get(name, required)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok || !re.MatchString(s) {
		f.fail(name, fix)
		return ""
	}
	return s
}

// oneOf is a string of a closed list.
func (f fields) oneOf(name string, allowed ...string) string {
	v, ok := f.get(name, true)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok || !slices.Contains(allowed, s) {
		f.fail(name, "want one of "+strings.Join(allowed, ", "))
		return ""
	}
	return s
}

// integer is a whole number written without fraction or exponent.
func (f fields) integer(name string, required bool, low, high int64, fix string) int64 {
	v, ok := f.get(name, required)
	if !ok {
		return 0
	}
	n, ok := v.(json.Number)
	if !ok {
		f.fail(name, fix)
		return 0
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || i < low || i > high {
		f.fail(name, fix)
		return 0
	}
	return i
}

func (f fields) boolean(name string) bool {
	v, ok := f.get(name, false)
	if !ok {
		return false
	}
	b, ok := v.(bool)
	if !ok {
		f.fail(name, "want true or false")
	}
	return b
}

func (f fields) object(name string) fields {
	out := fields{path: f.path + name + ".", err: f.err}
	v, ok := f.get(name, true)
	if !ok {
		return out
	}
	if out.m, ok = v.(map[string]any); !ok {
		f.fail(name, "want an object")
	}
	return out
}

func (f fields) list(name string, most int) []any {
	v, ok := f.get(name, false)
	if !ok {
		return nil
	}
	l, ok := v.([]any)
	if !ok || len(l) > most {
		f.fail(name, "want a list of at most "+strconv.Itoa(most))
		return nil
	}
	return l
}

// maxText is the most characters that a name, phone or mail address may have.
const maxText = 200

const textFix = "want 1 to 200 characters, none of them a control character"

func isText(v any) (string, bool) {
	s, ok := v.(string)
	n := utf8.RuneCountInString(s)
	return s, ok && n > 0 && n <= maxText && !strings.ContainsFunc(s, unicode.IsControl)
}

// text is an optional text of a person.
func (f fields) text(name string) reminder.Masked {
	v, ok := f.get(name, false)
	if !ok {
		return reminder.Masked{}
	}
	s, ok := isText(v)
	if !ok {
		f.fail(name, textFix)
		return reminder.Masked{}
	}
	return reminder.Mask(s)
}

// texts is an optional list of up to ten of them.
func (f fields) texts(name string) []reminder.Masked {
	var out []reminder.Masked
	for _, v := range f.list(name, 10) {
		s, ok := isText(v)
		if !ok {
			f.fail(name, textFix)
			return nil
		}
		out = append(out, reminder.Mask(s))
	}
	return out
}

const maxRevision = math.MaxInt64
