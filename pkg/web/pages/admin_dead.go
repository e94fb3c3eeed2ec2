package pages

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/web"
)

// deadView is what the views of one dead letter show.
type deadView struct {
	ledger.DeadLetter
	Content *web.DeadLetter // as it came; nil = it was not asked for
}

// dead lists what could not be understood.
func (v *visit) dead() error {
	var all []ledger.DeadLetter
	if err := v.get("/v1/dead", &all); err != nil {
		return err
	}
	return v.show("dead", all)
}

// letterOfDead finds one dead letter of the listing, without its content.
func (v *visit) letterOfDead() (deadView, error) {
	id, err := strconv.ParseUint(v.r.PathValue("id"), 10, 64)
	if err != nil {
		return deadView{}, errNotHere
	}
	var all []ledger.DeadLetter
	if err := v.get("/v1/dead", &all); err != nil {
		return deadView{}, err
	}
	i := slices.IndexFunc(all, func(d ledger.DeadLetter) bool { return d.ID == id })
	if i < 0 {
		return deadView{}, errNotHere
	}
	return deadView{DeadLetter: all[i]}, nil
}

func (v *visit) deadForm() error {
	x, err := v.letterOfDead()
	if err != nil {
		return err
	}
	return v.show("dead-one", x)
}

// deadLetter shows a dead letter as it came, which is personal data: in the answer to a form that says why, and nowhere else.
func (v *visit) deadLetter() error {
	x, err := v.letterOfDead()
	if err != nil {
		return err
	}
	var in struct {
		Reason string `form:"reason,required"`
	}
	f := v.read(&in)
	if f.OK() {
		var d web.DeadLetter
		err := v.get(query("/v1/dead/"+strconv.FormatUint(x.ID, 10), "reason", in.Reason), &d)
		switch {
		case err == nil:
			x.Content = &d
		case !f.take(err):
			return err
		}
	}
	return v.show("dead-one", x)
}

func (v *visit) replayForm() error {
	x, err := v.letterOfDead()
	if err != nil {
		return err
	}
	return v.show("dead-replay", x)
}

func (v *visit) replay() error {
	if err := v.post("/v1/dead/"+url.PathEscape(v.r.PathValue("id"))+"/replay", nil, nil); err != nil {
		return err
	}
	return v.done("/dead", "dead.replayed")
}
