// Package pages are the clerks' pages: HTML made on the server, for people who are not engineers, in Danish, Swedish, Norwegian
// and English.
//
// They are a client of the staff API in the same process: everything is read and changed by Options.Call, under the role and the
// units that whoever is signed in works in, so rights, audit and limits are those of the API, and there is no second way. They
// work without JavaScript and load nothing from elsewhere.
//
// They guarantee that nothing is shown without a session that holds at that moment; that no GET changes anything; that a form from
// another site is refused; and that what somebody typed is still there when something was wrong with it. They must never put a national
// id, an address, a name of a patient or a message text into a URL, a cookie, a notice or the log.
//
// # Adding a page
//
// A page is a line of its area's list (dayPages, templatePages, peoplePages, sentPages, adminPages): method, pattern, the operation of
// the staff API that says who may, the menu's section if the menu leads there (or under, the one it is of though its path does not begin
// so), and a handler. The handler has a *visit:
//
//	v.get(path, &out), v.post(path, in, &out)   call the staff API; query(path, "unit", u) makes a query
//	v.read(&in)                                 reads a POST form into a struct; the answer is the form
//	f.OK(), f.Wrong(field, key), f.take(err)    is it good; an error of ours; an error of the staff API, if it is about the form
//	v.done(path, key), v.lead(path, kind, key)  go to a page that begins with a sentence; v.say and v.see are its halves
//	v.submit(f, path, in, done, again)          post a form that is good; what is wrong with it is shown again
//	v.show(view, data)                          answer with views/<view>.html, where data is $.D
//	v.form = v.blank("name", "value")           what a form begins with
//	v.ownUnits(), v.unitOptions()               the units to choose from; firstUnit: what a form begins with
//	v.may(operation), v.words.text(key, args…)  rights and words
//	return err                                  the page about the error, in plain words
//
// A form posts to the path that shows it. The handler of its POST shows the view again when the form is not good, with what was typed,
// and else leads on:
//
//	var in struct {
//		Reason string `form:"reason,required"` // ",raw" keeps white space
//	}
//	f := v.read(&in)
//	return v.submit(f, "/v1/…", web.Why{Reason: in.Reason},
//		func() error { return v.done("/sent", "sent.released") },
//		func() error { return v.show("sent-release", data) },
//	)
//
// Every POST form has novalidate, so that what is missing is told by the page, on top and at the field, and not by the browser.
//
// # Views
//
// A view defines "title" (the h1 too) and "main". $ is the frame: $.D the page's data, $.Form, $.Zone, $.Role, $.Units, $.Lang, $.May.
// Headings go on at h2. Functions: t "key" arg…; of channel "key" (key.email where a mail's
// words are others); count "key" n (key.one, key.other); number n; time zone t (date, time and zone), day
// zone t, clock zone t (name the zone beside it); zone unitID; unit id (its name); role r; asset file; dict "name" value …; list …;
// options "people.method." value … (what a select or choices take, with the texts of prefix and value); short key (the end of a pseudonym
// or hash); owner actor (a name of the audit as colleagues know it).
//
// Parts, each called as {{template "input" dict "form" $.Form "name" "reason" "label" "sent.reason" "required" true}}; what they
// take stands above each in views/part-*.html:
//
//	input textarea select choices tick    a field with label, hint and error; labels and hints are keys of words
//	confirm                               a step before what can't be undone
//	notice box progress tag               what happened; a box in a page; how far it is; a state, with a sign beside its colour
//
// Classes: button (secondary, danger, quiet, small) in a div of the class buttons; table of the class cards in a div of the class scroll
// with role region, tabindex 0 and a label (cards at 320 px: each td has data-label, the first cell is th scope row; with the class wide,
// for five columns and more, already below 960 px; there th and td of the class act have what can be done, a td of the class long a
// sentence, and a span of the class none stands for nothing); a form of the class pick chooses what a page shows; dl of the class facts or
// figures, each pair in a div; split for two columns; hint; number for cells.
//
// # Words
//
// Every text is in words/<language>/<area>.json, in all four. A key is <area>.<what>; keys made at run time share a prefix that stands in the
// program as "prefix." (status.planned from "status."). wrong.<field> says in plain words what is wanted in a field that the staff API
// refuses; required.<field> what to do about one that is empty. decision.json has what several areas say of a decision: reason., rule.,
// purpose. and channel. Tests find missing and unused keys.
package pages
