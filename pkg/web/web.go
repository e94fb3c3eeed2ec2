package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/template"
)

// Ledger is what the staff API reads and writes; see *ledger.Replies. DeadLetter, Replay and Handled answer ErrNotFound for what is
// not there.
type Ledger interface {
	Status(ctx context.Context) (ledger.Status, error)
	Reminders(ctx context.Context, f ledger.Filter) ([]ledger.ReminderView, error)
	Letters(ctx context.Context, f ledger.LetterFilter, known func(unit string) bool) (ledger.Letters, error)
	Release(ctx context.Context, p reminder.PersonKey, id reminder.ID, by, why string) error
	Cancel(ctx context.Context, p reminder.PersonKey, id reminder.ID, by string) error
	People(ctx context.Context, keys []reminder.PersonKey) ([]ledger.Person, error)
	Consent(ctx context.Context, r consent.Record) error
	Contact(ctx context.Context, r contact.Record) error
	Stop(ctx context.Context, a reminder.Address, via string) error
	Start(ctx context.Context, a reminder.Address, via string) error
	WrongNumber(ctx context.Context, a reminder.Address, via string) error
	Wishes(ctx context.Context, unit string) ([]ledger.Wish, error)
	Handled(ctx context.Context, id, by string) error
	Misdeliveries(ctx context.Context, unit string) ([]ledger.Misdelivery, error)
	Switch(ctx context.Context, s state.Switch) error
	Audit(ctx context.Context, a ledger.Audit) error
	LastAudits(ctx context.Context, p reminder.PersonKey, most int) ([]ledger.Audit, error)
	DeadLetters(ctx context.Context) ([]ledger.DeadLetter, error)
	DeadLetter(ctx context.Context, id uint64) (ledger.DeadLetter, error)
	Replay(ctx context.Context, id uint64) error
	Units(ctx context.Context, p reminder.PersonKey) ([]string, error)
	Clinic
}

// Stream is one stream of the broker.
type Stream struct {
	Name     string  `json:"name"`
	Messages uint64  `json:"messages"`
	Bytes    uint64  `json:"bytes"`
	MaxBytes int64   `json:"maxBytes,omitempty"` // 0 = no limit but the disk
	Last     uint64  `json:"last"`               // sequence of its newest message
	Folded   *uint64 `json:"folded,omitempty"`   // up to here it is in the state; absent = it is not folded
}

// Options of an API. All but Carriers, Verify, Streams, Unsubscribe, Now and Log are required.
type Options struct {
	Ledger Ledger
	// Person makes the pseudonym of a national id; a *FieldError says what is wrong with one, without repeating it.
	Person     func(c reminder.Country, id string) (reminder.PersonKey, error)
	Hash       func(reminder.Address) reminder.AddressHash
	Country    reminder.Country   // where numbers without a country code belong
	Controller consent.Controller // who answers for the records, as exports name it
	Units      *reminder.Directory
	Packs      *policy.Set
	Templates  *template.Live
	Versions   Versions          // of templates
	Canary     template.Rule     // how a newly approved version of one is tried; the zero one = for all at once
	Composer   *compose.Composer // writes and looks through what a text would say
	Routes     []string          // names of the carriers' routes
	Ready      func(ctx context.Context) error
	Metrics    prometheus.Gatherer
	Explain    Explainer // asks the gate
	Records    Records   // exports, erases, merges, imports; nil = can't
	Shelf      Shelf     // holds API keys and wishes to resume
	Secret     []byte    // 32 bytes or more, the same in every process: API keys are hashed with it
	// OnlyInvented reports whether nobody but the demonstration's people is known; nil = that can't be told.
	OnlyInvented func(ctx context.Context) (bool, error)
	FourEyes     bool // to go on after a stop takes two people
	Carriers     Carriers
	// Verify asks the registers about persons, for by, and journals what they vouch for; nil = there are none.
	Verify func(ctx context.Context, by string, keys ...reminder.PersonKey) ([]ledger.Verified, error)
	// Codes sends one-time codes and checks them.
	Codes   Codes
	Streams func(ctx context.Context) ([]Stream, error)
	// UnmaskRate is how many addresses one caller may be shown in full within an hour; 0 = DefaultUnmaskRate.
	UnmaskRate int
	// Unsubscribe takes one-click unsubscriptions of mail; nil = there are none.
	Unsubscribe http.Handler
	// Callbacks takes carriers' calls; nil = none come here.
	Callbacks http.Handler
	Now       func() time.Time // nil = time.Now
	Log       *zap.Logger
}

// API is the staff API over one open line. A Door serves it.
type API struct {
	o    Options
	mux  *http.ServeMux
	huma huma.API

	unmasked *hourly
	looked   *hourly // who has looked at the day, and is in the audit for it
}

// New checks the options.
func New(o Options) (*API, error) {
	for name, missing := range map[string]bool{
		"Ledger": o.Ledger == nil, "Person": o.Person == nil, "Hash": o.Hash == nil, "Units": o.Units == nil, "Packs": o.Packs == nil,
		"Templates": o.Templates == nil, "Versions": o.Versions == nil, "Composer": o.Composer == nil, "Ready": o.Ready == nil, "Metrics": o.Metrics == nil, "Explain": o.Explain == nil, "Shelf": o.Shelf == nil, "Codes": o.Codes == nil,
	} {
		if missing {
			return nil, errors.New("web: Options." + name + " is required")
		}
	}
	if len(o.Secret) < 32 {
		return nil, errors.New("web: Options.Secret: want 32 bytes")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return build(o), nil
}

// build registers every operation. Their order here is the order of nothing; who may call them is in rights.
func build(o Options) *API {
	a := &API{o: o, mux: http.NewServeMux(), unmasked: newHourly(cmp.Or(o.UnmaskRate, DefaultUnmaskRate)), looked: newHourly(1)}
	a.huma = newHuma(a.mux)
	get, post := http.MethodGet, http.MethodPost

	register(a, operation{id: "status.show", method: get, path: "/v1/status", summary: "The line at a glance", text: "Of no person. The reminders due next are listed for keys that are limited to no unit."}, a.status)
	register(a, operation{id: "carrier.list", method: get, path: "/v1/carriers", summary: "List the carriers", text: "How each stands; and tries them if that is asked for. Nothing is sent."}, a.carriers)
	register(a, operation{id: "carrier.test", method: post, path: "/v1/carriers/test", summary: "Send a test message", text: "The fixed one, to the configured test number or address and nowhere else."}, a.testCarrier)
	register(a, operation{id: "reminder.list", method: get, path: "/v1/reminders", summary: "List reminders", text: "The earliest due first."}, a.reminders)
	register(a, operation{id: "reminder.show", method: get, path: "/v1/reminders/{id}", summary: "Show a reminder", text: "With its attempts and findings."}, a.reminder)
	register(a, operation{id: "reminder.release", method: post, path: "/v1/reminders/{id}/release", summary: "Plan a held reminder again", text: "One that is held since a backup was restored, or for digits that are nobody's."}, a.release)
	register(a, operation{id: "reminder.cancel", method: post, path: "/v1/reminders/{id}/cancel", summary: "Take a reminder back", text: "One that is planned or held."}, a.cancel)
	register(a, operation{id: "letter.list", method: get, path: "/v1/letters", summary: "List who must be written to or rung", text: "The soonest start first, at most as many as asked for; left tells how many more begin after these."}, a.letters)
	register(a, operation{id: "person.key", method: post, path: "/v1/persons/key", summary: "Look a person up", text: "Turns a national id into the pseudonym that all other paths take."}, a.personKey)
	register(a, operation{id: "person.show", method: get, path: "/v1/persons/{key}", summary: "Show a person", text: "Consent, addresses as hashes, guardians and reminders. A key for some units sees their words and reminders alone."}, a.person)
	register(a, operation{id: "person.explain", method: post, path: "/v1/persons/{key}/explain", summary: "Explain a decision", text: "The gate's own decision on a message to the person, step by step; nothing is sent."}, a.explain)
	register(a, operation{id: "consent.record", method: post, path: "/v1/persons/{key}/consent", summary: "Take a word down", text: "Consent, refusal, withdrawal, custody, protection, death, the end of care. The answer to a withdrawal comes when it is final."}, a.consent)
	register(a, operation{id: "consent.export", method: get, path: "/v1/persons/{key}/consent", summary: "Export the record of consent", text: "As a FHIR R4 Bundle, or as a page for the person."}, a.consentExport)
	register(a, operation{id: "address.record", method: post, path: "/v1/persons/{key}/addresses", summary: "Take evidence of an address down", text: "The answer is the address's hash."}, a.address)
	register(a, operation{id: "address.ask", method: post, path: "/v1/persons/{key}/verify", summary: "Ask the registers about a person", text: "What they vouch for is taken down as evidence of the person's addresses."}, a.verify)
	register(a, operation{id: "code.send", method: post, path: "/v1/persons/{key}/codes", summary: "Send a one-time code", text: "To a phone number that a person, whose identity is checked, says is theirs. It is good for ten minutes and five tries; a new one ends the one before. The answer comes when a carrier has it, at most some ten seconds later."}, a.sendCode)
	register(a, operation{id: "code.check", method: post, path: "/v1/persons/{key}/codes/check", summary: "Check a one-time code", text: "As the person told it. The right one is taken down as a proof that the number is the person's."}, a.checkCode)
	register(a, operation{id: "address.bar", method: post, path: "/v1/addresses/bars", summary: "STOP or START of an address", text: "One that did not come by reply. The answer to a STOP comes when it is final; a START grants nothing."}, a.bar)
	register(a, operation{id: "address.wrong", method: post, path: "/v1/addresses/wrong", summary: "Somebody gets messages that are not theirs", text: "By the address alone: it is blocked for everybody behind it until it is proven anew, what went there is noted, and what waits goes to the letter list."}, a.wrongNumber)
	register(a, operation{id: "reply.wishes", method: get, path: "/v1/replies/wishes", summary: "List who may want to cancel", text: "The clinics' inbox, the soonest start first. Nothing is cancelled by it."}, a.cancelWishes)
	register(a, operation{id: "reply.done", method: post, path: "/v1/replies/wishes/{id}/done", summary: "Take a wish to cancel off the inbox", text: "The clinic has seen to it. It cancels nothing."}, a.wishDone)
	register(a, operation{id: "reply.misdeliveries", method: get, path: "/v1/replies/misdeliveries", summary: "List misdeliveries", text: "When it became known that messages went to somebody else, how much is left of the 72 hours, and what went there. Of the last sixty days, the oldest first."}, a.misdeliveries)
	register(a, operation{id: "switch.list", method: get, path: "/v1/switches", summary: "List what is stopped", text: "And which wishes to go on wait for another person."}, a.listSwitches)
	register(a, operation{id: "switch.set", method: post, path: "/v1/switches", summary: "Stop sending, or ask that it goes on", text: "For all, or a unit, template, carrier, pack or country. A stop holds at once."}, a.setSwitch)
	register(a, operation{id: "switch.confirm", method: post, path: "/v1/switches/confirm", summary: "Confirm that sending goes on", text: "By another person than the one who asked, within a day. With the id of the wish that was looked at nothing else is confirmed: 409 when it is not the one that waits."}, a.confirm)
	register(a, operation{id: "template.list", method: get, path: "/v1/templates", summary: "List message texts", text: "Those that the key's units use, and in which languages each set is there."}, a.templates)
	register(a, operation{id: "template.show", method: get, path: "/v1/templates/{language}/{name}", summary: "Show a text", text: "Every version, who wrote and who approved it, and what the draft would change."}, a.template)
	register(a, operation{id: "template.measure", method: post, path: "/v1/templates/measure", most: maxText, summary: "Measure a text", text: "What patients would read, how long it is and what is wrong with it; nothing is kept."}, a.measure)
	register(a, operation{id: "template.save", method: post, path: "/v1/templates/save", most: maxText, summary: "Save a draft", text: "Of a text that somebody else has saved another draft of meanwhile the answer (409) holds theirs. A text that holds a national id or another unexplained number is not saved."}, a.saveTemplate)
	register(a, operation{id: "template.approve", method: post, path: "/v1/templates/approve", summary: "Approve a draft", text: "By another person than its author. It takes over at once or at an instant, with a trial share at first where the installation has one; whole lets it be for all at once."}, a.approveTemplate)
	register(a, operation{id: "template.unschedule", method: post, path: "/v1/templates/unschedule", summary: "Take an approval back", text: "Before its start: the version is a draft again."}, a.unscheduleTemplate)
	register(a, operation{id: "template.discard", method: post, path: "/v1/templates/discard", summary: "Give a draft up", text: "By who wrote it, or who may approve it."}, a.discardTemplate)
	register(a, operation{id: "template.rollback", method: post, path: "/v1/templates/rollback", summary: "Roll back to an earlier text", text: "To one that was live, at once, at one person's word."}, a.rollBackTemplate)
	register(a, operation{id: "audit.list", method: get, path: "/v1/audit", summary: "Read the audit", text: "The newest last. The reading is in the audit too."}, a.audits)
	register(a, operation{id: "dead.list", method: get, path: "/v1/dead", summary: "List dead letters", text: "Reason and shape, no content."}, a.deadLetters)
	register(a, operation{id: "dead.show", method: get, path: "/v1/dead/{id}", summary: "Show a dead letter", text: "As it came: personal data."}, a.deadLetter)
	register(a, operation{id: "dead.replay", method: post, path: "/v1/dead/{id}/replay", summary: "Put a dead letter back", text: "It is taken in again, as what came when it first did. What came before its person was erased is not: the answer says why, and the dead letter is gone."}, a.replay)
	register(a, operation{id: "apikey.new", method: post, path: "/v1/apikeys", summary: "Make an API key", text: "The key is shown this once."}, a.newKey)
	register(a, operation{id: "apikey.list", method: get, path: "/v1/apikeys", summary: "List API keys", text: "The newest first; no key is shown."}, a.listKeys)
	register(a, operation{id: "apikey.revoke", method: post, path: "/v1/apikeys/{id}/revoke", summary: "Revoke an API key", text: "It is not let in from the next request on."}, a.revokeKey)
	register(a, operation{id: "session.list", method: get, path: "/v1/sessions", summary: "List who is signed in to the pages", text: "The newest first."}, a.listSessions)
	register(a, operation{id: "session.revoke", method: post, path: "/v1/sessions/{id}/revoke", summary: "Sign somebody out of the pages", text: "From the next request on, in every process."}, a.revokeSession)
	register(a, operation{id: "session.link", method: post, path: linkPath, summary: "Make a one-time link to the pages", text: "For a trial: it lets one person in once. Refused once anybody but the demonstration's people is known."}, a.newLink)
	register(a, operation{id: "state.rebuild", method: post, path: rebuildPath, summary: "Make the state again", text: "Sending stops meanwhile."}, a.rebuild)

	a.clinic()

	whole := func(o operation) operation { o.limit = longTime; return o }
	register(a, whole(operation{id: "person.export", method: get, path: "/v1/persons/{key}/export", summary: "Export all that is held of a person"}), a.exportPerson)
	register(a, whole(operation{id: "person.erase", method: post, path: "/v1/persons/{key}/erase", summary: "Erase a person", text: "The person's key is destroyed, and what waits is cancelled."}), a.erasePerson)
	register(a, whole(operation{id: "person.merge", method: post, path: "/v1/persons/{key}/merge", summary: "Let a person go by another key", text: "Every no is carried over, and no yes."}), a.mergePerson)
	register(a, whole(operation{id: "import.progress", method: get, path: "/v1/imports/{file}", summary: "How far an import has come"}), a.importProgress)
	register(a, whole(operation{id: "import.rows", method: post, path: "/v1/imports/{file}", most: maxImport, summary: "Import rows of a file", text: "Words and addresses, in the file's order; see config/import.md."}), a.importRows)
	register(a, whole(operation{id: "keys.holders", method: get, path: "/v1/keys/holders", summary: "List the keyset files", text: "Which processes have the epoch key that is now."}), a.holders)
	register(a, whole(operation{id: "keys.forget", method: post, path: "/v1/keys/holders/{holder}/forget", summary: "Wait no more for a keyset file", text: "Of a process that is gone for good."}), a.forgetHolder)

	a.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, Error{Text: "no such path, or not with this method"})
	})
	return a
}

// rebuildPath is answered by the door: the line is closed under it.
const rebuildPath = "/v1/state/rebuild"

// rebuild is how a line that stays open answers: it can't be made again under the request that it is answering.
func (a *API) rebuild(context.Context, *caller, *struct{}) (Rebuilt, error) {
	return Rebuilt{}, &forbidden{"this is for the admin socket alone"}
}
