package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/journal/kv"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/pkg/web"
)

const oldWords, newWords = "Husk din aftale", "Velkommen til din aftale"

const newText = newWords + " {weekday} {date} {time} på {unit}. Afbud {phone}. Stop sms: svar STOP\n"

// house is a world with two people who work on its texts.
type house struct {
	*world
	door *web.Door
}

var (
	clerk    = web.Staff{Subject: "k", Name: "Karen", Role: web.Clerk, Units: []string{"rh-ortho"}}
	approver = web.Staff{Subject: "o", Name: "Ole", Role: web.Approver}
)

func newHouse(t *testing.T) *house {
	h := &house{world: newWorld(t, func(c *config.Config) { c.API.Listen = "127.0.0.1:0" })}
	h.opens()
	return h
}

func (h *house) opens() {
	h.Helper()
	api, err := h.Staff()
	h.ok(err)
	h.door, err = web.NewDoor(web.DoorOptions{Rebuild: func(context.Context) (web.Rebuilt, error) { return web.Rebuilt{}, nil }})
	h.ok(err)
	h.door.Open(api)
}

// post makes a call about texts, and returns the code of its refusal.
func (h *house) post(s web.Staff, path string, in any) (x web.ChangedTemplate, no *web.Error) {
	h.Helper()
	err := h.door.Call(h.ctx, s, http.MethodPost, "/v1/templates/"+path, in, &x)
	if err != nil && !errors.As(err, &no) {
		h.Fatal(err)
	}
	return x, no
}

func (h *house) history() (x web.TemplateHistory) {
	h.Helper()
	h.ok(h.door.Call(h.ctx, clerk, http.MethodGet, "/v1/templates/da/reminder.sms", nil, &x))
	return x
}

// draft saves a draft and returns its id.
func (h *house) draft(text string) string {
	h.Helper()
	x, no := h.post(clerk, "save", web.SaveTemplate{Name: "da/reminder.sms", Text: text, Base: h.history().Head})
	if no != nil || x.State != template.Draft {
		h.Fatalf("%+v %+v", no, x)
	}
	return x.ID
}

func (h *house) did(s web.Staff, path string, in any) {
	h.Helper()
	if _, no := h.post(s, path, in); no != nil {
		h.Fatalf("%s: %d %s", path, no.GetStatus(), no.Text)
	}
}

// reminded lets the nth person's first reminder be due now, and returns what they got.
func (h *house) reminded(n int) string {
	h.Helper()
	start := h.clock.Now().AddDate(0, 0, 7).Add(time.Minute).UTC()
	h.ok(yes(h.ctx, h.App, n, number(n)))
	h.publish(n, 1, func(e map[string]any) { e["start"], e["zone"] = start.Format("2006-01-02T15:04:05"), "UTC" })
	h.settle()
	h.clock.to(h.clock.Now().Add(2 * time.Minute))
	h.settle()
	return strings.Join(h.messages()[number(n).Reveal()], "\n")
}

func (h *house) says(n int, words string) {
	h.Helper()
	if m := h.reminded(n); !strings.Contains(m, words) {
		h.Errorf("person %d got %q, want %q", n, m, words)
	}
}

func TestTheNextMessageIsOfTheApprovedText(t *testing.T) {
	h := newHouse(t)
	shipped := h.history().Live
	h.says(1, oldWords)
	id := h.draft(newText)
	h.says(2, oldWords) // a draft is no text yet
	if _, no := h.post(web.Staff{Subject: "k", Name: "Karen", Role: web.Approver}, "approve", web.ApproveTemplate{ID: id}); no == nil || no.GetStatus() != 403 {
		t.Fatalf("approved by its author: %+v", no)
	}
	h.did(approver, "approve", web.ApproveTemplate{ID: id})
	h.says(3, newWords)

	h.ok(h.end())
	h.start()
	h.opens()
	h.says(4, newWords)
	if class, ok := h.classOf(shipped); !ok || class != 0 {
		t.Errorf("the class of a superseded version: %v %v", class, ok)
	}
	h.did(approver, "rollback", web.MoveTemplate{ID: shipped, Reason: "patients ring"})
	h.says(5, oldWords)

	x := h.history()
	if x.Live != shipped || len(x.Turns) != 2 || x.Turns[0].By != "Ole" || x.Versions[0].By != "Karen" {
		t.Errorf("%+v", x)
	}
	var actions []string
	h.ok(h.Ledger.Audits(h.ctx, func(a ledger.Audit) error {
		if strings.HasPrefix(a.Action, "template.") && !strings.HasPrefix(a.Action, "template.show") {
			actions = append(actions, a.Action)
		}
		return nil
	}))
	want := []string{"template.save " + id, "template.approve " + id, "template.approve " + id, "template.rollback " + shipped}
	if strings.Join(actions, "; ") != strings.Join(want, "; ") {
		t.Errorf("audit %v, want %v", actions, want)
	}
}

func TestAScheduledTextTakesOverByTheClock(t *testing.T) {
	h := newHouse(t)
	from := h.clock.Now().Add(time.Hour)
	id := h.draft(newText)
	h.did(approver, "approve", web.ApproveTemplate{ID: id, From: from})
	h.says(1, oldWords)
	h.ok(h.end())
	h.clock.to(from)
	h.start()
	h.opens()
	h.says(2, newWords)

	second := h.draft(strings.Replace(newText, "Velkommen", "Godt at se dig", 1))
	from = h.clock.Now().Add(time.Hour)
	h.did(approver, "approve", web.ApproveTemplate{ID: second, From: from})
	h.did(approver, "unschedule", web.MoveTemplate{ID: second, Reason: "not yet"})
	h.clock.to(from.Add(time.Minute))
	h.says(3, newWords)
}

// Of two who save at once from two processes one is told, with the other's text.
func TestTwoProcessesSaveAtOnce(t *testing.T) {
	h := newHouse(t)
	base := h.history().Head
	type answer struct {
		x  web.ChangedTemplate
		no *web.Error
	}
	answers := make(chan answer, 2)
	for _, word := range []string{"Velkommen", "Husk nu"} {
		go func() {
			var a answer
			text := strings.Replace(newText, "Velkommen", word, 1)
			err := h.door.Call(h.ctx, clerk, http.MethodPost, "/v1/templates/save", web.SaveTemplate{Name: "da/reminder.sms", Text: text, Base: base}, &a.x)
			if err != nil && !errors.As(err, &a.no) {
				t.Error(err)
			}
			answers <- a
		}()
	}
	first, second := <-answers, <-answers
	if first.no != nil {
		first, second = second, first
	}
	if first.no != nil || second.no == nil || second.no.GetStatus() != 409 || second.no.Latest == nil || second.no.Latest.Text != first.x.Text {
		t.Errorf("%+v, %+v", first, second)
	}
}

// beside is another process's view of the same versions.
func (h *house) beside() *versions {
	h.Helper()
	store, err := kv.Open(h.ctx, h.js, kv.Templates, 1)
	h.ok(err)
	files, err := ReadTemplates(h.Config)
	h.ok(err)
	v := &versions{
		store: store, live: template.NewLive(files, h.clock.Now), units: h.Units, packs: h.Packs, now: h.clock.Now, log: zap.NewNop(), told: map[string]bool{},
	}
	h.ok(v.refresh(h.ctx))
	return v
}

func TestAnotherProcessSeesAnApproval(t *testing.T) {
	h := newHouse(t)
	v := h.beside()
	ctx, cancel := context.WithCancel(h.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.follow(ctx)
	}()
	defer func() {
		cancel()
		<-done
	}()
	id := h.draft(newText)
	h.did(approver, "approve", web.ApproveTemplate{ID: id})
	approved := time.Now()
	h.wait("the other process sees it", func() bool {
		tp, ok := v.live.Find("reminder", "sms", "da")
		return ok && tp.ID() == id
	})
	if took := time.Since(approved); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// A process that can't tell which texts are live sends nothing: at its start, and when it loses sight of them.
func TestUnreadableVersionsSendNothing(t *testing.T) {
	h := newHouse(t)
	v := h.beside()
	long := time.Now().Add(-2 * versionsStale)
	v.looked.Store(&long)
	if _, err := (textSwitches{people{h.Ledger, h.State}, v}).Stopped(h.ctx); !errors.Is(err, gate.ErrUnavailable) || !errors.Is(err, errVersions) {
		t.Errorf("sight is lost: %v", err)
	}
	h.did(approver, "approve", web.ApproveTemplate{ID: h.draft(newText)})
	_, revision, err := v.store.Read(h.ctx, recordKey+"da/reminder.sms")
	h.ok(err)
	h.ok(v.store.Write(h.ctx, recordKey+"da/reminder.sms", []byte("{"), revision))
	h.wait("it is not ready", func() bool { return h.versions.refresh(h.ctx) != nil })
	if tp, _ := h.Templates.Find("reminder", "sms", "da"); !strings.Contains(tp.Outline().Parts[0].Text.Reveal(), newWords) {
		t.Error("what was known is forgotten")
	}
	h.ok(h.end())
	c, err := configIn(h.dir, h.set...)
	h.ok(err)
	if a, err := Open(h.ctx, Options{Config: c, Now: h.clock.Now, ByHand: true}); !errors.Is(err, errVersions) {
		t.Errorf("opened: %v", err)
		a.Close()
	}
}

// A live text that is not what was approved stops its set, in this process, until another is approved or rolled back to.
func TestAnAlteredTextIsNotSent(t *testing.T) {
	h := newHouse(t)
	shipped := h.history().Live
	id := h.draft(newText)
	h.did(approver, "approve", web.ApproveTemplate{ID: id})
	bucket, err := h.js.KeyValue(h.ctx, kv.Templates)
	h.ok(err)
	_, err = bucket.Put(h.ctx, versionKey(id), []byte(strings.Replace(newText, "Velkommen", "Farvel", 1)))
	h.ok(err)
	h.ok(h.end())
	h.start()
	h.opens()
	h.ok(yes(h.ctx, h.App, 1, number(1)))
	h.publish(1, 1)
	h.settle()
	h.clock.to(firstDue.Add(time.Minute))
	h.wait("the gate puts it off", func() bool {
		x, err := h.Gate.Explain(h.ctx, gate.Question{Person: h.person(1), Purpose: "reminder", Unit: "rh-ortho"})
		h.ok(err)
		return x.Outcome == "defer" && x.Reason == gate.KillSwitch
	})
	if ms := h.messages(); len(ms) != 0 {
		t.Fatalf("sent: %v", ms)
	}
	h.did(approver, "rollback", web.MoveTemplate{ID: shipped, Reason: "altered"})
	h.clock.to(firstDue.Add(10 * time.Minute))
	h.wait("it is sent", func() bool { return len(h.messages()) == 1 })
	if m := h.messages()[number(1).Reveal()][0]; !strings.Contains(m, oldWords) {
		t.Error(m)
	}
}

func (h *house) person(n int) reminder.PersonKey {
	return h.Pseudonyms.Person(reminder.NewNationalID("DK", cpr(n)))
}
