package scenario_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/test/scenario"
)

// directory is the example unit directory, which is what the demo runs with.
func directory(t *testing.T) []reminder.Unit {
	t.Helper()
	b, err := os.ReadFile("../../config/units.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := reminder.ReadUnits(bytes.NewReader(scenario.WithSlip(b)))
	if err != nil {
		t.Fatal(err)
	}
	return d.Units()
}

func build(t *testing.T) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Build(directory(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func encode(t *testing.T, s *scenario.Scenario) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheSameUnitsGiveTheSameScenario(t *testing.T) {
	a := encode(t, build(t))
	units := directory(t)
	slices.Reverse(units)
	b, err := scenario.Build(units)
	if err != nil {
		t.Fatal(err)
	}
	if a != encode(t, b) {
		t.Error("two builds differ")
	}
}

func TestWriteAndRead(t *testing.T) {
	s := build(t)
	path := filepath.Join(t.TempDir(), "scenario.json")
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	r, err := scenario.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if encode(t, s) != encode(t, r) {
		t.Error("what was read is not what was written")
	}
	for _, e := range r.Expect {
		if z := e.Start.Location().String(); z == "Local" || !strings.HasPrefix(z, "Europe/") {
			t.Fatalf("%s: a start in zone %q", e.Appointment, z)
		}
	}
	for name, content := range map[string]string{
		"no JSON":        "{",
		"unknown unit":   `{"people":[{}],"expect":[{"unit":"x"}]}`,
		"unknown person": `{"units":[{"id":"x","zone":"UTC"}],"expect":[{"unit":"x","person":3}]}`,
		"unknown zone":   `{"units":[{"id":"x","zone":"Mars/North"}]}`,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := scenario.Read(path); !errors.Is(err, scenario.ErrScenario) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The demo promises these sizes and kinds.
func TestSize(t *testing.T) {
	s := build(t)
	kinds, purposes, channels := map[scenario.StepKind]int{}, map[reminder.Purpose]int{}, map[reminder.Channel]int{}
	for _, st := range s.Steps {
		kinds[st.Kind]++
	}
	languages, hospitals := map[string]int{}, map[string]int{}
	for _, e := range s.Expect {
		purposes[e.Purpose]++
		channels[e.Channel]++
		languages[e.Language]++
	}
	for _, u := range s.Units {
		hospitals[u.Hospital]++
	}
	t.Logf("%d people, steps %v, %d expected: %v %v %v, %d nevers", len(s.People), kinds, len(s.Expect), purposes, channels, languages, len(s.Never))
	for what, ok := range map[string]bool{
		"people":    len(s.People) >= 140 && len(s.People) <= 200,
		"events":    kinds[scenario.Event] >= 270 && kinds[scenario.Event] <= 340,
		"other":     kinds[scenario.SetConsent] >= 5 && kinds[scenario.SetAddress] >= 3 && kinds[scenario.Reply] >= 10 && kinds[scenario.Switch] == 2,
		"purposes":  purposes[reminder.Remind] > 100 && purposes[reminder.Changed] >= 10 && purposes[reminder.Cancel] >= 10,
		"channels":  channels[reminder.SMS] > 100 && channels[reminder.Email] >= 10,
		"languages": languages["da"] > 20 && languages["sv"] > 20 && languages["nb"] > 20 && languages["en"] > 0 && languages["pl"] == 0,
		"hospitals": len(hospitals) == 4,
	} {
		if !ok {
			t.Errorf("%s: out of range", what)
		}
	}
	crossed := func(day string) bool {
		at, _ := time.Parse(time.DateOnly, day)
		return slices.ContainsFunc(s.Expect, func(e scenario.Expect) bool { return e.NotAfter.Before(at) && e.Start.After(at.Add(24*time.Hour)) })
	}
	for _, day := range []string{"2026-03-29", "2026-04-03", "2026-04-06"} {
		if !crossed(day) {
			t.Errorf("nobody is reminded before %s of an appointment after it", day)
		}
	}
}

func TestStepsAreWhole(t *testing.T) {
	s := build(t)
	bad, last := map[int]int{}, s.Begin
	id := regexp.MustCompile(`\d{6}`)
	for i, st := range s.Steps {
		if st.At.Before(last) || st.At.After(s.End) {
			t.Errorf("step %d is out of time", i)
		}
		last = st.At
		if st.Label == "" || id.MatchString(st.Label) {
			t.Errorf("step %d: label %q", i, st.Label)
		}
		switch st.Kind {
		case scenario.Event:
			var e struct {
				System, Appointment, Status, Start, Zone, Unit string
				Minutes                                        int
				Patient                                        struct{ ID string }
				Diagnosis                                      string
			}
			err := json.Unmarshal([]byte(st.Raw), &e)
			p := s.People[st.Person]
			whole := err == nil && e.Start != "" && e.Zone != "Europa/Copenhagen" && strings.HasPrefix(e.Zone, "Europe/") && e.Unit != "no-such-unit" && e.Diagnosis == "" && e.Patient.ID == p.ID
			if !whole {
				bad[st.Person]++
				if p.Case != "malformed" {
					t.Errorf("step %d of %q is malformed", i, p.Case)
				}
				continue
			}
			if st.Subject != "husk.events."+e.System+"."+e.Unit {
				t.Errorf("step %d: subject %s", i, st.Subject)
			}
		case scenario.Reply:
			if st.From == "" || st.Text == "" || st.Channel == "" {
				t.Errorf("step %d: an empty reply", i)
			}
		case scenario.SetConsent:
			if st.Consent == nil || st.Person < 0 || !st.Consent.Recorded.Equal(st.At) {
				t.Errorf("step %d: consent", i)
			}
		case scenario.SetAddress:
			if st.Address == nil || st.Person < 0 {
				t.Errorf("step %d: address", i)
			}
		}
	}
	for p, n := range bad {
		if n != 6 {
			t.Errorf("person %d: %d malformed events, want one of each of 6 kinds", p, n)
		}
	}
	if len(bad) != 3 {
		t.Errorf("%d people with malformed events, want one a hospital", len(bad))
	}
}

// A label that could come true in two ways is worth nothing.
func TestLabelsAreCertain(t *testing.T) {
	s := build(t)
	units := map[string]reminder.Unit{}
	for _, u := range directory(t) {
		units[u.ID] = u
	}
	for _, e := range s.Expect {
		u := units[e.Unit]
		if e.Purpose == reminder.Remind && e.NotAfter.After(e.Start.Add(-max(2*time.Hour, u.Deadline))) {
			t.Errorf("%s %s: may come after the deadline", e.Appointment, e.Why)
		}
		if e.Start.Before(e.NotBefore) {
			t.Errorf("%s %s: begins after the appointment", e.Appointment, e.Why)
		}
		if !slices.ContainsFunc(s.People[e.Person].Addresses, func(a scenario.Address) bool { return a.Address == e.Address && a.Channel == e.Channel }) {
			t.Errorf("%s %s: not an address of that person", e.Appointment, e.Why)
		}
		for _, st := range s.Steps {
			if st.Kind == scenario.Event && st.Person == e.Person && strings.Contains(st.Raw, `"`+e.Appointment+`"`) && st.At.After(e.NotBefore) && st.At.Before(e.NotAfter) && !strings.Contains(st.Label, "comes again") {
				t.Errorf("%s %s: an event falls into the window", e.Appointment, e.Why)
			}
		}
	}
}

// Every deny reason that a demo can show is shown.
func TestNevers(t *testing.T) {
	why := map[string]int{}
	for _, n := range build(t).Never {
		why[n.Why]++
		if n.Address == "" && n.Unit == "" {
			t.Error("a never about nobody")
		}
	}
	for _, w := range []string{"no_basis", "withdrawn", "declined", "unverified", "stale_verification", "shared_number", "wrong_number", "barred",
		"protected", "deceased", "guardian", "over_ceiling", "held", "kill_switch", "nothing_due"} {
		if why[w] == 0 {
			t.Errorf("nobody is silent because of %s", w)
		}
	}
}

func TestNationalIDsAreTestNumbers(t *testing.T) {
	seen := map[string]bool{}
	for i, p := range build(t).People {
		if seen[p.ID] {
			t.Errorf("person %d: somebody else's number", i)
		}
		seen[p.ID] = true
		born, err := time.Parse(time.DateOnly, p.BirthDate)
		if err != nil {
			t.Fatal(err)
		}
		d := make([]int, len(p.ID))
		for i := range p.ID {
			d[i] = int(p.ID[i] - '0')
		}
		ok := false
		switch p.Country {
		case "DK":
			mod := (4*d[0] + 3*d[1] + 2*d[2] + 7*d[3] + 6*d[4] + 5*d[5] + 4*d[6] + 3*d[7] + 2*d[8] + d[9]) % 11
			ok = len(d) == 10 && mod != 0 && strings.HasPrefix(p.ID, born.Format("020106"))
		case "SE":
			luhn := 0
			for i, v := range d[2:] {
				if i%2 == 0 {
					v *= 2
				}
				luhn += v/10 + v%10
			}
			ok = len(d) == 12 && luhn%10 == 0 && strings.HasPrefix(p.ID, born.Format("20060102")+"98")
		case "NO":
			k1 := (3*d[0] + 7*d[1] + 6*d[2] + d[3] + 8*d[4] + 9*d[5] + 4*d[6] + 5*d[7] + 2*d[8] + d[9]) % 11
			k2 := (5*d[0] + 4*d[1] + 3*d[2] + 2*d[3] + 7*d[4] + 6*d[5] + 5*d[6] + 4*d[7] + 3*d[8] + 2*d[9] + d[10]) % 11
			ok = len(d) == 11 && k1 == 0 && k2 == 0 && d[2] >= 8
		}
		if !ok {
			t.Errorf("person %d (%s): not a test number of %s", i, p.Case, p.Country)
		}
	}
}

func TestBuildRefusesADirectoryThatCannotCarryIt(t *testing.T) {
	for name, spoil := range map[string]func([]reminder.Unit) []reminder.Unit{
		"no units": func([]reminder.Unit) []reminder.Unit { return nil },
		"no Norway": func(us []reminder.Unit) []reminder.Unit {
			return slices.DeleteFunc(us, func(u reminder.Unit) bool { return u.Country == "NO" })
		},
		"bad zone":        func(us []reminder.Unit) []reminder.Unit { us[0].Zone = "Mars/North"; return us },
		"no rules":        func(us []reminder.Unit) []reminder.Unit { us[0].Rules = nil; return us },
		"other country":   func(us []reminder.Unit) []reminder.Unit { us[0].Country = "FI"; return us },
		"relative's name": func(us []reminder.Unit) []reminder.Unit { us[0].Entrance.Text = "Indgang Thygesen"; return us },
	} {
		if _, err := scenario.Build(spoil(directory(t))); !errors.Is(err, scenario.ErrUnits) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBuildLeavesTheUnitsAlone(t *testing.T) {
	units, again := directory(t), directory(t)
	if _, err := scenario.Build(units); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(units, again) {
		t.Error("Build changed the directory it was given")
	}
}
