package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/pkg/web"
)

// The texts go out to files, one is changed there, and comes back as a draft that is approved, and rolled back.
func TestTextsInFiles(t *testing.T) {
	p := newPlace(t)
	dir := t.TempDir()
	if out := p.must("", "template", "pull", dir); !strings.HasSuffix(out, "114 written\n") {
		t.Fatal(out)
	}
	if out := p.must("", "template", "push", dir); out != "114 unchanged\n" {
		t.Fatal(out)
	}
	const name = "da/reminder.sms"
	file := filepath.Join(dir, name+".txt")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	after := strings.Replace(string(before), "Husk din aftale", "Husk din tid", 1)
	write(after)
	id := template.NewVersion(name, []byte(after)).ID
	if out := p.must("", "template", "push", dir, "--dry-run"); !strings.Contains(out, "1 saved, 113 unchanged") {
		t.Error(out)
	}
	var h web.TemplateHistory
	if p.read(&h, "", "template", "show", name); h.Draft != "" || len(h.Versions) != 1 {
		t.Errorf("a dry run saved %+v", h.Template)
	}
	if out := p.must("", "template", "push", dir, "--note", "shorter"); !strings.Contains(out, name+".txt: saved as "+id) {
		t.Error(out)
	}
	if out := p.must("", "template", "push", dir); !strings.Contains(out, "1 draft, 113 unchanged") {
		t.Error(out)
	}
	if out := p.must("", "template", "list", "--state", "draft"); !strings.Contains(out, name) || strings.Count(out, "\n") != 2 {
		t.Error(out)
	}
	if out := p.must("", "template", "show", name); !strings.Contains(out, "shorter") || !strings.Contains(out, "used by ") || !strings.Contains(out, "reminders pending") {
		t.Error(out)
	}
	if out := p.must("", "template", "approve", id); !strings.HasPrefix(out, id+" is live from ") {
		t.Error(out)
	}
	if p.read(&h, "", "template", "show", name); h.Live != id || len(h.Turns) != 1 {
		t.Errorf("%+v", h)
	}
	if out := p.must("", "doctor"); !strings.Contains(out, "1 texts were approved here") {
		t.Error(out)
	}

	// A national id is not taken, and not repeated.
	write(after + "CPR 010170-1234")
	out, errs, code := p.husk("", "template", "push", dir)
	if code != 1 || !strings.Contains(out, "refused") || !strings.Contains(out, "line 2, column 5") || strings.Contains(out+errs, "1234") {
		t.Errorf("%d %s%s", code, out, errs)
	}

	shipped := template.NewVersion(name, before).ID
	if _, errs, code := p.husk("", "template", "rollback", name, versionOf(shipped)); code == 0 || !strings.Contains(errs, "reason") {
		t.Errorf("without a reason: %d %s", code, errs)
	}
	if _, _, code := p.husk("", "template", "rollback", "sv/reminder.sms", shipped, "--reason", "x"); code != 2 {
		t.Errorf("of another template: %d", code)
	}
	if out := p.must("", "template", "rollback", name, versionOf(shipped), "--reason", "patients ring"); !strings.HasPrefix(out, shipped+" is live from ") {
		t.Error(out)
	}
	if out := p.must("", "template", "pull", dir); !strings.Contains(out, "1 written, 113 unchanged") {
		t.Error(out)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != string(before) {
		t.Errorf("pulled %q: %v", b, err)
	}

	// Approved for later, taken back, given up.
	write(strings.Replace(after, "Husk din tid", "Husk tiden", 1))
	p.must("", "template", "push", dir)
	p.read(&h, "", "template", "show", name)
	if _, errs, code := p.husk("", "template", "approve", h.Draft, "--from", "2199-01-01"); code == 0 || !strings.Contains(errs, "400 days") {
		t.Errorf("%d %s", code, errs)
	}
	tomorrow := time.Now().Add(24 * time.Hour).Format(time.RFC3339)
	for _, args := range [][]string{{"approve", h.Draft, "--from", tomorrow}, {"unschedule", h.Draft, "--reason", "x"}, {"discard", h.Draft}} {
		p.must("", append([]string{"template"}, args...)...)
	}
	var last web.TemplateHistory
	if p.read(&last, "", "template", "show", name); last.Live != shipped || last.Draft != "" || last.Waiting != "" || last.Versions[0].State != template.Discarded {
		t.Errorf("%+v", last)
	}
}
