package gate

import (
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Rule names one question that a decision asks. The list is closed: Rules.
type Rule string

// The rules, in the order in which they are asked.
const (
	RuleUseful    Rule = "useful"    // the reminder has not expired
	RuleDeceased  Rule = "deceased"  // no source says that the person is dead
	RuleProtected Rule = "protected" // no source says that the person's address is protected
	RuleUnit      Rule = "unit"      // the unit directory has the unit, with its time zone
	RulePack      Rule = "pack"      // a policy pack is in force for the unit's country
	RuleAnalysis  Rule = "analysis"  // the unit has the documented analysis that the pack asks for
	RuleSwitches  Rule = "switches"  // nobody has stopped it
	RulePurpose   Rule = "purpose"   // the pack has a basis for the purpose
	RuleKnown     Rule = "known"     // something is known of the person
	RuleAge       Rule = "age"       // who speaks for the person
	RuleCustody   Rule = "custody"   // the guardian has custody, and may be written to
	RuleObjection Rule = "objection" // the guardian, or who is to have a code, has not said no for themself
	RuleDetour    Rule = "detour"    // no guardian's STOP would be gone round
	RuleConsent   Rule = "consent"   // a yes, or notice and no objection, holds
	RuleCeiling   Rule = "ceiling"   // the sender's class is within what is allowed
	RuleAddress   Rule = "address"   // there is an address on the channel
	RuleBar       Rule = "bar"       // no STOP came from the address
	RuleWrong     Rule = "wrong"     // nobody else is known to have it
	RuleBounced   Rule = "bounced"   // it reaches somebody
	RuleCurrent   Rule = "current"   // the person has not had another one since
	RuleHash      Rule = "hash"      // it is the address that the records are about
	RuleProof     Rule = "proof"     // a proof is enough for the pack
	RuleFresh     Rule = "fresh"     // and young enough
	RuleHold      Rule = "hold"      // it is not too new in another's place
	RuleShared    Rule = "shared"    // not too many people are behind it
	RuleWindow    Rule = "window"    // the unit writes at this hour
)

// Rules lists all rules in the order in which they are asked.
var Rules = []Rule{
	RuleUseful, RuleDeceased, RuleProtected, RuleUnit, RulePack, RuleAnalysis, RuleSwitches, RulePurpose, RuleKnown, RuleAge, RuleCustody,
	RuleObjection, RuleDetour, RuleConsent, RuleCeiling, RuleAddress, RuleBar, RuleWrong, RuleBounced, RuleCurrent, RuleHash, RuleProof,
	RuleFresh, RuleHold, RuleShared, RuleWindow,
}

// Answer is what a rule came to.
type Answer string

// The answers. Unknown stops like No: nothing absent is ever a yes.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "unknown"
)

// Step is one rule as a decision asked it. It holds no address, name or birth date.
type Step struct {
	Rule   Rule   `json:"rule"`
	About  string `json:"about,omitempty"` // the recipient, the channel, the address by its hash
	Value  string `json:"value"`           // what was found
	Answer Answer `json:"answer"`
	Source string `json:"source"` // why it is asked
}

// trace takes down how a decision is made. A nil trace takes nothing down: it is the same decision.
type trace struct {
	pack    policy.Ref
	country reminder.Country
	about   string
	steps   []Step
}

// ask takes a rule down. value is called only where it is wanted.
func (t *trace) ask(r Rule, a Answer, value func() string) {
	if t != nil {
		t.steps = append(t.steps, Step{Rule: r, About: t.about, Value: value(), Answer: a, Source: source(r, t.country, t.pack)})
	}
}

// stops takes a rule down that stops when stop is true, and returns stop.
func (t *trace) stops(r Rule, stop bool, value func() string) bool {
	a := Yes
	if stop {
		a = No
	}
	t.ask(r, a, value)
	return stop
}

// of says what the next steps are about.
func (t *trace) of(about func() string) {
	if t != nil {
		t.about = about()
	}
}

// under says which pack the next steps go by.
func (t *trace) under(c reminder.Country, p policy.Ref) {
	if t != nil {
		t.country, t.pack = c, p
	}
}

// own are the rules of the house; all others are the pack's, and their source names it.
var own = map[Rule]string{
	RuleUseful:    "a message that comes too late is of no use",
	RuleDeceased:  "nobody writes to the dead; any source's word counts until that source takes it back",
	RuleProtected: "a message would tell where the person will be (Normen, faktaark 55: no other geolocating information); any source's word counts until that source takes it back",
	RuleUnit:      "the unit directory names the clinics that may write",
	RulePack:      "a day without a policy pack in force has no rules, and then nothing is sent",
	RuleSwitches:  "whoever stops sending is obeyed before anything else is looked at",
	RuleKnown:     "absent state is never a yes",
	RuleObjection: "whoever is written to decides for themself what is sent to them (GDPR Articles 7(3) and 21)",
	RuleDetour:    "a STOP must not bring the same message by another way",
	RuleBar:       "a STOP bars the address, whoever is behind it (GDPR Article 7(3))",
	RuleWrong:     "somebody else has the address (GDPR Article 5(1)(d) and (f))",
	RuleBounced:   "the carrier or register says that it reaches nobody",
	RuleCurrent:   "a changed number ends the old one's proof",
	RuleHash:      "bars are kept by hash: an address that does not have its record's hash can't be checked against them",
	RuleWindow:    "the unit's hours for messages, in the unit directory",
}

// packs are the rules that a pack states, in words.
var packs = map[Rule]string{
	RuleAnalysis: "a documented analysis of needs and risks for the unit",
	RulePurpose:  "a legal basis for the purpose; one without is not written for",
	RuleAge:      "up to the pack's birthday a guardian speaks for the person",
	RuleCustody:  "a message about a child goes to a guardian with proven custody, at the moment of sending",
	RuleConsent:  "a yes of the right person, for this purpose, channel and unit, or notice without objection where that is enough",
	RuleCeiling:  "the highest content class on the channel, or the lower one that was said yes to",
	RuleAddress:  "an address of the person's own",
	RuleProof:    "a proof by an accepted method, of the least level",
	RuleFresh:    "the oldest proof that counts",
	RuleHold:     "how long an address that took another's place waits without new proof",
	RuleShared:   "the most people behind one address",
}

// laws are where a pack has its rule from, by country.
var laws = map[reminder.Country]map[Rule]string{
	"DK": {
		RulePurpose: "Datatilsynet 2010 and 2019: reminders are service messages", RuleAge: "sundhedsloven § 17",
		RuleConsent: `Datatilsynet: "Borgeren skal klart have sagt ja"`, RuleProof: `Datatilsynet: "NemSMS … eller en anden ordning med et tilsvarende sikkerhedsniveau"`,
		RuleCustody: `Datatilsynet: nothing "om andre end borgeren selv eller dennes børn"`,
	},
	"SE": {
		RuleAnalysis: "HSLF-FS 2016:40, 3 kap. 16 §", RulePurpose: "HSLF-FS 2016:40, 3 kap. 16 §: påminnelser och kallelser",
		RuleConsent: "Socialstyrelsen: only with the patient's medgivande", RuleCeiling: "Socialstyrelsen: no detaljer om patientens hälsotillstånd",
	},
	"NO": {
		RulePurpose: "forvaltningsloven § 15 a", RuleConsent: "eForvaltningsforskriften: notice and reservation", RuleFresh: "eForvaltningsforskriften § 32: 18 months",
		RuleAge: "helsenorge: own services from 16, limited insight of parents from 12",
	},
}

// source is why a rule is asked.
func source(r Rule, c reminder.Country, p policy.Ref) string {
	if s, ok := own[r]; ok {
		return s
	}
	s := packs[r]
	if law := laws[c][r]; law != "" {
		s += "; " + law
	}
	if p.ID != "" {
		s = p.ID + ": " + s
	}
	return s
}
