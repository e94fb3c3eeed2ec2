package inbound_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/husk-reminders/husk/pkg/inbound"
)

func TestClassify(t *testing.T) {
	const stop, start, help, wrong, other = inbound.Stop, inbound.Start, inbound.Help, inbound.WrongNumber, inbound.Other
	for _, c := range []struct {
		text string
		want []inbound.Kind
	}{
		// The word itself, however it is written.
		{"STOP", []inbound.Kind{stop}},
		{"stop", []inbound.Kind{stop}},
		{"  Stop.\n", []inbound.Kind{stop}},
		{"S T O P", []inbound.Kind{stop}},
		{"s.t.o.p!", []inbound.Kind{stop}},
		{"\"STOP\"", []inbound.Kind{stop}},
		{"»stop«", []inbound.Kind{stop}},
		{"🛑STOP🛑", []inbound.Kind{stop}},
		{"ＳＴＯＰ", []inbound.Kind{stop}},
		{"ⓈⓉⓄⓅ", []inbound.Kind{stop}},
		{"𝐒𝐓𝐎𝐏", []inbound.Kind{stop}},
		{"STOP™", []inbound.Kind{stop}},
		{"S\u200bT\u200dO\u2060P\ufeff", []inbound.Kind{stop}},
		{"ST\u00adOP", []inbound.Kind{stop}},
		{"S\u3164TOP", []inbound.Kind{stop}},
		{"s\u0336t\u0336o\u0336p\u0336", []inbound.Kind{stop}},
		{"STÖP", []inbound.Kind{stop}},
		{"\u202eSTOP\u202c", []inbound.Kind{stop}},
		{"STOP\fplease", []inbound.Kind{stop}},
		{"STOP\x00", []inbound.Kind{stop}},
		{"\xffSTOP\xfe", []inbound.Kind{stop}},
		{">> STOP <<", []inbound.Kind{stop}},
		{"Stop venligst med de beskeder", []inbound.Kind{stop}},
		{"STOP!!! jeg gider ikke", []inbound.Kind{stop}},
		{"stop start", []inbound.Kind{stop}},
		{"STOP " + strings.Repeat("bla ", 20_000), []inbound.Kind{stop}},
		// Other words and languages.
		{"Afmeld", []inbound.Kind{stop}},
		{"AFMELDING", []inbound.Kind{stop}},
		{"Afmeld mig fra det her", []inbound.Kind{stop}},
		{"frameld", []inbound.Kind{stop}},
		{"meld mig fra", []inbound.Kind{stop}},
		{"stopp", []inbound.Kind{stop}},
		{"Avmeld", []inbound.Kind{stop}},
		{"meld meg av", []inbound.Kind{stop}},
		{"avslutt", []inbound.Kind{stop}},
		{"Stoppa", []inbound.Kind{stop}},
		{"avregistrera", []inbound.Kind{stop}},
		{"AVANMÄL", []inbound.Kind{stop}},
		{"slut", []inbound.Kind{stop}},
		{"lopeta", []inbound.Kind{stop}},
		{"Hætta", []inbound.Kind{stop}},
		{"Abmelden", []inbound.Kind{stop}},
		{"unsubscribe", []inbound.Kind{stop}},
		{"opt-out", []inbound.Kind{stop}},
		{"Opt out please", []inbound.Kind{stop}},
		{"END", []inbound.Kind{stop}},
		{"quit", []inbound.Kind{stop}},
		{"revoke", []inbound.Kind{stop}},
		{"Stop all", []inbound.Kind{stop}},
		{"arret", []inbound.Kind{stop}},
		{"ARRÊT", []inbound.Kind{stop}},
		{"Rezygnuję", []inbound.Kind{stop}},
		{"rezygnuje", []inbound.Kind{stop}},
		{"إيقاف", []inbound.Kind{stop}},
		{"ايقاف", []inbound.Kind{stop}},
		{"توقف", []inbound.Kind{stop}},
		// Answers by mail, with the message below.
		{"Afmeld\n\n> Husk din aftale\n> STOP for at framelde", []inbound.Kind{stop}},
		{"Slut\n\nVenlig hilsen Anna", []inbound.Kind{stop}},
		{"Tak!\n\n> svar STOP for at framelde", []inbound.Kind{other}},
		// It may mean the appointment: a clerk's.
		{"AFLYS", []inbound.Kind{other}},
		{"aflys min tid", []inbound.Kind{other}},
		{"afbud", []inbound.Kind{other}},
		{"Avboka", []inbound.Kind{other}},
		{"AVBRYT", []inbound.Kind{other}},
		{"avbestill", []inbound.Kind{other}},
		{"CANCEL", []inbound.Kind{other}},
		{"Cancel my appointment", []inbound.Kind{other}},
		{"peruuta", []inbound.Kind{other}},
		{"Hætta við tímann", []inbound.Kind{other}},
		{"stornieren", []inbound.Kind{other}},
		{"إلغاء", []inbound.Kind{other}},
		{"nej", []inbound.Kind{other}},
		{"JA", []inbound.Kind{other}},
		{"Ok", []inbound.Kind{other}},
		{"Slut klokken hvad?", []inbound.Kind{other}},
		{"Arrêt de travail", []inbound.Kind{other}},
		{"wypisz receptę", []inbound.Kind{other}},
		{"End of the corridor?", []inbound.Kind{other}},
		{"Hvor er stoppestedet?", []inbound.Kind{other}},
		{"stoppested", []inbound.Kind{other}},
		{"Please do not stop", []inbound.Kind{other}},
		{"Hej. Stop med det", []inbound.Kind{other}},
		{"", []inbound.Kind{other}},
		{"👍", []inbound.Kind{other}},
		{"...", []inbound.Kind{other}},
		// STOP counts, and a clerk looks at the appointment.
		{"Afmeld min tid", []inbound.Kind{stop, other}},
		{"STOP jeg kommer ikke til min aftale", []inbound.Kind{stop, other}},
		{"avregistrera min bokning", []inbound.Kind{stop, other}},
		// Back again.
		{"START", []inbound.Kind{start}},
		{"s t a r t", []inbound.Kind{start}},
		{"Tilmeld", []inbound.Kind{start}},
		{"påmeld", []inbound.Kind{start}},
		{"Hvornår starter det? Start", []inbound.Kind{other}},
		{"start stop", []inbound.Kind{other}},
		// What is this?
		{"HELP", []inbound.Kind{help}},
		{"Hjælp!", []inbound.Kind{help}},
		{"hjälp", []inbound.Kind{help}},
		{"info", []inbound.Kind{help}},
		{"Hjælp mig med at finde vej", []inbound.Kind{other}},
		// Not me.
		{"Forkert nummer", []inbound.Kind{wrong}},
		{"Hej, I har fået fat i et forkert nummer.", []inbound.Kind{wrong}},
		{"feil nummer", []inbound.Kind{wrong}},
		{"FEL NUMMER", []inbound.Kind{wrong}},
		{"Wrong number, I am not Anna", []inbound.Kind{wrong}},
		{"väärä numero", []inbound.Kind{wrong}},
		{"Forkert nummer! STOP", []inbound.Kind{stop, wrong}},
		{"STOP forkert nummer", []inbound.Kind{stop, wrong}},
	} {
		if got := inbound.Classify(c.text); !slices.Equal(got, c.want) {
			shown := c.text
			if len(shown) > 60 {
				shown = shown[:60]
			}
			t.Errorf("%q: %v, want %v", shown, got, c.want)
		}
	}
}

// FuzzStopStaysStop decorates a STOP in every way that is not another word.
func FuzzStopStaysStop(f *testing.F) {
	f.Add("", "", "", uint8(0))
	f.Add("!? \n", ">", "\u200b\u200d", uint8(5))
	f.Add("™ ", "™", "\u00ad", uint8(10))
	f.Add("\u0345", "\u0301\u0345", "\ufe0f\u3164", uint8(15))
	f.Add("!\n> ", "\r\n", "\u0336", uint8(7))
	f.Fuzz(func(t *testing.T, before, after, between string, upper uint8) {
		// Decoration is what is neither letter nor number; between the letters, what has no width.
		plain := func(keep func(rune) bool) func(string) string {
			return func(s string) string {
				return strings.Map(func(c rune) rune {
					if c == unicode.ReplacementChar || !keep(c) {
						return -1
					}
					return c
				}, strings.ToValidUTF8(s, ""))
			}
		}
		decoration := plain(func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsNumber(c) })
		invisible := plain(func(c rune) bool {
			return unicode.In(c, unicode.Mn, unicode.Me, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point)
		})
		before, after, between = decoration(before), decoration(after), invisible(between)
		if len(before)+4*len(between) > 2000 {
			t.Skip("longer than a message")
		}
		var word strings.Builder
		for i, c := range "stop" {
			if upper&(1<<i) != 0 {
				c = unicode.ToUpper(c)
			}
			word.WriteRune(c)
			word.WriteString(between)
		}
		text := before + word.String() + after
		if got := inbound.Classify(text); got[0] != inbound.Stop {
			t.Errorf("%+q is %v", text, got)
		}
	})
}

// FuzzClassify looks for panics and for answers outside the list.
func FuzzClassify(f *testing.F) {
	f.Add("STOP")
	f.Add("\xff\xfe> \n")
	f.Fuzz(func(t *testing.T, text string) {
		got := inbound.Classify(text)
		if len(got) == 0 || len(got) > 2 {
			t.Fatalf("%d kinds", len(got))
		}
		for _, k := range got {
			if !slices.Contains([]inbound.Kind{inbound.Stop, inbound.Start, inbound.Help, inbound.WrongNumber, inbound.Other}, k) {
				t.Fatalf("kind %q", k)
			}
		}
	})
}
