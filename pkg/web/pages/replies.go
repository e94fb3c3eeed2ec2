package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/web"
)

// replyPages are what people's answers left for the clinics.
func (p *Pages) replyPages() []page {
	return slices.Concat([]page{
		{method: http.MethodGet, pattern: "/replies", operation: "reply.wishes", section: "replies", serve: (*visit).replies},
		{method: http.MethodPost, pattern: "/replies/wishes/{id}/take", operation: "reply.take", serve: (*visit).takeWish},
		{method: http.MethodPost, pattern: "/replies/misdeliveries/{id}/take", operation: "misdelivery.take", serve: (*visit).takeMisdelivery},
	},
		both("/replies/wishes/{id}/done", "reply.done", (*visit).wishDone),
		both("/replies/misdeliveries/{id}/done", "misdelivery.done", (*visit).misdeliveryDone),
	)
}

// repliesView is what the page of the inbox shows.
type repliesView struct {
	Wishes       []web.CancelWish
	Misdelivered []web.Misdelivery // nobody has seen to yet, or not to the end
	Past         []web.Misdelivery // seen to
	Now          time.Time
}

// replies lists who may want to cancel, and what went to a wrong person. Who is of several units sees those of all.
func (v *visit) replies() error {
	x := repliesView{Now: v.o.Now()}
	var all []web.Misdelivery
	for _, u := range v.askedUnits() {
		var ws []web.CancelWish
		if err := v.get(query("/v1/replies/wishes", "unit", u), &ws); err != nil {
			return err
		}
		x.Wishes = append(x.Wishes, ws...)
		var ms []web.Misdelivery
		if err := v.get(query("/v1/replies/misdeliveries", "unit", u), &ms); err != nil {
			return err
		}
		all = merge(all, ms)
	}
	slices.SortStableFunc(x.Wishes, func(a, b web.CancelWish) int { return a.Start.Compare(b.Start) })
	slices.SortStableFunc(all, func(a, b web.Misdelivery) int { return cmp.Or(a.Aware.Compare(b.Aware), cmp.Compare(a.ID, b.ID)) })
	for _, m := range all {
		if m.Done.IsZero() {
			x.Misdelivered = append(x.Misdelivered, m)
		} else {
			x.Past = append(x.Past, m)
		}
	}
	return v.show("replies", x)
}

// merge adds one unit's misdeliveries. One that is of two units has the persons and messages of both.
func merge(all, more []web.Misdelivery) []web.Misdelivery {
	for _, m := range more {
		i := slices.IndexFunc(all, func(x web.Misdelivery) bool { return x.ID == m.ID })
		if i < 0 {
			all = append(all, m)
			continue
		}
		x := &all[i]
		for _, p := range m.Persons {
			if !slices.Contains(x.Persons, p) {
				x.Persons = append(x.Persons, p)
			}
		}
		for _, s := range m.Messages {
			if !slices.ContainsFunc(x.Messages, func(y ledger.SentThere) bool { return y.Claim == s.Claim }) {
				x.Messages = append(x.Messages, s)
			}
		}
		x.Count = len(x.Messages)
	}
	return all
}

// owner is a name of the audit as colleagues know it: without the letters that tell two of one name apart, where there is a name.
func owner(actor string) string {
	if tag, name, ok := strings.Cut(actor, " "); ok && strings.HasPrefix(tag, "staff:") {
		return name
	}
	return actor
}

// replyPath is what the staff API has of an entry of the inbox.
func (v *visit) replyPath(kind, what string) string {
	return "/v1/replies/" + kind + "/" + url.PathEscape(v.r.PathValue("id")) + "/" + what
}

func (v *visit) takeWish() error { return v.take("wishes") }

func (v *visit) takeMisdelivery() error { return v.take("misdeliveries") }

func (v *visit) take(kind string) error {
	if err := v.post(v.replyPath(kind, "take"), web.Take{}, nil); err != nil {
		return err
	}
	return v.done("/replies", "replies.taken")
}

func (v *visit) wishDone() error { return v.replyDone("wishes") }

func (v *visit) misdeliveryDone() error { return v.replyDone("misdeliveries") }

// replyDone asks what was done, and takes the entry off the list.
func (v *visit) replyDone(kind string) error {
	if !v.asked() {
		return v.show("replies-done", kind)
	}
	var in struct {
		Reason string `form:"reason,required"`
	}
	f := v.read(&in)
	return v.submit(f, v.replyPath(kind, "done"), web.Done{Reason: in.Reason},
		func() error { return v.done("/replies", "replies.done") },
		func() error { return v.show("replies-done", kind) },
	)
}
