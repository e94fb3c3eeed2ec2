package consent

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
)

// The systems of the codes in an export. Those of HL7 are of FHIR R4 (4.0.1); urn:husk: are Husk's own words.
const (
	systemScope   = "http://terminology.hl7.org/CodeSystem/consentscope"
	systemLOINC   = "http://loinc.org"
	systemAction  = "http://terminology.hl7.org/CodeSystem/consentaction"
	systemReason  = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	systemRole    = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	systemPerson  = "urn:husk:person"
	systemRecord  = "urn:husk:consent"
	systemOrg     = "urn:husk:organisation"
	systemPurpose = "urn:husk:purpose"
	systemChannel = "urn:husk:channel"
	systemClass   = "urn:husk:class"
	extension     = "urn:husk:extension:"
)

// The elements of FHIR R4 (4.0.1) that an export uses; see https://hl7.org/fhir/R4/consent.html.
type (
	fhirBundle struct {
		ResourceType string      `json:"resourceType"`
		Type         string      `json:"type"`
		Timestamp    string      `json:"timestamp"`
		Entry        []fhirEntry `json:"entry,omitempty"`
	}
	fhirEntry struct {
		FullURL  string      `json:"fullUrl"`
		Resource fhirConsent `json:"resource"`
	}
	fhirConsent struct {
		ResourceType string             `json:"resourceType"`
		ID           string             `json:"id"`
		Extension    []fhirExtension    `json:"extension,omitempty"`
		Identifier   []fhirIdentifier   `json:"identifier,omitempty"`
		Status       string             `json:"status"`
		Scope        fhirConcept        `json:"scope"`
		Category     []fhirConcept      `json:"category"`
		Patient      *fhirReference     `json:"patient,omitempty"`
		DateTime     string             `json:"dateTime,omitempty"`
		Performer    []fhirReference    `json:"performer,omitempty"`
		Organization []fhirReference    `json:"organization,omitempty"`
		Source       *fhirAttachment    `json:"sourceAttachment,omitempty"`
		Policy       []fhirPolicy       `json:"policy,omitempty"`
		PolicyRule   *fhirConcept       `json:"policyRule,omitempty"`
		Verification []fhirVerification `json:"verification,omitempty"`
		Provision    *fhirProvision     `json:"provision,omitempty"`
	}
	fhirExtension struct {
		URL    string `json:"url"`
		String string `json:"valueString"`
	}
	fhirIdentifier struct {
		System string `json:"system"`
		Value  string `json:"value"`
	}
	fhirCoding struct {
		System  string `json:"system"`
		Code    string `json:"code"`
		Display string `json:"display,omitempty"`
	}
	fhirConcept struct {
		Coding []fhirCoding `json:"coding,omitempty"`
		Text   string       `json:"text,omitempty"`
	}
	fhirReference struct {
		Type       string          `json:"type,omitempty"`
		Identifier *fhirIdentifier `json:"identifier,omitempty"`
		Display    string          `json:"display,omitempty"`
	}
	fhirAttachment struct {
		ContentType string `json:"contentType"`
		Language    string `json:"language,omitempty"`
		Data        string `json:"data"`
		Title       string `json:"title,omitempty"`
	}
	fhirPolicy struct {
		URI string `json:"uri"`
	}
	fhirVerification struct {
		Verified bool   `json:"verified"`
		Date     string `json:"verificationDate,omitempty"`
	}
	fhirPeriod struct {
		Start string `json:"start,omitempty"`
		End   string `json:"end,omitempty"`
	}
	fhirActor struct {
		Role      fhirConcept   `json:"role"`
		Reference fhirReference `json:"reference"`
	}
	fhirProvision struct {
		Type          string        `json:"type"`
		Period        *fhirPeriod   `json:"period,omitempty"`
		Actor         []fhirActor   `json:"actor,omitempty"`
		Action        []fhirConcept `json:"action,omitempty"`
		SecurityLabel []fhirCoding  `json:"securityLabel,omitempty"`
		Purpose       []fhirCoding  `json:"purpose,omitempty"`
	}
)

// FHIR writes a person's words as a FHIR R4 Bundle (type collection) with one Consent resource a record, in the order in which
// they were taken down. What is known of the person (custody, protection, death) is no consent and is left out. Status says what
// the record is worth at f.At, and provision.type what it asked for:
//
//	record                       status      provision.type
//	a yes that holds             active      permit
//	a yes that never counted     proposed    permit
//	a yes that has ended,        inactive    permit
//	was withdrawn or superseded
//	a withdrawal that holds      active      deny   (a directive that is to be followed)
//	a refusal that holds         rejected    deny
//	a no that is superseded      inactive    deny
//
// The person, the guardian and the organisation are logical references by identifier. The legal basis, the notice, the sample's
// hash, the method, who took the record down, when else a yes ends and how to take it back are extensions; the sample's text is the
// source attachment.
func FHIR(records []Record, f Facts) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	b := fhirBundle{ResourceType: "Bundle", Type: "collection", Timestamp: f.At.UTC().Format(time.RFC3339)}
	for _, e := range History(records, f.BirthDate, f.Pack, f.At) {
		if e.Record.isWord() {
			id := fhirID(e.Record.ID)
			b.Entry = append(b.Entry, fhirEntry{FullURL: "urn:husk:consent:" + id, Resource: f.resource(e, id)})
		}
	}
	out, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("consent: export: %w", err)
	}
	return append(out, '\n'), nil
}

// statuses are R4's words for a record's status; active is that of a yes or a withdrawal.
var statuses = map[Status]string{
	IsGranted: "active", IsRefused: "rejected", IsExpired: "inactive", IsSuperseded: "inactive", IsUnproven: "proposed",
}

func (f Facts) resource(e Entry, id string) fhirConsent {
	r := e.Record
	status := statuses[e.Status]
	if e.Status == IsWithdrawn {
		status = "inactive"
		if r.IsNo() {
			status = "active"
		}
	}
	c := fhirConsent{
		ResourceType: "Consent", ID: id, Status: status,
		Identifier: []fhirIdentifier{{systemRecord, r.ID}},
		Scope:      fhirConcept{Coding: []fhirCoding{{systemScope, "patient-privacy", "Privacy Consent"}}},
		Category:   []fhirConcept{{Coding: []fhirCoding{{systemLOINC, "59284-0", "Consent Document"}}}},
		Patient:    &fhirReference{Type: "Patient", Identifier: &fhirIdentifier{systemPerson, string(f.Person)}},
		DateTime:   moment(r.EventTime), Performer: []fhirReference{r.performer(f)},
		Organization: []fhirReference{{Type: "Organization", Identifier: f.Controller.identifier(), Display: f.Controller.Name}},
		Extension:    r.extensions(e.Status),
		PolicyRule:   &fhirConcept{Text: f.Pack.ID + " sha256:" + f.Pack.Hash},
		// Verified means that the word was taken down in a way that shows whose it is.
		Verification: []fhirVerification{{Verified: r.Method.CanGrant() && r.check() == nil, Date: moment(r.Recorded)}},
		Provision:    r.provision(),
	}
	if r.Pack.ID != "" {
		c.Policy = []fhirPolicy{{"urn:husk:pack:" + r.Pack.ID + ":" + r.Pack.Hash}}
	}
	if r.Sample.Text != "" {
		c.Source = &fhirAttachment{
			ContentType: "text/plain; charset=utf-8", Language: r.Notice.Language, Title: "the message as it was shown",
			Data: base64.StdEncoding.EncodeToString([]byte(r.Sample.Text)),
		}
	}
	return c
}

func (c Controller) identifier() *fhirIdentifier {
	if c.ID == "" {
		return &fhirIdentifier{systemOrg, "controller"}
	}
	return &fhirIdentifier{systemOrg, c.ID}
}

// performer is who agreed or refused: the patient, a guardian, or the register or staff that passed it on.
func (r Record) performer(f Facts) fhirReference {
	switch k, named := r.guardian(); {
	case named:
		return fhirReference{Type: "RelatedPerson", Identifier: &fhirIdentifier{systemPerson, string(k)}, Display: "guardian"}
	case r.Actor.Kind == Guardian:
		return fhirReference{Type: "RelatedPerson", Display: "guardian"}
	case r.Actor.Kind == Self:
		return fhirReference{Type: "Patient", Identifier: &fhirIdentifier{systemPerson, string(f.Person)}}
	case r.Actor.Kind == Registry:
		return fhirReference{Type: "Organization", Display: "register " + string(r.Method)}
	}
	return fhirReference{Type: "PractitionerRole", Display: "staff, on the patient's word"}
}

func (r Record) provision() *fhirProvision {
	p := &fhirProvision{Type: "permit", Period: &fhirPeriod{Start: moment(r.EventTime), End: moment(r.ValidUntil)}}
	if r.IsNo() {
		p.Type = "deny"
	}
	if r.Scope.Kind != policy.ControllerScope && r.Scope.Ref != "" {
		p.Actor = []fhirActor{{
			Role:      fhirConcept{Coding: []fhirCoding{{systemRole, "PRCP", "primary information recipient"}}},
			Reference: fhirReference{Type: "Organization", Identifier: &fhirIdentifier{systemOrg, r.Scope.Ref}, Display: string(r.Scope.Kind)},
		}}
	}
	action := fhirConcept{Coding: []fhirCoding{{systemAction, "use", "Use"}}}
	for _, c := range r.Channels {
		action.Coding = append(action.Coding, fhirCoding{System: systemChannel, Code: string(c)})
	}
	p.Action = []fhirConcept{action}
	if r.Ceiling != "" {
		p.SecurityLabel = []fhirCoding{{System: systemClass, Code: string(r.Ceiling)}}
	}
	p.Purpose = []fhirCoding{{systemReason, "PATADMIN", "patient administration"}}
	for _, u := range r.Purposes {
		p.Purpose = append(p.Purpose, fhirCoding{System: systemPurpose, Code: string(u)})
	}
	return p
}

// extensions are what R4 has no element for.
func (r Record) extensions(s Status) []fhirExtension {
	var out []fhirExtension
	add := func(name, value string) {
		if value != "" {
			out = append(out, fhirExtension{URL: extension + name, String: value})
		}
	}
	add("type", string(r.Type))
	add("status", string(s))
	add("method", string(r.Method))
	add("recorded-by", r.RecordedBy)
	add("recorded", moment(r.Recorded))
	add("legal-basis", string(r.LegalBasis))
	add("notice", r.Notice.ID)
	add("notice-sha256", r.Notice.Hash)
	add("notice-language", r.Notice.Language)
	add("sample-sha256", r.Sample.Hash)
	add("ends-with-address-age", r.Validity.AddressAge.String())
	if r.Validity.UntilAge > 0 {
		add("ends-at-age", strconv.Itoa(r.Validity.UntilAge))
	}
	if r.Validity.CareContact {
		add("ends-with-care-contact", "yes")
	}
	for _, m := range r.TakeBack {
		add("take-back", string(m))
	}
	return out
}

// moment is a dateTime of FHIR; "" is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// fhirID is an id of FHIR, [A-Za-z0-9\-\.]{1,64}, of a record's.
func fhirID(id string) string {
	out := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, id)
	return out[:min(len(out), 64)]
}
