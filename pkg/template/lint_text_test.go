package template_test

import (
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// fit is a text that Lint takes, in each language; a case is put in front of it.
const fit = "{date} {time} {unit} {phone} STOP"

func TestLintRefusesInEveryLanguage(t *testing.T) {
	for _, c := range []struct{ lang, text, want string }{
		// Questions.
		{"da", "Kommer du?", "a question"}, {"da", "Har du feber.", "begins a question"}, {"da", "Hvor længe har du haft ondt.", "begins a question"},
		{"da", "Kommer du\uff1f", "a question"}, {"da", "Vi ses.\nHvornår passer det dig", "begins a question"},
		{"sv", "Kan du komma.", "begins a question"}, {"sv", "Vilka mediciner tar du.", "begins a question"},
		{"nb", "Hvordan føler du deg.", "begins a question"}, {"nb", "Har du hoste.", "begins a question"},
		{"fi", "Onko sinulla oireita.", "begins a question"}, {"fi", "Milloin viimeksi söit.", "begins a question"},
		{"de", "Haben Sie Fieber.", "begins a question"}, {"de", "Welche Beschwerden haben Sie.", "begins a question"},
		{"en", "Do you have a fever.", "begins a question"}, {"en", "What is your weight.", "begins a question"},
		// Requests for information.
		{"da", "Oplys venligst dit navn.", "asks for information"}, {"da", "Udfyld skemaet.", "asks for information"}, {"da", "Send os en liste.", "asks for information"},
		{"da", "Bekræft din tid.", "asks for information"}, {"da", "Giv os besked om dine symptomer.", "asks to be told"},
		{"sv", "Fyll i formuläret.", "asks for information"}, {"sv", "Vänligen bekräfta.", "asks for information"},
		{"nb", "Oppgi fødselsdato.", "asks for information"}, {"nb", "Fyll ut skjemaet.", "asks for information"},
		{"fi", "Täytä lomake.", "asks for information"}, {"fi", "Lähetä meille luettelo.", "asks for information"},
		{"de", "Bitte bestätigen.", "asks for information"}, {"de", "Senden Sie uns eine Liste.", "asks for information"},
		{"en", "Please confirm.", "asks for information"}, {"en", "Please fill in the form.", "asks for information"}, {"en", "Let us know.", "asks to be told"},
		// Replies other than STOP.
		{"da", "Svar JA for at komme.", "asks for a reply"}, {"da", "Svar 1 eller STOP.", "asks for a reply"}, {"da", "Svar på denne sms.", "asks for a reply"},
		{"sv", "Svara JA.", "asks for a reply"}, {"nb", "Svar JA eller STOP.", "asks for a reply"}, {"fi", "Vastaa OK.", "asks for a reply"},
		{"de", "Antworten Sie mit JA.", "asks for a reply"}, {"en", "Reply YES to keep it.", "asks for a reply"},
		// Results.
		{"da", "Dit prøvesvar er klar.", "speaks of results"}, {"sv", "Ditt provsvar finns.", "speaks of results"}, {"nb", "Resultatet er klart.", "speaks of results"},
		{"fi", "Tuloksesi ovat valmiit.", "speaks of results"}, {"de", "Ihr Befund liegt vor.", "speaks of results"}, {"en", "Your results are ready.", "speaks of results"},
		{"da", "Svar på din undersøgelse ligger klar.", "speaks of results"}, {"da", "Laboratorieresultater.", "speaks of results"},
		// Advertising, recruiting, surveys.
		{"da", "Særligt tilbud.", "advertises"}, {"sv", "Rabatt på glasögon.", "advertises"}, {"nb", "Svar på spørreundersøkelsen.", "advertises"},
		{"fi", "Vastaa kyselyyn.", "advertises"}, {"de", "Nehmen Sie an der Umfrage teil.", "advertises"}, {"en", "Please take our survey.", "advertises"},
		// Links and addresses.
		{"da", "Se http://x.example/a", "a link"}, {"da", "Se hospital.dk/tid", "a link"}, {"sv", "Gå till 1177.se", "a link"}, {"nb", "helsenorge.no", "a link"},
		{"fi", "WWW.omakanta", "a link"}, {"de", "klinik。de", "a link"}, {"en", "nhs.uk", "a link"}, {"en", "tid.hospitalet", "a link"},
		{"da", "{unit}.dk", "a link"}, {"da", "https:[{name}]//x", "a link"}, {"da", "Skriv til tid@hospitalet", "a mail address"},
		// Numbers.
		{"da", "120326 0845", "bare digits"}, {"da", "20260312", "bare digits"}, {"da", "1203260845", "bare digits"}, {"da", "kl. 0845", "bare digits"},
		{"sv", "klockan 1430", "bare digits"}, {"nb", "kl 845", "bare digits"}, {"fi", "klo 0915", "bare digits"}, {"de", "um 0845", "bare digits"}, {"de", "0845 Uhr", "bare digits"},
		{"en", "at 0845", "bare digits"}, {"en", "260312", "bare digits"},
		{"da", "0{phone}", "digits touch {phone}"}, {"da", "{date}26", "digits touch {date}"}, {"da", "{time}-15", "digits touch {time}"}, {"da", "{phone}[, {entrance}]12", "runs into"},
		{"da", "Ring 112.", "a phone number"}, {"da", "tlf. 1813", "a phone number"}, {"sv", "Ring 1177.", "a phone number"}, {"de", "Tel. 030 123", "a phone number"},
		{"en", "+4520123456", "a phone number"},
		// What brackets hide.
		{"da", "Du har hud[ {name}]klinik i dag.", "runs into"}, {"da", "Du har hud[ {name}]klinik i dag.", "names a specialty"},
		// Health.
		{"da", "Velkommen på hudklinikken.", `"hudklinikken" names a specialty`}, {"da", "Scanning af knæet.", "names a procedure"},
		{"sv", "Välkommen till ögonmottagningen.", "names a specialty"}, {"nb", "Kreftpoliklinikken venter deg.", "names a"}, {"fi", "Tervetuloa silmäpoliklinikalle.", "names a specialty"},
		{"de", "Willkommen in der Frauenklinik.", "names a specialty"}, {"en", "Welcome to the eye clinic.", `"eye" names a specialty`}, {"en", "Onkologi.", "names a specialty"},
	} {
		tp := load(t, c.lang+"/x.sms.txt", "Hej.\n"+c.text+"\n\n"+fit)
		problems := tp.Lint(reminder.Remind)
		found := false
		for _, p := range problems {
			found = found || strings.Contains(p.Reason, c.want) && (p.Line == 2 || p.Line == 3) && p.Column > 0 && p.File == c.lang+"/x.sms.txt"
		}
		if !found {
			t.Errorf("%s %q: got %v, want %s with its place", c.lang, c.text, problems, c.want)
		}
		// What it tells must tell what to do.
		for _, p := range problems {
			if !strings.Contains(p.Reason, ":") {
				t.Errorf("%s %q: no way out: %s", c.lang, c.text, p.Reason)
			}
		}
	}
}

func TestLintPasses(t *testing.T) {
	for _, c := range []struct{ lang, text string }{
		{"da", "Kan du ikke komme, så meld afbud på {phone}."}, {"da", "Hvor: {unit}"}, {"da", "Du kan ikke svare på denne besked."}, {"da", "Svar ikke på denne sms."},
		{"da", "Giv os besked på {phone}, hvis du ikke kan komme."}, {"da", "Ring 30 minutter før på {phone}."}, {"da", "Svar STOP for at framelde sms."},
		{"da", "Vi glæder os til at se dig i øjeblikket. Hjertelig hilsen."}, {"da", "Medicinsk Ambulatorium, stue 12."}, {"da", "Mød 15 minutter før. Medbring sygesikringsbevis."},
		{"da", "Tlf.nr. {phone}, f.eks. kl. 8-12, evt. senere."}, {"da", "Kræfterne er samlet ved operatøren for blodgivere; ørenlyd og hudfarve, brystværn."},
		{"da", "Vil du ikke have beskeder på e-mail, så svar på denne e-mail med ordet STOP."}, {"da", "Vi bekræfter din tid."}, {"da", "Har du ikke tid, ring {phone}."},
		{"sv", "Vill du inte ha meddelanden, svara STOPP."}, {"sv", "Det går inte att svara på detta sms."}, {"sv", "Hjärtligt välkommen till Huddinge. Just i ögonblicket."},
		{"nb", "Vi bekrefter timen. Hjertelig hilsen, i øyeblikket."}, {"nb", "Stopp sms: svar STOPP"}, {"nb", "Ta med legitimasjon, kreftene samles."},
		{"fi", "Lopeta viestit: vastaa STOP"}, {"fi", "Älä vastaa tähän viestiin."}, {"fi", "Ilmoita peruutus numeroon {phone}."}, {"fi", "Keskiviikkona tavataan. Lääkäri odottaa."},
		{"de", "Können Sie nicht kommen, sagen Sie bitte unter {phone} ab."}, {"de", "Herzlich willkommen, im Augenblick. Bitte nicht antworten."}, {"de", "Was: Termin"},
		{"de", "Wir bestätigen Ihren Termin. Bringen Sie die Karte mit."}, {"de", "Antworten Sie mit STOP."},
		{"en", "Do not reply to this message."}, {"en", "You cannot reply to this message."}, {"en", "Let us know on {phone} if you cannot come."}, {"en", "Where: {unit}"},
		{"en", "We confirm your appointment."}, {"en", "Your appointment is confirmed."}, {"en", "How to find us: {address}"}, {"en", "Our gallery, the smart protest of the migrants."},
		{"en", "See you at {time}. Bring 2 coins, room 4.12."}, {"en", "Should you be late, call {phone}."},
	} {
		stop := fit
		tp := load(t, c.lang+"/x.sms.txt", "Hej.\n"+c.text+"\n\n"+stop)
		if problems := tp.Lint(reminder.Remind); len(problems) > 0 {
			t.Errorf("%s %q: %v", c.lang, c.text, problems)
		}
	}
}

func TestLintTellsThePlaceInTheFile(t *testing.T) {
	for _, c := range []struct {
		path, text   string
		line, column int
		want         string
	}{
		{"da/x.sms.txt", "Hej[ {name}], øj! Udfyld skemaet.\n" + fit, 1, 19, "asks for information"},
		{"da/x.sms.txt", "Class: 1\n\n" + fit + "\nø {date} kl. 0845", 4, 14, "bare digits"},
		{"da/x.email.txt", "Class: 1\nSubject: Tid på hudklinikken\n\n" + fit, 2, 17, "class 2 and not 1"},
		{"da/x.email.txt", "Subject: Hej\n\n" + fit + "\n\n[Læs mere på {name}\nx.dk]", 6, 1, "a link"},
	} {
		found := false
		problems := load(t, c.path, c.text).Lint(reminder.Remind)
		for _, p := range problems {
			found = found || p.Line == c.line && p.Column == c.column && strings.Contains(p.Reason, c.want)
		}
		if !found {
			t.Errorf("%q: %v, want %d:%d %s", c.text, problems, c.line, c.column, c.want)
		}
	}
}

func TestClassIsRaisedByWords(t *testing.T) {
	for _, c := range []struct {
		text            string
		declared, class reminder.Class
		problems        int
	}{
		{fit, 0, 0, 0},
		{"Class: 1.5\n\n" + fit, 1.5, 1.5, 0},
		{"Hudklinikken " + fit, 0, 2, 1},
		{"Class: 1.5\n\nHudklinikken " + fit, 1.5, 2, 1},
		{"Class: 2\n\nHudklinikken " + fit, 2, 2, 0},
	} {
		tp := load(t, "da/x.sms.txt", c.text)
		if tp.Declared() != c.declared || tp.Class() != c.class || len(tp.Lint(reminder.Remind)) != c.problems {
			t.Errorf("%q: declared %v, class %v, %v", c.text, tp.Declared(), tp.Class(), tp.Lint(reminder.Remind))
		}
	}
	tp := load(t, "da/x.email.txt", "Subject: Kræft\n\nMR "+fit)
	rs := tp.Raises()
	if len(rs) != 2 || rs[0].Part != reminder.PartSubject || rs[0].Word != "Kræft" || rs[0].Line != 1 || rs[0].Column != 10 || rs[1].Word != "MR" || rs[1].Line != 3 || rs[1].Column != 1 {
		t.Errorf("%+v", rs)
	}
}
