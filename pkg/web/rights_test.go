package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/policy"
)

const (
	own   = "rh-eye"   // the unit of the keys that have one
	other = "lv-mott1" // one of another hospital
)

// callers are the columns of matrix: every role, and those that may be for some units alone that way too.
var callers = []struct {
	name  string
	role  Role
	units []string
}{
	{"clerk", Clerk, []string{own}},
	{"approver", Approver, nil},
	{"approver of a unit", Approver, []string{own}},
	{"incident", Incident, nil},
	{"incident of a unit", Incident, []string{own}},
	{"auditor", Auditor, nil},
	{"administrator", Administrator, nil},
}

// matrix is what each caller may do, one letter a caller in their order: y yes, whatever unit it is about; u about the own unit
// alone; - no. UNIT in a path or body is the unit that it is about. The rows are of every operation of the OpenAPI document, and of
// what else an operation makes a difference of. It says the same as rights in another way, so that a slip in one shows.
var matrix = []struct {
	operation, what, query, body, may string
}{
	{"status.show", "", "", "", "yyyyyyy"},
	{"carrier.list", "", "", "", "---yy-y"},
	{"carrier.test", "", "", `{"name":"sms"}`, "------y"},
	{"reminder.list", "of a unit", "unit=UNIT", "", "u--yu--"},
	{"reminder.list", "of all", "", "", "---y---"},
	{"reminder.list", "of a person", "person=" + somebody, "", "---y---"},
	{"reminder.show", "", "", "", "u--yu--"},
	{"reminder.release", "", "", `{"reason":"x"}`, "u------"},
	{"reminder.cancel", "", "", `{"reason":"x"}`, "u------"},
	{"letter.list", "of a unit", "unit=UNIT", "", "u--yu--"},
	{"letter.list", "of all", "", "", "---y---"},
	{"letter.done", "", "", `{}`, "u------"},
	{"letter.seen", "of a unit", "unit=UNIT", "", "u--yu--"},
	{"letter.seen", "of all", "", "", "---y---"},
	{"day.show", "of a unit", "unit=UNIT", "", "uyuyu-y"},
	{"day.show", "of all", "", "", "-y-y--y"},
	{"reply.take", "", "", `{}`, "u------"},
	{"misdelivery.take", "", "", `{}`, "u--yu--"},
	{"misdelivery.done", "", "", `{"reason":"x"}`, "u--yu--"},
	{"address.unmask", "", "", `{"hash":"` + somebody + `","reason":"x"}`, "u--yu--"},
	{"letter.done", "undone", "", `{"undo":true}`, "u------"},
	{"reminder.find", "of a unit", "", `{"system":"his","appointment":"A-1","unit":"UNIT"}`, "u--yu--"},
	{"reminder.find", "of a person in a unit", "", `{"person":"` + somebody + `","unit":"UNIT"}`, "u--yu--"},
	{"reminder.find", "of all", "", `{"system":"his","appointment":"A-1"}`, "---y---"},
	{"reminder.life", "", "", "", "u--yu--"},
	{"receipt.show", "", "", "", "u--yu--"},
	{"reminder.text", "", "reason=x", "", "u--yu--"},
	{"attempt.list", "of a unit", "unit=UNIT", "", "u--yu--"},
	{"attempt.list", "of all", "", "", "---y---"},
	{"attempt.settle", "left", "", `{"outcome":"left","reason":"x"}`, "u------"},
	{"attempt.settle", "did not leave", "", `{"outcome":"not_left","reason":"x"}`, "u------"},
	{"person.key", "", "", `{"country":"DK","id":"0101701234"}`, "y--yy--"},
	{"person.show", "", "reason=x", "", "u--yu--"},
	{"person.explain", "", "", `{"purpose":"reminder","unit":"UNIT","reason":"x"}`, "u--yu--"},
	{"consent.record", "for a unit", "", `{"type":"refused","method":"desk","actor":{"kind":"self"},"scope":{"kind":"unit","ref":"UNIT"}}`, "y------"},
	{"consent.record", "a yes for a unit", "", `{"type":"granted","method":"desk","actor":{"kind":"self"},"purposes":["reminder"],"channels":["sms"],"notice":` + notice + `,"scope":{"kind":"unit","ref":"UNIT"}}`, "u------"},
	{"consent.record", "a yes for all", "", `{"type":"granted","method":"desk","actor":{"kind":"self"},"purposes":["reminder"],"channels":["sms"],"notice":` + notice + `}`, "u------"},
	{"consent.record", "protection", "", `{"type":"protected","method":"register","actor":{"kind":"registry"}}`, "u------"},
	{"consent.record", "protection ended", "", `{"type":"protection-ended","method":"register","actor":{"kind":"registry"}}`, "u------"},
	{"consent.record", "a death", "", `{"type":"deceased","method":"register","actor":{"kind":"registry"}}`, "u------"},
	{"consent.record", "a death taken back", "", `{"type":"not-deceased","method":"register","actor":{"kind":"registry"}}`, "u------"},
	{"consent.record", "custody", "", `{"type":"custody","method":"desk","actor":{"kind":"guardian","ref":"1-0123456789abcdef0123456789abcde0"}}`, "u------"},
	{"consent.record", "custody ended", "", `{"type":"custody-ended","method":"desk","actor":{"kind":"guardian","ref":"1-0123456789abcdef0123456789abcde0"}}`, "u------"},
	{"consent.record", "the end of a unit's care", "", `{"type":"care-ended","method":"desk","actor":{"kind":"staff"},"scope":{"kind":"unit","ref":"UNIT"}}`, "u------"},
	{"consent.record", "an objection for a unit", "", `{"type":"withdrawn","method":"desk","actor":{"kind":"self"},"scope":{"kind":"unit","ref":"UNIT"}}`, "y------"},
	{"consent.record", "a no", "", `{"type":"withdrawn","method":"desk","actor":{"kind":"self"}}`, "y------"},
	{"consent.export", "", "as=fhir&reason=x", "", "u------"},
	{"address.record", "", "", `{"type":"verified","channel":"sms","address":"20123456","method":"desk-id"}`, "u------"},
	{"address.ask", "", "", `{"reason":"x"}`, "u------"},
	{"code.send", "", "", `{"address":"20123456","unit":"UNIT"}`, "u------"},
	{"code.check", "", "", `{"address":"20123456","code":"123456"}`, "u------"},
	{"address.bar", "STOP", "", `{"channel":"sms","address":"20123456","reason":"x"}`, "y--yy--"},
	{"address.bar", "START", "", `{"channel":"sms","address":"20123456","lifted":true,"reason":"x"}`, "---y---"},
	{"address.wrong", "", "", `{"channel":"sms","address":"20123456","reason":"x"}`, "y--yy--"},
	{"reply.wishes", "of a unit", "unit=UNIT", "", "u--yu--"},
	{"reply.wishes", "of all", "", "", "---y---"},
	{"reply.done", "", "", `{"reason":"x"}`, "u------"},
	{"reply.misdeliveries", "of a unit", "unit=UNIT", "", "u--yu--"},
	{"reply.misdeliveries", "of all", "", "", "---y---"},
	{"switch.list", "", "", "", "yyyyy-y"},
	{"switch.set", "stop a unit", "", `{"name":"unit:UNIT","on":true,"reason":"x"}`, "u--yu-y"},
	{"switch.set", "stop a template", "", `{"name":"template:reminder","on":true,"reason":"x"}`, "y--yy-y"},
	{"switch.set", "stop all", "", `{"name":"all","on":true,"reason":"x"}`, "---y--y"},
	{"switch.set", "ask for a unit", "", `{"name":"unit:UNIT","on":false,"reason":"x","mended":"y"}`, "u--yu-y"},
	{"switch.set", "ask for all", "", `{"name":"all","on":false,"reason":"x","mended":"y"}`, "---y--y"},
	{"switch.confirm", "for a unit", "", `{"name":"unit:UNIT","reason":"x"}`, "-yu----"},
	{"switch.confirm", "for all", "", `{"name":"all","reason":"x"}`, "-y-----"},
	{"template.list", "of a unit", "unit=UNIT", "", "uyuyu--"},
	{"template.list", "", "", "", "yyyyy--"},
	{"template.show", "", "", "", "yyyyy--"},
	{"template.measure", "", "", `{"name":"da/reminder.sms","text":"x"}`, "yyy----"},
	{"template.measure", "for a unit", "", `{"name":"da/reminder.sms","text":"x","unit":"UNIT"}`, "uyu----"},
	{"template.save", "", "", `{"name":"da/reminder.sms","text":"x","base":"` + draftID + `"}`, "y------"},
	{"template.approve", "", "", `{"id":"` + draftID + `"}`, "-y-----"},
	{"template.unschedule", "", "", `{"id":"` + waitID + `","reason":"x"}`, "-y-y---"},
	{"template.discard", "somebody else's", "", `{"id":"` + draftID + `"}`, "-y-----"},
	{"template.rollback", "", "", `{"id":"` + fileID + `","reason":"x"}`, "-y-y---"},
	{"audit.list", "", "", "", "---y-y-"},
	{"dead.list", "", "", "", "---y--y"},
	{"dead.show", "", "reason=x", "", "---y---"},
	{"dead.replay", "", "", "", "---y--y"},
	{"apikey.new", "", "", `{"role":"auditor","expires":"2026-05-01T00:00:00Z"}`, "-------"},
	{"apikey.list", "", "", "", "------y"},
	{"apikey.revoke", "", "", "", "------y"},
	{"session.list", "", "", "", "------y"},
	{"session.revoke", "", "", "", "------y"},
	{"session.link", "", "", "", "-------"},
	{"person.export", "", "reason=x", "", "-------"},
	{"person.export", "revealed", "reason=x&reveal=true", "", "-------"},
	{"person.erase", "", "", `{"reason":"x"}`, "-------"},
	{"person.merge", "", "", `{"into":"1-0123456789abcdef0123456789abcde0","evidence":"x","reason":"x"}`, "-------"},
	{"import.progress", "", "", "", "-------"},
	{"import.rows", "", "", `{"rows":[],"through":1,"reason":"x"}`, "-------"},
	{"keys.holders", "", "", "", "-------"},
	{"keys.forget", "", "", `{"reason":"x"}`, "-------"},
	{"state.rebuild", "", "", "", "-------"},
}

// pathOf fills a path of the document, with the id of an API key.
func pathOf(path, key string) string {
	return strings.NewReplacer(
		"{key}", somebody, "/dead/{id}", "/dead/3", "/apikeys/{id}", "/apikeys/"+key, "/sessions/{id}", "/sessions/"+visiting, "/wishes/{id}", "/wishes/"+wished, "/misdeliveries/{id}", "/misdeliveries/"+missed, "{id}", somebody,
		"{language}", "da", "{name}", "reminder.sms",
		"{file}", strings.Repeat("ab", 32), "{holder}", "0123456789ab", "{reference}", sentAs,
	).Replace(path)
}

// spec is what the tests read of the OpenAPI document.
type spec struct {
	OpenAPI string
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Summary     string
		Roles       []Role `json:"x-husk-roles"`
		Parameters  []struct {
			Name, In string
			Required bool
			Schema   struct {
				Type, Pattern    string
				Enum             []any
				Minimum, Maximum *float64
			}
		}
		RequestBody *struct {
			Required bool
			Content  map[string]struct {
				Schema struct {
					Ref string `json:"$ref"`
				}
			}
		}
		Responses map[string]struct {
			Description string
			Content     map[string]any
		}
	}
	Components struct {
		Schemas         map[string]map[string]any
		SecuritySchemes map[string]struct{ Type, Scheme string }
	}
	Security []map[string][]string
}

func readSpec(t *testing.T) (s spec) {
	t.Helper()
	b, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// routes are the operations of the document: their method and path by id.
func (s spec) routes() map[string][2]string {
	m := map[string][2]string{}
	for path, ops := range s.Paths {
		for method, op := range ops {
			m[op.OperationID] = [2]string{strings.ToUpper(method), path}
		}
	}
	return m
}

func TestEveryOperationIsInTheMatrix(t *testing.T) {
	s := readSpec(t)
	rows := map[string]bool{}
	for _, x := range matrix {
		rows[x.operation] = true
		if len(x.may) != len(callers) || strings.Trim(x.may, "yu-") != "" {
			t.Errorf("%s: %q is not a letter a caller", x.operation, x.may)
		}
	}
	described := s.routes()
	if got, want := slices.Sorted(maps.Keys(described)), slices.Sorted(maps.Keys(rows)); !slices.Equal(got, want) {
		t.Errorf("operations of the document %v\nrows of the matrix         %v", got, want)
	}
	if got, want := slices.Sorted(maps.Keys(described)), slices.Sorted(maps.Keys(rights)); !slices.Equal(got, want) {
		t.Errorf("operations of the document %v\nin rights                  %v", got, want)
	}
	for path, ops := range s.Paths {
		for method, op := range ops {
			if !slices.Equal(op.Roles, rights[op.OperationID]) {
				t.Errorf("%s %s: the document says %v, rights %v", method, path, op.Roles, rights[op.OperationID])
			}
		}
	}
}

// No role both asks for what is sent and approves it: whoever may confirm may change nothing but what others have asked for.
func TestNoRoleBothWritesAndApproves(t *testing.T) {
	approving := []string{"switch.confirm", "template.approve", "template.unschedule", "template.discard", "template.rollback"}
	reading := []string{"template.measure"} // by POST, for the text is long
	for id, route := range readSpec(t).routes() {
		if slices.Contains(approving, id) || slices.Contains(reading, id) || route[0] == "GET" {
			continue
		}
		for _, r := range append(slices.Clone(rights["switch.confirm"]), rights["template.approve"]...) {
			if slices.Contains(rights[id], r) {
				t.Errorf("%s may confirm, and may %s", r, id)
			}
		}
	}
}

// keyFor puts a key on the shelf and returns it.
func keyFor(t *testing.T, a *API, role Role, units []string, holder string) MadeAPIKey {
	t.Helper()
	local := &caller{actor: "karen", self: "karen", holder: "karen"}
	k, err := a.newKey(t.Context(), local, &newKeyInput{NewAPIKey{Role: role, Units: units, Holder: holder, Expires: noon.Add(24 * time.Hour)}})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func remote(t *testing.T, d *Door) http.Handler {
	t.Helper()
	h, err := d.Remote()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func call(h http.Handler, key, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	r.Header.Set(ActorHeader, "somebody else") // is not read
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// reads are what the ledger may be asked to find out whether a call is allowed.
var reads = []string{"audit", "units", "people", "reminders", "wishes ", "doubt", "letter of", "misdeliveries " + own, "misdeliveries "}

func TestTheMatrix(t *testing.T) {
	routes := readSpec(t).routes()
	f, shelf := &fake{fourEyes: true}, newDrawer()
	d := openDoorWith(t, f, shelf)
	d.addresses, d.keys = newLimit(10_000), newLimit(10_000)
	a, h := d.open.api, remote(t, d)
	for i, who := range callers {
		k := keyFor(t, a, who.role, who.units, "")
		signedIn(t, a)
		kept, last := maps.Clone(shelf.values), maps.Clone(shelf.last)
		for _, row := range matrix {
			for _, unit := range []string{own, other} {
				name := strings.Join([]string{row.operation, row.what, "by", who.name, "about", unit}, " ")
				f.kept.seed()
				*f = fake{kept: f.kept, unit: unit, units: []string{unit}, stopped: map[string]string{"unit:" + unit: "leak", "all": "leak"}}
				shelf.values, shelf.last = maps.Clone(kept), maps.Clone(last)
				route, path := routes[row.operation], ""
				path = pathOf(route[1], k.ID)
				if row.query != "" {
					path += "?" + strings.ReplaceAll(row.query, "UNIT", unit)
				}
				if row.operation == "switch.confirm" {
					for name := range f.stopped {
						if err := a.wish(t.Context(), &caller{actor: "ole", self: "ole", holder: "ole"}, Switch{Name: name, Reason: "x", Mended: "y"}, "leak"); err != nil {
							t.Fatal(err)
						}
					}
				}
				f.calls, f.audits = nil, nil
				a.looked = newHourly(1)
				w := call(h, k.Key, route[0], path, strings.ReplaceAll(row.body, "UNIT", unit))
				may := row.may[i] == 'y' || row.may[i] == 'u' && unit == own
				if may != (w.Code == http.StatusOK) || !may && w.Code != http.StatusForbidden {
					t.Errorf("%s: %d %s", name, w.Code, w.Body)
					continue
				}
				if len(f.audits) != 1 || f.audits[0].Actor != "key:"+k.ID || strings.HasPrefix(f.audits[0].Action, "denied ") == may {
					t.Errorf("%s: audit %+v", name, f.audits)
				}
				if !may && slices.ContainsFunc(f.calls, func(c string) bool { return !slices.Contains(reads, c) }) {
					t.Errorf("%s: refused, but the ledger was asked %v", name, f.calls)
				}
			}
		}
	}
}

// A person's words for other units, and reminders of other units, are not shown to a key that is for some.
func TestAnotherUnitsWordsAreNotShown(t *testing.T) {
	for _, x := range []struct {
		scope consent.Scope
		shown bool
	}{
		{consent.Scope{Kind: policy.ControllerScope}, true},
		{consent.Scope{Kind: policy.UnitScope, Ref: own}, true},
		{consent.Scope{Kind: policy.HospitalScope, Ref: "ravnsholt"}, true},
		{consent.Scope{Kind: policy.UnitScope, Ref: other}, false},
		{consent.Scope{Kind: policy.UnitScope, Ref: "rh-ortho"}, false},
		{consent.Scope{Kind: policy.HospitalScope, Ref: "lindvik"}, false},
	} {
		word := consent.Record{ID: "w1", Person: somebody, Type: consent.Refused, Scope: x.scope, EventTime: noon, Recorded: noon}
		f := &fake{units: []string{other, own}, unit: other, word: word}
		d := openDoor(t, f)
		k := keyFor(t, d.open.api, Clerk, []string{own}, "")
		var p Person
		w := call(remote(t, d), k.Key, "GET", "/v1/persons/"+somebody+"?reason=x", "")
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if len(p.Consent) == 1 != x.shown || len(p.Worth) == 1 != x.shown || len(p.Reminders) != 0 {
			t.Errorf("%+v: %s", x.scope, w.Body)
		}
		w = call(remote(t, d), k.Key, "GET", "/v1/persons/"+somebody+"/consent?as=fhir&reason=x", "")
		if x.shown && (!strings.Contains(w.Body.String(), "29190623") || !strings.Contains(w.Body.String(), "Region Nord")) {
			t.Errorf("exported without its controller: %s", w.Body)
		}
		if strings.Contains(w.Body.String(), "w1") != x.shown {
			t.Errorf("exported of %+v: %s", x.scope, w.Body)
		}
		if f.unit = own; !strings.Contains(call(remote(t, d), k.Key, "GET", "/v1/persons/"+somebody+"?reason=x", "").Body.String(), `"unit":"rh-eye"`) {
			t.Error("the own unit's reminder is not shown")
		}
	}
}

// What is known of a person is not one unit's to say, whatever scope it comes with: only who reaches the person may. That a unit's
// care has ended takes both.
func TestAUnitsFactIsOfThePerson(t *testing.T) {
	for _, kind := range consent.Types[len(consent.Words):] {
		for _, x := range []struct {
			scope, patientOf string
			may              bool
		}{{own, own, true}, {own, other, false}, {own, "", false}, {other, other, false}, {other, own, kind != consent.CareEnded}} {
			f := &fake{units: []string{x.patientOf}}
			a := openDoor(t, f).open.api
			c := &caller{actor: "key:1", role: Clerk, units: []string{own}}
			r := consent.Record{Person: somebody, Type: kind, Scope: consent.Scope{Kind: policy.UnitScope, Ref: x.scope}}
			if err := aboutWord(r)(t.Context(), a, c); (err == nil) != x.may {
				t.Errorf("%s for %s of a patient of %q: %v", kind, x.scope, x.patientOf, err)
			}
		}
	}
}

// A clerk reaches a person through a yes to one of the key's units, where the person never had an appointment.
func TestAWordOpensAPerson(t *testing.T) {
	unit := func(id string) consent.Scope { return consent.Scope{Kind: policy.UnitScope, Ref: id} }
	hospital := func(id string) consent.Scope { return consent.Scope{Kind: policy.HospitalScope, Ref: id} }
	for _, x := range []struct {
		kind  consent.Type
		scope consent.Scope
		code  int
	}{
		{consent.Granted, unit(own), 200},
		{consent.Noticed, unit(own), 200},
		{consent.Granted, hospital("ravnsholt"), 200},
		{consent.Granted, consent.Scope{Kind: policy.ControllerScope}, 403},
		{consent.Granted, unit(other), 403},
		{consent.Granted, hospital("lindvik"), 403},
		{consent.Refused, unit(own), 403}, // anybody may take a no down
		{consent.Withdrawn, hospital("ravnsholt"), 403},
		{consent.Protected, unit(own), 403},
		{consent.CareEnded, unit(own), 403},
	} {
		f := &fake{word: consent.Record{ID: "w1", Person: somebody, Type: x.kind, Scope: x.scope, EventTime: noon, Recorded: noon}}
		d := openDoor(t, f)
		k := keyFor(t, d.open.api, Clerk, []string{own}, "")
		h := remote(t, d)
		if w := call(h, k.Key, "GET", "/v1/persons/"+somebody+"?reason=x", ""); w.Code != x.code {
			t.Errorf("%s %+v: %d %s", x.kind, x.scope, w.Code, w.Body)
		}
		change := `{"type":"removed","channel":"sms","address":"20123456"}`
		if w := call(h, k.Key, "POST", "/v1/persons/"+somebody+"/addresses", change); w.Code != x.code {
			t.Errorf("an address after %s %+v: %d %s", x.kind, x.scope, w.Code, w.Body)
		}
	}
}
