package pages

import (
	"slices"
	"strconv"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
)

// The audit is shown from its end: a first page, more at each wish, and no more than the staff API gives.
const (
	firstAudits = 200
	moreAudits  = 1000
	mostAudits  = 10_000
)

// auditView is what the view audit shows.
type auditView struct {
	Entries []ledger.Audit // the newest first
	More    string         // where there are earlier ones; "" = there are none, or none that can be shown
	Full    bool           // there are more than can be shown
	Since   time.Time
}

// audit shows who saw or changed what. It is asked for with GET, since a person's pseudonym tells nobody who it is.
func (v *visit) audit() error {
	q := v.r.URL.Query()
	person, since := q.Get("person"), q.Get("since")
	v.form = v.blank("person", person, "since", since)
	v.form.fields = []string{"person", "since"}
	most, err := strconv.Atoi(q.Get("most"))
	if err != nil || most < firstAudits {
		most = firstAudits
	}
	most = min(most, mostAudits)
	var x auditView
	if since != "" {
		if x.Since, err = time.ParseInLocation(time.DateOnly, since, v.zone()); err != nil {
			v.form.Wrong("since", "audit.since.wrong")
		}
	}
	if !v.form.OK() {
		return v.show("audit", x)
	}
	if err := v.get(query("/v1/audit", "person", person, "max", strconv.Itoa(most)), &x.Entries); err != nil {
		if v.form.take(err) {
			return v.show("audit", x)
		}
		return err
	}
	full := len(x.Entries) >= most // there may be earlier ones
	if !x.Since.IsZero() {
		n := len(x.Entries)
		x.Entries = slices.DeleteFunc(x.Entries, func(a ledger.Audit) bool { return a.At.Before(x.Since) })
		full = full && len(x.Entries) == n
	}
	slices.Reverse(x.Entries)
	if full && most < mostAudits {
		x.More = query("/audit", "person", person, "since", since, "most", strconv.Itoa(most+moreAudits))
	}
	x.Full = full && most == mostAudits
	return v.show("audit", x)
}
