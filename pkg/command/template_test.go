package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/template"
)

// texts writes template files below a new directory.
func texts(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTemplateLintTakesTheShippedTexts(t *testing.T) {
	p := newPlace(t)
	out := p.must("", "template", "lint")
	if !strings.HasSuffix(out, "\n114 templates, 10 units: 0 refused, 19 notes\n") || !strings.Contains(out, "note: unit rh-skin: ") {
		t.Errorf("%s", out)
	}
	if _, err := os.Stat(p.dir); err == nil {
		t.Error("it made the data directory")
	}
}

func TestTemplateLintRefuses(t *testing.T) {
	const good = "{date} {time} {unit} {phone} STOP"
	dir := texts(t, map[string]string{
		"da/reminder.sms.txt":  good + "\nUdfyld skemaet.",
		"da/changed.sms.txt":   good,
		"sv/cancelled.sms.txt": "{was_date} {was_time} {unit} {klinik}",
		"nb/extra.sms.txt":     good,
		"en/reminder.sms.txt":  good + "\nOrder 123456",
		"misnamed.txt":         good,
	})
	p := newPlace(t)
	out, errs, code := p.husk("", "template", "lint", dir)
	if code != 1 || errs != "" {
		t.Fatalf("exit code %d, errors %q\n%s", code, errs, out)
	}
	for _, want := range []string{
		"/da/reminder.sms.txt:2:1: \"Udfyld\" asks for information", "/sv/cancelled.sms.txt:1:30: unknown placeholder {klinik}",
		"/nb/extra.sms.txt:1: no purpose uses the set \"extra\"", "/en/reminder.sms.txt:2:7: the literal text may not be sent: digits", "/misnamed.txt:1: file name",
		"6 templates, 10 units: 5 refused",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "changed.sms.txt:1:1: unit") && !strings.Contains(out, "note: ") {
		t.Errorf("a good text is refused:\n%s", out)
	}
	// One file, from wherever it is named.
	t.Chdir(filepath.Join(dir, "da"))
	if out, _, code := p.husk("", "template", "lint", "reminder.sms.txt"); code != 1 || !strings.HasPrefix(out, "reminder.sms.txt:2:1: ") && !strings.Contains(out, "reminder.sms.txt:2:1: \"Udfyld\"") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out, _, code := p.husk("", "template", "lint", "changed.sms.txt"); code != 0 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out, _, code := p.husk("", "template", "lint", "--purpose", "changed", "../nb/extra.sms.txt"); code != 0 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	for _, args := range [][]string{{"template", "lint", "absent.txt"}, {"template", "lint", t.TempDir()}} {
		if _, errs, code := p.husk("", args...); code != 1 || errs == "" {
			t.Errorf("%v: exit code %d, %q", args, code, errs)
		}
	}
	if _, _, code := p.husk("", "template", "lint", "--purpose", "correction"); code != 2 {
		t.Errorf("an unknown purpose: exit code %d", code)
	}
}

func TestTemplateLintAsJSON(t *testing.T) {
	p := newPlace(t)
	var r lintReport
	p.read(&r, "", "template", "lint")
	if r.Templates != 114 || r.Units != 10 || r.Refused != 0 || len(r.Assessments) != 114*10 {
		t.Errorf("%d templates, %d units, %d refused, %d assessments", r.Templates, r.Units, r.Refused, len(r.Assessments))
	}
	i := slices.IndexFunc(r.Assessments, func(a compose.Assessment) bool {
		return strings.HasPrefix(a.Template, "da/reminder.sms@") && a.Unit == "rh-skin"
	})
	if i < 0 {
		t.Fatal("no assessment of the unit that names a specialty")
	}
	if a := r.Assessments[i]; a.Class != 2 || !a.Refused() || a.Limit != 140 || a.Segments != 1 || len(a.GivesWay) == 0 || a.Text == "" || a.Sources[0].Fact != "unit" {
		t.Errorf("%+v", a)
	}
}

// A unit of one's own that is refused counts, and one without a policy pack in force does not hide the text.
func TestTemplateLintWithUnits(t *testing.T) {
	dir := texts(t, map[string]string{"units.yaml": `hospitals:
  - id: h
    country: DK
    language: da
    zone: Europe/Copenhagen
    address: {text: "Vej 1, 4999 By", class: 1}
    sender_id: {text: "+4570991099", class: 0, replies: number}
    from: {text: "husk@h.example", class: 0}
    templates: {reminder: short}
    units:
      - id: u
        names: {da: {text: "Onkologi", class: 2}}
        entrance: {text: "Indgang B", class: 1}
        phone: {text: "70 99 10 31", class: 1}
        mail: {text: "u@h.example", class: 1}
`, "t/da/short.sms.txt": "{date} {time} {unit} {phone} STOP"})
	t.Setenv("HUSK_UNITS_FILE", filepath.Join(dir, "units.yaml"))
	t.Setenv("HUSK_TEMPLATES_DIR", filepath.Join(dir, "t"))
	p := newPlace(t)
	out, _, code := p.husk("", "template", "lint", "--json")
	var r lintReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if code != 1 || r.Refused != 1 || r.Templates != 1 || r.Problems[0].Unit != "u" || !strings.Contains(r.Problems[0].Reason, "ceiling") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if n := len(r.Assessments); n != 3 { // the unit under dk-2019, and no unit under the Swedish and the Norwegian pack
		t.Errorf("%d assessments", n)
	}
}

func TestTemplatePlaceholders(t *testing.T) {
	p := newPlace(t)
	out := p.must("", "template", "placeholders")
	for _, x := range template.Catalogue() {
		if !strings.Contains(out, "{"+x.Name+"}") || !strings.Contains(out, x.About) {
			t.Errorf("{%s} is missing in\n%s", x.Name, out)
		}
	}
	var rows []placeholderRow
	p.read(&rows, "", "template", "placeholders", "--language", "fi")
	i := slices.IndexFunc(rows, func(r placeholderRow) bool { return r.Name == "weekday" })
	if len(rows) != len(template.Catalogue()) || i < 0 || rows[i].Longest["fi"] != 13 || len(rows[i].Longest) != 1 || rows[i].Class == nil || *rows[i].Class != 0 {
		t.Errorf("%+v", rows)
	}
	if _, _, code := p.husk("", "template", "placeholders", "--language", "xx"); code != 2 {
		t.Errorf("exit code %d", code)
	}
}
