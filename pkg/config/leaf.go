package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// leaf is one key and the field that holds it.
type leaf struct {
	key    string
	field  reflect.Value
	secret bool
}

// leaves lists every key of c in the order of the struct.
func (c *Config) leaves() []leaf { return appendLeaves(nil, "", reflect.ValueOf(c).Elem()) }

func appendLeaves(to []leaf, section string, v reflect.Value) []leaf {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		name, ok := tag.Lookup("key")
		if !ok {
			continue
		}
		f := v.Field(i)
		if cs, ok := f.Interface().(Carriers); ok {
			for _, n := range cs.names() {
				to = appendLeaves(to, section+name+"."+n+".", reflect.ValueOf(cs[n]).Elem())
			}
			continue
		}
		if f.Kind() == reflect.Struct {
			to = appendLeaves(to, section+name+".", f)
		} else {
			to = append(to, leaf{key: section + name, field: f, secret: tag.Get("secret") != ""})
		}
	}
	return to
}

// isSettings reports that the leaf is a carrier's own settings.
func (l leaf) isSettings() bool { return l.field.Type() == reflect.TypeFor[Settings]() }

// envName is the environment variable of a key.
func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// flagName is the command-line flag of a key.
func flagName(key string) string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(key)
}

// set puts a raw value, as YAML, the environment or a flag has it, into the leaf. If it can't, it returns what is
// allowed there.
func (l leaf) set(raw any) (want string) {
	switch l.field.Interface().(type) {
	case time.Duration:
		d, ok := raw.(time.Duration)
		if text, isText := raw.(string); isText {
			d, ok = parseDuration(text)
		}
		if !ok {
			return "a duration such as 90s, 48h or 7d"
		}
		l.field.SetInt(int64(d))
	case int, int64:
		n, ok := wholeNumber(raw)
		if !ok {
			return "a whole number"
		}
		l.field.SetInt(n)
	case bool:
		b, ok := raw.(bool)
		if text, isText := raw.(string); isText {
			b, ok = text == "true", text == "true" || text == "false"
		}
		if !ok {
			return "true or false"
		}
		l.field.SetBool(b)
	case Settings:
		m, ok := raw.(map[string]any)
		if !ok {
			return "a section of the carrier's own settings"
		}
		l.field.Set(reflect.ValueOf(Settings(m)))
	case List:
		words, ok := list(raw)
		if !ok {
			return "a list of words, each text in quotes"
		}
		l.field.Set(reflect.ValueOf(words))
	case Grants:
		gs, want := grants(raw)
		if want != "" {
			return want
		}
		l.field.Set(reflect.ValueOf(gs))
	case Rules:
		rs, want := rules(raw)
		if want != "" {
			return want
		}
		l.field.Set(reflect.ValueOf(rs))
	default: // a kind of string
		v := reflect.ValueOf(raw)
		if v.Kind() != reflect.String {
			return "text, in quotes"
		}
		l.field.SetString(v.String())
	}
	return ""
}

func wholeNumber(raw any) (int64, bool) {
	switch n := raw.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case string:
		i, err := strconv.ParseInt(n, 10, 64)
		return i, err == nil
	}
	return 0, false
}

// String is the leaf's value as it would be written; empty for a secret.
func (l leaf) String() string {
	if l.secret {
		return ""
	}
	if d, ok := l.field.Interface().(time.Duration); ok {
		return formatDuration(d)
	}
	return fmt.Sprint(l.field.Interface())
}

var durationWithDays = regexp.MustCompile(`^([0-9]{1,5})d(.*)$`)

// parseDuration reads Go's durations and d for days of 24 hours: 90s, 48h, 7d, 1d12h. None is negative.
func parseDuration(s string) (time.Duration, bool) {
	var days time.Duration
	if m := durationWithDays.FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, false
		}
		days, s = time.Duration(n)*day, m[2]
		if s == "" {
			return days, true
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || strings.ContainsAny(s, "+-") || days+d < 0 {
		return 0, false
	}
	return days + d, true
}

// formatDuration writes whole days as days.
func formatDuration(d time.Duration) string {
	if d != 0 && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
}
