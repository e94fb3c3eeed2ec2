package web

import (
	"bytes"
	"strings"
	"testing"

	defaults "github.com/husk-reminders/husk/config"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// withSender is a door to units whose hospital has another SMS sender.
func withSender(t *testing.T, sender string) *editors {
	t.Helper()
	const shipped = `sender_id: {text: "+4570991099", class: 0, replies: number}`
	text := bytes.Replace(defaults.Units, []byte(shipped), []byte("sender_id: {"+sender+"}"), 1)
	units, err := reminder.ReadUnits(bytes.NewReader(text))
	if err != nil || bytes.Equal(text, defaults.Units) {
		t.Fatalf("%v, changed %v", err, !bytes.Equal(text, defaults.Units))
	}
	f := &fake{fourEyes: true, directory: units}
	d := openDoor(t, f)
	d.addresses, d.keys = newLimit(10_000), newLimit(10_000)
	e := &editors{T: t, f: f, h: remote(t, d)}
	e.clerk = keyFor(t, d.open.api, Clerk, []string{own}, "karen").Key
	e.approver = keyFor(t, d.open.api, Approver, nil, "ole").Key
	return e
}

// A text is approved only where patients of every unit that uses it can stop the messages as it says, whatever the live text says.
func TestATextWithoutAWorkingWayToStopIsNotApproved(t *testing.T) {
	const begin = "Husk nu {weekday} {date} {time} på {unit}. Afbud {phone}. "
	for _, c := range []struct {
		sender, stop string
		want         string // of the refusal; "" = approved
	}{
		{`text: "Ravnsholt", class: 0`, "Stop sms: svar STOP", `no answer to Ravnsholt reaches us: write, for example, "Stop sms: ring {phone}"`},
		{`text: "Ravnsholt", class: 0`, "Stop sms: ring {phone}", ""},
		{`text: "1204", class: 0, replies: number, keyword: RAVN`, "Stop sms: svar STOP", `behind the keyword RAVN alone: write, for example, "Stop sms: svar RAVN STOP"`},
		{`text: "1204", class: 0, replies: number, keyword: RAVN`, "Stop sms: svar RAVN STOP", ""},
		{`text: "1204", class: 0, replies: number`, "Stop sms: svar STOP", ""},
	} {
		e := withSender(t, c.sender)
		var saved, approved ChangedTemplate
		if code, no := e.post(e.clerk, "save", SaveTemplate{Name: "da/reminder.sms", Text: begin + c.stop + "\n", Base: draftID}, &saved); code != 200 {
			t.Fatalf("%q: %d %+v", c.stop, code, no)
		}
		code, no := e.post(e.approver, "approve", ApproveTemplate{ID: saved.ID}, &approved)
		if c.want == "" {
			if code != 200 || approved.State != template.Serving {
				t.Errorf("%s, %q: %d %+v", c.sender, c.stop, code, no)
			}
			continue
		}
		told := 0
		for _, p := range no.Problems {
			if p.Refused && p.Unit != "" && p.Template == "da/reminder.sms" && strings.Contains(p.Reason, c.want) {
				told++
			}
		}
		if code != 400 || told == 0 || e.history().Live != liveID {
			t.Errorf("%s, %q: %d, %d told: %+v", c.sender, c.stop, code, told, no)
		}
	}
}

// Which letters are written otherwise is told while a text is written, and to whoever approves it.
func TestLettersWrittenOtherwiseAreTold(t *testing.T) {
	e := newEditors(t)
	text := strings.Replace(good("Husk –"), "Afbud", "Afbud…", 1)
	for _, c := range []struct {
		text     string
		chosen   bool
		costly   int
		from, to int
	}{{text, false, 2, 2, 1}, {"Letters: plain\n\n" + text, true, 0, 2, 1}} {
		var m Measured
		if code, no := e.post(e.clerk, "measure", MeasureText{Name: "da/reminder.sms", Text: c.text}, &m); code != 200 {
			t.Fatalf("%d %+v", code, no)
		}
		if m.Plain == nil || m.Plain.Chosen != c.chosen || len(m.Plain.Letters) != 2 || m.Plain.Letters[0].As != "-" || m.Plain.SegmentsFrom != c.from || m.Plain.SegmentsTo != c.to {
			t.Errorf("chosen %v: %+v", c.chosen, m.Plain)
		}
		own := 0
		for _, l := range m.Letters {
			if l.Fact == "" {
				own++
			}
		}
		if own != c.costly {
			t.Errorf("chosen %v: %d letters are dear, want %d: %+v", c.chosen, own, c.costly, m.Letters)
		}
		var saved, approved ChangedTemplate
		if code, no := e.post(e.clerk, "save", SaveTemplate{Name: "da/reminder.sms", Text: c.text, Base: e.history().Head}, &saved); code != 200 {
			t.Fatalf("%d %+v", code, no)
		}
		if code, no := e.post(e.approver, "approve", ApproveTemplate{ID: saved.ID}, &approved); code != 200 {
			t.Fatalf("%d %+v", code, no)
		}
		if told := len(approved.Change.Letters); told != 2 && c.chosen || told != 0 && !c.chosen {
			t.Errorf("chosen %v: the approver is told of %+v", c.chosen, approved.Change.Letters)
		}
	}
	var m Measured
	if code, _ := e.post(e.clerk, "measure", MeasureText{Name: "da/reminder.sms", Text: good("Husk")}, &m); code != 200 || m.Plain != nil {
		t.Errorf("%d, of a text without such letters: %+v", code, m.Plain)
	}
}
