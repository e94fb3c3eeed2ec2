package reminder_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// A unit says all of its sender, or takes its hospital's over.
func TestSenders(t *testing.T) {
	const second = `      - id: u-2
        names: {da: {text: Ambulatorium 2, class: 1}}
        address: {text: Vej 1, class: 1}
        entrance: {text: Indgang A, class: 1.5}
        phone: {text: 70 99 10 11, class: 1.5}
        mail: {text: a@b.example, class: 1.5}
        from: {text: f@b.example, class: 0}
`
	for name, c := range map[string]struct {
		hospital, unit string
		want           reminder.Unit
		takes          bool
		keywords       []string
	}{
		"letters":                 {"text: Hospital, class: 0", "", reminder.Unit{SenderID: reminder.Fact{Text: "Hospital"}, Replies: reminder.NoReplies}, false, nil},
		"letters, told":           {"text: Hospital, class: 0, replies: none", "", reminder.Unit{SenderID: reminder.Fact{Text: "Hospital"}, Replies: reminder.NoReplies}, false, nil},
		"a number that is silent": {`text: "1204", class: 0`, "", reminder.Unit{SenderID: reminder.Fact{Text: "1204"}, Replies: reminder.NoReplies}, false, nil},
		"a number": {`text: "+4570991099", class: 0, replies: number`, "",
			reminder.Unit{SenderID: reminder.Fact{Text: "+4570991099"}, Replies: reminder.NumberReplies}, true, nil},
		"a shared number": {`text: "1204", class: 0, replies: number, keyword: ravn`, "",
			reminder.Unit{SenderID: reminder.Fact{Text: "1204"}, Replies: reminder.NumberReplies, Keyword: "RAVN"}, true, []string{"RAVN"}},
		"the unit's own, whole": {`text: "1204", class: 0, replies: number, keyword: RAVN`, "text: Clinic, class: 1",
			reminder.Unit{SenderID: reminder.Fact{Text: "Clinic", Class: 1}, Replies: reminder.NoReplies}, false, []string{"RAVN"}},
		"two keywords": {`text: "1204", class: 0, replies: number, keyword: RAVN`, `text: "1204", class: 0, replies: number, keyword: ravnsholt`,
			reminder.Unit{SenderID: reminder.Fact{Text: "1204"}, Replies: reminder.NumberReplies, Keyword: "RAVNSHOLT"}, true, []string{"RAVNSHOLT", "RAVN"}},
	} {
		text := strings.Replace(oneUnit, "    units:", "    sender_id: {"+c.hospital+"}\n    units:", 1)
		text = strings.Replace(text, "        sender_id: {text: Hospital, class: 0}\n", "", 1) + second
		if c.unit != "" {
			text += "        sender_id: {" + c.unit + "}\n"
		}
		d, err := reminder.ReadUnits(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		u, _ := d.Unit("u-2")
		if u.SenderID != c.want.SenderID || u.Replies != c.want.Replies || u.Keyword != c.want.Keyword || u.TakesReplies() != c.takes {
			t.Errorf("%s: got %+v %q %q", name, u.SenderID, u.Replies, u.Keyword)
		}
		if got := d.Keywords(); !slices.Equal(got, c.keywords) {
			t.Errorf("%s: keywords %q, want %q", name, got, c.keywords)
		}
	}
}
