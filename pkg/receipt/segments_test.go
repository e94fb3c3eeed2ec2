package receipt_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/husk-reminders/husk/pkg/receipt"
)

func TestMerge(t *testing.T) {
	const d, u = receipt.Delivered, receipt.Undelivered
	for name, c := range map[string]struct {
		ids   []string
		words []receipt.Word
		want  receipt.Status
	}{
		"nothing heard":                 {[]string{"a", "b"}, nil, ""},
		"one of two":                    {[]string{"a", "b"}, []receipt.Word{{ID: "a", Status: d}}, ""},
		"both":                          {[]string{"a", "b"}, []receipt.Word{{ID: "a", Status: d}, {ID: "b", Status: d}}, d},
		"one failed, one not heard":     {[]string{"a", "b"}, []receipt.Word{{ID: "b", Status: u}}, u},
		"another's segment":             {[]string{"a", "b"}, []receipt.Word{{ID: "a", Status: d}, {ID: "c", Status: d}}, ""},
		"the message, under another id": {[]string{"a"}, []receipt.Word{{ID: "x", Status: d}}, d},
		"no ids":                        {nil, []receipt.Word{{ID: "x", Status: d}}, d},
	} {
		if got := receipt.Merge(c.ids, c.words); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestHear(t *testing.T) {
	var ws []receipt.Word
	for n := range 300 { // no more than a message can have
		ws = receipt.Hear(ws, receipt.Word{ID: string(rune('a' + n)), Status: receipt.Delivered})
	}
	if len(ws) != receipt.MostSegments {
		t.Errorf("%d words are kept", len(ws))
	}
	if got := receipt.Hear(nil, receipt.Word{ID: "a", Status: receipt.Accepted}); got != nil {
		t.Error("what is not final is heard")
	}
	before := receipt.Hear(nil, receipt.Word{ID: "a", Status: receipt.Delivered})
	receipt.Hear(before, receipt.Word{ID: "a", Status: receipt.Undelivered})
	if before[0].Status != receipt.Delivered {
		t.Error("what was heard before has changed")
	}
}

// What is heard of a message comes to the same in every order, however often each is said.
func TestEveryOrderOfWordsMergesToTheSame(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	all := []string{"a", "b", "c"}
	finals := []receipt.Status{receipt.Delivered, receipt.Undelivered, receipt.Accepted}
	for range 2000 {
		ids := all[:rnd.IntN(len(all)+1)]
		var words []receipt.Word
		for range 1 + rnd.IntN(5) {
			words = append(words, receipt.Word{ID: all[rnd.IntN(len(all))], Status: finals[rnd.IntN(len(finals))]})
		}
		heard := func(ws []receipt.Word) []receipt.Word {
			var out []receipt.Word
			for _, w := range ws {
				out = receipt.Hear(out, w)
			}
			return out
		}
		want := heard(words)
		for range 5 {
			again := append(slices.Clone(words), words[:rnd.IntN(len(words)+1)]...)
			rnd.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
			got := heard(again)
			if !slices.Equal(got, want) || receipt.Merge(ids, got) != receipt.Merge(ids, want) {
				t.Fatalf("%v comes to %v, and %v to %v", words, want, again, got)
			}
		}
	}
}
