package inbound_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/inbound"
)

// labelled is one line of testdata/replies*.jsonl: a text and what it is. Those of replies.jsonl, replies-second.jsonl and
// replies-third.jsonl were labelled by people who had not seen the rules, each by another hand; those of replies-made.jsonl were made
// up along with the rules. Of the ids those that begin with o are ordinary sentences of patients. cancel stands for cancel_appointment, and
// stop_cancel for a STOP that the clinic must hear of too. Who says yes, or will come, is labelled other.
type labelled struct {
	ID, Text, Language, Label, Why string
}

func replies(t testing.TB, files ...string) []labelled {
	t.Helper()
	var out []labelled
	for _, file := range files {
		f, err := os.Open(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			var x labelled
			if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			out = append(out, x)
		}
		if err := errors.Join(lines.Err(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// others are the labelled replies that the rules' authors did not label.
var others = []string{"replies.jsonl", "replies-second.jsonl", "replies-third.jsonl"}

// keyword is that of the shared number in testdata/replies.jsonl.
const keyword = "REGH"

// intents are what the labels stand for.
var intents = map[string]inbound.Intent{
	"stop": inbound.Stop, "stop_cancel": inbound.Stop, "cancel": inbound.Cancel, "start": inbound.Start, "help": inbound.Help,
	"wrong_number": inbound.WrongNumber, "other": inbound.Other,
}

// grave is what must not become of a labelled reply, "" when it does not: a STOP that is missed, an ordinary text that stops or
// blocks anything, one that may be a cancellation and stops.
func grave(x labelled, r inbound.Result) string {
	want := intents[x.Label]
	switch {
	case want == inbound.Stop && !r.Is(inbound.Stop):
		return "a STOP is missed"
	case x.Label == "stop_cancel" && !r.Is(inbound.Cancel):
		return "the clinic does not hear of it"
	case want == inbound.Other && (r.Is(inbound.Stop) || r.Is(inbound.WrongNumber)):
		return "an ordinary text stops or blocks"
	case want == inbound.Cancel && (r.Is(inbound.Stop) || r.Is(inbound.WrongNumber)):
		return "a wish for the clinic opts out or blocks"
	case want == inbound.Start && r.Is(inbound.Stop):
		return "who wants messages again is stopped"
	}
	return ""
}

// The rules were written by one half of the first labelled replies, chosen by the hash of their ids, and then tried on the other, of
// which they missed 16 of 326 STOPs and took 2 of 495 ordinary texts for one. The second replies came later. At first sight
// the rules missed 30 of their 221 STOPs, 20 of 66 wrong numbers and 20 of 87 cancellations, and let 11 opt out that should not, 7 of
// them cancellations: words and phrases had been learnt, and not what unseen people say. So the rules were made anew by half of
// the second replies, and tried once on the other half, of 325. There they missed 3 of 109 STOPs (those before them 11), 3 of 39 wrong
// numbers (11) and 5 of 44 cancellations (11); 8 texts opted out that should not (7): 2 of 106 ordinary ones, one that asked for
// messages again, and 5 cancellations, of which 3 are words that may be either and are labelled both since. None blocked.
//
// The third replies, 460, came after that. At first sight the rules missed 6 of their 160 STOPs, 6 of 40 wrong numbers and 22 of 50
// cancellations, one of which they let opt out; of 180 ordinary texts they took 2 for a STOP and one for START, and of 15 that
// asked for messages again 2 for a STOP. None blocked.
//
// They have learned from those too. In none of the sets is a STOP missed now, does an ordinary text stop or block anything, or one
// that may be a cancellation stop. What they would make of a fourth is not known: the second and the third say what to expect. Of the next hundred STOPs by people unseen, some will be missed again.
func TestLabelledReplies(t *testing.T) {
	all := replies(t, others...)
	if len(all) < 3200 {
		t.Fatalf("%d labelled replies", len(all))
	}
	right, ordinary := map[bool]int{}, 0
	for _, x := range all {
		r := inbound.Classify(x.Text, inbound.ClassifyOptions{Keyword: keyword})
		if strings.HasPrefix(x.ID, "o") {
			ordinary++
		}
		want, ok := intents[x.Label]
		if !ok {
			t.Fatalf("%s: label %q", x.ID, x.Label)
		}
		if fault := grave(x, r); fault != "" {
			t.Errorf("%s %q: %s: %s (%s)", x.ID, x.Text, fault, r.Intent, r.Why)
		}
		if r.Intent == want || (want == inbound.Other && r.Intent == inbound.Confirm) {
			right[development(x.ID)]++
		} else {
			t.Logf("%s %q: %s, not %s (%s)", x.ID, x.Text, r.Intent, want, r.Why)
		}
		if r.Why == "" {
			t.Errorf("%s: no reason", x.ID)
		}
	}
	if ordinary < 500 {
		t.Errorf("%d ordinary sentences, want 500", ordinary)
	}
	if n := right[true] + right[false]; n*100 < len(all)*99 {
		t.Errorf("%d of %d as labelled, want 99 of 100", n, len(all))
	}
	t.Logf("as labelled: %d of the development half, %d of the other, of %d", right[true], right[false], len(all))
}

// development reports whether a reply is of the half that the rules were written by.
func development(id string) bool { return sha256.Sum256([]byte(id))[0]%2 == 0 }

// What was made up along with the rules proves nothing about unseen replies, and guards what is won: hundreds of ways to say the
// same in every language, and ordinary sentences that come close.
func TestMadeReplies(t *testing.T) {
	counts := map[string]int{}
	for _, x := range replies(t, "replies-made.jsonl") {
		r := inbound.Classify(x.Text, inbound.ClassifyOptions{Keyword: keyword})
		if fault := grave(x, r); fault != "" {
			t.Errorf("%s %q: %s: %s (%s)", x.ID, x.Text, fault, r.Intent, r.Why)
		}
		counts[x.Label]++
		if r.Intent == intents[x.Label] || (x.Label == "other" && r.Intent == inbound.Confirm) {
			counts["as labelled"]++
		}
	}
	if counts["stop"] < 900 || counts["other"] < 800 || counts["as labelled"] < 2400 {
		t.Errorf("made replies: %v", counts)
	}
}

// The reasons are a closed list: nothing of a text can be in one.
func TestWhyHoldsNothingOfTheText(t *testing.T) {
	seen := map[string]bool{}
	for _, x := range replies(t, others...) {
		for part := range strings.SplitSeq(inbound.Classify(x.Text, inbound.ClassifyOptions{}).Why, "; and ") {
			seen[strings.TrimPrefix(part, "for the clinic: ")] = true
		}
	}
	if len(seen) > 36 {
		t.Errorf("%d reasons", len(seen))
	}
	for why := range seen {
		if strings.ContainsAny(why, "0123456789+@\"") {
			t.Errorf("a reason with something of a text: %s", why)
		}
	}
}

// What surrounds a STOP does not hide it.
func TestStopInItsSurroundings(t *testing.T) {
	for _, text := range []string{
		"STOP\n\nSendt fra min iPhone", "STOP\r\n\r\n-- \r\nAnna", "Stop tak\n\nDen 4. maj 2026 kl. 10 skrev Husk <husk@example.org>:\n> Husk din aftale",
		"stop\n\nOn Mon, 4 May 2026 at 10:00 Husk <husk@example.org> wrote:\nRemember your appointment", "Hej\n\nStop tak.\n\nVenlig hilsen\nAnna",
		"stop\n-----Original Message-----\nFrom: husk@example.org\nSubject: Husk din aftale", "&gt;STOP", "S\u2060T\u200bOP", "\u0405\u0422\u041e\u0420", "STОP",
		"ΣTOP", "st0p", "St.op", "STOPSTOP", "s t o p", "🇸🇹🇴🇵", "🅂🅃🄾🄿", "🅢🅣🅞🅟", "𝓢𝓽𝓸𝓹", "STOP 1204", "REGH STOP", "regh: stop", "XYZ STOP", "Jeg sagde STOP",
		"stop.", "Stop tak", "slut med det", "STOPP", "🛑", "⛔", "stpo", "Kan I stoppe de sms'er?", "l\u0337o\u0337p\u0337e\u0337t\u0337a", "ｓｔｏｐ", "STOP" + strings.Repeat("!", 9000),
	} {
		if r := inbound.Classify(text, inbound.ClassifyOptions{Keyword: keyword}); r.Intent != inbound.Stop {
			t.Errorf("%+q: %s (%s)", text, r.Intent, r.Why)
		}
	}
}

// Ordinary sentences with the words in them, written against the rules.
func TestOrdinarySentences(t *testing.T) {
	for _, text := range []string{
		"Kan I sende beskeden igen, jeg kom til at slette den", "Får jeg ikke flere beskeder?", "Hvorfor får jeg ikke sms mere?", "Stop 12 er lukket, hvor skal jeg stå af?",
		"Skal jeg stoppe med mine piller inden?", "Bussen stopper ikke ved hospitalet", "Jeg har fået et nyt nummer, det er 20 12 34 56", "Der står forkert telefonnummer i indkaldelsen",
		"Skal jeg tage et nummer?", "Skal jeg slette appen?", "Stor tak", "Toppen!", "Er min aftale aflyst?", "Tak!\n\n> svar STOP for at framelde", "What does STOP mean?",
		"Please don't stop the reminders", "I can't open the link in your message", "Why don't I get texts any more?", "Wrong door, sorry, where are you?",
		"My name is spelled wrong on the letter", "Can you remove my stitches?", "I'm not Danish, do I need an interpreter?", "The bus stop has moved", "It hurts non-stop",
		"Ich kann die Nachricht nicht öffnen", "Warum bekomme ich keine Erinnerungen mehr?", "Die Nummer im Brief ist falsch", "Ich kenne keinen Arzt dort",
		"Varför får jag inga påminnelser längre?", "Jag slutar jobbet klockan tre", "Det är fel datum i brevet", "Jeg får ikke åpnet meldingen", "Miksi en saa enää viestejä?",
		"Väärä ovi, missä olette?", "Nie mogę otworzyć wiadomości", "لماذا لا تصلني رسائل؟", "Neden artık mesaj gelmiyor?", "Yanlış kapıya geldim", "Чому мені більше не надходять смс?",
		"Hvis jeg svarer STOP, mister jeg så min tid?", "Jeg forstår ikke hvad STOP betyder", "Send mig en sms når det er min tur", "REGH tak", "Nej tak", "1204",
	} {
		if r := inbound.Classify(text, inbound.ClassifyOptions{Keyword: keyword}); r.Is(inbound.Stop) || r.Is(inbound.WrongNumber) || r.Is(inbound.Start) {
			t.Errorf("%q: %s (%s)", text, r.Intent, r.Why)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("STOP", "")
	f.Add("\xff\xfe> \n", "REGH")
	f.Add(strings.Repeat("ta ", 3000), "ta")
	f.Add("Ⓢ'::..sms:9.15?!\n-- \n", "\xff")
	f.Fuzz(func(t *testing.T, text, keyword string) {
		r := inbound.Classify(text, inbound.ClassifyOptions{Keyword: keyword})
		if !slices.Contains(inbound.Intents, r.Intent) || r.Why == "" || (r.Also != "" && r.Also != inbound.Stop && r.Also != inbound.Cancel) {
			t.Fatalf("%+v", r)
		}
	})
}

// Whatever its length and its words, a text costs a bounded number of allocations: a carrier's webhook can't be filled with one.
func TestClassifyCostsLittle(t *testing.T) {
	for name, unit := range map[string]string{
		"words": "jeg vil ikke have flere beskeder ", "marks": "\u0301\u200b", "one word": "stop", "gaps": "tag mig nummer ", "quotes": "> x\n", "letters": "s t o p ",
		"symbols": "ⓢⓣⓞⓟ ", "sentences": "Stop ikke. ", "dots": ".?!", "cyrillic": "СТОР ",
	} {
		text := strings.Repeat(unit, 1<<20/len(unit))
		if n := testing.AllocsPerRun(3, func() { inbound.Classify(text, inbound.ClassifyOptions{}) }); n > 6000 {
			t.Errorf("%s: %.0f allocations", name, n)
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	all := replies(b, "replies.jsonl")
	b.ReportAllocs()
	for i := range b.N {
		inbound.Classify(all[i%len(all)].Text, inbound.ClassifyOptions{})
	}
}
