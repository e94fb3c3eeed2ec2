package smpp

import (
	"encoding/binary"
	"regexp"
	"strings"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
)

// receipt is what a delivery receipt says.
type receipt struct {
	id     string // as written
	status provider.Status
	word   string // the SMSC's, of SMPP 3.4 Appendix B; "" when it tells none
	error  string // its error code; "" when it tells none
	fault  provider.Fault
}

// states are the values of message_state, SMPP 3.4 §5.2.28, and their words in the text form, Appendix B. ACCEPTD settles nothing: SMSCs use it
// of messages under way, whatever the specification says; and UNKNOWN is no news.
var states = map[byte]struct {
	word string
	is   provider.Status
}{
	1: {"ENROUTE", provider.Pending},
	2: {"DELIVRD", provider.Delivered},
	3: {"EXPIRED", provider.Undelivered},
	4: {"DELETED", provider.Undelivered},
	5: {"UNDELIV", provider.Undelivered},
	6: {"ACCEPTD", provider.Pending},
	7: {"UNKNOWN", provider.Pending},
	8: {"REJECTD", provider.Undelivered},
}

// statusOf is the status of a word; Pending of one that is not known.
func statusOf(word string) provider.Status {
	for _, s := range states {
		if s.word == word {
			return s.is
		}
	}
	return provider.Pending
}

// networkFaults are the error codes of a GSM network (3GPP TS 29.002 §17.6.6) that mean that the address is wrong for good.
var networkFaults = map[uint16]provider.Fault{
	1:  provider.NotInUse,  // unknownSubscriber
	11: provider.NotMobile, // teleserviceNotProvisioned
}

// networkGSM is the network type of network_error_code, SMPP 3.4 §5.3.2.31.
const networkGSM = 3

// readReceipt reads a receipt: the fields of SMPP 3.4 §4.6.1.1, and the text form where these are not there.
func (s *Sender) readReceipt(d delivery) receipt {
	r := parseReceipt(read(d.coding, d.message))
	if id, there := d.options[pdu.TagReceiptedMessageID]; there {
		if named, _, _ := cutString(id); named != "" {
			r.id = named
		}
	}
	if state := d.options[pdu.TagMessageStateOption]; len(state) == 1 {
		if is, known := states[state[0]]; known {
			r.word, r.status = is.word, is.is
		}
	}
	if d.class&classType == classIntermediate {
		r.status = provider.Pending // SMPP 3.4 §5.2.12: on its way, whatever it says
	}
	if r.status == provider.Undelivered {
		r.fault = provider.Fault(s.config.Faults[r.error])
		if e := d.options[pdu.TagNetworkErrorCode]; len(e) == 3 && e[0] == networkGSM && r.fault == "" {
			r.fault = networkFaults[binary.BigEndian.Uint16(e[1:])]
		}
	}
	return r
}

// receiptField is one field of the text form, which Appendix B calls a typical one: SMSCs vary its case, its order and its spaces.
var receiptField = regexp.MustCompile(`(?i)(?:^|[\s;,])(id|stat|err) ?: ?([^\s;,]{1,64})`)

// receiptText is where the beginning of the message stands, which is the person's and says nothing.
var receiptText = regexp.MustCompile(`(?i)(?:^|\s)text ?:`)

// parseReceipt reads the text form.
func parseReceipt(text string) receipt {
	if at := receiptText.FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	r := receipt{status: provider.Pending}
	for _, f := range receiptField.FindAllStringSubmatch(text, -1) {
		switch key := strings.ToLower(f[1]); {
		case key == "id" && r.id == "":
			r.id = f[2]
		case key == "stat" && r.word == "":
			r.word = strings.ToUpper(f[2])
			r.status = statusOf(r.word)
		case key == "err" && r.error == "":
			r.error = f[2]
		}
	}
	return r
}

// code is the SMSC's words, "UNDELIV 001".
func (r receipt) code() string {
	word, e := r.word, r.error
	if len(word) > 10 {
		word = ""
	}
	if len(e) > 8 || strings.Trim(e, "0") == "" {
		e = ""
	}
	return strings.TrimSpace(word + " " + e)
}

// receiptNotice is what a receipt tells Husk. It has neither CarrierID nor Reference when the receipt names no message.
func (s *Sender) receiptNotice(d delivery, r receipt) provider.Notice {
	n := provider.Notice{
		Kind: provider.ReportKind, CarrierID: canonical(r.id, s.config.ReceiptIDs), Status: r.status, Code: r.code(), Fault: r.fault, Signed: s.tls != nil,
	}
	if ref := d.options[pdu.TagUserMessageReference]; len(ref) == 2 && s.config.MessageRef {
		n.Reference, n.Status = s.doubts.settle(d.from, binary.BigEndian.Uint16(ref), n.CarrierID, n.Status)
	}
	return n
}

// late tells of a submit_sm_resp that nobody waited for any more: with it the SMSC has the whole message, or has refused a segment. The id
// of one of several names no message: a receipt of that segment would be taken for one of the whole.
func (s *Sender) late(reference string, a answer, segments bool) {
	n := provider.Notice{Kind: provider.ReportKind, Reference: reference, CarrierID: a.id, Status: provider.Pending, Signed: s.tls != nil}
	if segments {
		n.CarrierID = ""
	}
	if a.status != data.ESME_ROK {
		n.Status, n.Code = provider.Undelivered, code(a.status)
	}
	s.tell(n)
}

// tell has Poll hand over what Husk found out itself, and what the SMSC does not say again.
func (s *Sender) tell(n provider.Notice) {
	if !s.inbox.put(&item{notice: n}) {
		s.log.Warn("too many receipts wait; what became of a message is lost", zap.String("provider", Name))
	}
}
