package pages

import (
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/receipt"
)

// because is why something became of a reminder, for whoever is no engineer.
type because struct {
	Text  string // in plain words, with what to do
	Rule  string // behind it; "" = none
	Code  string // the carrier's own, if that is all there is
	Ahead bool   // it is not so yet: it would be, as things stand
}

// ownReasons are the reasons that are neither the gate's nor a finding's, and the texts of them: sent.why.<text>.
var ownReasons = map[string]string{
	"restored": "restored", "too_long": "too_long", "template": "template", "content": "content", "clerk": "clerk", "booking": "booking",
	"attempts": "attempts", receipt.ByHand: "by_hand", "unknown_unit": "unknown_unit", "no notice possible": "no_notice",
}

// ruleOf is the rule behind each of the gate's reasons: the key of its text.
var ruleOf = map[gate.Reason]string{
	gate.NoBasis: "rule.consent", gate.Withdrawn: "rule.consent", gate.Declined: "rule.consent", gate.Unverified: "rule.proof",
	gate.StaleVerification: "rule.fresh", gate.SharedNumber: "rule.shared", gate.ChangedNumber: "rule.current", gate.WrongNumber: "rule.wrong",
	gate.Bounced: "rule.bounced", gate.Barred: "rule.bar", gate.Protected: "rule.protected", gate.Deceased: "rule.deceased",
	gate.Guardian: "rule.custody", gate.OverCeiling: "rule.ceiling", gate.Capped: "sent.rule.capped", gate.NoTemplate: "sent.rule.no_template",
	gate.NotCertified: "sent.rule.not_certified", gate.PolicyMissing: "rule.pack", gate.KillSwitch: "rule.switches",
	gate.RouteClosed: "sent.rule.route_closed", gate.OutsideWindow: "rule.window", gate.Unavailable: "sent.rule.unavailable",
}

// why says why a reminder or an attempt has a status. What a carrier says is its own business: its code is shown as it is.
func (w *words) why(s receipt.Status, reason string) because {
	if own, ok := ownReasons[reason]; ok {
		b := because{Text: w.must("sent.why." + own)}
		if s == receipt.Held {
			b.Rule = w.must("sent.rule." + own)
		}
		return b
	}
	switch s {
	case receipt.Intended, receipt.Accepted, receipt.Delivered, receipt.Undelivered, receipt.Refused, receipt.NotBegun, receipt.Unknown, receipt.Rejected:
		return because{Code: reason}
	}
	if rule, ok := ruleOf[gate.Reason(reason)]; ok {
		return because{Text: w.must("reason." + reason), Rule: w.must(rule)}
	}
	if s != receipt.Held && s != receipt.Expired || reason == "" { // one that was held may expire so
		return because{}
	}
	what := findingOf(reason)
	return because{Text: w.must("finding."+what) + ". " + w.must("finding."+what+".do"), Rule: w.must("sent.rule.content")}
}

// plainFindings are the kinds of findings that have a text of their own. Every other kind is a register's number, and has the one of
// national, which nobody can release: what is not known is never taken for less than it may be.
var plainFindings = []string{"digits", "phone", "mail", "link", "third", "hidden", "encoded", "value"}

// findingOf is what a finding of a kind is: finding.<what>, and finding.<what>.do for what to do about it.
func findingOf(kind string) string {
	if slices.Contains(plainFindings, kind) {
		return kind
	}
	return "national"
}

// letterReason takes apart why a letter or call is needed: the status that a reminder came to and its reason, or the reason that the gate
// would have.
func letterReason(reason string) (receipt.Status, string) {
	s, why, ok := strings.Cut(reason, ": ")
	if ok || slices.Contains(receipt.Statuses, receipt.Status(s)) {
		return receipt.Status(s), why
	}
	return receipt.Denied, reason
}
