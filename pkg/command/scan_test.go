package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scan runs husk scan.
func scan(t *testing.T, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), append([]string{"scan", "--data", t.TempDir(), "--http-listen", ""}, args...), strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

func TestScan(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	dirty := file("dirty.txt", "Kære Anna\nÆøå 311299-5004 og\n\nring 20 12 34 56")
	clean := file("clean.txt", "Husk din aftale torsdag 12. marts kl. 14.30. Ring 70 99 10 31")
	mail := file("mail.eml", "Subject: =?utf-8?Q?Tid_311299=2D5004?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHej\r\n")
	for name, c := range map[string]struct {
		in   string
		args []string
		code int
		want []string
	}{
		"clean":             {"Husk din tid.", nil, 0, nil},
		"standard input":    {"x 311299-5004", nil, 1, []string{"-:1:3: cpr (CPR-nummer) 6-4"}},
		"lines and columns": {"", []string{dirty}, 1, []string{dirty + ":2:5: cpr (CPR-nummer) 6-4", dirty + ":4:6: phone 2-2-2-2"}},
		"files":             {"", []string{clean, dirty}, 1, []string{clean + ":1:51:", dirty + ":2:5:", dirty + ":4:6:"}},
		"what a unit may":   {"", []string{clean, "--unit", "rh-ortho", "--at", "2026-03-12T14:30"}, 0, nil},
		"a mail":            {"", []string{"--mail", mail}, 1, []string{mail + ": cpr (CPR-nummer) 6-4 in the subject at byte 4"}},
		"no such file":      {"", []string{filepath.Join(dir, "none")}, 1, nil},
		"no such unit":      {"", []string{"--unit", "none"}, 2, nil},
		"no such time":      {"", []string{"--at", "tomorrow"}, 2, nil},
		"corpus and more":   {"", []string{"--corpus", "-", dirty}, 2, nil},
	} {
		code, out, errs := scan(t, c.in, c.args...)
		if code != c.code || (code == 2) != strings.HasPrefix(errs, "husk: scan: --") {
			t.Errorf("%s: exit %d, want %d\n%s%s", name, code, c.code, out, errs)
		}
		for _, w := range c.want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: no %q in\n%s", name, w, out)
			}
		}
		if n := strings.Count(out, "\n"); n != len(c.want) {
			t.Errorf("%s: %d lines, want %d:\n%s", name, n, len(c.want), out)
		}
		for _, secret := range []string{"5004", "311299", "12 34 56"} {
			if strings.Contains(out+errs, secret) {
				t.Errorf("%s: it tells what stands there: %s%s", name, out, errs)
			}
		}
	}
	_, out, _ := scan(t, "", dirty, "--json")
	var p spot
	if err := json.Unmarshal([]byte(strings.SplitN(out, "\n", 2)[0]), &p); err != nil || p.File != dirty || p.Line != 2 || p.Column != 5 || p.Kind != "cpr" || p.Layout != "6-4" || p.Length != 11 {
		t.Errorf("%+v, %v: %s", p, err, out)
	}
}

func TestScanCorpus(t *testing.T) {
	const corpus = `{"id":"a","verdict":"hold","text":"Tid 311299-5004 \u200b hos Peter","known":{}}

{"id":"b","verdict":"pass","text":"Tid 120326-0845","known":{"appt":["2026-03-12T08:45"]}}
{"id":"c","text":"Hej"}
{"id":"d","verdict":"pass","text":"Ring 20 12 34 56","known":{"phones":["35453545"]}}
`
	code, out, errs := scan(t, corpus, "--corpus", "-")
	const want = `{"id":"a","verdict":"hold","kind":"cpr","part":"text","layout":"6-4"}
{"id":"b","verdict":"pass","kind":"","part":"","layout":""}
{"id":"c","verdict":"pass","kind":"","part":"","layout":""}
{"id":"d","verdict":"hold","kind":"phone","part":"text","layout":"2-2-2-2"}
`
	if code != 0 || out != want || !strings.Contains(errs, "2 of 3 labelled lines are as labelled") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	for _, bad := range []string{"{", `{"id":"a","text":"x","known":{"appt":["today"]}}`} {
		code, _, errs := scan(t, "\n"+bad, "--corpus", "-")
		if code != 1 || !strings.Contains(errs, "-:2:") {
			t.Errorf("%s: exit %d, %s", bad, code, errs)
		}
	}
}
