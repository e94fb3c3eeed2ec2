package pages

import (
	"net/url"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/web"
)

// lettersView is what the view letters shows.
type lettersView struct {
	Filter *form
	Unit   string // "" = all
	Units  []map[string]string
	Final  []unitLetters // nothing will be sent
	SoFar  []unitLetters // nothing would be sent today; that may change until the reminder is due
	Done   []ledger.LetterDone
	Total  int
	Left   int // so many more begin after these
}

// unitLetters are the letters and calls of one unit, the soonest start first.
type unitLetters struct {
	Unit string
	Zone *time.Location
	Rows []letterRow
}

// letterRow is a letter or a call.
type letterRow struct {
	ledger.Letter
	Status receipt.Status // that the reminder came to; "" = none
	Why    because
}

// letters lists who must be written to or rung, by unit, and what is done of it.
func (v *visit) letters() error {
	x := lettersView{Unit: v.chosenUnit(), Units: v.unitOptions()}
	x.Filter = v.blank("unit", x.Unit)
	var all ledger.Letters
	if err := v.get(query("/v1/letters", "unit", x.Unit), &all); err != nil {
		return err
	}
	if err := v.get(query("/v1/letters/done", "unit", x.Unit), &x.Done); err != nil {
		return err
	}
	for _, l := range all.Letters {
		to := &x.Final
		if l.Provisional {
			to = &x.SoFar
		}
		*to = v.addLetter(*to, l)
	}
	x.Total, x.Left = len(all.Letters), all.Left
	return v.show("letters", x)
}

// addLetter puts a letter behind those of its unit. The units come in the order of their soonest start.
func (v *visit) addLetter(us []unitLetters, l ledger.Letter) []unitLetters {
	row := v.letterRow(l)
	for i := range us {
		if us[i].Unit == l.Unit {
			us[i].Rows = append(us[i].Rows, row)
			return us
		}
	}
	return append(us, unitLetters{l.Unit, v.zoneOf(l.Unit), []letterRow{row}})
}

func (v *visit) letterRow(l ledger.Letter) letterRow {
	status, reason := letterReason(l.Reason)
	row := letterRow{Letter: l, Status: status, Why: v.words.why(status, reason)}
	if l.Reason == reason { // it is no status
		row.Status = ""
	}
	return row
}

func (v *visit) letterDone() error { return v.markLetter(false, "letters.marked") }

func (v *visit) letterUndone() error { return v.markLetter(true, "letters.unmarked") }

func (v *visit) markLetter(undo bool, said string) error {
	var in struct {
		Unit string `form:"unit"`
	}
	if f := v.read(&in); !f.OK() {
		return errNotHere
	}
	err := v.post("/v1/letters/"+url.PathEscape(v.r.PathValue("id"))+"/done", web.LetterDone{Undo: undo}, nil)
	if err != nil {
		return err
	}
	return v.done(query("/letters", "unit", in.Unit), said)
}
