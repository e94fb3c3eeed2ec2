package app

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/journal/kv"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/pkg/web"
)

// trialHouse is a house in which half of the messages try a new text.
func trialHouse(t *testing.T, messages int) *house {
	h := &house{world: newWorld(t, func(c *config.Config) {
		c.API.Listen = "127.0.0.1:0"
		c.Templates.Canary = config.Canary{Share: 50, Messages: messages, WorseBy: 2, For: 48 * time.Hour}
	})}
	h.opens()
	return h
}

// remindAll lets the first reminders of the persons from, from+1 … to-1 go out, and returns who got the new text and who the old one.
func (h *house) remindAll(from, to int) (newer, older []int) {
	h.Helper()
	start := h.clock.Now().AddDate(0, 0, 7).Add(time.Minute).UTC()
	for n := from; n < to; n++ {
		h.ok(yes(h.ctx, h.App, n, number(n)))
		h.publish(n, 1, func(e map[string]any) { e["start"], e["zone"] = start.Format("2006-01-02T15:04:05"), "UTC" })
	}
	h.settle()
	h.clock.to(h.clock.Now().Add(2 * time.Minute))
	h.settle()
	got := h.messages()
	for n := from; n < to; n++ {
		switch m := strings.Join(got[number(n).Reveal()], "\n"); {
		case strings.Contains(m, newWords):
			newer = append(newer, n)
		case strings.Contains(m, oldWords):
			older = append(older, n)
		default:
			h.Fatalf("person %d got %q", n, m)
		}
	}
	return newer, older
}

func (h *house) judged() int {
	h.Helper()
	n, err := h.Sweep(h.ctx, "canaries")
	h.ok(err)
	return n
}

// A text to which people answer STOP is stopped by itself, and everybody gets the version before, in every process.
func TestABadTextIsStoppedByItself(t *testing.T) {
	h := trialHouse(t, 200)
	shipped, id := h.history().Live, h.draft(newText)
	h.did(approver, "approve", web.ApproveTemplate{ID: id})
	if c := h.history().Canary; c == nil || c.Version != id || c.Before != shipped || c.Ended != nil {
		t.Fatalf("%+v", c)
	}
	newer, older := h.remindAll(10, 70)
	if len(newer) < 10 || len(older) < 20 {
		t.Fatalf("of a half %d got the new text, %d the old one", len(newer), len(older))
	}
	beside := h.beside()
	for _, n := range append(newer, older...) {
		key := h.reminderOf(n)
		a, _ := h.Templates.FindFor(key, "reminder", reminder.SMS, "da")
		b, _ := beside.live.FindFor(key, "reminder", reminder.SMS, "da")
		if a.ID() != b.ID() {
			t.Fatalf("two processes give person %d two texts", n)
		}
	}
	for _, n := range newer[:4] {
		h.ok(h.Ledger.Stop(h.ctx, number(n), "sms"))
	}
	if h.judged() != 0 {
		t.Fatal("stopped by four")
	}
	for _, n := range newer[4:] {
		h.ok(h.Ledger.Stop(h.ctx, number(n), "sms"))
	}
	h.ok(h.Ledger.Stop(h.ctx, number(older[0]), "staff")) // a clerk's word says nothing of the text
	if h.judged() != 1 {
		t.Fatal("not stopped")
	}
	x := h.history()
	if x.Live != shipped || x.Canary == nil || x.Canary.Ended == nil || x.Canary.Ended.New.Stops != len(newer) || x.Canary.Ended.Old.Stops != 0 ||
		!strings.HasPrefix(x.Turns[0].Reason, "stopped by itself") || x.Turns[0].By != template.Itself {
		t.Errorf("%+v %+v", x.Canary, x.Turns)
	}
	h.ok(beside.refresh(h.ctx))
	if newer, _ := h.remindAll(70, 76); len(newer) != 0 {
		t.Errorf("%d got the text that was stopped", len(newer))
	}
	if tp, _ := beside.live.FindFor("x", "reminder", reminder.SMS, "da"); tp.ID() != shipped {
		t.Error("another process goes on with the text that was stopped")
	}
	told := 0
	h.ok(h.Ledger.Audits(h.ctx, func(a ledger.Audit) error {
		if a.Action == "template.trial_share "+id && strings.HasPrefix(a.Reason, "stopped by itself") {
			told++
		}
		return nil
	}))
	if told != 1 || h.judged() != 0 {
		t.Errorf("it is in the audit %d times", told)
	}
}

func TestAGoodTextBecomesEverybodys(t *testing.T) {
	h := trialHouse(t, 20)
	id := h.draft(newText)
	h.did(approver, "approve", web.ApproveTemplate{ID: id})
	h.remindAll(10, 70)
	if h.judged() != 0 {
		t.Fatal("for all before anybody could answer")
	}
	h.clock.to(h.clock.Now().Add(template.Ripening))
	if h.judged() != 1 {
		t.Fatal("not for all")
	}
	if x := h.history(); x.Live != id || x.Canary != nil {
		t.Errorf("%+v", x.Canary)
	}
	if _, older := h.remindAll(70, 76); len(older) != 0 {
		t.Errorf("%d got the old text", len(older))
	}
}

func TestASmallHospitalIsNotStuck(t *testing.T) {
	h := trialHouse(t, 200)
	id := h.draft(newText)
	from := h.clock.Now().Add(time.Hour)
	h.did(approver, "approve", web.ApproveTemplate{ID: id, From: from})
	h.clock.to(from.Add(47 * time.Hour))
	if c := h.history().Canary; h.judged() != 0 || c == nil {
		t.Fatal("a scheduled start has no share, or ended early")
	}
	h.clock.to(from.Add(48 * time.Hour))
	if h.judged() != 1 || h.history().Canary != nil || h.history().Live != id {
		t.Error("it goes on for ever")
	}
}

func TestAnApproverEndsAShare(t *testing.T) {
	h := trialHouse(t, 200)
	shipped, id := h.history().Live, h.draft(newText)
	h.did(approver, "approve", web.ApproveTemplate{ID: id, Whole: true})
	if h.history().Canary != nil {
		t.Error("for all at once, and on a share")
	}
	next := h.draft(strings.Replace(newText, "Velkommen", "Godt at se dig", 1))
	h.did(approver, "approve", web.ApproveTemplate{ID: next})
	if c := h.history().Canary; c == nil || c.Before != id {
		t.Fatalf("%+v", c)
	}
	if _, no := h.post(web.Staff{Subject: "k", Name: "Karen", Role: web.Approver}, "approve", web.ApproveTemplate{ID: next, Whole: true}); no == nil || no.GetStatus() != 403 {
		t.Errorf("its author lets it be for all: %+v", no)
	}
	h.did(approver, "approve", web.ApproveTemplate{ID: next, Whole: true})
	if x := h.history(); x.Canary != nil || x.Live != next {
		t.Errorf("%+v", x)
	}
	last := h.draft(strings.Replace(newText, "Velkommen", "Kom", 1))
	h.did(approver, "approve", web.ApproveTemplate{ID: last})
	h.did(approver, "rollback", web.MoveTemplate{ID: shipped, Reason: "patients ring"})
	if x := h.history(); x.Canary != nil || x.Live != shipped || h.judged() != 0 {
		t.Errorf("%+v", x)
	}
}

// A verdict over a record that somebody has changed meanwhile is not written.
func TestAVerdictLosesToAnApprover(t *testing.T) {
	h := trialHouse(t, 200)
	shipped, id := h.history().Live, h.draft(newText)
	h.did(approver, "approve", web.ApproveTemplate{ID: id})
	store, err := kv.Open(h.ctx, h.js, kv.Templates, 1)
	h.ok(err)
	_, old, err := store.Read(h.ctx, recordKey+"da/reminder.sms")
	h.ok(err)
	r, _, err := h.versions.Record(h.ctx, "da/reminder.sms")
	h.ok(err)
	h.ok(r.Conclude(id, template.Verdict{At: h.clock.Now(), End: template.EndWhole}))
	h.did(approver, "rollback", web.MoveTemplate{ID: shipped, Reason: "patients ring"})
	if err := h.versions.Write(h.ctx, r, old); !errors.Is(err, web.ErrRaced) {
		t.Error(err)
	}
}

// reminderOf is the reminder of the nth person that was sent.
func (h *house) reminderOf(n int) string {
	h.Helper()
	vs, err := h.Ledger.Find(h.ctx, "cosmic", fmt.Sprint("A-", n))
	h.ok(err)
	for _, v := range vs {
		if len(v.Attempts) > 0 {
			return string(v.ID)
		}
	}
	h.Fatalf("nothing was sent to person %d", n)
	return ""
}
