package redact_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// scripts/test asks for 50000, without the race detector.
var cleanReminders = flag.Int("redact.reminders", 10000, "clean reminders to render, at least")

const cleanUnits = 200

// clerks is how a country writes its units. In a pattern # is any digit and @ one that is not 0.
type clerks struct {
	country                                               string
	units, streets, towns, places, phones, people, others []string
}

var clerksOf = []clerks{
	{
		country: "DK",
		units: []string{"Ortopædkirurgisk Ambulatorium", "Røntgen, afsnit 20##", "Øjenklinikken, afsnit @###", "Ambulatorium @, Ravnsholt Hospital", "Klinik for Hud og Køn, afs. @##",
			"Peter Bangs Klinik", "Mave-tarmklinik 36@1", "Blodprøver og EKG", "Børneambulatoriet 40@#", "Dagkirurgi K1@", "Afdeling Y-@, fødegangen", "Jensens Øreklinik"},
		streets: []string{"Blegdamsvej @", "Juliane Maries Vej @#", "Palle Juul-Jensens Boulevard @@", "H.C. Andersens Gade @, 2. tv.", "Kettegård Allé @0", "Niels Jensens Vej @#A", "Sdr. Skovvej @5, bygn. 4@"},
		towns:   []string{"2100 København Ø", "8200 Aarhus N", "5000 Odense C", "DK-2730 Herlev", "4999 Ravnsholt", "9000  Aalborg", "2650 Hvidovre"},
		places: []string{"Bygning 4@, 3. sal, rum 3.1@", "Indgang @, 2. sal, stue 12.04.17", "Opgang 5@, stuen, lokale 0@##", "Indgang J@0, plan 2, skranke 4", "Krydspunkt C@#6",
			"Indgang B, kælderen, rum K.0@.1#", "Opgang 7A, 13. sal, afsnit 71@1", "Bygn. 2@, etage 04, rum 04.1#.2#", "P-plads 4-6, indgang @", "Afsnit 2071 og 2072", "Hus @, 1. th., dør 14-16",
			"Åbent 8.00-15.30, indgang @", "Man-tors 8-15, fre 8-14", "Lokationsnr. 5790001@##### "},
		phones: []string{"35 45 ## ##", "@### ####", "+45 @### ####", "@#######", "+45 @# ## ## ##", "38 62 ## ##", "0045 @#######", "(+45) 35 45 ## ##", "78 45 ## ##", "7845####"},
		people: []string{"Anna", "Søren", "Åse", "Müge", "Fatima", "Karl-Johan", "Bo"},
		others: []string{"Peter Holm", "Birgitte Åkesson", "Mohammed Ali Hassan", "Ib Møller"},
	},
	{
		country: "SE",
		units: []string{"Ögonmottagningen", "Röntgen Huddinge R@#", "Vårdcentralen Söder", "Avdelning @#", "Mottagning @, Lasarettet", "Kirurgmottagning K@3", "Barnmottagningen C@:0#",
			"Provtagning plan @", "Hjärtmottagning M@1", "Kvinnokliniken"},
		streets: []string{"Hälsovägen @", "Eugeniavägen @", "Akademiska sjukhuset, ing. @0", "Sjukhusvägen 1@", "Drottninggatan @#-@#", "Karlavägen 10@ B"},
		towns:   []string{"141 57 Huddinge", "171 76 Stockholm", "751 85 Uppsala", "SE-413 45 Göteborg", "22185 Lund", "S-581 85 Linköping"},
		places: []string{"Hus 12 plan 3", "Hus @, plan 2, rum 3.1#", "Ingång @, plan 3, hiss B", "R@2, plan 4, mottagning 1@", "Byggnad @#, våning 5, rum 5:0@", "Entré E1, plan 0@, sal @#",
			"Plan 6, rum A6:2@", "Öppet 08.00–16.30", "Tisd 7:30-11:45, ing. @", "Huvudentrén, kassan 1-4", "Rum 07.31.0@"},
		phones: []string{"08-123 80 00", "08-@## ## ##", "08-5@# ### ##", "018-611 ## ##", "+46 8 @## ## ##", "031-34@ ## ##", "046-17 ## ##", "+46 (0)8 585 ### ##", "010-@## ## ##", "070-@## ## ##", "0771-@@ ## ##"},
		people: []string{"Gunilla", "Åsa", "Björn", "Zeinab", "Per-Olof", "Kim"},
		others: []string{"Lars Persson", "Eva Lind", "Omar Yusuf", "Karin Bo Ek"},
	},
	{
		country: "NO",
		units:   []string{"Øyepoliklinikken", "Poliklinikk @, Ullevål", "Kirurgisk dagenhet", "Bildediagnostikk, seksjon @", "Barne- og ungdomsklinikken", "Sengepost 3@B", "Hudpoliklinikken"},
		streets: []string{"Kirkeveien 16@", "Sognsvannsveien @#", "Jonas Lies vei 6@", "Sykehusveien @", "Prinsesse Kristinas gate @", "Sjukehusvegen 3@ C"},
		towns:   []string{"0372 Oslo", "0450 Oslo", "5021 Bergen", "N-7030 Trondheim", "9019 Tromsø", "1478 Nordbyhagen", "NO-0027 Oslo"},
		places: []string{"Inngang 2B", "Bygg 3@, 2. etg., rom 2.0@4", "Inngang Nord, 4. etasje", "Bygg @, U1, rom U1.1#", "Heis C@, 3. et., ekspedisjon 1@", "Rom 03.@#.12",
			"Åpent 08:00-15:30, inngang @", "Plan 4, luke 10-12", "Bygg 10@, resepsjon 2. etg."},
		phones: []string{"22 11 80 80", "22 ## ## ##", "+47 55 97 ## ##", "915 0@ ###", "@## ## ###", "02770", "0@###", "+47@#######", "800 33 ###", "(+47) 23 07 ## ##"},
		people: []string{"Eirik", "Ingrid", "Åshild", "Amina", "Jon"},
		others: []string{"Nils Haugen", "Aud Lie", "Sara Ahmed", "Bjørn Østby"},
	},
	{
		country: "FI",
		units:   []string{"Silmäpoliklinikka @", "Kirurgian poliklinikka K@", "Päiväkirurgia", "Laboratorio, 1. krs", "Meilahden tornisairaala, os. 4@", "Röntgen @", "Naistenklinikka"},
		streets: []string{"Haartmaninkatu @", "Kiinamyllynkatu 4-@", "Tenholantie 1@", "Stenbäckinkatu 9 B @#", "Kajaanintie 5@"},
		towns:   []string{"00290 Helsinki", "20520 Turku", "FI-33520 Tampere", "90220 Oulu", "FIN-00029 HUS", "PL 340, 00029 HUS", "PL 2000, 33521 Tampere"},
		places: []string{"2. krs, huone 2.1#", "Ovi @, 3. kerros", "Sisäänkäynti 2B, aula 1", "Rakennus 1@, kerros 02, huone 02.4#", "U1-krs, vastaanotto 3", "Avoinna klo 7.30–15.00", "Torni 2, os. 4@A, huone 41@",
			"Porras C, 4. krs, ilm. 12"},
		phones: []string{"09 471 71200", "+358 9 471 71200", "(09) 471 7####", "02 313 ####", "03 311 6####", "050 427 ####", "+358 40 5## ####", "09-471 7####", "0295 ### ###"},
		people: []string{"Aino", "Jukka", "Ääni", "Amal", "Eeva-Liisa"},
		others: []string{"Matti Virtanen", "Liisa Ek", "Ali Farah", "Päivi Nieminen"},
	},
	{
		country: "IS",
		units:   []string{"Hjarta- og lungnadeild", "Göngudeild @#E", "Myndgreining", "Blóðtaka @", "Augndeild, hús @", "Göngudeild 10D"},
		streets: []string{"Hringbraut 10@", "Fossvogur, Áland 6", "Eiríksgata @", "Landspítali v/Hringbraut", "Skólavörðustígur @#"},
		towns:   []string{"101 Reykjavík", "108 Reykjavík", "600 Akureyri", "IS-220 Hafnarfjörður"},
		places:  []string{"3. hæð, stofa 3@", "Inngangur C, 2. hæð", "Álma @, jarðhæð, herbergi 1@", "Opið 8:00-16:00", "Stofa 21@, 2. h.", "Anddyri 14-F, 1. hæð"},
		phones:  []string{"543 1000", "543 ####", "543-####", "+354 543 ####", "8## ####", "00354 543####", "4630@00"},
		people:  []string{"Þóra", "Jón", "Ægir", "Sigríður", "Fatíma"},
		others:  []string{"Ólafur Þórsson", "Guðrún Jónsdóttir", "Ari Logi"},
	},
	{
		country: "DE",
		units:   []string{"Klinik für Radiologie", "Augenambulanz @", "Chirurgische Tagesklinik", "MVZ Haus @", "Ambulanz 3.@, Station 4@", "Diako Flensburg, Anmeldung @"},
		streets: []string{"Arnold-Heller-Straße @", "Marienkrankenhausweg @", "Knuthstr. 1", "Martinistraße 5@", "Große Elbstr. 14@a"},
		towns:   []string{"24105 Kiel", "D-24939 Flensburg", "20246 Hamburg", "23538 Lübeck"},
		places:  []string{"Haus 4@, EG, Zimmer 0.1@", "Gebäude B, 2. OG, Raum 2.0@#", "Eingang West, 1. Stock", "Haus @, UG, Zi. U0@", "Sprechzeiten 8.00-12.30 Uhr", "Ebene 04, Zimmer 04.1#.0#", "Anmeldung 3, Wartezone 12-14"},
		phones:  []string{"0431 500-#####", "+49 431 500 #####", "(0461) 812-####", "040/7410-5####", "0451 / 500 - #####", "0800 11@ ####"},
		people:  []string{"Jürgen", "Änne", "Ayşe", "Karl-Heinz"},
		others:  []string{"Hans Müller", "Petra Groß", "Can Yılmaz"},
	},
}

func countDigits(s string) (n int) {
	for _, c := range s {
		if c >= '0' && c <= '9' {
			n++
		}
	}
	return n
}

func fill(r *rand.Rand, pattern string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		switch c {
		case '#':
			return rune('0' + r.IntN(10))
		case '@':
			return rune('1' + r.IntN(9))
		}
		return c
	}, pattern))
}

func (c clerks) unit(r *rand.Rand) reminder.Unit {
	one := func(patterns []string) string { return fill(r, pick(r, patterns...)) }
	u := reminder.Unit{
		Country: reminder.Country(c.country), Language: "da", Names: map[string]reminder.Fact{"da": {Text: one(c.units)}},
		Address: reminder.Fact{Text: one(c.streets) + ", " + one(c.towns)}, Phone: reminder.Fact{Text: one(c.phones)},
		Mail:     reminder.Fact{Text: pick(r, "tid@hospital.example", "ambulatorium3@ravnsholt.example", "bokning.12@region.example", fmt.Sprintf("afsnit%04d@sygehus.example", r.IntN(10000)))},
		From:     reminder.Fact{Text: "husk@hospital.example"},
		SenderID: reminder.Fact{Text: pick(r, "Hospital", "Ravnsholt", "Region 7", "HUS", "Klinik1177")},
	}
	if r.IntN(10) > 0 {
		u.Entrance.Text = one(c.places)
		if r.IntN(3) == 0 {
			u.Entrance.Text += ", " + one(c.places)
		}
	}
	return u
}

// appointment draws a start on any day and at any hour clinics keep, in any zone, and who is asked to come.
func (c clerks) appointment(r *rand.Rand, u reminder.Unit) reminder.Facts {
	zone := time.FixedZone("", 3600*r.IntN(4))
	start := time.Date(2026, 1, 1+r.IntN(1500), 7+r.IntN(13), pick(r, 0, 15, 30, 45, 5*r.IntN(12), r.IntN(60)), 0, 0, zone)
	f := reminder.Facts{
		Purpose: reminder.Remind, Start: start, Was: start.AddDate(0, 0, r.IntN(60)-30).Add(time.Duration(r.IntN(600)-300) * time.Minute), Length: 30 * time.Minute,
		Unit: u, GivenName: reminder.Mask(pick(r, c.people...)), Code: reminder.Mask(fmt.Sprintf("%06d", r.IntN(1_000_000))),
	}
	if r.IntN(8) == 0 { // a father and his son, say
		f.Others = append(f.Others, reminder.Other{Role: reminder.Guardian, Names: masked(f.GivenName.Reveal() + " " + pick(r, "Holm", "Lind", "Nieminen", "Groß"))})
	}
	for range r.IntN(4) {
		other := reminder.Other{Role: reminder.Relative, Names: masked(pick(r, c.others...)), Phones: masked(fill(r, pick(r, "+45 2@ ## ## ##", "+46 70-17 4@ ###", "04@ ### ####"))), Mails: masked("x@y.example")}
		if slices.ContainsFunc(other.Phones, func(p reminder.Masked) bool { return p.Reveal() == u.Phone.Text }) {
			continue
		}
		f.Others = append(f.Others, other)
	}
	return f
}

// knownOf is what compose lets a message of these facts hold.
func knownOf(t testing.TB, s *redact.Scanner, f reminder.Facts) redact.Known {
	u := f.Unit
	k := redact.Known{
		Appt: []time.Time{f.Start, f.Was}, Phones: []string{u.Phone.Text}, Mails: []string{u.Mail.Text, u.From.Text}, Recipient: []string{f.GivenName.Reveal()},
		Units: []string{u.Names["da"].Text, u.Address.Text}, Others: f.Others, Refs: []string{f.Code.Reveal()},
	}
	if u.Entrance.Text != "" {
		k.Units = append(k.Units, u.Entrance.Text)
	}
	// The directory's texts are trusted only when they are no national id, alone or side by side.
	all := strings.Join(k.Units, ", ")
	for _, found := range s.Scan(new(pieces).fact("unit", all).rendered(reminder.PartText), redact.Known{}) {
		if found.NationalID() {
			t.Errorf("the unit's texts are taken for a national id: %q: %+v", all, found)
		}
	}
	return k
}

// TestCleanRemindersPass renders every shipped template for 200 units with phones, postcodes, rooms and house numbers as clerks of six
// countries type them, on any day, with other people on the booking.
func TestCleanRemindersPass(t *testing.T) {
	s, err := redact.New(redact.Options{Checked: template.Checked()})
	if err != nil {
		t.Fatal(err)
	}
	all := shipped(t)
	by := drawnBy()
	began, r := time.Now(), rand.New(rand.NewPCG(by, 6))
	n, held, days := 0, 0, 1+*cleanReminders/(cleanUnits*len(all))
	for i := range cleanUnits {
		c := clerksOf[i%len(clerksOf)]
		u := c.unit(r)
		for _, tt := range all {
			for range days {
				f := c.appointment(r, u)
				m, err := tt.RenderWithin(f, pick(r, 0, 0, 140))
				if err != nil {
					t.Fatal(err)
				}
				sender := u.SenderID.Text
				if tt.Channel() == reminder.Email {
					sender = u.From.Text
				}
				m.Parts = append(m.Parts, new(pieces).fact("sender", sender).rendered(reminder.PartSender).Parts...)
				n++
				known := knownOf(t, s, f)
				if n%16 == 0 { // the other way: nobody vouches for the phone
					text := m.Parts[len(m.Parts)-2].Text.Reveal()
					if known.Phones = nil; s.Scan(m, known) == nil && countDigits(u.Phone.Text) >= 6 && strings.Contains(text, u.Phone.Text) {
						t.Errorf("not held without the unit's phone: %q", text)
					}
					known.Phones = []string{u.Phone.Text}
					if known.Refs = nil; s.Scan(m, known) == nil && strings.Contains(text, f.Code.Reveal()) {
						t.Errorf("not held without its code: %q", text)
					}
					known.Refs = []string{f.Code.Reveal()}
				}
				got := s.Scan(m, known)
				if got == nil { // and as plain text, which has no provenance
					got = s.ScanText(m.Parts[len(m.Parts)-2].Text.Reveal(), known)
				}
				if got != nil {
					if held++; held <= 20 {
						for _, p := range m.Parts {
							t.Errorf("held: %s of %s: %q", p.Kind, tt.Name(), p.Text.Reveal())
						}
						t.Errorf("unit %+v: %+v", u, got)
					}
				}
			}
		}
		if t.Failed() && held > 20 {
			break
		}
	}
	t.Logf("seed %d: %d reminders of %d templates and %d units, %d held, %.1f s", by, n, len(all), cleanUnits, held, time.Since(began).Seconds())
}
