package command

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// measure runs husk sms measure.
func measure(t *testing.T, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), append([]string{"sms", "measure"}, args...), strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

func TestMeasureTexts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "texts")
	if err := os.WriteFile(file, []byte("Husk\nþú\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const husk, icelandic = `{"encoding":"gsm7","units":4,"segments":1,"forced_by":[]}` + "\n", `{"encoding":"ucs2","units":2,"segments":1,"forced_by":["þ","ú"]}` + "\n"
	long := strings.Repeat("a", longestMeasured)
	for name, c := range map[string]struct {
		in   string
		args []string
		want string
	}{
		"a line":                  {"Husk", nil, husk},
		"lines":                   {"Husk\nþú\n", nil, husk + icelandic},
		"CRLF":                    {"Husk\r\nþú\r\n", nil, husk + icelandic},
		"an empty line is a text": {"\nHusk", nil, `{"encoding":"gsm7","units":0,"segments":0,"forced_by":[]}` + "\n" + husk},
		"nothing":                 {"", nil, ""},
		"files":                   {"", []string{file, file}, husk + icelandic + husk + icelandic},
		"a file and the input":    {"Husk", []string{file, "-"}, husk + icelandic + husk},
		"quotes are letters":      {`"a"`, nil, `{"encoding":"gsm7","units":3,"segments":1,"forced_by":[]}` + "\n"},
		"JSON":                    {"\"Husk\"\n  \"\\u00fe\\u00fa\" \n", []string{"--json"}, husk + icelandic},
		"JSON with a line end":    {`"a\n€"`, []string{"--json"}, `{"encoding":"gsm7","units":4,"segments":1,"forced_by":[]}` + "\n"},
		"JSON with a pair":        {`"\ud83d\ude00 \\ud83d"`, []string{"--json"}, `{"encoding":"ucs2","units":9,"segments":1,"forced_by":["😀"]}` + "\n"},
		"marks of HTML":           {"<þ>&", nil, `{"encoding":"ucs2","units":4,"segments":1,"forced_by":["þ"]}` + "\n"},
		"the longest line":        {long + "\r\nHusk", nil, `{"encoding":"gsm7","units":1048576,"segments":6854,"forced_by":[]}` + "\n" + husk},
	} {
		if code, out, errs := measure(t, c.in, c.args...); code != 0 || out != c.want || errs != "" {
			t.Errorf("%s: exit %d\n%s%swant\n%s", name, code, out, errs, c.want)
		}
	}
}

// What cannot be measured is named by its line and never shown: it may be a message to somebody.
func TestMeasureNamesTheLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "texts")
	if err := os.WriteFile(file, []byte("Husk\n\xffAnna"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a", longestMeasured+1)
	for name, c := range map[string]struct {
		in    string
		args  []string
		lines int
		want  string
	}{
		"not UTF-8":             {"Husk\n\xffAnna\n", nil, 1, "sms: standard input:2: not UTF-8"},
		"in a file":             {"", []string{file}, 1, "sms: " + file + ":2: not UTF-8"},
		"not UTF-8 in JSON":     {"\"Anna\xff\"", []string{"--json"}, 0, "sms: standard input:1: not UTF-8"},
		"no JSON":               {"\"Husk\"\nAnna", []string{"--json"}, 1, "sms: standard input:2: not a JSON string"},
		"a JSON object":         {`{"text":"Anna"}`, []string{"--json"}, 0, "sms: standard input:1: not a JSON string"},
		"null":                  {`null`, []string{"--json"}, 0, "sms: standard input:1: not a JSON string"},
		"an empty line in JSON": {"\"Husk\"\n\n", []string{"--json"}, 1, "sms: standard input:2: not a JSON string"},
		"two strings":           {`"Anna" "b"`, []string{"--json"}, 0, "sms: standard input:1: not a JSON string"},
		"half a pair":           {`"Anna\ud83d"`, []string{"--json"}, 0, "sms: standard input:1: half a surrogate pair"},
		"a pair turned round":   {`"\ude00\ud83dAnna"`, []string{"--json"}, 0, "sms: standard input:1: half a surrogate pair"},
		"a pair torn apart":     {`"\ud83da\ude00Anna"`, []string{"--json"}, 0, "sms: standard input:1: half a surrogate pair"},
		"a half before another": {`"\ud83d\nAnna"`, []string{"--json"}, 0, "sms: standard input:1: half a surrogate pair"},
		"too long":              {"Husk\n" + long + "\nb", nil, 1, "sms: standard input:2: longer than 1 MiB"},
		"much too long":         {"Husk\n" + long + long, nil, 1, "sms: standard input:2: longer than 1 MiB"},
	} {
		code, out, errs := measure(t, c.in, c.args...)
		if code != 1 || !strings.HasPrefix(errs, "husk: "+c.want) || strings.Contains(errs, "Anna") || strings.Count(out, "\n") != c.lines {
			t.Errorf("%s: exit %d\n%s%s", name, code, out, errs)
		}
	}
	if code, _, errs := measure(t, "", filepath.Join(t.TempDir(), "none")); code != 1 || !strings.HasPrefix(errs, "husk: sms: open") {
		t.Errorf("no such file: exit %d, %s", code, errs)
	}
}
