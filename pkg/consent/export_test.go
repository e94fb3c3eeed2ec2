package consent_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func exported() consent.Facts {
	return consent.Facts{Person: person, BirthDate: adult, Pack: pack(), Controller: consent.Controller{ID: "rh", Name: "Region <Test>"}, At: day(5)}
}

var (
	idRE      = regexp.MustCompile(`^[A-Za-z0-9\-.]{1,64}$`)
	instantRE = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$`)
	uriRE     = regexp.MustCompile(`^(https?://|urn:)\S+$`)
)

// elements of a Consent of FHIR R4 (4.0.1), those of any resource included.
var elements = []string{
	"resourceType", "id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension",
	"identifier", "status", "scope", "category", "patient", "dateTime", "performer", "organization", "sourceAttachment", "sourceReference",
	"policy", "policyRule", "verification", "provision",
}

type object = map[string]any

// checkR4 is what R4 asks of a Consent: the mandatory elements, the required codes, the cardinalities and the invariants ppc-1
// and ppc-2; written from the specification, apart from the exporter.
func checkR4(c object) error {
	var faults []error
	want := func(ok bool, what string) {
		if !ok {
			faults = append(faults, errors.New(what))
		}
	}
	str := func(o object, k string) string { s, _ := o[k].(string); return s }
	obj := func(o object, k string) object { x, _ := o[k].(object); return x }
	list := func(o object, k string) []any { x, _ := o[k].([]any); return x }
	concept := func(o object, where string) {
		cs, text := list(o, "coding"), str(o, "text")
		want(len(cs) > 0 || text != "", where+": a concept has a coding or text")
		for _, x := range cs {
			y, _ := x.(object)
			want(uriRE.MatchString(str(y, "system")) && str(y, "code") != "" && !strings.ContainsAny(str(y, "code"), " \t"), where+": a coding has system and code")
		}
	}
	coding := func(xs []any, where string) {
		for _, x := range xs {
			concept(object{"coding": []any{x}}, where)
		}
	}
	reference := func(x any, where string) {
		y, _ := x.(object)
		id := obj(y, "identifier")
		want(str(y, "reference") != "" || str(y, "display") != "" || str(id, "value") != "", where+": ref-1: a reference has something")
		want(id == nil || uriRE.MatchString(str(id, "system")) && str(id, "value") != "", where+": identifier")
	}
	for k := range c {
		want(slices.Contains(elements, k), "no such element: "+k)
	}
	want(str(c, "resourceType") == "Consent", "resourceType 1..1")
	want(idRE.MatchString(str(c, "id")), "id")
	want(slices.Contains([]string{"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"}, str(c, "status")), "status 1..1, required code")
	concept(obj(c, "scope"), "scope 1..1")
	want(len(list(c, "category")) >= 1, "category 1..*")
	for _, x := range list(c, "category") {
		y, _ := x.(object)
		concept(y, "category")
	}
	want(len(list(c, "policy")) > 0 || c["policyRule"] != nil, "ppc-1: policy or policyRule")
	if c["policyRule"] != nil {
		concept(obj(c, "policyRule"), "policyRule")
	}
	privacy := strings.Contains(fmt.Sprint(c["scope"]), "patient-privacy")
	want(!privacy || c["patient"] != nil, "ppc-2: a privacy consent has a patient")
	reference(c["patient"], "patient")
	want(instantRE.MatchString(str(c, "dateTime")), "dateTime with zone and seconds")
	want(len(list(c, "performer")) > 0 && len(list(c, "organization")) > 0, "performer and organization")
	for _, k := range []string{"performer", "organization"} {
		for _, x := range list(c, k) {
			reference(x, k)
		}
	}
	for _, x := range list(c, "policy") {
		y, _ := x.(object)
		want(uriRE.MatchString(str(y, "uri")), "policy.uri")
	}
	for _, x := range list(c, "verification") {
		y, _ := x.(object)
		_, is := y["verified"].(bool)
		want(is, "verification.verified 1..1")
		want(str(y, "verificationDate") == "" || instantRE.MatchString(str(y, "verificationDate")), "verificationDate")
	}
	for _, x := range list(c, "extension") {
		y, _ := x.(object)
		value := 0
		for k := range y {
			if strings.HasPrefix(k, "value") {
				value++
			}
		}
		want(uriRE.MatchString(str(y, "url")) && value == 1, "ext-1: an extension has url and one value")
	}
	if a := obj(c, "sourceAttachment"); a != nil {
		_, err := base64.StdEncoding.DecodeString(str(a, "data"))
		want(err == nil && str(a, "contentType") != "", "att-1: attachment data has a content type")
	}
	p := obj(c, "provision")
	want(slices.Contains([]string{"deny", "permit"}, str(p, "type")), "provision.type, required code")
	if per := obj(p, "period"); per != nil {
		start, end := str(per, "start"), str(per, "end")
		want(end == "" || start == "" || start <= end, "per-1: start is before end")
	}
	for _, x := range list(p, "actor") {
		y, _ := x.(object)
		concept(obj(y, "role"), "provision.actor.role 1..1")
		reference(y["reference"], "provision.actor.reference 1..1")
	}
	for _, x := range list(p, "action") {
		y, _ := x.(object)
		concept(y, "provision.action")
	}
	coding(list(p, "purpose"), "provision.purpose")
	coding(list(p, "securityLabel"), "provision.securityLabel")
	return errors.Join(faults...)
}

// bundle reads an export and checks its frame.
func bundle(t *testing.T, b []byte) []object {
	t.Helper()
	var x struct {
		ResourceType, Type, Timestamp string
		Entry                         []struct {
			FullURL  string
			Resource object
		}
	}
	if err := json.Unmarshal(b, &x); err != nil {
		t.Fatal(err)
	}
	if x.ResourceType != "Bundle" || x.Type != "collection" || !instantRE.MatchString(x.Timestamp) {
		t.Fatalf("frame %+v", x)
	}
	seen := map[string]bool{}
	var out []object
	for _, e := range x.Entry {
		if !uriRE.MatchString(e.FullURL) || seen[e.FullURL] { // bdl-7
			t.Errorf("fullUrl %q", e.FullURL)
		}
		seen[e.FullURL] = true
		out = append(out, e.Resource)
	}
	return out
}

func TestFHIRStatuses(t *testing.T) {
	for name, c := range map[string]struct {
		records []consent.Record
		want    string // status and provision.type of each
	}{
		"granted":    {[]consent.Record{rec("a", granted, 0, 0)}, "active permit"},
		"noticed":    {[]consent.Record{rec("a", noticed, 0, 0)}, "proposed permit"}, // told is not asked, under this pack
		"refused":    {[]consent.Record{rec("a", refused, 0, 0)}, "rejected deny"},
		"withdrawn":  {[]consent.Record{rec("a", granted, 0, 0), rec("b", withdrawn, 1, 1)}, "inactive permit, active deny"},
		"superseded": {[]consent.Record{rec("a", refused, 0, 0), rec("b", granted, 1, 1)}, "inactive deny, active permit"},
		"expired":    {[]consent.Record{rec("a", granted, 0, 0, until(2))}, "inactive permit"},
		"imported":   {[]consent.Record{rec("a", granted, 0, 0, how(consent.Imported))}, "proposed permit"},
		"no word":    {[]consent.Record{fact("a", consent.Protected, 0, 0)}, ""},
	} {
		b, err := consent.FHIR(c.records, exported())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range bundle(t, b) {
			if err := checkR4(r); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			got = append(got, fmt.Sprintf("%s %s", r["status"], r["provision"].(object)["type"]))
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: %q, want %q", name, s, c.want)
		}
	}
}

func TestFHIRHoldsWhatProvesTheWord(t *testing.T) {
	b, err := consent.FHIR([]consent.Record{whole()}, exported())
	if err != nil {
		t.Fatal(err)
	}
	rs := bundle(t, b)
	if len(rs) != 1 || checkR4(rs[0]) != nil {
		t.Fatalf("%v\n%s", checkR4(rs[0]), b)
	}
	for _, want := range []string{
		`"urn:husk:extension:notice-sha256"`, strings.Repeat("ab", 32), whole().Sample.Hash, base64.StdEncoding.EncodeToString([]byte(whole().Sample.Text)),
		`"urn:husk:pack:xx:` + strings.Repeat("cd", 32), `"desk-7"`, `extension:take-back"`, `"12 months"`, `extension:ends-at-age"`, `extension:ends-with-care-contact"`, `"rh-ortho"`, `"1.5"`,
		string(person), `"verified": true`, `"2026-09-17T09:00:00Z"`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is missing in\n%s", want, b)
		}
	}
}

// Every history exports to what R4 allows, whatever is in it.
func TestEveryHistoryExports(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	seen := map[string]int{}
	for range 400 {
		rs := randomRecords(r)
		if r.IntN(3) == 0 {
			rs = append(rs, whole())
		}
		f := exported()
		f.BirthDate = []reminder.Date{adult, child, {}}[r.IntN(3)]
		b, err := consent.FHIR(rs, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range bundle(t, b) {
			if err := checkR4(x); err != nil {
				t.Fatalf("%v\n%s", err, b)
			}
			seen[x["status"].(string)]++
		}
		for _, l := range consent.PageLanguages {
			if _, err := consent.Page(rs, f, l); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range []string{"active", "inactive", "rejected", "proposed"} {
		if seen[s] < 20 {
			t.Errorf("%d of status %s: the test looks at too little", seen[s], s)
		}
	}
}

// The checker of this test must itself find what is wrong.
func TestTheCheckerFinds(t *testing.T) {
	b, err := consent.FHIR([]consent.Record{whole()}, exported())
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(object){
		"status":         func(o object) { o["status"] = "granted" },
		"no scope":       func(o object) { delete(o, "scope") },
		"no category":    func(o object) { o["category"] = []any{} },
		"no patient":     func(o object) { delete(o, "patient") },
		"no policy":      func(o object) { delete(o, "policy"); delete(o, "policyRule") },
		"no dateTime":    func(o object) { delete(o, "dateTime") },
		"no performer":   func(o object) { delete(o, "performer") },
		"provision":      func(o object) { o["provision"].(object)["type"] = "allow" },
		"verification":   func(o object) { o["verification"] = []any{object{}} },
		"actor":          func(o object) { delete(o["provision"].(object)["actor"].([]any)[0].(object), "role") },
		"a foreign word": func(o object) { o["decision"] = "permit" }, // of R5
		"extension":      func(o object) { o["extension"] = []any{object{"url": "x"}} },
	} {
		o := bundle(t, b)[0]
		spoil(o)
		if checkR4(o) == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

func TestPage(t *testing.T) {
	custody := fact("c", consent.Custody, 0, 0, of(mother), func(r *consent.Record) { r.NoPlace = true })
	rs := []consent.Record{whole(), rec("b", withdrawn, 2, 2, about(), on()), custody}
	for language, words := range map[string][]string{
		"da": {"Ja trukket tilbage", "påmindelser", "ved skranken", "alle måder", "får ikke stedet at vide"},
		"sv": {"Ja tillbakataget", "påminnelser", "i receptionen", "alla sätt", "får inte veta platsen"},
		"nb": {"Ja trukket tilbake", "påminnelser", "i skranken", "alle måter", "får ikke vite stedet"},
		"en": {"Yes taken back", "reminders", "at the desk", "every way", "is not told the place"},
	} {
		b, err := consent.Page(rs, exported(), language)
		if err != nil {
			t.Fatal(err)
		}
		s := string(b)
		for _, w := range append(words, `lang="`+language+`"`, "da/notice@1", strings.Repeat("ab", 32), "desk-7", "&lt;12. marts&gt; &amp; møde", "Region &lt;Test&gt;") {
			if !strings.Contains(s, w) {
				t.Errorf("%s: %q is missing", language, w)
			}
		}
		if strings.Contains(s, "<12.") || strings.Contains(s, "<script") || strings.Contains(s, "http") || strings.Contains(s, "<no value>") {
			t.Errorf("%s: what was said is markup, or the page asks for something else", language)
		}
		if strings.Index(s, words[0]) > strings.Index(s, "da/notice@1") {
			t.Errorf("%s: the newest does not come first", language)
		}
	}
	if b, err := consent.Page(nil, exported(), "en"); err != nil || !strings.Contains(string(b), "Nothing was said.") {
		t.Errorf("nothing: %v", err)
	}
	for name, spoil := range map[string]func(*consent.Facts){
		"person": func(f *consent.Facts) { f.Person = "" }, "pack": func(f *consent.Facts) { f.Pack.ID = "" }, "at": func(f *consent.Facts) { f.At = time.Time{} },
	} {
		f := exported()
		spoil(&f)
		if _, err := consent.Page(rs, f, "en"); !errors.Is(err, consent.ErrExport) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := consent.FHIR(rs, f); !errors.Is(err, consent.ErrExport) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := consent.Page(rs, exported(), "de"); !errors.Is(err, consent.ErrExport) {
		t.Errorf("an unknown language: %v", err)
	}
}
