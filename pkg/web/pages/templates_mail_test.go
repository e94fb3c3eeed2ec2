package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// richMail is an e-mail that has its text as HTML, and the appointment as a calendar file. What looks like HTML in it is text.
const richMail = "Subject: Husk din aftale {date}\nHTML: yes\nCalendar: yes\n\nHej[ {name}]\n\nVi ses <b>snart</b>: {weekday} {date} {time} på {unit}, {address}. Afbud {phone}.\n\nSvar STOP for ikke at få flere."

// elements are those of a page with a name, in order.
func elements(t *testing.T, body, name string) []*html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var out []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			out = append(out, n)
		}
	}
	return out
}

// framed checks that a page shows mails' HTML, and each in a frame that lets it do nothing.
func framed(t *testing.T, at, body string) {
	t.Helper()
	frames := elements(t, body, "iframe")
	if len(frames) == 0 {
		t.Fatalf("%s: no HTML", at)
	}
	for i, f := range frames {
		allowed, sandboxed := "", false
		for _, a := range f.Attr {
			switch a.Key {
			case "sandbox":
				allowed, sandboxed = a.Val, true
			case "src", "allow", "name":
				t.Errorf("%s: frame %d has %s", at, i, a.Key)
			}
		}
		if !sandboxed || allowed != "" || attr(f, "title") == "" {
			t.Errorf("%s: frame %d: sandboxed %v, it may %q, title %q", at, i, sandboxed, allowed, attr(f, "title"))
		}
		mail := attr(f, "srcdoc")
		for _, want := range []string{`<html lang="da">`, "<title>Husk din aftale ", "<p>Hej", "Vi ses &lt;b&gt;snart&lt;/b&gt;: ", "<p>Svar STOP for ikke at få flere.</p>"} {
			if !strings.Contains(mail, want) {
				t.Errorf("%s: frame %d: no %q in %s", at, i, want, mail)
			}
		}
		for _, gone := range []string{"script", "img", "link", "style", "iframe", "object"} {
			if len(elements(t, mail, gone)) > 0 {
				t.Errorf("%s: frame %d has a %s", at, i, gone)
			}
		}
	}
}

// Who approves a mail sees it as patients get it: its text, its HTML, and what goes into the calendar, in the language of the mail.
func TestARichMailIsShownBeforeItIsApproved(t *testing.T) {
	h, at := newHouse(t), "/templates/da/reminder.email"
	unit, _ := line.Units.Unit(danish())
	name := unit.Name("da").Text
	h.clerk("karen")
	h.save("da/reminder.email", richMail)
	h.approver("ole")
	for _, tag := range tags {
		x := h.get(at+"/approve", "Accept-Language", tag)
		checkHTML(t, "approve "+tag, tag, x.body)
		framed(t, "approve "+tag, x.body)
		for _, key := range []string{"templates.message.html", "templates.event", "templates.event.summary", "templates.event.start", "templates.event.place", "templates.event.text"} {
			h.want(x, http.StatusOK, h.pages.Text(tag, key))
		}
		h.want(x, http.StatusOK, `<dd lang="da"><strong>Aftale: `+name, `<span lang="da">`+unit.Address.Text, "30 (Europe/Copenhagen)</time></dd>")
		if csp := x.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "frame-src") || strings.Contains(csp, "http:") {
			t.Errorf("what is framed may load by %q", csp)
		}
	}
	// While it is written it is shown the same way.
	h.clerk("karen")
	x := h.postEnglish(at+"/measure", "text", richMail)
	framed(t, "measure", x.body)
	h.want(x, http.StatusOK, "In the patient's calendar", "Aftale: "+name)
	x = h.postEnglish(at+"/measure", "text", strings.Replace(richMail, ", {address}", "", 1))
	h.want(x, http.StatusOK, "Not told: the text names no place")
	x = h.postEnglish("/templates/da/cancelled.email/measure", "text", "Subject: Aflyst\nCalendar: yes\n\nAftalen {weekday} {date} {time} på {unit} er aflyst. Spørgsmål {phone}. Svar STOP for ikke at få flere.")
	h.want(x, http.StatusOK, "Taken out of the patient's calendar", "Aftale: "+name)
	if strings.Contains(x.body, "<iframe") {
		t.Error("HTML of a mail that has none")
	}
	x = h.postEnglish(at+"/measure", "text", strings.Replace(richMail, "\nHTML: yes\nCalendar: yes", "", 1))
	h.want(x, http.StatusOK, "As the patient sees it")
	if strings.Contains(x.body, "<iframe") || strings.Contains(x.body, "calendar") {
		t.Errorf("a plain mail: %s", x.body)
	}
	h.want(h.post(at+"/discard", "id", draftOf(t, h, "da/reminder.email")), http.StatusSeeOther)
}

// Who approves a text whose letters are written otherwise sees which, and the message as it leaves.
func TestLettersWrittenOtherwiseAreShownBeforeTheyAreApproved(t *testing.T) {
	h := newHouse(t)
	h.clerk("karen")
	h.save("da/changed.sms", "Letters: plain\n\nVi ses – ny tid"+stop)
	h.approver("ole")
	x := h.inEnglish("/templates/da/changed.sms/approve")
	h.want(x, http.StatusOK, "are written otherwise when it is sent", "– becomes -", `<p class="bubble" lang="da">Vi ses - ny tid`)
	h.clerk("karen")
	h.want(h.post("/templates/da/changed.sms/discard", "id", draftOf(t, h, "da/changed.sms")), http.StatusSeeOther)
}
