package pages

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// lifeView is what the view sent-life shows, and what the pages behind it know of the reminder.
type lifeView struct {
	R        ledger.ReminderView
	Channel  reminder.Channel // of the last attempt; "" = there was none
	Zone     *time.Location   // the unit's
	Kind     string           // of the status's tag
	Why      because
	Findings []textFinding
	Steps    []lifeStep
	Complete bool

	Waits    bool // it can be taken back
	Held     bool
	Release  bool // somebody may release it
	Restored bool // it is held since a backup was restored
	Written  bool // there is a message to show
}

// lifeStep is one thing that became of a reminder, in words.
type lifeStep struct {
	At, Due time.Time // Due: of what is planned, and when it is tried again
	Title   string
	Kind    string
	Why     because
	Source  string // where the rule is from
	By      string
	What    []textFinding
	Facts   []fact
	Rules   []askedRule // every rule that was asked, in order
	Settle  string      // the page on which somebody can say what became of it; "" = none
}

// fact is a label's key and what stands beside it.
type fact struct{ Label, Value string }

// askedRule is one rule as it was asked.
type askedRule struct {
	Rule   string // the key of its text
	Kind   string
	Answer string // the key of the answer's text
	Found  string // as the gate wrote it down, in English
	Source string
}

// life asks for the reminder in the path.
func (v *visit) life() (lifeView, error) {
	var x web.Life
	id := v.r.PathValue("id")
	if err := v.get(query("/v1/reminders/"+url.PathEscape(id)+"/life", "person", v.r.URL.Query().Get("person")), &x); err != nil {
		return lifeView{}, err
	}
	r := x.Reminder
	out := lifeView{
		R: r, Zone: v.zoneOf(r.Unit), Kind: kindOf(r.Status), Why: v.words.whyNow(r), Complete: x.Complete,
		Waits: r.Status == receipt.Planned || r.Status == receipt.Due || r.Status == receipt.Held, Held: r.Status == receipt.Held,
		Restored: r.Status == receipt.Held && r.Reason == ledger.HeldRestored, Findings: v.findings(r.Findings),
	}
	if n := len(r.Attempts); n > 0 {
		out.Channel = r.Attempts[n-1].Channel
	}
	out.Release = r.Releasable || out.Restored
	out.Written = r.Status != receipt.Cancelled && r.System != reminder.HusksOwn
	for _, s := range x.Steps {
		out.Steps = append(out.Steps, v.step(r, s))
	}
	return out, nil
}

func (v *visit) sentLife() error {
	x, err := v.life()
	if err != nil {
		return err
	}
	return v.show("sent-life", x)
}

// Path is the page of the reminder, or one behind it.
func (x lifeView) Path(behind string) string { return sentPath(x.R.ID, x.R.Person, behind) }

// step puts a step into words.
func (v *visit) step(r ledger.ReminderView, s web.LifeStep) lifeStep {
	title, status := s.What, receipt.Status(s.What)
	out := lifeStep{At: s.At, Due: s.Due, Kind: kindOf(status), By: s.By, What: v.findings(s.Findings)}
	reason := s.Reason
	switch s.What {
	case ledger.StepMoved:
		out.Kind = "wait"
	case ledger.StepAsked:
		title, status, out.Kind = "asked.yes", receipt.Denied, "good"
		if reason != "" {
			title, out.Kind = "asked.no", "bad"
		}
	case ledger.StepReleased:
		out.Kind = "wait"
		if reason != "" {
			out.Facts = append(out.Facts, fact{"sent.fact.reason", reason})
		}
		reason = ""
	case ledger.StepSettled:
		title, out.Kind, reason = "settled.left", "good", ""
		if s.Reason != string(receipt.Accepted) {
			title, out.Kind = "settled.not_left", "bad"
		}
	}
	channel := channelOf(r, s)
	out.Title = v.words.must(v.words.of(channel, "sent.step."+title))
	out.Why = v.words.why(status, cmp.Or(reason, s.Code))
	if s.Code == receipt.ByHand {
		out.Why = because{}
	}
	out.rules(s.Decision, gate.Reason(s.Reason))
	if s.What == string(receipt.Unknown) || s.What == ledger.StepSettled {
		out.Settle = v.settlePath(r, s.Reference)
	}
	out.Facts = append(out.Facts, v.stepFacts(s, channel)...)
	return out
}

// channelOf is the channel of the attempt that a step is of; "" = it is of none.
func channelOf(r ledger.ReminderView, s web.LifeStep) reminder.Channel {
	i := slices.IndexFunc(r.Attempts, func(t ledger.AttemptView) bool { return t.Claim == s.Reference })
	if s.Channel != "" || i < 0 {
		return s.Channel
	}
	return r.Attempts[i].Channel
}

// rules adds how the gate came to a no.
func (x *lifeStep) rules(steps []gate.Step, reason gate.Reason) {
	kinds := map[gate.Answer]string{gate.Yes: "good", gate.No: "bad", gate.Unknown: "bad"}
	for _, d := range steps {
		x.Rules = append(x.Rules, askedRule{"rule." + string(d.Rule), kinds[d.Answer], "sent.answer." + string(d.Answer), d.Value, d.Source})
		if d.Answer != gate.Yes && "rule."+string(d.Rule) == ruleOf[reason] {
			x.Source = d.Source
		}
	}
}

// stepFacts are what is written down beside a step, for whoever has to ask a carrier or an administrator.
func (v *visit) stepFacts(s web.LifeStep, channel reminder.Channel) []fact {
	var out []fact
	add := func(label, value string) {
		if value != "" {
			out = append(out, fact{v.words.of(channel, "sent.fact."+label), value})
		}
	}
	if s.Attempt > 0 {
		add("attempt", strconv.Itoa(s.Attempt))
	}
	if s.Segment > 0 {
		add("segment", strconv.Itoa(s.Segment))
	}
	if s.Channel != "" {
		add("channel", v.words.must("channel."+string(s.Channel)))
	}
	add("template", s.Template)
	add("route", v.words.route(s.Route))
	add("reference", s.Reference)
	if s.Code != receipt.ByHand {
		add("code", s.Code)
	}
	add("basis", s.Basis)
	add("pack", s.Pack)
	return out
}

// settlePath is the page to say what became of an attempt; "" where nobody may, or the carrier has said.
func (v *visit) settlePath(r ledger.ReminderView, reference string) string {
	i := slices.IndexFunc(r.Attempts, func(t ledger.AttemptView) bool { return t.Claim == reference })
	if i < 0 || !v.may("attempt.settle") || !inDoubt(r.Attempts[i]) {
		return ""
	}
	return unknownPath(r.ID, r.Person, reference)
}

// inDoubt reports whether somebody can say what became of an attempt: nobody knows, or somebody has said so before.
func inDoubt(t ledger.AttemptView) bool { return t.Status == receipt.Unknown || t.By != "" }
