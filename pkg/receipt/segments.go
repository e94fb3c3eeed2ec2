package receipt

import (
	"cmp"
	"slices"
)

// Word is the last word on one segment of a message.
type Word struct {
	ID     string `json:"id"`     // the carrier's, of the segment
	Status Status `json:"status"` // Delivered or Undelivered
}

// MostSegments is how many segments a message can have: their number is one octet of the header that joins them (3GPP TS 23.040,
// 9.2.3.24.1).
const MostSegments = 255

// Hear adds a word to those that were heard, which it does not change. A failure sticks to its segment, whichever word came first; what is
// not final is no word. The order of the result is that of the ids, so the same words in any order come to the same.
func Hear(words []Word, w Word) []Word {
	if w.Status != Delivered && w.Status != Undelivered {
		return words
	}
	i, there := slices.BinarySearchFunc(words, w.ID, func(x Word, id string) int { return cmp.Compare(x.ID, id) })
	switch {
	case there && (words[i].Status == w.Status || words[i].Status == Undelivered):
		return words
	case there:
		words = slices.Clone(words)
		words[i] = w
		return words
	case len(words) >= MostSegments:
		return words
	}
	return slices.Insert(slices.Clip(words), i, w)
}

// Merge is what the words on single segments come to for the message: Undelivered as soon as one has failed, Delivered when each of ids is
// delivered, else "", nothing yet. ids are all that the carrier gave the message. Where it gave one or none, it does not report segments by
// themselves, and any word is of the whole message.
func Merge(ids []string, words []Word) Status {
	if slices.ContainsFunc(words, func(w Word) bool { return w.Status == Undelivered }) {
		return Undelivered
	}
	if len(words) == 0 {
		return ""
	}
	if len(ids) > 1 {
		for _, id := range ids {
			if !slices.Contains(words, Word{id, Delivered}) {
				return ""
			}
		}
	}
	return Delivered
}
