package template_test

import (
	"testing"

	"github.com/husk-reminders/husk/pkg/template"
)

func TestFindWords(t *testing.T) {
	for _, c := range []struct{ lang, text, word string }{
		{"da", "Onkologisk Afdeling", "Onkologisk"}, {"da", "Øjenklinikken", "Øjenklinikken"}, {"da", "Diabetesambulatoriet", "Diabetesambulatoriet"},
		{"da", "Børneafdelingen", "Børneafdelingen"}, {"da", "Brystkræft", "Brystkræft"}, {"da", "KOL-skole", "KOL"}, {"da", "MR-scanning", "MR"}, {"da", "gynækologisk", "gynækologisk"},
		{"da", "kemoterapien", "kemoterapien"}, {"da", "din insulin", "insulin"}, {"da", "p-piller", "p-piller"}, {"da", "oejenklinik@x.example", "oejenklinik"},
		{"sv", "Hudmottagningen", "Hudmottagningen"}, {"sv", "Öron-näsa-hals", "Öron"}, {"sv", "cellgiftsbehandling", "cellgiftsbehandling"}, {"sv", "hjartmottagning@x.example", "hjartmottagning"},
		{"nb", "Kreftpoliklinikk", "Kreftpoliklinikk"}, {"nb", "rusbehandling", "rusbehandling"}, {"nb", "hjertemedisin", "hjertemedisin"},
		{"fi", "Syöpäklinikka", "Syöpäklinikka"}, {"fi", "sydänpoliklinikalle", "sydänpoliklinikalle"}, {"fi", "leikkaukseen", "leikkaukseen"}, {"fi", "verikokeeseen", "verikokeeseen"},
		{"de", "Krebszentrum", "Krebszentrum"}, {"de", "Kinderwunschpraxis", "Kinderwunschpraxis"}, {"de", "Darmspiegelung", "Darmspiegelung"}, {"de", "Antibiotikum", "Antibiotikum"},
		{"en", "Skin clinic", "Skin"}, {"en", "chemotherapy unit", "chemotherapy"}, {"en", "a blood test", "blood test"}, {"en", "X-ray", "X-ray"}, {"en", "warfarin", "warfarin"},
		{"en", "𝐂𝐚𝐧𝐜𝐞𝐫 ward", "𝐂𝐚𝐧𝐜𝐞𝐫"},
		{"en", "Hudklinikken", ""}, // three letters count in their own language alone
		{"en", "Hjerteklinikken", "Hjerteklinikken"},
		{"da", "Medicinsk Ambulatorium 3", ""}, {"da", "hjerteligt velkommen i øjeblikket", ""}, {"da", "hudfarve brystværn ørenlyd operatør blodgivere", ""},
		{"da", "bekræft dine kræfter, for eksempel", ""}, {"da", "Ravnsholt Allé 14, 4999 Ravnsholt", ""}, {"da", "kol", ""}, {"da", "Halsnæs Kommune, Ørestad", ""},
		{"da", "fødselsdato", ""}, {"sv", "Huddinge sjukhus, Hudiksvall", ""}, {"sv", "hjärtligt", ""}, {"nb", "bekreftet, øyeblikkelig, Øyer", ""}, {"de", "Geburtsdatum, herzlich, Augenblick", ""},
		{"de", "Darmstadt zurück", ""}, {"en", "heartfelt thanks to the gallery", ""}, {"fi", "maksu torstaina, sydämellisesti", ""}, {"fi", "kuvaus", ""},
	} {
		hits := template.FindWords(c.text, c.lang)
		switch {
		case c.word == "" && len(hits) > 0:
			t.Errorf("%s %q: %+v", c.lang, c.text, hits)
		case c.word != "" && (len(hits) == 0 || hits[0].Word != c.word || c.text[hits[0].Offset:hits[0].Offset+hits[0].Length] != c.word):
			t.Errorf("%s %q: %+v, want %s", c.lang, c.text, hits, c.word)
		}
	}
}
