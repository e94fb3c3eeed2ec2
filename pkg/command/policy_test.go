package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/web"
)

const mother = "DK 010170-2222\n"

// notice writes a text that people are shown, and returns the flags that name it.
func (p *place) notice() []string {
	p.t.Helper()
	file := filepath.Join(filepath.Dir(p.dir), "notice.txt")
	if err := os.WriteFile(file, []byte("We remind you by SMS."), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return []string{"--channels", "sms", "--method", "desk", "--notice", "sms-1", "--notice-file", file, "--notice-language", "da"}
}

// explain asks at an hour to come at which the unit writes, unless args say when.
func (p *place) explain(stdin string, args ...string) gate.Explanation {
	p.t.Helper()
	var x gate.Explanation
	for n := range 14 {
		at := time.Now().UTC().AddDate(0, 0, 1+n).Truncate(24 * time.Hour).Add(12 * time.Hour)
		p.read(&x, stdin, append([]string{"policy", "explain", "--unit", "rh-ortho", "--reason", "a complaint", "--at", at.Format(time.RFC3339)}, args...)...)
		if x.Reason != gate.OutsideWindow {
			return x
		}
	}
	p.t.Fatal("the unit never writes")
	return x
}

func TestExplainAnAdult(t *testing.T) {
	both(t, nil, func(t *testing.T, p *place, _ bool) {
		if x := p.explain(person, "--age", "40"); x.Outcome != "deny" || x.Reason != gate.NoBasis {
			t.Errorf("nothing is known: %+v", x)
		}
		sample := filepath.Join(filepath.Dir(p.dir), "sample.txt")
		if err := os.WriteFile(sample, []byte("Husk din aftale 12. marts kl. 14.30 på Testhospitalet.\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		p.must(person, append([]string{
			"person", "consent", "grant", "--sample-file", sample, "--legal-basis", "consent", "--ceiling", "1.5", "--take-back", "sms,desk", "--recorded-by", "desk-7",
			"--address-age", "12 months",
		}, p.notice()...)...)
		p.must(person+number, "person", "address", "verify", "--channel", "sms", "--method", "desk-id", "--by", "desk-7")
		x := p.explain(person, "--age", "40")
		if x.Outcome != "allow" || x.Channel != "sms" || x.Basis != "consent" || x.Pack.ID != "dk-2019" || len(x.Pack.Hash) != 64 || len(x.Steps) < 15 {
			t.Errorf("%+v", x)
		}
		if x := p.explain(person); x.Reason != gate.Guardian {
			t.Errorf("of unknown age: %+v", x)
		}
		if x := p.explain(person, "--age", "40", "--at", "2019-01-01"); x.Reason != gate.PolicyMissing {
			t.Errorf("between two packs: %+v", x)
		}
		text := p.must(person, "policy", "explain", "--unit", "rh-ortho", "--reason", "a complaint", "--age", "40")
		for _, want := range []string{"Decision  ", x.Pack.Hash, "STEP", "Datatilsynet", "desk-id (proven)"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in\n%s", want, text)
			}
		}
		page := p.must(person, "person", "consent", "export", "--as", "page", "--language", "da", "--reason", "asked for it")
		for _, want := range []string{`lang="da"`, "påmindelser", "Husk din aftale 12. marts", "desk-7"} {
			if !strings.Contains(page, want) {
				t.Errorf("%q is missing in the page", want)
			}
		}
		var fhir struct {
			ResourceType string
			Entry        []struct{ Resource struct{ Status string } }
		}
		if err := json.Unmarshal([]byte(p.must(person, "person", "consent", "export", "--reason", "asked for it")), &fhir); err != nil || fhir.ResourceType != "Bundle" ||
			len(fhir.Entry) != 1 || fhir.Entry[0].Resource.Status != "active" {
			t.Errorf("%+v, %v", fhir, err)
		}
		p.must(person, "person", "standing", "protected", "--method", "register", "--reason", "CPR")
		if x := p.explain(person, "--age", "40"); x.Reason != gate.Protected {
			t.Errorf("protected: %+v", x)
		}
		p.must(person, "person", "standing", "protection-ended", "--method", "register")
		p.must(person, "person", "consent", "withdraw", "--method", "phone")
		if x := p.explain(person, "--age", "40"); x.Reason != gate.Withdrawn {
			t.Errorf("withdrawn: %+v", x)
		}
		if strings.Contains(p.all.String(), "20123456") || strings.Contains(p.all.String(), "0101701234") {
			t.Error("a number or national id was printed")
		}
	})
}

func TestExplainAChild(t *testing.T) {
	p := newPlace(t)
	_, stop := p.serve()
	defer stop()
	var key web.Recorded
	p.read(&key, mother+number, "person", "address", "verify", "--channel", "sms", "--method", "desk-id")
	p.must(person+mother, "person", "standing", "guardian", "--method", "register")
	p.must(person, append([]string{"person", "consent", "grant", "--actor", "guardian:" + string(key.Person)}, p.notice()...)...)
	x := p.explain(person, "--age", "10")
	if x.Outcome != "allow" || x.Recipient != key.Person {
		t.Errorf("%+v", x)
	}
	if i := slices.IndexFunc(x.Steps, func(s gate.Step) bool { return s.Rule == gate.RuleCustody }); i < 0 || x.Steps[i].Answer != gate.Yes {
		t.Errorf("custody was not asked: %+v", x.Steps)
	}
	if x := p.explain(person, "--age", "15"); x.Reason != gate.NoBasis {
		t.Errorf("at fifteen: %+v", x)
	}
	var shown web.Person
	p.read(&shown, person, "person", "show", "--reason", "asked")
	if len(shown.Guardians) != 1 || shown.Guardians[0].Person != key.Person || len(shown.Worth) != 2 {
		t.Errorf("%+v", shown)
	}
	p.must(person+mother, "person", "standing", "guardian-ended", "--method", "register")
	if x := p.explain(person, "--age", "10"); x.Reason != gate.Guardian {
		t.Errorf("without custody: %+v", x)
	}
	if _, errs, code := p.husk(person+person, "person", "standing", "guardian", "--method", "register"); code == 0 || !strings.Contains(errs, "actor.ref") {
		t.Errorf("custody of themself: %d %s", code, errs)
	}
}
