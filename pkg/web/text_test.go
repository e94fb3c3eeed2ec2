package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func (f *fake) Written(_ context.Context, p reminder.PersonKey, id reminder.ID) (ledger.Written, error) {
	w := f.written
	zone, err := reminder.LoadZone("Europe/Copenhagen")
	if err != nil {
		return w, err
	}
	w.Lease.Reminder, w.Lease.Person, w.Lease.Purpose = id, p, reminder.Remind
	w.Lease.Appointment = reminder.Appointment{
		Person: p, Unit: own, Start: noon.AddDate(0, 0, 8).In(zone), Length: 30 * time.Minute, GivenName: reminder.Mask("Anna"), Language: "da",
	}
	return w, f.call("written")
}

func TestText(t *testing.T) {
	f := &fake{unit: own}
	h := openDoor(t, f).Staff()
	show := func() (x Text) {
		t.Helper()
		f.calls, f.audits = nil, nil
		w := ask(h, "GET", "/v1/reminders/"+somebody+"/text?reason=rang", "")
		if err := json.Unmarshal(w.Body.Bytes(), &x); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "Anna") {
			t.Errorf("the name is shown: %s", w.Body)
		}
		return x
	}
	x := show()
	if x.Sent || x.Held || x.Channel != reminder.SMS || x.Language != "da" || !strings.HasPrefix(x.Template, "da/reminder.sms@") || !strings.Contains(x.Parts[0].Text, "mandag 9. marts kl. 13.00") {
		t.Errorf("%+v", x)
	}
	if a := f.audits[0]; a.Action != "reminder.text "+somebody || a.Person != somebody || a.Reason != "rang" || !slices.Equal(f.calls, []string{"reminders", "audit", "written", "explain"}) {
		t.Errorf("audit %+v, asked %v", a, f.calls)
	}
	f.written = ledger.Written{Sent: true, At: noon, Channel: reminder.SMS, Template: x.Template, Decision: receipt.Decision{Pack: "dk-2019"}}
	if y := show(); !y.Sent || y.Template != x.Template || y.Parts[0].Text != x.Parts[0].Text {
		t.Errorf("%+v", y)
	}
	f.written = ledger.Written{Template: x.Template, Findings: []reminder.Finding{{Kind: "digits", Layout: "3-3", Part: reminder.PartText, Offset: 5, Length: 3, Releasable: true}}}
	y := show()
	if m := y.Parts[0].Findings; !y.Held || len(m) != 1 || m[0].Offset != 5 || m[0].Length != 3 || []rune(y.Parts[0].Text)[5] != '█' {
		t.Errorf("%+v", y)
	}
	f.written = ledger.Written{Template: "da/reminder.sms@00000000"}
	if w := ask(h, "GET", "/v1/reminders/"+somebody+"/text?reason=rang", ""); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "version of its template") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/v1/reminders/"+somebody+"/text", ""); w.Code != 400 {
		t.Errorf("without a reason: %d %s", w.Code, w.Body)
	}
}

// What nobody may let pass is refused with the reason why.
func TestReleaseOfWhatNobodyMayLetPass(t *testing.T) {
	f := &fake{unit: own, moved: ledger.ErrUnreleasable}
	w := ask(openDoor(t, f).Staff(), "POST", "/v1/reminders/"+somebody+"/release", `{"reason":"it looks right"}`)
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "national id") || !strings.Contains(w.Body.String(), "nobody can release") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
