package browser

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The text that comes with the program, and what is made of it.
const (
	shipped = "Husk din aftale {weekday} {date} {time} på {unit}[, {address}][, {entrance}]. Afbud {phone}. Stop sms: svar STOP"
	begins  = "Husk din aftale"
	mended  = "Husk dit besøg"
)

// someCPR is a number that was nobody's when CPR numbers were given out in this form.
const someCPR = "311299-5004"

// title is what the pages call a text message of a set, in Danish.
func (h *hand) title(set string) string {
	h.t.Helper()
	return h.w("templates.name", h.w("templates.set."+set), h.w("templates.channel.sms"), h.w("templates.language.da"))
}

// toText goes to a text by the menu.
func (h *hand) toText(set string) {
	h.t.Helper()
	h.follow(h.w("nav.templates"))
	h.follow(h.title(set))
}

var length = regexp.MustCompile(`At the longest: (\d+) characters`)

// longest is what the editor says of the longest message.
func (h *hand) longest() string {
	h.t.Helper()
	m := length.FindStringSubmatch(flat(h.text()))
	if m == nil {
		h.t.Fatalf("the editor tells no length:\n%s", h.text())
	}
	return m[1]
}

// as has somebody with several roles work in another.
func (h *hand) as(role string) {
	h.t.Helper()
	h.open(h.words["role."+theOther(role)])
	h.tick(h.w("role."+role) + " · " + map[string]string{"approver": h.w("layout.all-units"), "clerk": "Clinic 3"}[role])
	h.press(h.w("layout.role.change"))
}

func theOther(role string) string {
	return map[string]string{"approver": "clerk", "clerk": "approver"}[role]
}

// TestText is the life of a text: changed, refused with a CPR number, saved, not approved by its author, approved by another, read by a
// patient, and taken back.
func TestText(t *testing.T) {
	author := signedIn(t, anna)
	author.toText("reminder")
	author.follow(author.w("templates.edit"))
	label := author.w("templates.edit.label")
	if got := strings.TrimSpace(author.value(label)); got != shipped {
		t.Fatalf("the editor begins with %q", got)
	}
	before := author.longest()
	author.fill(label, strings.Replace(shipped, begins, mended+" hos os", 1))
	eventually(t, "the count does not change while the text is changed", func() bool { return author.longest() != before })

	// A CPR number is told of at once, and never saved.
	leaking := strings.Replace(shipped, begins, "CPR "+someCPR+" "+begins, 1)
	author.fill(label, leaking)
	author.waits(author.w("templates.found.id"))
	author.press(author.w("templates.edit.save"))
	author.reads(author.w("form.summary"), author.w("templates.found.id"), author.w("templates.place", 1, 5))
	if author.code() != http.StatusUnprocessableEntity || strings.TrimSpace(author.value(label)) != leaking {
		t.Errorf("a CPR number in a text: %d, and %q is left of what was typed", author.code(), author.value(label))
	}
	author.looks()

	author.fill(label, strings.Replace(shipped, begins, mended, 1))
	author.fill(author.w("templates.edit.note"), "A kinder beginning")
	author.press(author.w("templates.edit.save"))
	author.reads(author.w("templates.saved"), author.w("templates.draft.mine"))

	// Whoever wrote it approves it in no role.
	author.as("approver")
	author.follow(author.w("nav.templates"))
	author.followIn(author.title("reminder"), author.w("templates.open.read"))
	author.reads(author.w("templates.approve.mine"))
	if code := author.posts("/templates/da/reminder.sms/approve", "id="+author.version()); code < 400 {
		t.Errorf("the author approves her own text: %d", code)
	}

	other := signedIn(t, ida)
	other.follow(other.w("nav.templates"))
	other.followIn(other.title("reminder"), other.w("templates.open.read"))
	other.reads("A kinder beginning", other.w("templates.change.words"))
	other.press(other.w("templates.approve"))
	other.reads(other.w("templates.approved.now"))
	first := patient{1}
	other.h.welcome(t, first)
	other.h.settled()
	other.h.book(t, first, ortho, soon)
	eventually(t, "the patient does not get the new text", func() bool { return len(other.h.sent(t, first.phone())) == 1 })
	if got := other.h.sent(t, first.phone())[0]; !strings.Contains(got, mended) {
		t.Errorf("after the approval the patient gets\n%s", got)
	}

	// And back.
	other.toText("reminder")
	other.followIn(other.w("templates.fromfile"), other.w("templates.rollback"))
	other.fill(other.w("templates.move.reason"), "Call "+strings.Repeat("12345678", 2))
	other.press(other.w("templates.move.rollback.do"))
	other.reads(other.w("form.summary"), other.w("wrong.reason"))
	other.fill(other.w("templates.move.reason"), "Patients rang about it")
	other.press(other.w("templates.move.rollback.do"))
	other.reads(other.w("templates.moved.rollback"))
	second := patient{2}
	other.h.welcome(t, second)
	other.h.settled()
	other.h.book(t, second, ortho, soon)
	eventually(t, "the patient does not get the earlier text", func() bool { return len(other.h.sent(t, second.phone())) == 1 })
	if got := other.h.sent(t, second.phone())[0]; !strings.Contains(got, begins) {
		t.Errorf("after going back the patient gets\n%s", got)
	}
}

// settled waits until every process has looked at the texts again: they do twice a second.
func (h *house) settled() { time.Sleep(1200 * time.Millisecond) }

// version is the newest version of the reminder, of which the author's page has no form.
func (h *hand) version() string {
	h.t.Helper()
	var all struct {
		Draft string `json:"draft"`
	}
	h.h.ask(h.t, http.MethodGet, "/v1/templates/da/reminder.sms", nil, &all)
	if all.Draft == "" {
		h.t.Fatal("there is no draft")
	}
	return strings.ReplaceAll(all.Draft, "@", "%40")
}

// posts sends a form that no page has, from the page that is open, and returns the answer's status.
func (h *hand) posts(path, form string) (code int) {
	h.t.Helper()
	h.step("sends a forged form to %s", path)
	h.awaits(`fetch(`+quoted(path)+`, {method: "POST", redirect: "manual", headers: {"Content-Type": "application/x-www-form-urlencoded"}, body: `+quoted(form)+`}).then((r) => r.type === "opaqueredirect" ? 303 : r.status)`, &code)
	return code
}

// TestTwoSaveAtOnce: the second is told, sees both texts, and loses nothing.
func TestTwoSaveAtOnce(t *testing.T) {
	one, two := signedIn(t, karen), signedIn(t, bo)
	for _, h := range []*hand{one, two} {
		h.toText("changed")
		h.follow(h.w("templates.edit"))
	}
	label := one.w("templates.edit.label")
	was := strings.TrimSpace(one.value(label))
	hers, his := strings.Replace(was, "Stop", "Du kan altid stop", 1), strings.Replace(was, "Stop", "Vil du stop", 1)
	if hers == was {
		t.Fatalf("the text is another by now: %q", was)
	}
	one.fill(label, hers)
	one.press(one.w("templates.edit.save"))
	one.reads(one.w("templates.saved"))

	two.fill(label, his)
	two.press(two.w("templates.edit.save"))
	two.reads(two.w("templates.conflict.text"), two.w("templates.conflict.theirs"), "Du kan altid stop", "Vil du stop", karen)
	if two.code() != http.StatusConflict || strings.TrimSpace(two.value(label)) != his {
		t.Errorf("the second gets %d, and %q is left of what he typed", two.code(), two.value(label))
	}
	two.looks()
	two.press(two.w("templates.edit.saveover"))
	two.reads(two.w("templates.saved"), "Vil du stop")
	var h struct {
		Versions []struct{ Text string } `json:"versions"`
	}
	two.h.ask(t, http.MethodGet, "/v1/templates/da/changed.sms", nil, &h)
	all := ""
	for _, v := range h.Versions {
		all += v.Text
	}
	if !strings.Contains(all, hers) || !strings.Contains(all, his) {
		t.Errorf("one of the two texts is lost:\n%s", all)
	}
}
