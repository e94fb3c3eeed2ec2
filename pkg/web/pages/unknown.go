package pages

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// mostUnknown is how many attempts the list shows.
const mostUnknown = 100

// unknownView is what the view unknown shows.
type unknownView struct {
	Filter *form
	Units  []map[string]string
	Rows   []web.Doubt // the oldest first
	More   bool
}

// unknown lists the attempts of which nobody knows whether the message left.
func (v *visit) unknown() error {
	unit := v.chosenUnit()
	x := unknownView{Filter: v.blank("unit", unit), Units: v.unitOptions()}
	if err := v.get(query("/v1/attempts", "unit", unit, "max", strconv.Itoa(mostUnknown+1)), &x.Rows); err != nil {
		return err
	}
	if x.More = len(x.Rows) > mostUnknown; x.More {
		x.Rows = x.Rows[:mostUnknown]
	}
	return v.show("unknown", x)
}

// unknownPath is the page to say what became of an attempt.
func unknownPath(id reminder.ID, p reminder.PersonKey, reference string) string {
	return query("/unknown/"+string(id)+"/"+url.PathEscape(reference), "person", string(p))
}

// settleView is what the view unknown-settle shows.
type settleView struct {
	lifeView
	Attempt ledger.AttemptView
	Open    bool // somebody can say what became of it
}

func (v *visit) attempt() (settleView, error) {
	x, err := v.life()
	if err != nil {
		return settleView{}, err
	}
	i := slices.IndexFunc(x.R.Attempts, func(t ledger.AttemptView) bool { return t.Claim == v.r.PathValue("reference") })
	if i < 0 {
		return settleView{}, errNotHere
	}
	t := x.R.Attempts[i]
	if t.Code == receipt.ByHand {
		t.Code = "" // it is nobody's
	}
	return settleView{x, t, inDoubt(t)}, nil
}

func (v *visit) unknownOne() error {
	x, err := v.attempt()
	if err != nil {
		return err
	}
	v.form = v.blank()
	if x.Attempt.By != "" { // what was said before
		v.form = v.blank("outcome", web.AttemptNotLeft)
		if x.Attempt.Status == receipt.Accepted {
			v.form = v.blank("outcome", web.AttemptLeft)
		}
	}
	return v.show("unknown-settle", x)
}

// settle says what became of an attempt, as the carrier told whoever asked it.
func (v *visit) settle() error {
	var in struct {
		Outcome string `form:"outcome,required"`
		Reason  string `form:"reason,required"`
	}
	f := v.read(&in)
	said := "unknown.settled.not_left"
	if in.Outcome == web.AttemptLeft {
		said = "unknown.settled.left"
	}
	return v.submit(f, "/v1/attempts/"+url.PathEscape(v.r.PathValue("reference"))+"/settle", web.Settle{Outcome: in.Outcome, Reason: in.Reason},
		func() error { return v.done("/unknown", said) },
		func() error {
			x, err := v.attempt()
			if err != nil {
				return err
			}
			return v.show("unknown-settle", x)
		},
	)
}
