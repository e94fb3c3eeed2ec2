package inbound

// Intent is what somebody wants who answers. The list is closed, and its values are labels of metrics.
type Intent string

// The intents.
const (
	Stop        Intent = "stop"               // no more messages
	Start       Intent = "start"              // messages again
	Help        Intent = "help"               // what is this?
	WrongNumber Intent = "wrong_number"       // the address is somebody else's
	Cancel      Intent = "cancel_appointment" // not coming, or may mean it
	Confirm     Intent = "confirm"            // coming
	Other       Intent = "other"
)

// Intents lists them all.
var Intents = []Intent{Stop, Start, Help, WrongNumber, Cancel, Confirm, Other}

// ClassifyOptions are what is known of a text besides the text.
type ClassifyOptions struct {
	// Keyword begins every reply to a number that several senders share; it is not part of what is said. "" = none.
	Keyword string
}

// Result is what a text is taken for.
type Result struct {
	Intent Intent
	// Also is a second thing that the same text asks for, "" when it does not: Stop beside WrongNumber, Cancel beside Stop.
	Also Intent
	// Why is the rule that decided. It holds nothing of the text.
	Why string
}

// Is reports whether the text asks for i, first or besides.
func (r Result) Is(i Intent) bool { return r.Intent == i || r.Also == i }

// rule is one line of the decision list.
type rule struct {
	why string
	is  func(*reading) bool
}

// The decision list. Within an intent the first rule that holds is the reason. A wrong number is the strongest, for it blocks the
// address until it is proven anew; a STOP beside it counts too, and so does a cancellation beside a STOP.
var (
	wrongRules = []rule{
		{"wrong number, alone", (*reading).wrongAlone},
		{"a phrase that says the number is another's", (*reading).saysWrong},
		{"the word wrong beside number or person", (*reading).wrongPerson},
		{"two things that only a stranger says", (*reading).notMine},
	}
	stopRules = []rule{
		{"word STOP alone", (*reading).stopAlone},
		{"text begins with STOP", (*reading).stopFirst},
		{"a phrase that asks for no more messages", (*reading).saysStop},
		{"a word to unsubscribe beside messages", (*reading).unsubscribes},
		{"a word to end something beside messages", (*reading).ceases},
		{"a word to end something, and this", (*reading).ceasesThis},
		{"a no beside messages and more, want or send", (*reading).refuses},
		{"a no, and nothing else to refuse", (*reading).refusesThese},
		{"tired of messages", (*reading).wearies},
		{"to be taken off the list", (*reading).removes},
		{"consent taken back", (*reading).revokes},
		{"word STOP alone, one letter off", (*reading).nearlyStop},
		{"STOP in capitals ends the text", (*reading).loudStop},
		{"an unknown keyword, then STOP alone", (*reading).keywordStop},
	}
	cancelRules = []rule{
		{"a word to cancel", (*reading).cancels},
		{"a phrase that gives up the appointment", (*reading).saysCancel},
		{"a word to unsubscribe beside the appointment", (*reading).unbooks},
		{"STOP beside the appointment alone", (*reading).stopsVisit},
		{"a no beside to come", (*reading).staysAway},
		{"a word to take off beside the appointment", (*reading).strikes},
		{"a no beside to need and the appointment", (*reading).needless},
		{"a mind changed about the appointment", (*reading).thinksAgain},
		{"to come another day", (*reading).moves},
	}
	otherRules = []struct {
		intent Intent
		rule
	}{
		{Start, rule{"word START alone", (*reading).startAlone}},
		{Start, rule{"a phrase that asks for messages again", (*reading).saysStart}},
		{Help, rule{"word HELP alone", (*reading).helpAlone}},
		{Help, rule{"asks what the messages are", (*reading).asksWhat}},
		{Confirm, rule{"yes, or to come, alone", (*reading).confirms}},
	}
)

// Classify says what a text is taken for. It reads the words and knows no more than its lists do; a text that no rule knows
// is Other. It takes time in proportion to the text, keeps nothing of it, and Why holds nothing of it.
//
// STOP is known whatever its case, spacing, punctuation, invisible characters and look-alike letters; one letter may be
// wrong when there is nothing else, and in words of five letters or more that count only beside others. Words that may mean the
// appointment (AFLYS, AVBRYT, CANCEL) are no STOP; a word to unsubscribe that is said of appointments too (AFMELD, MELD AV) is one,
// and the clinic hears of it.
func Classify(text string, o ClassifyOptions) Result {
	mine := own(text, o.Keyword)
	r := decide(newReading(read(mine, asMarks)))
	if r.Intent != Stop && drawsLetters(mine) {
		// Symbols may be letters (Ⓢ Ⓣ Ⓞ Ⓟ), or decoration above what looks quoted.
		for _, again := range []Result{decide(newReading(read(mine, asLetters))), decide(newReading(read(bounded(text), asMarks)))} {
			if again.Is(Stop) || r.Intent == Other {
				r = again
			}
			if r.Is(Stop) {
				break
			}
		}
	}
	return r
}

func decide(r *reading) Result {
	wrong, stop, cancel := r.first(wrongRules), r.first(stopRules), r.first(cancelRules)
	if wrong != "" && stop == "" && r.mentionsStop() {
		stop = "word STOP anywhere"
	}
	switch {
	case wrong != "" && stop != "":
		return Result{WrongNumber, Stop, wrong + "; and " + stop}
	case wrong != "":
		return Result{Intent: WrongNumber, Why: wrong}
	case r.undoes():
		return Result{Intent: Start, Why: "a STOP taken back"}
	case stop != "" && cancel == "" && r.doubtful():
		return Result{Stop, Cancel, stop + "; and for the clinic: a word that is said of appointments too"}
	case stop != "" && cancel != "":
		return Result{Stop, Cancel, stop + "; and for the clinic: " + cancel}
	case stop != "":
		return Result{Intent: Stop, Why: stop}
	case cancel != "":
		return Result{Intent: Cancel, Why: cancel}
	}
	for _, x := range otherRules {
		if x.is(r) {
			return Result{Intent: x.intent, Why: x.why}
		}
	}
	return Result{Intent: Other, Why: "no rule"}
}

func drawsLetters(text string) bool {
	for _, c := range text {
		if c >= 0x2000 && drawn(c) != 0 {
			return true
		}
	}
	return false
}
