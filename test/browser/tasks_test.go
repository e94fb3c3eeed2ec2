package browser

import (
	"strings"
	"testing"
)

// The tasks of everyday, done with what stands on the pages alone: nobody types an address or knows the way. With -steps they are listed.

func TestTaskChangeAText(t *testing.T) {
	h := signedIn(t, karen)
	h.follow(h.w("nav.templates"))
	h.follow(h.title("cancelled"))
	h.follow(h.w("templates.edit"))
	label := h.w("templates.edit.label")
	h.fill(label, strings.Replace(strings.TrimSpace(h.value(label)), "Stop sms", "Ingen sms", 1))
	h.fill(h.w("templates.edit.note"), "Plainer words")
	h.press(h.w("templates.edit.save"))
	h.reads(h.w("templates.saved"))

	other := signedIn(t, ida)
	other.follow(other.w("nav.templates"))
	other.followIn(other.title("cancelled"), other.w("templates.open.read"))
	other.press(other.w("templates.approve"))
	other.reads(other.w("templates.approved.now"))
}

func TestTaskWhyAPatientGotNothing(t *testing.T) {
	p := patient{40}
	open(t).book(t, p, ortho, soon)
	h := signedIn(t, karen)
	h.h.reminder(t, p, "denied")
	h.follow(h.w("nav.people"))
	h.choose(h.w("people.country"), h.w("people.country.DK"))
	h.fill(h.w("people.id"), p.id())
	h.fill(h.w("people.reason"), "Rang, and got no reminder")
	h.press(h.w("people.find.button"))
	h.reads(h.w("people.reach.no"), h.w("reason.no_basis"))
	if strings.Contains(h.path(), p.id()) {
		t.Error("the national id stands in the address")
	}
	h.followIn(h.w("status.denied"), h.rowLink(h.w("status.denied")))
	h.reads(h.w("sent.life"), h.w("reason.no_basis"), h.w("sent.rule"))
}

// rowLink is the text of the link in the row with a text: a time, as a rule.
func (h *hand) rowLink(row string) (words string) {
	h.t.Helper()
	h.must(`flat([...document.querySelectorAll("tbody tr")].find((r) => flat(r.innerText).includes(`+quoted(row)+`)).querySelector("a").textContent)`, &words)
	return words
}

func TestTaskStopAUnit(t *testing.T) {
	h := signedIn(t, karen)
	h.follow(h.w("nav.stops"))
	h.choose(h.w("stops.what"), h.w("stops.what.unit", "Clinic 9"))
	h.tick(h.w("stops.why.too_many"))
	h.press(h.w("stops.press"))
	h.reads(h.w("stops.done"), h.w("stops.what.unit", "Clinic 9"))

	h.follow(h.w("stops.resume.go"))
	h.fill(h.w("stops.mended"), "The booking system sent all twice")
	h.fill(h.w("stops.asked-why"), "It does no more")
	h.press(h.w("stops.resume.press"))
	h.reads(h.w("stops.asked"))
	other := signedIn(t, ida)
	other.follow(other.w("nav.stops"))
	other.follow(other.w("stops.confirm.go"))
	other.fill(other.w("stops.confirm.why"), "I rang the booking system's makers")
	other.press(other.w("stops.confirm.press"))
	other.reads(other.w("stops.goes-on"))
}

func TestTaskBlockAStrangersNumber(t *testing.T) {
	p := patient{41}
	open(t).comes(t, p, ortho)
	h := signedIn(t, karen)
	eventually(t, "nothing is sent", func() bool { return len(h.h.sent(t, p.phone())) == 1 })
	h.follow(h.w("nav.people"))
	h.follow(h.w("people.wrong.title"))
	h.tick(h.w("people.channel.sms"))
	h.fill(h.w("people.address"), strings.TrimPrefix(p.phone(), "+45"))
	h.fill(h.w("people.wrong.reason"), "Rang, and does not know the patient")
	h.press(h.w("people.wrong.button"))
	h.reads(h.w("people.wrong.done"))

	// From now on nothing goes there.
	again := patient{141} // of the same number
	if again.phone() != p.phone() {
		t.Fatal("another number")
	}
	h.h.book(t, again, ortho, soon)
	h.h.reminder(t, again, "denied")
	if n := len(h.h.sent(t, p.phone())); n != 1 {
		t.Errorf("%d messages to the number", n)
	}
}
