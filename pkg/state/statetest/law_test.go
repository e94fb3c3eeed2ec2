package statetest

import (
	"slices"
	"testing"
)

// TestLaw: the model forbids what is promised never to happen, and nothing else. Each story is told one thing after the other.
func TestLaw(t *testing.T) {
	at := func(person int, vs ...verb) (out []act) {
		for _, v := range vs {
			version := newHouse().residents[person].version
			out = append(out, act{verb: v, person: person, claim: 1, version: version, word: 7})
		}
		return out
	}
	told := func(person int, n no) []act { return []act{{verb: acknowledge, person: person, no: n, word: 7}} }
	// A message is on its way about one person, somebody says no, hears that it is final, and then the message leaves.
	behind := func(about, who int, n no, says ...verb) []act {
		return slices.Concat(at(about, intend, mark, note), at(who, says[0]), told(who, n), at(who, says[1:]...), at(about, leave))
	}
	for name, c := range map[string]struct {
		story []act
		want  bool
	}{
		"sent":                           {at(0, intend, mark, note, leave, settle), true},
		"sent, about a child":            {at(child, intend, mark, note, leave, settle), true},
		"not let go":                     {at(0, intend, mark, leave), false},
		"let go twice":                   {at(0, intend, mark, note, mark), false},
		"settled":                        {at(0, intend, mark, note, settle, leave), false},
		"let go behind a STOP":           {at(0, intend, stop, mark), false},
		"let go behind a STOP and START": {at(0, intend, stop, start, mark, note, leave), true},
		"let go behind a bar and START":  {at(0, intend, bar, start, mark), false},
		"let go behind a bar that a clerk lifted":               {at(0, intend, stop, bar, lift, mark, note, leave), true},
		"let go behind a changed mind":                          {at(0, intend, withdraw, mark, note), false},
		"let go behind an erasure":                              {at(0, intend, eraseVisits, mark, note), false},
		"a STOP is final under a mark":                          {slices.Concat(at(0, intend, mark, stop), told(0, byStop)), false},
		"a bar is final under a mark":                           {slices.Concat(at(0, intend, mark, bar), told(0, byClerk)), false},
		"behind a withdrawal":                                   {behind(0, 0, byWord, withdraw), false},
		"behind another's withdrawal":                           {behind(0, 1, byWord, withdraw), true},
		"behind a withdrawal and a yes":                         {behind(0, 0, byWord, withdraw, grant), true},
		"behind a wrong number":                                 {behind(0, 0, byWrong, wrong), false},
		"behind a wrong number and START":                       {behind(0, 0, byWrong, wrong, stop, start), false},
		"behind a wrong number and an old proof":                {behind(0, 0, byWrong, wrong, repeat), false},
		"behind a wrong number and a yes":                       {behind(0, 0, byWrong, wrong, grant), false},
		"behind a wrong number and a fresh proof":               {behind(0, 0, byWrong, wrong, prove), true},
		"behind an erasure":                                     {behind(0, 0, byErase, eraseWords), false},
		"behind an erasure and a proof":                         {behind(0, 0, byErase, eraseWords, prove, grant), false},
		"behind an erasure and a new beginning":                 {behind(0, 0, byErase, eraseVisits, book), true},
		"about a child, behind its end of custody":              {behind(child, child, byCustody, custodyEnds), false},
		"about a child, behind a custody anew":                  {behind(child, child, byCustody, custodyEnds, custody), true},
		"about a child, behind the guardian's no":               {behind(child, guardian, byWord, withdraw), false},
		"about a child, behind the guardian's number":           {behind(child, guardian, byWrong, wrong), false},
		"about a child, behind the guardian's end":              {behind(child, guardian, byErase, eraseWords), false},
		"about a child, behind the guardian's end and a proof":  {behind(child, guardian, byErase, eraseWords, prove), true},
		"about a child, behind the guardian's end and a visit":  {behind(child, guardian, byErase, eraseWords, book, grant), false},
		"about a child, behind a no that was erased":            {behind(child, guardian, byWord, withdraw, eraseWords), true},
		"behind a no that was erased":                           {slices.Concat(behind(0, 0, byWord, withdraw, eraseWords)[:6], told(0, byErase), at(0, grant, prove, leave)), false},
		"about a child, behind another's no":                    {behind(child, 0, byWord, withdraw), true},
		"about a child, behind its own end and a new beginning": {behind(child, child, byErase, eraseWords, book), true},
		"about a guardian, behind the child's end":              {behind(guardian, child, byErase, eraseWords), true},
	} {
		h, ok := newHouse(), true
		for i, a := range c.story {
			if ok, h = h.step(a, answer{}, false); !ok && i < len(c.story)-1 {
				t.Errorf("%s: %s is unlawful already", name, verbs[a.verb])
				break
			}
		}
		if ok != c.want {
			t.Errorf("%s: lawful %v, want %v", name, ok, c.want)
		}
	}
}
