package krr_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/krr"
	"github.com/husk-reminders/husk/pkg/contact/krr/maskinporten"
	"github.com/husk-reminders/husk/pkg/contact/register"
	"github.com/husk-reminders/husk/pkg/contact/verifytest"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// A synthetic person of Digdir's pages, and what the register has of them.
const (
	anna   = "20914695016"
	number = "+4791234567"
	mail   = "anna@example.no"
	client = "husk-test-client"
	keyID  = "key-1"

	active = `"reservasjon":"NEI","status":"AKTIV","varslingsstatus":"KAN_VARSLES","spraak":"nn",` +
		`"kontaktinformasjon":{"mobiltelefonnummer":"91234567","mobiltelefonnummer_oppdatert":"2023-08-05T10:45:15.768Z",` +
		`"mobiltelefonnummer_sist_verifisert":"2025-11-02T10:45:15+01","epostadresse":"Anna@example.no","epostadresse_oppdatert":"2026-01-05T10:45:15.768Z"}`
)

var (
	phone   = reminder.NewAddress(reminder.SMS, number)
	address = reminder.NewAddress(reminder.Email, mail)
)

func national(id string) reminder.NationalID { return reminder.NewNationalID("NO", id) }

func about(id string) contact.Question { return contact.Question{NationalID: national(id)} }

// id makes the nth plausible fødselsnummer, with its second check digit.
func id(n int) string {
	for ; ; n += 1_000_000 {
		s := fmt.Sprintf("%02d01%06d", 1+n%28, n/28%1_000_000)
		sum := 0
		for i, w := range []int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2} {
			sum += w * int(s[i]-'0')
		}
		if k := (11 - sum%11) % 11; k < 10 {
			return s + fmt.Sprint(k)
		}
	}
}

type world struct {
	*verifytest.Bench
	krr      *verifytest.KRR
	verifier *krr.Verifier
	source   *maskinporten.Source
}

func open(b *verifytest.Bench, change ...func(*maskinporten.Options)) world {
	b.T.Helper()
	key := verifytest.RSAKey(b.T)
	k := b.KRR(client, &key.PublicKey, keyID)
	k.Put(anna, active)
	c, err := register.New(register.Options{Roots: b.Authority.Pool, Timeout: b.Timeout, MaxBody: 1 << 20, Now: b.Clock.Now})
	if err != nil {
		b.T.Fatal(err)
	}
	b.T.Cleanup(c.Close)
	o := maskinporten.Options{
		Environment: maskinporten.Environment{TokenURL: k.TokenURL, Audience: k.Audience},
		ClientID:    client, Scope: krr.Scope, Key: key, KeyID: keyID, Client: c, Now: b.Clock.Now,
	}
	for _, f := range change {
		f(&o)
	}
	src, err := maskinporten.New(o)
	if err != nil {
		b.T.Fatal(err)
	}
	v, err := krr.New(krr.Options{URL: k.URL, Tokens: src, Client: c, Logger: b.Logger})
	if err != nil {
		b.T.Fatal(err)
	}
	return world{b, k, v, src}
}

func (w world) ask(qs ...contact.Question) []contact.Answer {
	w.T.Helper()
	return contact.Ask(w.T.Context(), w.verifier, w.Clock.Now(), qs)
}

func TestConformance(t *testing.T) {
	verifytest.Run(t, verifytest.Harness{
		Open:     func(b *verifytest.Bench) contact.Verifier { return open(b).verifier },
		Stages:   []string{verifytest.MaskinportenStage, verifytest.KRRStage},
		Question: contact.Question{NationalID: national(anna), Address: phone},
		Canaries: []string{anna, number, number[3:], mail, "Anna@"},
	})
}

func TestYes(t *testing.T) {
	w := open(verifytest.NewBench(t))
	a := w.ask(about(anna))[0]
	if a.Verdict != contact.Yes || a.Language != "nb" || a.Reserved || a.Inactive || !a.Until.Equal(w.Clock.Now().Add(24*time.Hour)) {
		t.Fatalf("%+v", a)
	}
	f, ok := a.Vouches(phone)
	if !ok || f.Method != policy.KRR || f.Level != policy.Registered || f.Shared || !f.AsOf.Equal(time.Date(2025, 11, 2, 9, 45, 15, 0, time.UTC)) {
		t.Errorf("phone %v %+v", ok, f)
	}
	if f, ok := a.Vouches(address); !ok || !f.AsOf.Equal(time.Date(2026, 1, 5, 10, 45, 15, 768e6, time.UTC)) {
		t.Errorf("mail %v %+v", ok, f)
	}
	if _, ok := a.Vouches(reminder.NewAddress(reminder.SMS, "+4799999999")); ok {
		t.Error("it vouches for any number")
	}
	if got := w.krr.Refusals(); len(got) > 0 {
		t.Errorf("refused: %v", got)
	}
	var n int
	rs := a.Records("1-0123456789abcdef0123456789abcdef", func(reminder.Address) reminder.AddressHash { return "1-00" },
		func() string { n++; return fmt.Sprint(n) }, w.Clock.Now())
	if len(rs) != 2 {
		t.Fatalf("%d records", len(rs))
	}
	for _, r := range rs {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// entries: what the register may say, and what is made of it; asked without an address, and with the phone.
func TestEntries(t *testing.T) {
	const now, old = `"2026-02-01T10:00:00Z"`, `"2024-08-31T10:00:00Z"`
	info := func(fields string) string {
		return `"reservasjon":"NEI","status":"AKTIV","varslingsstatus":"KAN_VARSLES","kontaktinformasjon":{` + fields + `}`
	}
	const m = `"mobiltelefonnummer":"+4791234567"`
	for name, c := range map[string]struct {
		entry      string
		any, phone string
	}{
		"active":                             {active, "yes", "yes"},
		"not registered":                     {`"reservasjon":"NEI","status":"IKKE_REGISTRERT","varslingsstatus":"KAN_IKKE_VARSLES"`, "no not_registered", "no not_registered"},
		"not registered, with a number":      {`"status":"IKKE_REGISTRERT","kontaktinformasjon":{` + m + `}`, "unknown contradictory", "unknown contradictory"},
		"deleted":                            {`"status":"SLETTET","varslingsstatus":"KAN_IKKE_VARSLES"`, "no deleted inactive", "no deleted inactive"},
		"deleted and reserved":               {`"reservasjon":"JA","status":"SLETTET"`, "no deleted inactive reserved", "no deleted inactive reserved"},
		"reserved":                           {strings.Replace(active, `"NEI"`, `"JA"`, 1), "no reserved reserved", "no reserved reserved"},
		"reserved, and not to be notified":   {strings.NewReplacer(`"NEI"`, `"JA"`, "KAN_VARSLES", "KAN_IKKE_VARSLES").Replace(active), "no reserved reserved", "no reserved reserved"},
		"run out, number told":               {strings.Replace(active, "KAN_VARSLES", "KAN_IKKE_VARSLES", 1), "no stale inactive", "no stale inactive"},
		"run out, number kept back":          {`"reservasjon":"NEI","status":"AKTIV","varslingsstatus":"KAN_IKKE_VARSLES"`, "no stale inactive", "no stale inactive"},
		"may be notified, dates too old":     {info(m + `,"mobiltelefonnummer_oppdatert":` + old), "no stale", "no stale"},
		"confirmed lately":                   {info(m + `,"mobiltelefonnummer_oppdatert":` + old + `,"mobiltelefonnummer_sist_verifisert":` + now), "yes", "yes"},
		"updated lately, confirmed long ago": {info(m + `,"mobiltelefonnummer_oppdatert":` + now + `,"mobiltelefonnummer_sist_verifisert":` + old), "yes", "yes"},
		"validated by code lately":           {info(m + `,"mobiltelefonnummer_oppdatert":` + old + `,"mobiltelefonnummer_sist_validert":` + now), "yes", "yes"},
		"just within 18 months":              {info(m + `,"mobiltelefonnummer_oppdatert":"2024-09-01T09:00:00Z"`), "yes", "yes"},
		"just beyond 18 months":              {info(m + `,"mobiltelefonnummer_oppdatert":"2024-09-01T08:59:59Z"`), "no stale", "no stale"},
		"without a date":                     {info(m), "no stale", "no stale"},
		"a date that is none":                {info(m + `,"mobiltelefonnummer_oppdatert":"i går","mobiltelefonnummer_sist_verifisert":` + now), "unknown garbled", "unknown garbled"},
		"a date to come":                     {info(m + `,"mobiltelefonnummer_oppdatert":"2026-03-01T12:00:00Z"`), "unknown garbled", "unknown garbled"},
		"a minute ahead of our clock":        {info(m + `,"mobiltelefonnummer_oppdatert":"2026-03-01T09:01:00Z"`), "yes", "yes"},
		"mail alone":                         {info(`"epostadresse":"a@b.no","epostadresse_oppdatert":` + now), "yes", "no no_address"},
		"mail fresh, number run out":         {info(m + `,"mobiltelefonnummer_oppdatert":` + old + `,"epostadresse":"a@b.no","epostadresse_oppdatert":` + now), "yes", "no stale"},
		"another number":                     {info(`"mobiltelefonnummer":"+4741234567","mobiltelefonnummer_oppdatert":` + now), "yes", "no other_address"},
		"a landline":                         {info(`"mobiltelefonnummer":"22334455","mobiltelefonnummer_oppdatert":` + now), "no bad_address", "no bad_address"},
		"no number that is one":              {info(`"mobiltelefonnummer":"ring mamma","mobiltelefonnummer_oppdatert":` + now), "no bad_address", "no bad_address"},
		"nothing to be reached by":           {info(``), "no no_address", "no no_address"},
		"no kontaktinformasjon":              {`"reservasjon":"NEI","status":"AKTIV","varslingsstatus":"KAN_VARSLES"`, "no no_address", "no no_address"},
		"no varslingsstatus":                 {strings.Replace(active, `"varslingsstatus":"KAN_VARSLES",`, "", 1), "yes", "yes"},
		"no reservasjon":                     {strings.Replace(active, `"reservasjon":"NEI",`, "", 1), "unknown garbled", "unknown garbled"},
		"no status":                          {strings.Replace(active, `"status":"AKTIV",`, "", 1), "unknown garbled", "unknown garbled"},
		"a new status":                       {strings.Replace(active, "AKTIV", "SPERRET", 1), "unknown garbled", "unknown garbled"},
		"a new varslingsstatus":              {strings.Replace(active, "KAN_VARSLES", "KANSKJE", 1), "unknown garbled", "unknown garbled"},
		"a new reservasjon":                  {strings.Replace(active, "NEI", "DELVIS", 1), "unknown garbled", "unknown garbled"},
		"in lower case":                      {strings.Replace(active, "AKTIV", "aktiv", 1), "unknown garbled", "unknown garbled"},
		"a number for a text":                {strings.Replace(active, `"91234567"`, `91234567`, 1), "unknown garbled", "unknown garbled"},
		"status twice":                       {active + `,"status":"SLETTET"`, "unknown garbled", "unknown garbled"},
		"status twice in two cases":          {active + `,"STATUS":"SLETTET"`, "unknown garbled", "unknown garbled"},
		"a new field":                        {active + `,"farge":{"x":[1,2]}`, "yes", "yes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(verifytest.NewBench(t))
			w.krr.Put(anna, c.entry)
			as := w.ask(about(anna), contact.Question{NationalID: national(anna), Address: phone})
			for i, want := range []string{c.any, c.phone} {
				if got := brief(as[i]); got != want {
					t.Errorf("question %d: %q, want %q", i, got, want)
				}
			}
			w.Quiet([]string{anna, "91234567"})
		})
	}
}

func brief(a contact.Answer) string {
	s := strings.TrimSpace(a.Verdict.String() + " " + string(a.Reason))
	if a.Inactive {
		s += " inactive"
	}
	if a.Reserved {
		s += " reserved"
	}
	return s
}

func TestShared(t *testing.T) {
	w := open(verifytest.NewBench(t))
	for value, want := range map[string]bool{`"NEI"`: false, `null`: false, `""`: false, `false`: false, `"JA"`: true, `true`: true, `"3"`: true, `3`: true} {
		w.krr.Put(anna, strings.Replace(active, `"mobiltelefonnummer":`, `"mobiltelefonnummer_duplisert":`+value+`,"mobiltelefonnummer":`, 1))
		f, ok := w.ask(about(anna))[0].Vouches(phone)
		if !ok || f.Shared != want {
			t.Errorf("%s: %v %v", value, ok, f.Shared)
		}
	}
}

func TestReservedSince(t *testing.T) {
	w := open(verifytest.NewBench(t))
	w.krr.Put(anna, strings.Replace(active, `"reservasjon":"NEI"`, `"reservasjon":"JA","reservasjonstidspunkt":"2023-06-13T13:42:34+02"`, 1))
	if a := w.ask(about(anna))[0]; !a.Reserved || !a.ReservedSince.Equal(time.Date(2023, 6, 13, 11, 42, 34, 0, time.UTC)) {
		t.Errorf("%+v", a)
	}
}

// An id that can't be asked about is no "not registered", and never leaves.
func TestIDs(t *testing.T) {
	w := open(verifytest.NewBench(t))
	bad := []string{"2091469501", "209146950166", "20914695017", "2091469501A", "FooBar", "00000000000", "32019912345", "01139912300", " 20914695016", "٢٠٩١٤٦٩٥٠١٦"}
	var qs []contact.Question
	for _, id := range bad {
		qs = append(qs, about(id))
	}
	for i, a := range w.ask(qs...) {
		if a.Verdict != contact.No || a.Reason != contact.MalformedID {
			t.Errorf("%q: %s", bad[i], brief(a))
		}
	}
	if a := w.ask(contact.Question{NationalID: reminder.NewNationalID("DK", "0101701234")})[0]; a.Reason != contact.OtherCountry {
		t.Error(brief(a))
	}
	if a := w.ask(contact.Question{Address: phone})[0]; a.Verdict != contact.Unknown || a.Reason != contact.NoID {
		t.Error(brief(a))
	}
	if n := w.Asked(verifytest.KRRStage) + w.Asked(verifytest.MaskinportenStage); n != 0 {
		t.Errorf("%d calls", n)
	}
	// A D-number, Skatteetaten's synthetic one of both kinds, and the examples of the series from 2032.
	for _, id := range []string{"41814061033", "16822548834", "02013299997", "30108299920", "30108299939"} {
		if a := w.ask(about(id))[0]; a.Reason != contact.NotRegistered {
			t.Errorf("%s: %s", id, brief(a))
		}
	}
}

func TestBatches(t *testing.T) {
	w := open(verifytest.NewBench(t))
	var qs []contact.Question
	for i := range 2500 {
		n := id(i)
		if i%2 == 0 {
			w.krr.Put(n, active)
		}
		qs = append(qs, about(n))
	}
	qs = append(qs, qs[0], contact.Question{NationalID: qs[0].NationalID, Address: phone}, about("FooBar"))
	as := w.ask(qs...)
	for i, a := range as[:2500] {
		if want := []contact.Verdict{contact.Yes, contact.No}[i%2]; a.Verdict != want {
			t.Fatalf("%d: %s", i, brief(a))
		}
	}
	if got := []string{brief(as[2500]), brief(as[2501]), brief(as[2502])}; !slices.Equal(got, []string{"yes", "yes", "no malformed_id"}) {
		t.Error(got)
	}
	if got := w.krr.Batches(); !slices.Equal(got, []int{1000, 1000, 500}) {
		t.Errorf("batches %v", got)
	}
	if n := w.krr.Tokens(); n != 1 {
		t.Errorf("%d tokens", n)
	}
	w.Quiet([]string{qs[0].NationalID.Reveal(), qs[1].NationalID.Reveal()})
}

// An answer that is not of those who were asked about spoils nobody but those it leaves out, doubles or garbles.
func TestPartialAnswers(t *testing.T) {
	w := open(verifytest.NewBench(t))
	ids := []string{id(1), id(2), id(3), id(4), id(5)}
	var qs []contact.Question
	for _, n := range ids {
		w.krr.Put(n, active)
		qs = append(qs, about(n))
	}
	w.krr.Change(func(body string) string {
		var a struct{ Personer []map[string]any }
		if err := json.Unmarshal([]byte(body), &a); err != nil {
			t.Error(err)
		}
		twin := map[string]any{}
		for k, v := range a.Personer[1] {
			twin[k] = v
		}
		twin["reservasjon"] = "JA"
		a.Personer[2]["reservasjon"] = 7
		a.Personer[4]["personidentifikator"] = id(77) // a stranger in the place of the fifth
		out := []any{a.Personer[0], a.Personer[1], twin, a.Personer[2], nil, "x", a.Personer[3], a.Personer[4]}
		b, _ := json.Marshal(map[string]any{"personer": out})
		return string(b)
	})
	var got []string
	for _, a := range w.ask(qs...) {
		got = append(got, brief(a))
	}
	if want := []string{"yes", "unknown contradictory", "unknown garbled", "yes", "unknown missing"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	w.Quiet(append(ids, id(77)))
}

// One id that the register refuses does not deny the others.
func TestOneBadIDAmongMany(t *testing.T) {
	w := open(verifytest.NewBench(t))
	var qs []contact.Question
	for i := range 1000 {
		w.krr.Put(id(i), active)
		qs = append(qs, about(id(i)))
	}
	w.krr.Reject(id(637))
	yes := 0
	as := w.ask(qs...)
	for _, a := range as {
		if a.Verdict == contact.Yes {
			yes++
		}
	}
	if yes != 999 || brief(as[637]) != "unknown refused" {
		t.Errorf("%d yes; the bad one: %s", yes, brief(as[637]))
	}
	if n := len(w.krr.Batches()); n > 21 {
		t.Errorf("%d requests", n)
	}
	w.Quiet([]string{id(637), id(1)})
}

func TestRefusingEverythingCostsLittle(t *testing.T) {
	w := open(verifytest.NewBench(t))
	var qs []contact.Question
	for i := range 1000 {
		w.krr.Reject(id(i))
		qs = append(qs, about(id(i)))
	}
	for i, a := range w.ask(qs...) {
		if a.Verdict != contact.Unknown || a.Reason != contact.Refused {
			t.Fatalf("%d: %s", i, brief(a))
		}
	}
	if n := len(w.krr.Batches()); n > 23 {
		t.Errorf("%d requests", n)
	}
}

func TestOptions(t *testing.T) {
	c, err := register.New(register.Options{})
	if err != nil {
		t.Fatal(err)
	}
	good := krr.Options{URL: krr.ProductionURL, Tokens: &maskinporten.Source{}, Client: c}
	if v, err := krr.New(good); err != nil || v.Fitness().Do != "" || !v.Fitness().Usable {
		t.Error(err)
	}
	for name, change := range map[string]func(*krr.Options){
		"http":     func(o *krr.Options) { o.URL = "http://kontaktregisteret.no/rest/v2/personer" },
		"query":    func(o *krr.Options) { o.URL += "?a=b" },
		"user":     func(o *krr.Options) { o.URL = "https://a:secret@kontaktregisteret.no/" },
		"none":     func(o *krr.Options) { o.URL = "" },
		"tokens":   func(o *krr.Options) { o.Tokens = nil },
		"client":   func(o *krr.Options) { o.Client = nil },
		"validity": func(o *krr.Options) { o.Validity = 30 * 24 * time.Hour },
	} {
		o := good
		change(&o)
		if _, err := krr.New(o); !errors.Is(err, krr.ErrOptions) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
