package template

import (
	"slices"
	"strings"
	"testing"
)

// Each list is whole, and each of its entries is found where it stands alone.
func TestWordLists(t *testing.T) {
	x, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	health, kinds := map[string]int{}, map[string][]WordKind{}
	for key, es := range x.entries {
		for i := range es {
			e := es[i]
			if slices.Contains(healthKinds, e.kind) {
				health[e.list]++
			}
			if !slices.Contains(kinds[e.list], e.kind) {
				kinds[e.list] = append(kinds[e.list], e.kind)
			}
			text := strings.Join(append([]string{key}, e.rest...), " ")
			if e.capitals {
				text = strings.ToUpper(text)
			}
			if !slices.ContainsFunc(look(wordsOf(text, nil))[0], func(f found) bool { return f.entry.kind == e.kind && f.entry.list == e.list }) {
				t.Errorf("%s %s: %q is not found", e.list, e.kind, text)
			}
		}
	}
	for _, list := range Languages() {
		if health[list] < 200 {
			t.Errorf("%s: %d words that hint at health", list, health[list])
		}
		for _, k := range wordKinds {
			// Finnish asks by the verb's ending, so that every such word begins a question; English takes little back.
			if k != wordExcept && (k != wordInvert || list != "fi") && !slices.Contains(kinds[list], k) {
				t.Errorf("%s has no word of the kind %s", list, k)
			}
		}
	}
}

func TestWordListsAreReadStrictly(t *testing.T) {
	for _, bad := range []string{"", "-", "a+", "a b", "1", "hud--", "x+1"} {
		x := lexicon{entries: map[string][]entry{}}
		if err := x.add("da", Specialty, bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
