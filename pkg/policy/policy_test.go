package policy_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	policies "github.com/husk-reminders/husk/config/policy"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func shipped(t *testing.T) *policy.Set {
	t.Helper()
	s, err := policy.Load(policies.FS)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestShippedPacksInForce(t *testing.T) {
	s := shipped(t)
	for _, c := range []struct {
		country reminder.Country
		at      string
		want    string // "" = no rules
	}{
		{"DK", "2010-08-31T21:59:59Z", ""},
		{"DK", "2010-08-31T22:00:00Z", "dk-2010"}, // midnight in Copenhagen
		{"DK", "2018-05-24T21:59:59Z", "dk-2010"},
		{"DK", "2018-05-24T22:00:00Z", ""}, // lapsed with the GDPR
		{"DK", "2019-07-15T21:59:59Z", ""},
		{"DK", "2019-07-15T22:00:00Z", "dk-2019"},
		{"DK", "2026-11-20T12:00:00Z", "dk-2019"},
		{"SE", "2026-11-20T12:00:00Z", "se-2016"},
		{"SE", "2017-02-28T12:00:00Z", ""},
		{"NO", "2026-11-20T12:00:00Z", "no-2014"},
		{"FI", "2026-11-20T12:00:00Z", ""},
		{"", "2026-11-20T12:00:00Z", ""},
	} {
		p, ok := s.For(c.country, at(t, c.at))
		if p.ID != c.want || ok != (c.want != "") {
			t.Errorf("%s at %s: %q %v, want %q", c.country, c.at, p.ID, ok, c.want)
		}
	}
	var none *policy.Set
	if _, ok := none.For("DK", time.Now()); ok {
		t.Error("no set has rules")
	}
}

func TestShippedPackIsWhatItsFileSays(t *testing.T) {
	s := shipped(t)
	p, ok := s.Find(policy.Ref{ID: "dk-2019"})
	if !ok {
		t.Fatal("no dk-2019")
	}
	data, err := fs.ReadFile(policies.FS, "dk-2019.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if p.Hash != hex.EncodeToString(sum[:]) || p.Short() != p.Hash[:12] {
		t.Errorf("hash %s, short %s", p.Hash, p.Short())
	}
	if q, ok := s.Find(p.Ref()); !ok || q.ID != p.ID {
		t.Error("not found by its own reference")
	}
	if _, ok := s.Find(policy.Ref{ID: "dk-2019", Hash: strings.Repeat("0", 64)}); ok {
		t.Error("found with another file's hash")
	}
	if p.MaxLength[reminder.SMS] != 140 || p.MaxLength[reminder.Email] != 0 {
		t.Errorf("lengths %v", p.MaxLength)
	}
	if p.Ceiling[reminder.SMS] != 1.5 || p.GuardianUntilAge != 15 || p.Scope != policy.ControllerScope {
		t.Errorf("ceiling %v, age %d, scope %s", p.Ceiling, p.GuardianUntilAge, p.Scope)
	}
	if p.Verification.MinLevel != policy.Proven || p.Verification.MaxAge[reminder.SMS] != (policy.Period{Months: 24}) {
		t.Errorf("verification %+v", p.Verification)
	}
	if got := p.Purposes(); len(got) != 3 || got[0] != reminder.Remind {
		t.Errorf("purposes %v", got)
	}
	if p.Cap.Max < 1 || p.Cap.Per != 24*time.Hour || !p.Allows(reminder.SMS) || p.Allows("letter") {
		t.Errorf("cap %+v, channels %v", p.Cap, p.Channels)
	}
	for id, want := range map[string]policy.Basis{"dk-2010": policy.Consent, "se-2016": policy.Consent, "no-2014": policy.Reservation} {
		p, _ := s.Find(policy.Ref{ID: id})
		if p.Basis[reminder.Remind] != want {
			t.Errorf("%s: basis %q, want %q", id, p.Basis[reminder.Remind], want)
		}
		if _, ok := p.Basis[reminder.Verify]; ok {
			t.Errorf("%s: a purpose of its own makes a basis", id)
		}
	}
}

const good = `id: xx
country: DK
zone: Europe/Copenhagen
valid_from: 2020-01-01
valid_until: 2021-01-01
basis: {reminder: consent}
consent: {scope: unit, guardian_until_age: 15, proof_years: 5}
channels:
  sms: {max_length: 140, ceiling: 1.5, max_age: 24 months}
links: [sms]
verification: {min_level: proven, methods: [nemsms, code], register_freshness: 18 months, max_persons: 6}
cap: {max: 6, per: 24h}
`

func TestLoadRefuses(t *testing.T) {
	if _, err := policy.Load(fstest.MapFS{"xx.yaml": {Data: []byte(good)}}); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for name, c := range map[string]struct {
		old, new string
		want     []string // all in the error
	}{
		"unknown key":          {"cap: {max: 6,", "cap: {mux: 6,", []string{"cap.mux", "cap.max", "line 12", "missing"}},
		"unknown key on top":   {"zone:", "zoone: x\nzone:", []string{`"zoone"`, "allowed are id, country, zone"}},
		"doubled key":          {"zone:", "country: DK\nzone:", []string{`"country"`, "twice"}},
		"other id":             {"id: xx", "id: yy", []string{`id: "yy"`, "want xx"}},
		"unknown country":      {"country: DK", "country: DE", []string{`"DE"`, "DK, SE, NO"}},
		"unknown zone":         {"Europe/Copenhagen", "Europe/Hven", []string{"zone", `"Europe/Hven"`, "IANA"}},
		"no day":               {"2020-01-01", "1 January", []string{"valid_from", "2019-07-16"}},
		"until before from":    {"valid_until: 2021", "valid_until: 2019", []string{"valid_until", "after valid_from"}},
		"unknown basis":        {"reminder: consent", "reminder: assumed", []string{"basis.reminder", `"assumed"`, "consent, reservation"}},
		"unknown purpose":      {"reminder: consent", "survey: consent", []string{"basis.survey", "basis.reminder"}},
		"no basis":             {"{reminder: consent}", "{}", []string{"basis", "at least one"}},
		"unknown scope":        {"scope: unit", "scope: world", []string{"consent.scope", "unit, hospital, controller"}},
		"age":                  {"guardian_until_age: 15", "guardian_until_age: 40", []string{"consent.guardian_until_age", "0 to 21"}},
		"age missing":          {"guardian_until_age: 15, ", "", []string{"consent.guardian_until_age is missing"}},
		"unknown channel":      {"  sms:", "  fax:", []string{"channels.fax", "channels.sms", "at least one"}},
		"length":               {"max_length: 140", "max_length: none", []string{"channels.sms.max_length", `"none"`}},
		"class":                {"ceiling: 1.5", "ceiling: 3", []string{"channels.sms.ceiling", "0, 1, 1.5, 2"}},
		"link on no channel":   {"links: [sms]", "links: [email]", []string{"links", `"email"`, "a list of sms"}},
		"links no list":        {"links: [sms]", "links: sms", []string{"links", "a list of"}},
		"limited as long":      {"guardian_until_age: 15", "guardian_until_age: 15, guardian_limited_from_age: 15", []string{"consent.guardian_limited_from_age", "before guardian_until_age, 15"}},
		"custody of a kind":    {"guardian_until_age: 15", "guardian_until_age: 15, guardian_custody: maybe", []string{"consent.guardian_custody", "want required"}},
		"asking again":         {"proof_years: 5", "proof_years: 5, ask_again_after: soon", []string{"consent.ask_again_after", "30 days"}},
		"analysis":             {"links: [sms]", "analysis: done", []string{"analysis", "want required"}},
		"hold":                 {"max_persons: 6", "max_persons: 6, changed_hold: a while", []string{"verification.changed_hold", "30 days"}},
		"period":               {"24 months", "730", []string{"channels.sms.max_age", "18 months"}},
		"level":                {"min_level: proven", "min_level: sure", []string{"verification.min_level", "unproven, claimed"}},
		"unknown method":       {"[nemsms, code]", "[nemsms, guess]", []string{"verification.methods", `"guess"`}},
		"method below level":   {"[nemsms, code]", "[nemsms, staff]", []string{"verification.methods", "staff does not"}},
		"method twice":         {"[nemsms, code]", "[code, code]", []string{"each once"}},
		"methods no list":      {"[nemsms, code]", "nemsms", []string{"verification.methods", "a list of"}},
		"persons":              {"max_persons: 6", "max_persons: 0", []string{"verification.max_persons", "1 to 100"}},
		"cap":                  {"per: 24h", "per: 1s", []string{"cap.per", "1h0m0s"}},
		"section is a scalar":  {"cap: {max: 6, per: 24h}", "cap: 6", []string{"cap", "max, per"}},
		"value is a list":      {"max: 6", "max: [6]", []string{"cap.max", "a list"}},
		"value is null":        {"max: 6", "max: ", []string{"cap.max"}},
		"not YAML":             {"id: xx", "id: [xx", []string{"xx.yaml"}},
		"second document":      {"cap: {max: 6, per: 24h}\n", "cap: {max: 6, per: 24h}\n---\nid: xx\n", []string{"nothing behind it"}},
		"document is a scalar": {good, "hello", []string{"the document"}},
		"empty":                {good, "# nothing\n", []string{"empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(good, c.old) {
				t.Fatalf("the good pack has no %q", c.old)
			}
			data := strings.Replace(good, c.old, c.new, 1)
			s, err := policy.Load(fstest.MapFS{"xx.yaml": {Data: []byte(data)}})
			if !errors.Is(err, policy.ErrPack) || s != nil {
				t.Fatalf("got %v, %v", s, err)
			}
			for _, w := range append(c.want, "xx.yaml") {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in: %v", w, err)
				}
			}
		})
	}
}

func TestLinksAreAllowedByNameAlone(t *testing.T) {
	s, err := policy.Load(fstest.MapFS{"xx.yaml": {Data: []byte(good)}})
	if err != nil {
		t.Fatal(err)
	}
	if p := s.Packs()[0]; !p.AllowsLink(reminder.SMS) || p.AllowsLink(reminder.Email) {
		t.Errorf("links %v", p.Links)
	}
	for _, p := range shipped(t).Packs() {
		if len(p.Links) > 0 {
			t.Errorf("%s allows links on %v: no source says so", p.ID, p.Links)
		}
	}
}

func TestLoadRefusesNoneAndOverlap(t *testing.T) {
	if _, err := policy.Load(fstest.MapFS{"readme.md": {}}); !errors.Is(err, policy.ErrPack) {
		t.Errorf("no pack: %v", err)
	}
	next := strings.NewReplacer("id: xx", "id: yy", "valid_until: 2021-01-01\n", "", "valid_from: 2020", "valid_from: 2021").Replace(good)
	two := fstest.MapFS{"xx.yaml": {Data: []byte(good)}, "yy.yaml": {Data: []byte(next)}}
	s, err := policy.Load(two)
	if err != nil {
		t.Fatalf("one after the other: %v", err)
	}
	if ps := s.Packs(); len(ps) != 2 || ps[0].ID != "xx" || ps[0].Hash == ps[1].Hash {
		t.Errorf("packs %v", ps)
	}
	two["yy.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(next, "2021-01-01", "2020-12-31", 1))}
	if _, err := policy.Load(two); !errors.Is(err, policy.ErrPack) || !strings.Contains(err.Error(), "xx") || !strings.Contains(err.Error(), "yy") {
		t.Errorf("one day together: %v", err)
	}
}

func TestPeriod(t *testing.T) {
	for s, want := range map[string]policy.Period{
		"1 day": {Days: 1}, "30 days": {Days: 30}, "18 months": {Months: 18}, "2 years": {Months: 24},
		"": {}, "18": {}, "months": {}, "-1 day": {}, "0 days": {}, "1 week": {}, "1 day 2": {}, "1  day": {},
	} {
		p, err := policy.ParsePeriod(s)
		if p != want || (err == nil) == want.IsZero() {
			t.Errorf("%q: %v %v", s, p, err)
		}
		if q, err := policy.ParsePeriod(p.String()); !p.IsZero() && (q != p || err != nil) {
			t.Errorf("%q prints %q", s, p)
		}
	}
	if got := (policy.Period{Months: 18}).Ago(at(t, "2026-08-15T10:00:00Z")); !got.Equal(at(t, "2025-02-15T10:00:00Z")) {
		t.Errorf("18 months ago: %s", got)
	}
}

func TestSinceTakesTheStricter(t *testing.T) {
	v := policy.Verification{
		MaxAge:    map[reminder.Channel]policy.Period{reminder.SMS: {Months: 24}},
		Freshness: policy.Period{Months: 18},
	}
	now := at(t, "2026-08-15T10:00:00Z")
	for _, c := range []struct {
		m    policy.Method
		c    reminder.Channel
		want string
	}{
		{policy.Code, reminder.SMS, "2024-08-15T10:00:00Z"},
		{policy.KRR, reminder.SMS, "2025-02-15T10:00:00Z"},
		{policy.KRR, reminder.Email, "2026-08-15T10:00:00Z"}, // no age is allowed for the channel
	} {
		if got := v.Since(c.m, c.c, now); !got.Equal(at(t, c.want)) {
			t.Errorf("%s %s: %s, want %s", c.m, c.c, got, c.want)
		}
	}
}

func TestMinor(t *testing.T) {
	p := policy.Pack{GuardianUntilAge: 15}
	born := reminder.Date{Year: 2011, Month: 3, Day: 1}
	for day, want := range map[string]bool{"2026-02-28T23:59:59+01:00": true, "2026-03-01T00:00:00+01:00": false} {
		if minor, known := p.Minor(born, at(t, day)); minor != want || !known {
			t.Errorf("%s: %v %v", day, minor, known)
		}
	}
	if _, known := p.Minor(reminder.Date{}, time.Now()); known {
		t.Error("an age is known without a birth date")
	}
	if minor, known := (policy.Pack{}).Minor(reminder.Date{}, time.Now()); minor || !known {
		t.Error("a pack without an age asks for one")
	}
}

func TestLevels(t *testing.T) {
	for _, m := range policy.Methods {
		b, err := m.Level().MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var l policy.Level
		if err := l.UnmarshalText(b); err != nil || l != m.Level() {
			t.Errorf("%s: %s reads as %v, %v", m, b, l, err)
		}
	}
	if policy.Method("guess").Level() != policy.Unproven || policy.Imported.Level() != policy.Unproven {
		t.Error("an unknown method proves something")
	}
	var l policy.Level
	if l.UnmarshalText([]byte("sure")) == nil {
		t.Error("an unknown level reads")
	}
	if _, err := policy.Level(9).MarshalText(); err == nil {
		t.Error("an unknown level writes")
	}
}
