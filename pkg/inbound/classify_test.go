package inbound_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/husk-reminders/husk/pkg/inbound"
)

func TestClassify(t *testing.T) {
	const stop, start, help, wrong, cancel, other = inbound.Stop, inbound.Start, inbound.Help, inbound.WrongNumber, inbound.Cancel, inbound.Other
	const confirm = inbound.Confirm
	for _, c := range []struct {
		text string
		want []inbound.Intent
	}{
		// The word itself, however it is written.
		{"STOP", []inbound.Intent{stop}},
		{"stop", []inbound.Intent{stop}},
		{"  Stop.\n", []inbound.Intent{stop}},
		{"S T O P", []inbound.Intent{stop}},
		{"s.t.o.p!", []inbound.Intent{stop}},
		{"\"STOP\"", []inbound.Intent{stop}},
		{"»stop«", []inbound.Intent{stop}},
		{"🛑STOP🛑", []inbound.Intent{stop}},
		{"ＳＴＯＰ", []inbound.Intent{stop}},
		{"ⓈⓉⓄⓅ", []inbound.Intent{stop}},
		{"𝐒𝐓𝐎𝐏", []inbound.Intent{stop}},
		{"STOP™", []inbound.Intent{stop}},
		{"S\u200bT\u200dO\u2060P\ufeff", []inbound.Intent{stop}},
		{"ST\u00adOP", []inbound.Intent{stop}},
		{"S\u3164TOP", []inbound.Intent{stop}},
		{"s\u0336t\u0336o\u0336p\u0336", []inbound.Intent{stop}},
		{"STÖP", []inbound.Intent{stop}},
		{"\u202eSTOP\u202c", []inbound.Intent{stop}},
		{"STOP\fplease", []inbound.Intent{stop}},
		{"STOP\x00", []inbound.Intent{stop}},
		{"\xffSTOP\xfe", []inbound.Intent{stop}},
		{">> STOP <<", []inbound.Intent{stop}},
		{"Stop venligst med de beskeder", []inbound.Intent{stop}},
		{"STOP!!! jeg gider ikke", []inbound.Intent{stop}},
		{"stop start", []inbound.Intent{stop}},
		{"STOP " + strings.Repeat("bla ", 20_000), []inbound.Intent{stop}},
		// Other words and languages. What unsubscribes and is said of appointments too stops, and the clinic hears of it.
		{"Afmeld", []inbound.Intent{stop, cancel}},
		{"AFMELDING", []inbound.Intent{stop, cancel}},
		{"Afmeld mig fra det her", []inbound.Intent{stop}},
		{"frameld", []inbound.Intent{stop}},
		{"meld mig fra", []inbound.Intent{stop, cancel}},
		{"stopp", []inbound.Intent{stop}},
		{"Avmeld", []inbound.Intent{stop, cancel}},
		{"meld meg av", []inbound.Intent{stop, cancel}},
		{"avslutt", []inbound.Intent{stop}},
		{"Stoppa", []inbound.Intent{stop}},
		{"avregistrera", []inbound.Intent{stop}},
		{"AVANMÄL", []inbound.Intent{stop, cancel}},
		{"slut", []inbound.Intent{stop}},
		{"lopeta", []inbound.Intent{stop}},
		{"Hætta", []inbound.Intent{stop}},
		{"Abmelden", []inbound.Intent{stop, cancel}},
		{"unsubscribe", []inbound.Intent{stop}},
		{"opt-out", []inbound.Intent{stop}},
		{"Opt out please", []inbound.Intent{stop}},
		{"END", []inbound.Intent{stop}},
		{"quit", []inbound.Intent{stop}},
		{"revoke", []inbound.Intent{stop}},
		{"Stop all", []inbound.Intent{stop}},
		{"arret", []inbound.Intent{stop}},
		{"ARRÊT", []inbound.Intent{stop}},
		{"إيقاف", []inbound.Intent{stop}},
		{"ايقاف", []inbound.Intent{stop}},
		{"توقف", []inbound.Intent{stop}},
		// Answers by mail, with the message below.
		{"Afmeld\n\n> Husk din aftale\n> STOP for at framelde", []inbound.Intent{stop, cancel}},
		{"Slut\n\nVenlig hilsen Anna", []inbound.Intent{stop}},
		{"Tak!\n\n> svar STOP for at framelde", []inbound.Intent{other}},
		// It may mean the appointment: the clinic's.
		{"AFLYS", []inbound.Intent{cancel}},
		{"aflys min tid", []inbound.Intent{cancel}},
		{"afbud", []inbound.Intent{cancel}},
		{"Avboka", []inbound.Intent{cancel}},
		{"AVBRYT", []inbound.Intent{cancel}},
		{"avbestill", []inbound.Intent{cancel}},
		{"CANCEL", []inbound.Intent{cancel}},
		{"Rezygnuję", []inbound.Intent{cancel}},
		{"rezygnuje", []inbound.Intent{cancel}},
		{"Stop my appointment please", []inbound.Intent{cancel}},
		{"Cancel my appointment", []inbound.Intent{cancel}},
		{"peruuta", []inbound.Intent{cancel}},
		{"Hætta við tímann", []inbound.Intent{cancel}},
		{"stornieren", []inbound.Intent{cancel}},
		{"إلغاء", []inbound.Intent{cancel}},
		{"nej", []inbound.Intent{other}},
		{"JA", []inbound.Intent{confirm}},
		{"Ok", []inbound.Intent{other}},
		{"Slut klokken hvad?", []inbound.Intent{other}},
		{"Arrêt de travail", []inbound.Intent{other}},
		{"wypisz receptę", []inbound.Intent{other}},
		{"End of the corridor?", []inbound.Intent{other}},
		{"Hvor er stoppestedet?", []inbound.Intent{other}},
		{"stoppested", []inbound.Intent{other}},
		{"Please do not stop", []inbound.Intent{other}},
		{"Hej. Stop med det", []inbound.Intent{stop}},
		{"", []inbound.Intent{other}},
		{"👍", []inbound.Intent{other}},
		{"...", []inbound.Intent{other}},
		// STOP counts, and the clinic looks at the appointment; or only that.
		{"Afmeld min tid", []inbound.Intent{cancel}},
		{"STOP jeg kommer ikke til min aftale", []inbound.Intent{stop, cancel}},
		{"avregistrera min bokning", []inbound.Intent{cancel}},
		// Back again.
		{"START", []inbound.Intent{start}},
		{"s t a r t", []inbound.Intent{start}},
		{"Tilmeld", []inbound.Intent{start}},
		{"påmeld", []inbound.Intent{start}},
		{"Hvornår starter det? Start", []inbound.Intent{other}},
		{"start stop", []inbound.Intent{other}},
		// What is this?
		{"HELP", []inbound.Intent{help}},
		{"Hjælp!", []inbound.Intent{help}},
		{"hjälp", []inbound.Intent{help}},
		{"info", []inbound.Intent{help}},
		{"Hjælp mig med at finde vej", []inbound.Intent{other}},
		// Not me.
		{"Forkert nummer", []inbound.Intent{wrong}},
		{"Hej, I har fået fat i et forkert nummer.", []inbound.Intent{wrong}},
		{"feil nummer", []inbound.Intent{wrong}},
		{"FEL NUMMER", []inbound.Intent{wrong}},
		{"Wrong number, I am not Anna", []inbound.Intent{wrong}},
		{"väärä numero", []inbound.Intent{wrong}},
		{"Forkert nummer! STOP", []inbound.Intent{wrong, stop}},
		{"STOP forkert nummer", []inbound.Intent{wrong, stop}},
	} {
		r := inbound.Classify(c.text, inbound.ClassifyOptions{})
		got := []inbound.Intent{r.Intent}
		if r.Also != "" {
			got = append(got, r.Also)
		}
		if !slices.Equal(got, c.want) {
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
		if got := inbound.Classify(text, inbound.ClassifyOptions{}); got.Intent != inbound.Stop {
			t.Errorf("%+q is %v", text, got)
		}
	})
}
