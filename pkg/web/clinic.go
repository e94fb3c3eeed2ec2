package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Clinic is what the daily work of a clinic asks of the ledger; see *ledger.Replies.
type Clinic interface {
	Find(ctx context.Context, system, appointment string) ([]ledger.ReminderView, error)
	// Life answers ErrNotFound where there is no such reminder.
	Life(ctx context.Context, p reminder.PersonKey, id reminder.ID) (ledger.Life, error)
	// ReminderOf answers ledger.ErrNoAttempt where there is no attempt with the reference.
	ReminderOf(ctx context.Context, reference string) (reminder.PersonKey, reminder.ID, error)
	Receipt(ctx context.Context, p reminder.PersonKey, id reminder.ID, reference string) (ledger.Receipt, error)
	// Written answers ErrNotFound where there is no such reminder.
	Written(ctx context.Context, p reminder.PersonKey, id reminder.ID) (ledger.Written, error)
	Doubts(ctx context.Context, unit string, most int) ([]ledger.Doubt, error)
	Doubt(ctx context.Context, reference string) (ledger.Doubt, error)
	SettleByHand(ctx context.Context, reference string, left bool, by string) (ledger.Doubt, error)
	// LettersDone lists those that were marked done within the last day.
	LettersDone(ctx context.Context, unit string) ([]ledger.LetterDone, error)
	LetterOf(ctx context.Context, id reminder.AppointmentKey, known func(unit string) bool) (ledger.LetterDone, error)
	// Day counts the day of every unit; see ledger.Ledger.Day.
	Day(ctx context.Context, bounds func(unit string) (from, until time.Time)) (ledger.Day, error)
	// Take answers ErrNotFound where there is neither an entry of the inbox nor a misdelivery with the id.
	Take(ctx context.Context, id, by string) (ledger.Taken, error)
	DoneLetter(ctx context.Context, id reminder.AppointmentKey, by string, undone bool, known func(unit string) bool) (ledger.LetterDone, error)
}

// clinic registers the operations of a clinic's daily work.
func (a *API) clinic() {
	get, post := http.MethodGet, http.MethodPost
	register(a, operation{id: "reminder.find", method: post, path: "/v1/reminders/find", summary: "Find reminders", text: "Of one appointment, by the id that the booking system knows it by, or of one person. The earliest due first."}, a.findReminders)
	register(a, operation{id: "reminder.life", method: get, path: "/v1/reminders/{id}/life", summary: "Tell what became of a reminder", text: "Step by step, the oldest first, with the rules behind each decision. What was only put off for a while is written nowhere and not in it."}, a.life)
	register(a, operation{id: "receipt.show", method: get, path: "/v1/receipts/{id}", summary: "Tell what became of a message", text: "Of a reminder's attempts, or of the one with the reference that a carrier was given: the intent, the carrier's answer and its delivery reports, with codes and times. No number, name or text."}, a.receipt)
	register(a, operation{id: "reminder.text", method: get, path: "/v1/reminders/{id}/text", summary: "Show a reminder's message, masked", text: "Written anew from the template's version and the booking's facts: as it left, or as it would now. Blocks stand for the given name and for whatever was found that must not leave; what was found is marked by place and kind, in letters of the masked text."}, a.text)
	register(a, operation{id: "attempt.list", method: get, path: "/v1/attempts", summary: "List attempts that are in doubt", text: "Of which nobody knows whether the message left: it is never sent again by itself. The oldest first."}, a.doubts)
	register(a, operation{id: "attempt.settle", method: post, path: "/v1/attempts/{reference}/settle", summary: "Say what became of an attempt", text: "As the carrier told: the message left, or it did not. Nothing is sent by it, and a later answer of the carrier's counts more. What did not leave goes to the letter list."}, a.settleAttempt)
	register(a, operation{id: "day.show", method: get, path: "/v1/day", summary: "Show how the day goes", text: "What was due today by the hour, handed over, delivered, denied and why, how old the queue is, and what the carriers last answered; counts alone. The day is the unit's, in its time zone. They are counted at most every five seconds in a process, however many ask; who asks is in the audit once an hour."}, a.day)
	register(a, operation{id: "reply.take", method: post, path: "/v1/replies/wishes/{id}/take", summary: "See to a wish to cancel", text: "The caller does, from whoever did before."}, a.takeWish)
	register(a, operation{id: "misdelivery.take", method: post, path: "/v1/replies/misdeliveries/{id}/take", summary: "See to a misdelivery", text: "The caller does, from whoever did before."}, a.takeMisdelivery)
	register(a, operation{id: "misdelivery.done", method: post, path: "/v1/replies/misdeliveries/{id}/done", summary: "Note that a misdelivery is seen to", text: "It stays on the list, with who saw to it."}, a.misdeliveryDone)
	register(a, operation{id: "address.unmask", method: post, path: "/v1/persons/{key}/unmask", summary: "Show an address in full", text: "One address of one person, by its hash. Every time is in the audit with the reason, and there are only so many an hour for one caller (429)."}, a.unmask)
	register(a, operation{id: "letter.seen", method: get, path: "/v1/letters/done", summary: "List the letters and calls that are done", text: "Of the last day: those that can still be taken back. The newest first."}, a.lettersDone)
	register(a, operation{id: "letter.done", method: post, path: "/v1/letters/{id}/done", summary: "Take a letter or call off the list", text: "Somebody has written or rung, or, with undo and within a day, has not after all. With another start it is on the list anew."}, a.letterDone)
}

// clinicRefusal is an error of the clinic's work as it is answered; nil when it is none.
func clinicRefusal(err error) *Error {
	var no *refused
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &no):
		return no.asError()
	case errors.Is(err, ledger.ErrUnreleasable):
		return &Error{code: http.StatusConflict, Text: "it is held for a national id, another person's data or other text that may not leave: nobody can release that. Mend the value in the booking system, or the template; the next event of the booking tries it again"}
	case errors.Is(err, ledger.ErrNoFacts):
		return &Error{code: http.StatusConflict, Text: "the message can't be written anew: the appointment has changed since, or the person was erased"}
	case errors.Is(err, ledger.ErrNoAttempt):
		return &Error{code: http.StatusNotFound, Text: "no attempt with this reference is kept"}
	case errors.Is(err, ledger.ErrNoDoubt):
		return &Error{code: http.StatusConflict, Text: "this attempt is not in doubt: its carrier has answered, or it is still on its way"}
	case errors.Is(err, ledger.ErrNoLetter):
		return &Error{code: http.StatusNotFound, Text: "there is no such letter or call on the list now"}
	case errors.Is(err, ledger.ErrNoLetterDone):
		return &Error{code: http.StatusConflict, Text: "only what was marked done within the last day can be taken back, and the appointment must not have changed since"}
	}
	return nil
}

// hasUnit reports whether the unit directory has a unit.
func (a *API) hasUnit(id string) bool { _, ok := a.o.Units.Unit(id); return ok }
