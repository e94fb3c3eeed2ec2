package pages_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/husk-reminders/husk/pkg/web"
)

// danish is the unit whose texts the tests change: the first that writes Danish.
func danish() string {
	for _, u := range line.Units.Units() {
		if u.Language == "da" {
			return u.ID
		}
	}
	return ""
}

// clerk signs a clerk of the Danish unit in, and approver somebody who approves for all.
func (h *house) clerk(subject string) {
	h.as(subject, web.Grant{Role: web.Clerk, Units: []string{danish()}})
}
func (h *house) approver(subject string) { h.as(subject, web.Grant{Role: web.Approver}) }

// inEnglish asks for a page in English.
func (h *house) inEnglish(path string) seen { return h.get(path, "Accept-Language", "en") }

func (h *house) postEnglish(path string, pairs ...string) seen {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return h.do(http.MethodPost, path, form, "Accept-Language", "en")
}

// mainOf is what people read of a page, but for its frame.
func mainOf(t *testing.T, body string) string {
	t.Helper()
	if _, after, ok := strings.Cut(body, "<main"); ok {
		body, _, _ = strings.Cut(after, "</main>")
	}
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(text(doc)), " ")
}

// field is the value of a field of a page: what stands in it.
func field(t *testing.T, body, name string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	value, found := "", false
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && attr(n, "name") == name && n.Data != "option" {
			value, found = attr(n, "value"), true
			if n.Data == "textarea" && n.FirstChild != nil {
				value = n.FirstChild.Data
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	if !found {
		t.Fatalf("no field %s", name)
	}
	return value
}

func (h *house) want(x seen, code int, texts ...string) {
	h.t.Helper()
	if x.code != code {
		h.t.Fatalf("%d to %q, want %d: %s", x.code, x.to(), code, mainOf(h.t, x.body))
	}
	plain := html.UnescapeString(x.body)
	for _, text := range texts {
		if !strings.Contains(plain, text) {
			h.t.Errorf("no %q in %s", text, mainOf(h.t, x.body))
		}
	}
}

// save saves a text of a template as a draft, in the browser that is signed in.
func (h *house) save(name, text string) {
	h.t.Helper()
	at := "/templates/" + name + "/edit"
	base := field(h.t, h.get(at).body, "base")
	h.want(h.post(at, "base", base, "text", text, "note", "kortere", "do", "save"), http.StatusSeeOther)
}

func (h *house) approve(name string) {
	h.t.Helper()
	at := "/templates/" + name + "/approve"
	h.want(h.post(at, "id", field(h.t, h.get(at).body, "id")), http.StatusSeeOther)
}

const stop = " {weekday} {date} {time} på {unit}. Afbud {phone}. Stop sms: svar STOP"

func TestATextIsChangedAndApprovedAndRolledBack(t *testing.T) {
	h, at := newHouse(t), "/templates/da/reminder.sms"
	h.clerk("karen")
	x := h.inEnglish(at + "/edit")
	h.want(x, 200, "Change the text: Reminder · Text message · Danish", "What patients read", "Cheap alphabet", "{date}", "day and month", `lang="da"`)
	before := field(t, x.body, "text")
	text := "Vi ses" + stop
	x = h.postEnglish(at+"/edit", "base", field(t, x.body, "base"), "text", text, "do", "show")
	h.want(x, 200, "Vi ses", "1 unit can't send it as it stands.")
	if field(t, x.body, "text") != text {
		t.Error("what was typed is gone")
	}
	if strings.Contains(h.get(at).body, "Vi ses") {
		t.Error("shown and kept")
	}
	h.save("da/reminder.sms", text)
	x = h.inEnglish(at)
	h.want(x, 200, "The draft is saved.", "Vi ses", "somebody else has to approve it", "kortere", "What it changes", "It is for")
	if strings.Contains(x.body, at+"/approve") {
		t.Error("led to approve her own")
	}
	h.as("karen", web.Grant{Role: web.Approver})
	x = h.inEnglish(at + "/approve")
	h.want(x, 200, "Somebody else has to approve this")
	if strings.Contains(x.body, "<button class=\"button\">Approve") {
		t.Error("a button for her own")
	}
	if x := h.post(at+"/approve", "id", draftOf(t, h, "da/reminder.sms")); x.code != http.StatusForbidden {
		t.Errorf("her own approved: %d", x.code)
	}
	h.approver("ole")
	h.want(h.inEnglish("/templates"), 200, "Drafts waiting for approval", "Reminder · Text message · Danish")
	h.want(h.inEnglish(at+"/approve"), 200, "<mark>", "<ins", "<del", "No longer shows {address}", "Karen karen", "An adult")
	h.approve("da/reminder.sms")
	x = h.inEnglish(at)
	h.want(x, 200, "Patients get it from now on", "Replaced", "Go back to it")
	back := regexp.MustCompile(`/rollback\?version=([0-9a-f]{8})`).FindStringSubmatch(x.body)
	if back == nil {
		t.Fatal("no way back")
	}
	x = h.inEnglish(at + "/rollback?version=" + back[1])
	h.want(x, 200, "Go back to an earlier text", "<ins")
	id := field(t, x.body, "id")
	h.want(h.postEnglish(at+"/rollback", "id", id), http.StatusUnprocessableEntity, "Fill in this field.")
	h.want(h.post(at+"/rollback", "id", id, "reason", "patienter ringer"), http.StatusSeeOther)
	h.want(h.inEnglish(at), 200, "The earlier text is in use again.", "patienter ringer", strings.TrimSpace(before))
	x = h.post(at+"/rollback", "id", id, "reason", "igen")
	if x.code != http.StatusSeeOther || x.to() != at {
		t.Errorf("what is live is rolled back to: %d %s", x.code, x.to())
	}
}

// draftOf is the id of the open draft, as its version's end and the name make it.
func draftOf(t *testing.T, h *house, name string) string {
	t.Helper()
	var x web.TemplateHistory
	if err := door.Call(t.Context(), web.Staff{Subject: "x", Name: "X", Role: web.Approver}, http.MethodGet, "/v1/templates/"+name, nil, &x); err != nil || x.Draft == "" {
		t.Fatal(err, x.Draft)
	}
	return x.Draft
}

// A national id is refused at its field with line and column, and stands nowhere but in the field.
func TestANationalIDInAText(t *testing.T) {
	h, at := newHouse(t), "/templates/da/changed.sms"
	h.clerk("karen")
	text, base := "Husk\n{date} CPR 010170-1234"+stop, field(t, h.get(at+"/edit").body, "base")
	for _, do := range []string{"save", "show"} {
		x := h.postEnglish(at+"/edit", "base", base, "text", text, "do", do)
		code := http.StatusOK
		if do == "save" {
			code = http.StatusUnprocessableEntity
		}
		h.want(x, code, "line 2, character 12", "national id number", "can't be saved")
		if n := strings.Count(x.body, "1234"); n != 1 || !strings.Contains(field(t, x.body, "text"), "010170-1234") {
			t.Errorf("%s: the number is there %d times", do, n)
		}
		if do == "save" && (!strings.Contains(x.body, `id="f-text-error"`) || !strings.Contains(x.body, `<a href="#f-text">`)) {
			t.Error("not told at the field")
		}
		checkHTML(t, do, "en", x.body)
	}
	x := h.postEnglish(at+"/measure", "base", base, "text", text)
	h.want(x, 200, "can't be saved", "line 2, character 12")
	if strings.Contains(x.body, "1234") || strings.Contains(x.body, "<html") {
		t.Errorf("%s", x.body)
	}
	h.want(h.inEnglish(at), 200)
	if strings.Contains(h.get(at).body, "1234") {
		t.Error("kept")
	}
}

// Of two clerks who save at once the second is told, sees both texts, and loses none.
func TestTwoClerksSaveAText(t *testing.T) {
	h, at := newHouse(t), "/templates/da/cancelled.sms"
	h.clerk("karen")
	base := field(t, h.get(at+"/edit").body, "base")
	const told = "Tiden er aflyst {was_weekday} {was_date} {was_time} på {unit}. Ring {phone}. Stop sms: svar STOP"
	h.clerk("mette")
	h.save("da/cancelled.sms", "Mette: "+told)
	h.clerk("karen")
	x := h.postEnglish(at+"/edit", "base", base, "text", "Karen: "+told, "do", "save")
	h.want(x, http.StatusConflict, "Karen mette has saved another text", "Mette: Tiden er aflyst", "Karen: Tiden er aflyst", "Save mine as the draft", "kortere")
	checkHTML(t, "conflict", "en", x.body)
	if field(t, x.body, "text") != "Karen: "+told {
		t.Error("hers is gone")
	}
	h.want(h.post(at+"/edit", "base", field(t, x.body, "base"), "text", field(t, x.body, "text"), "do", "save"), http.StatusSeeOther)
	h.want(h.inEnglish(at), 200, "Karen: Tiden er aflyst")
	h.want(h.inEnglish(at+"/compare?"+compared(t, h, at)), 200, "<mark>Mette</mark>", "<mark>Karen</mark>")
	// The draft is given up by who wrote it.
	x = h.inEnglish(at + "/discard")
	h.want(x, 200, "Patients never got this text.")
	h.want(h.post(at+"/discard", "id", field(t, x.body, "id")), http.StatusSeeOther)
	h.want(h.inEnglish(at), 200, "The draft is discarded.")
	if x := h.get(at + "/discard"); x.code != http.StatusSeeOther || x.to() != at {
		t.Errorf("no draft any more: %d %s", x.code, x.to())
	}
}

// compared is the query that compares the two newest versions.
func compared(t *testing.T, h *house, at string) string {
	t.Helper()
	found := regexp.MustCompile(`<code>([0-9a-f]{8})</code>`).FindAllStringSubmatch(h.get(at).body, 2)
	if len(found) != 2 {
		t.Fatal(found)
	}
	return "from=" + found[1][1] + "&to=" + found[0][1]
}

func TestATextBeginsLater(t *testing.T) {
	h, at := newHouse(t), "/templates/da/reply-stopped.sms"
	h.clerk("karen")
	h.save("da/reply-stopped.sms", "Du får ikke flere sms fra os.")
	h.approver("ole")
	id := field(t, h.get(at+"/approve").body, "id")
	tomorrow := now().Add(24 * time.Hour).Format(time.DateOnly)
	for day, want := range map[string]string{"2020-01-01": "That is over", "": "Choose a day", "x": "Choose a day", "2099-01-01": "within the next 400 days"} {
		h.want(h.postEnglish(at+"/approve", "id", id, "day", day, "clock", "07:00"), http.StatusUnprocessableEntity, want)
	}
	h.want(h.postEnglish(at+"/approve", "id", id, "day", tomorrow, "clock", "25:00"), http.StatusUnprocessableEntity, "Write a time of day")
	h.want(h.post(at+"/approve", "id", id, "day", tomorrow, "clock", "07:00"), http.StatusSeeOther)
	h.want(h.inEnglish(at), 200, "Patients get it from", "07:00 (Europe/Copenhagen)", "Approved for later", "Take the approval back")
	x := h.inEnglish(at + "/unschedule")
	h.want(x, 200, "will not begin")
	id = field(t, x.body, "id")
	h.want(h.postEnglish(at+"/unschedule", "id", id), http.StatusUnprocessableEntity, "Fill in this field.")
	h.want(h.post(at+"/unschedule", "id", id, "reason", "ikke endnu"), http.StatusSeeOther)
	h.want(h.inEnglish(at), 200, "a draft again", "ikke endnu")
}

func TestALiveAnswer(t *testing.T) {
	h, at := newHouse(t), "/templates/da/reminder.sms/measure"
	h.clerk("karen")
	x := h.postEnglish(at, "text", "Vi ses – ŵ"+stop, "unit", danish())
	h.want(x, 200, "data-sum", `<p class="bubble" lang="da">Vi ses – ŵ`, "Dearer alphabet", "line 1, character 8", "line 1, character 10", "Class 1.5 of 1.5 allowed", "A name with Sami letters")
	h.want(x, 200, "could be written otherwise", "– becomes -", "makes no difference")
	x = h.postEnglish(at, "text", "Letters: plain\n\nVi ses –"+stop, "unit", danish())
	h.want(x, 200, "are written otherwise", "– becomes -", "counts as 2 text messages without it, and as 1 with it", `<p class="bubble" lang="da">Vi ses -`)
	x = h.postEnglish(at, "text", "Kommer du? {nothing}")
	h.want(x, 200, "must be mended", "{nothing} is not in the list")
	x = h.postEnglish(at, "text", "Kommer du? Velkommen i hudklinikken {date}")
	h.want(x, 200, "This is a question", "“hudklinikken” is a specialty", "{time} is missing", `data-line="1" data-column="10"`)
	if strings.Contains(x.body, `lang="en"`) {
		t.Errorf("in no language but English: %s", x.body)
	}
	x = h.postEnglish("/templates/da/reminder.email/measure", "text", "Subject: Husk {date}\n\nHej[ {name}]\n\nHusk {date} {time} på {unit}. Afbud {phone}. Svar STOP\n")
	h.want(x, 200, "Subject", `class="mail-body" lang="da"`, "Máret Áilu Ŋiŋŋá")
	h.as("admin", administrator)
	if x := h.post(at, "text", "x"); x.code != http.StatusForbidden {
		t.Errorf("an administrator: %d", x.code)
	}
}

// A text in a language that has none is begun from another's.
func TestANewText(t *testing.T) {
	h := newHouse(t)
	h.clerk("karen")
	const name = "fi/reminder.sms"
	var saved web.SaveTemplate
	h.call = func(ctx context.Context, s web.Staff, method, path string, in, out any) error {
		switch {
		case path == "/v1/templates/"+name:
			return door.Call(ctx, s, method, "/v1/templates/fi/nothing.sms", in, out)
		case strings.HasSuffix(path, "/save"):
			saved = in.(web.SaveTemplate)
			return errors.New("far enough")
		}
		err := door.Call(ctx, s, method, path, in, out)
		if list, ok := out.(*web.Templates); ok {
			for i := range list.Sets {
				if x := &list.Sets[i]; x.Set == "reminder" {
					x.Has, x.Missing = slices.DeleteFunc(x.Has, func(l string) bool { return l == "fi" }), []string{"fi"}
				}
			}
		}
		return err
	}
	h.want(h.inEnglish("/templates"), 200, `href="/templates/fi/reminder.sms/edit?from=da"`)
	if x := h.get("/templates/" + name); x.code != http.StatusNotFound {
		t.Errorf("%d", x.code)
	}
	x := h.inEnglish("/templates/" + name + "/edit")
	h.want(x, 200, "New text: Reminder · Text message · Finnish", "Begin from the text in:")
	checkHTML(t, "new", "en", x.body)
	x = h.inEnglish("/templates/" + name + "/edit?from=sv")
	h.want(x, 200, "The text in: Swedish")
	checkHTML(t, "from Swedish", "en", x.body)
	if text := field(t, x.body, "text"); !strings.Contains(text, "{date}") || field(t, x.body, "base") != "" {
		t.Errorf("%q", text)
	}
	h.post("/templates/"+name+"/edit", "base", "", "text", "Muista\r\n{date}", "do", "save")
	if saved.Name != name || saved.Text != "Muista\n{date}\n" || saved.Base != "" {
		t.Errorf("%+v", saved)
	}
	for _, path := range []string{"/templates/fi/nobody.sms/edit", "/templates/xx/reminder.sms", "/templates/da/reminder.fax/edit"} {
		if x := h.get(path); x.code != http.StatusNotFound {
			t.Errorf("%s: %d", path, x.code)
		}
	}
}

func TestTheListOfTexts(t *testing.T) {
	h := newHouse(t)
	h.clerk("karen")
	x := h.inEnglish("/templates")
	h.want(x, 200, "Reminder · E-mail · Danish", "Code for a number", `<option value="da" selected>`)
	if strings.Contains(x.body, "<a href=\"/templates/sv/reminder.sms\">") {
		t.Error("the language of the unit first")
	}
	h.want(h.inEnglish("/templates?language=&channel=sms"), 200, `<a href="/templates/sv/reminder.sms">`)
	x = h.inEnglish("/templates?language=sv&purpose=verify&unit=" + danish())
	h.want(x, 200, "1 text", `<a href="/templates/sv/verify.sms">`)
	h.want(h.inEnglish("/templates?state=discarded&language=fi"), 200, "No text fits.")
	h.want(h.inEnglish("/templates?language=xx"), http.StatusBadRequest)
}

// Every page of a text, in every role and language, is let in to whom it may, and is HTML that people can use.
func TestTextPagesInEveryRoleAndLanguage(t *testing.T) {
	h := newHouse(t)
	const drafted, later, back = "da/reply-started.sms", "da/reply-wrong-number.sms", "da/reply-unread.sms"
	h.clerk("writer")
	h.save(drafted, "Du får igen sms fra os.")
	h.save(later, "Tak. Vi skriver ikke mere til dette nummer.")
	h.save(back, "Ingen læser her. Ring til {phone}, i nødstilfælde 112.")
	h.approver("ole")
	h.approve(back)
	id := field(t, h.get("/templates/"+later+"/approve").body, "id")
	h.want(h.post("/templates/"+later+"/approve", "id", id, "day", now().Add(48*time.Hour).Format(time.DateOnly)), http.StatusSeeOther)
	version := regexp.MustCompile(`/rollback\?version=[0-9a-f]{8}`).FindString(h.get("/templates/" + back).body)
	paths := map[string]string{
		drafted: "template.show", drafted + "/compare": "template.show", drafted + "/edit": "template.save", drafted + "/approve": "template.approve",
		drafted + "/discard": "template.discard", later: "template.show", later + "/unschedule": "template.unschedule", back + version: "template.rollback",
		"en/reminder.email": "template.show", "en/reminder.email/edit": "template.save",
	}
	for _, g := range grants() {
		h.as("reader", g)
		for path, operation := range paths {
			for _, tag := range tags {
				at := string(g.Role) + " " + tag + " " + path
				x := h.get("/templates/"+path, "Accept-Language", tag)
				want := http.StatusForbidden
				if g.Role.May(operation) {
					want = http.StatusOK
				}
				if x.code != want {
					t.Errorf("%s: %d, want %d", at, x.code, want)
				}
				checkHTML(t, at, tag, x.body)
			}
		}
	}
}
