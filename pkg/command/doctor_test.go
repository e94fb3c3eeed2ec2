package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// findings runs husk doctor and returns what it found.
func (p *place) findings(want int, args ...string) []finding {
	p.t.Helper()
	out, errs, code := p.husk("", append([]string{"doctor", "--json"}, args...)...)
	if code != want {
		p.t.Fatalf("exit code %d, want %d\n%s%s", code, want, out, errs)
	}
	var fs []finding
	if err := json.Unmarshal([]byte(out), &fs); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	return fs
}

func found(fs []finding, check string, l level, text string) bool {
	return slices.ContainsFunc(fs, func(f finding) bool {
		return f.Check == check && f.Level == l && strings.Contains(f.Text, text) && (f.Do != "" || l == fine)
	})
}

func TestDoctor(t *testing.T) {
	both(t, bury, func(t *testing.T, p *place, serving bool) {
		fs := p.findings(0)
		for _, check := range []string{"configuration", "keyset", "disk", "units", "policy", "templates", "lock", "broker", "state", "carriers", "open attempts", "held", "clock"} {
			if !found(fs, check, fine, "") {
				t.Errorf("%s is not ok: %+v", check, fs)
			}
		}
		if !found(fs, "dead letters", warning, "1 booking event") {
			t.Errorf("no word of the dead letter: %+v", fs)
		}
		if !found(fs, "units", warning, "example") {
			t.Errorf("no word of the example units: %+v", fs)
		}
		if found(fs, "lock", fine, "husk serve runs") != serving {
			t.Errorf("wrong about husk serve: %+v", fs)
		}
		p.must("", "stop", "--reason", "trial")
		if !found(p.findings(0), "switches", warning, "all is stopped: trial") {
			t.Error("no word of the switch")
		}
	})
}

func TestDoctorOnNothing(t *testing.T) {
	p := newPlace(t)
	if fs := p.findings(0); !found(fs, "line", fine, "no data yet") || !found(fs, "carriers", fine, "") {
		t.Errorf("%+v", fs)
	}
	if _, err := os.Stat(p.dir); err == nil {
		t.Error("doctor made the data directory")
	}
}

func TestDoctorFindsProblems(t *testing.T) {
	write := func(t *testing.T, name, text string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const units = `hospitals:
  - id: h
    country: DK
    language: da
    zone: Europe/Copenhagen
    address: {text: "Vej 1, 4999 By", class: 1}
    sender_id: {text: "+4570991099", class: 0, replies: number}
    from: {text: "husk@h.example", class: 0}
    units:
      - id: u
        names: {da: {text: "Ambulatorium", class: 1}}
        entrance: {text: "Indgang B", class: 1}
        phone: {text: "12", class: 1}
        mail: {text: "u@h.dk", class: 1}
`
	for _, x := range []struct {
		name, file string
		check      string
		text       string
	}{
		{"no such file", "", "units", "no such file"},
		{"a broken units file", "hospitals: [", "units", "did not find expected node content"},
		{"an unknown key", "hospitals:\n  - idd: x\n", "units", "field idd not found"},
		{"a phone that can't be rung", units, "units", `unit "u": phone: "12": want a phone number as printed`},
		{"a sender that nobody can answer", strings.NewReplacer(`"12"`, `"70 99 10 31"`, `"+4570991099", class: 0, replies: number`, `"Hospital", class: 0`).Replace(units), "templates",
			`unit u: no working way to stop: no answer to Hospital reaches us: write, for example, "Stop sms: ring {phone}"`},
		{"a shared number without its keyword", strings.NewReplacer(`"12"`, `"70 99 10 31"`, `"+4570991099", class: 0, replies: number`, `"1204", class: 0, replies: number, keyword: RAVN`).Replace(units), "templates",
			`unit u: no working way to stop: answers to 1204 reach us behind the keyword RAVN alone`},
		{"a clinic that names a specialty", strings.Replace(strings.Replace(units, `"12"`, `"70 99 10 31"`, 1), `Ambulatorium", class: 1`, `Onkologi", class: 2`, 1), "templates", "dk-2019 allows 1.5"},
	} {
		t.Run(x.name, func(t *testing.T) {
			p := newPlace(t)
			path := filepath.Join(p.dir, "absent.yaml")
			if x.file != "" {
				path = write(t, "units.yaml", x.file)
			}
			t.Setenv("HUSK_UNITS_FILE", path)
			if fs := p.findings(1); !found(fs, x.check, problem, x.text) {
				t.Errorf("%+v", fs)
			}
		})
	}
	t.Run("an address for examples", func(t *testing.T) {
		p := newPlace(t)
		t.Setenv("HUSK_UNITS_FILE", write(t, "units.yaml", strings.Replace(units, `"12"`, `"70 99 10 31"`, 1)))
		if fs := p.findings(0); !found(fs, "units", warning, "reserved for examples") {
			t.Errorf("%+v", fs)
		}
	})
	t.Run("a wrong key", func(t *testing.T) {
		p := newPlace(t)
		t.Setenv("HUSK_SEND_BATCH", "0")
		if fs := p.findings(1); !found(fs, "configuration", problem, `send.batch = "0"`) || len(fs) != 1 {
			t.Errorf("%+v", fs)
		}
	})
	t.Run("the outbox in production", func(t *testing.T) {
		p := newPlace(t)
		if fs := p.findings(1, "--mode", "production"); !found(fs, "configuration", problem, "in production outbox is refused") {
			t.Errorf("%+v", fs)
		}
	})
	t.Run("no policy pack", func(t *testing.T) {
		p := newPlace(t)
		dir := t.TempDir()
		pack, err := os.ReadFile("../../config/policy/dk-2019.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "dk-2019.yaml"), pack, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("HUSK_POLICY_DIR", dir)
		if fs := p.findings(1); !found(fs, "policy", problem, "no policy pack for SE") || !found(fs, "state", fine, "") {
			t.Errorf("%+v", fs)
		}
	})
	t.Run("an open keyset", func(t *testing.T) {
		p := newPlace(t)
		p.must("", "status")
		if err := os.Chmod(filepath.Join(p.dir, "keys", "keyset.json"), 0o644); err != nil {
			t.Fatal(err)
		}
		if fs := p.findings(1); !found(fs, "keyset", problem, "chmod 600") || !found(fs, "line", warning, "not checked") {
			t.Errorf("%+v", fs)
		}
	})
	t.Run("a lost keyset", func(t *testing.T) {
		p := newPlace(t)
		p.must("", "status")
		if err := os.Remove(filepath.Join(p.dir, "keys", "keyset.json")); err != nil {
			t.Fatal(err)
		}
		if fs := p.findings(1); !found(fs, "keyset", problem, "no keyset") {
			t.Errorf("%+v", fs)
		}
		if _, errs, code := p.husk("", "status"); code != 1 || !strings.Contains(errs, "restore the keyset from its backup") {
			t.Errorf("status: %d %s", code, errs)
		}
	})
}
