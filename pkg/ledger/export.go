package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Exporting says how to export.
type Exporting struct {
	// Reveal writes addresses, the national id and the name out. Else they are masked.
	Reveal bool
}

// Export is everything that is held of one person, as the journal has it, the oldest first (GDPR Article 15). Other people of a
// booking are counted, not named: what is about them is theirs (Article 15(4)).
type Export struct {
	Person       reminder.PersonKey    `json:"person"`
	Also         []reminder.PersonKey  `json:"also,omitempty"`  // keys that the person went by before
	Into         reminder.PersonKey    `json:"into,omitempty"`  // the key that they go by since
	Erased       time.Time             `json:"erased,omitzero"` // what was held until then is gone
	At           time.Time             `json:"at"`
	Protected    bool                  `json:"protected"`
	Deceased     bool                  `json:"deceased"`
	Words        []ExportedWord        `json:"words"`
	Addresses    []ExportedAddress     `json:"addresses"`
	Appointments []ExportedAppointment `json:"appointments"`
	Codes        []ExportedCode        `json:"codes,omitempty"`
	Reminders    []ReminderView        `json:"reminders"`
	Decisions    []ExportedDecision    `json:"decisions"`
	Proof        []consent.Record      `json:"proof,omitempty"` // words of before the person was erased, kept until ProofUntil
	ProofUntil   time.Time             `json:"proofUntil,omitzero"`
	Merges       []ExportedMerge       `json:"merges,omitempty"`
	Audits       []Audit               `json:"audits"`               // who read or changed what of the person, and why
	Unreadable   int                   `json:"unreadable,omitempty"` // entries whose key is gone, or that this program can't read
}

// ExportedWord is a record of consent, and where it was imported from.
type ExportedWord struct {
	consent.Record
	Source *Source `json:"source,omitempty"`
}

// ExportedAddress is a piece of evidence about an address.
type ExportedAddress struct {
	contact.Record
	Address string  `json:"address,omitempty"` // "" where the hash alone was kept
	Barred  bool    `json:"barred,omitempty"`  // now
	Source  *Source `json:"source,omitempty"`
}

// ExportedAppointment is an appointment as a booking system told it at a time.
type ExportedAppointment struct {
	Told       time.Time             `json:"told"`
	System     string                `json:"system"`
	ID         string                `json:"id"`
	Status     reminder.Status       `json:"status"`
	Start      time.Time             `json:"start"`
	Unit       string                `json:"unit"`
	Kind       string                `json:"kind,omitempty"`
	Country    reminder.Country      `json:"country,omitempty"`
	NationalID string                `json:"nationalId,omitempty"`
	GivenName  string                `json:"givenName,omitempty"`
	BirthDate  string                `json:"birthDate,omitempty"`
	Language   string                `json:"language,omitempty"`
	Protected  bool                  `json:"protected,omitempty"`
	Deceased   bool                  `json:"deceased,omitempty"`
	Others     map[reminder.Role]int `json:"others,omitempty"` // how many of each role
}

// ExportedCode is a one-time code that was sent, or was to be, at a time. What it was is of no use to anybody and left out.
type ExportedCode struct {
	At        time.Time            `json:"at"`
	Reference string               `json:"reference"`
	Unit      string               `json:"unit"`
	Language  string               `json:"language,omitempty"`
	Address   string               `json:"address"`
	Hash      reminder.AddressHash `json:"hash"`
}

// ExportedDecision is one thing that was decided or done about a reminder, by which rules and why.
type ExportedDecision struct {
	At       time.Time            `json:"at"`
	What     journal.Kind         `json:"what"` // intent, outcome, verdict, preview, report
	Reminder reminder.ID          `json:"reminder,omitempty"`
	Claim    string               `json:"claim,omitempty"` // the reference that the carrier was given
	Status   receipt.Status       `json:"status,omitempty"`
	Channel  reminder.Channel     `json:"channel,omitempty"`
	Address  reminder.AddressHash `json:"address,omitempty"`
	Template string               `json:"template,omitempty"`
	Decision receipt.Decision     `json:"decision,omitzero"`
	Code     string               `json:"code,omitempty"`
	Carrier  string               `json:"carrier,omitempty"` // the carrier's own reference
	By       string               `json:"by,omitempty"`
}

// ExportedMerge is a key that was found to be this person's.
type ExportedMerge struct {
	At       time.Time          `json:"at"`
	From     reminder.PersonKey `json:"from,omitempty"`
	Into     reminder.PersonKey `json:"into,omitempty"`
	Evidence string             `json:"evidence,omitempty"`
	By       string             `json:"by,omitempty"`
}

// Export gathers everything that is held of a person: what the journal holds, what the state makes of it, and the audit. It reads the
// whole journal. The caller has written into the audit who asked, and why.
func (l *Ledger) Export(ctx context.Context, key reminder.PersonKey, how Exporting) (Export, error) {
	x := exporter{Ledger: l, how: how, keys: map[reminder.PersonKey]bool{}, Export: Export{
		Person: key, At: l.o.Now(), Words: []ExportedWord{}, Addresses: []ExportedAddress{}, Appointments: []ExportedAppointment{},
		Reminders: []ReminderView{}, Decisions: []ExportedDecision{}, Audits: []Audit{},
	}}
	people, err := l.family(ctx, key)
	if err != nil {
		return x.Export, err
	}
	for i, p := range people {
		x.keys[p.Key] = true
		if i > 0 {
			x.Also = append(x.Also, p.Key)
		}
		if p.Erased.After(x.Erased) {
			x.Erased = p.Erased
		}
		x.Protected, x.Deceased = x.Protected || p.Protected(), x.Deceased || p.Deceased()
		rs, err := l.Reminders(ctx, Filter{Person: p.Key})
		if err != nil {
			return x.Export, err
		}
		x.Export.Reminders = append(x.Export.Reminders, rs...)
	}
	x.Into = people[0].Into
	for _, s := range folded {
		if err := l.o.Journal.Read(ctx, s, 1, x.entry); err != nil {
			return x.Export, err
		}
	}
	slices.SortStableFunc(x.Words, func(a, b ExportedWord) int {
		return cmp.Or(a.Recorded.Compare(b.Recorded), cmp.Compare(a.ID, b.ID))
	})
	if err := x.bars(ctx); err != nil {
		return x.Export, err
	}
	return x.Export, l.Audits(ctx, func(a Audit) error {
		if x.keys[a.Person] {
			x.Export.Audits = append(x.Export.Audits, a)
		}
		return nil
	})
}

// exporter is one export at work.
type exporter struct {
	*Ledger
	Export
	how  Exporting
	keys map[reminder.PersonKey]bool
}

// entry adds what an entry says, if it is the person's. What can't be read is counted.
func (x *exporter) entry(e journal.Entry) error {
	if !x.keys[e.Person] {
		return nil
	}
	err := x.add(e)
	if errors.Is(err, journal.ErrDisconnected) {
		return err
	}
	if err != nil {
		x.Unreadable++
	}
	return nil
}

func (x *exporter) add(e journal.Entry) error {
	switch e.Kind {
	case journal.KindConsent:
		var w word
		if err := x.open(e.Person, sealedConsent, e.Sealed, &w); err != nil {
			return err
		}
		x.Words = append(x.Words, ExportedWord(w))
		return nil
	case journal.KindContact:
		return x.addAddress(e)
	case journal.KindPlan:
		a, err := x.openAppointment(e.Person, e.Sealed)
		switch {
		case err != nil:
		case a.Challenge != nil:
			x.Codes = append(x.Codes, x.code(a, e.At))
		default:
			x.Appointments = append(x.Appointments, x.appointment(a, e.At))
		}
		return err
	case journal.KindProof:
		kept, until, err := x.proven(e)
		x.Proof = append(x.Proof, kept...)
		if len(kept) > 0 && until.After(x.ProofUntil) {
			x.ProofUntil = until
		}
		return err
	case journal.KindMerged:
		m, err := x.merged(e)
		if err != nil {
			return err
		}
		y := ExportedMerge{At: m.At, From: m.From, Into: m.Into}
		var s mergeSealed
		if len(e.Sealed) > 0 {
			err = x.open(e.Person, sealedMerge, e.Sealed, &s)
		}
		y.Evidence, y.By = s.Evidence, s.By
		x.Merges = append(x.Merges, y)
		return err
	case journal.KindErased, journal.KindOwned:
		return nil
	}
	return x.addDecision(e)
}

func (x *exporter) addAddress(e journal.Entry) error {
	var w addressWord
	if err := x.open(e.Person, sealedContact, e.Sealed, &w); err != nil {
		return err
	}
	y := ExportedAddress{Record: w.Record, Source: w.Source}
	if len(w.Address) > 0 {
		b, err := x.o.Keys.Open(e.Person, sealedAddress, w.Address)
		if err != nil {
			return err
		}
		a := reminder.NewAddress(w.Channel, string(b))
		if y.Address = a.String(); x.how.Reveal {
			y.Address = a.Reveal()
		}
	}
	x.Addresses = append(x.Addresses, y)
	return nil
}

func (x *exporter) appointment(a reminder.Appointment, told time.Time) ExportedAppointment {
	y := ExportedAppointment{
		Told: told, System: a.System, ID: a.ID, Status: a.Status, Start: a.Start, Unit: a.Unit, Kind: a.Kind, Country: a.NationalID.Country,
		NationalID: a.NationalID.String(), GivenName: a.GivenName.String(), Language: a.Language, Protected: a.Protected, Deceased: a.Deceased,
	}
	if x.how.Reveal {
		y.NationalID, y.GivenName, y.BirthDate = a.NationalID.Reveal(), a.GivenName.Reveal(), a.BirthDate.ISO()
	}
	for _, o := range a.Others {
		if y.Others == nil {
			y.Others = map[reminder.Role]int{}
		}
		y.Others[o.Role]++
	}
	return y
}

func (x *exporter) code(a reminder.Appointment, at time.Time) ExportedCode {
	to := a.Challenge.Address
	y := ExportedCode{At: at, Reference: a.ID, Unit: a.Unit, Language: a.Language, Address: to.String(), Hash: x.o.Pseudonyms.Address(to)}
	if x.how.Reveal {
		y.Address = to.Reveal()
	}
	return y
}

func (x *exporter) addDecision(e journal.Entry) error {
	body, err := x.body(e)
	if err != nil {
		return err
	}
	y := ExportedDecision{At: e.At, What: e.Kind}
	switch b := body.(type) {
	case receipt.Intent:
		y.Reminder, y.Claim, y.Channel, y.Address, y.Template, y.Decision, y.Status = b.Reminder, b.Claim, b.Channel, b.Address, b.Template, b.Decision, receipt.Intended
	case receipt.Outcome:
		y.Reminder, y.Claim, y.Status, y.Code, y.Carrier = b.Reminder, b.Claim, b.Status, b.Code, b.CarrierID
	case receipt.Verdict:
		y.Reminder, y.Status, y.Decision, y.Template, y.By = b.Reminder, b.Status, b.Decision, b.Template, b.By
	case receipt.Preview:
		if b.Again || b.Undecided { // nothing was decided
			return nil
		}
		y.Reminder, y.Decision.Reason = b.Reminder, b.Reason
	case receipt.Report:
		y.Claim, y.Status, y.Code = b.Claim, b.Status, b.Code
	default:
		return nil
	}
	x.Decisions = append(x.Decisions, y)
	return nil
}

// bars notes which addresses are barred now.
func (x *exporter) bars(ctx context.Context) error {
	hashes := make([]reminder.AddressHash, len(x.Addresses))
	for i, a := range x.Addresses {
		hashes[i] = a.Hash
	}
	behind, err := x.o.State.Behind(ctx, hashes)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	for i := range behind {
		x.Addresses[i].Barred = behind[i].Barred
	}
	return nil
}
