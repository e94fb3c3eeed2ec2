package smpp

import (
	"fmt"
	"strings"

	"github.com/linxGnu/gosmpp/data"

	"github.com/husk-reminders/husk/pkg/provider"
)

// answer is what became of one submit_sm.
type answer struct {
	status data.CommandStatusType // of its response
	id     string                 // message_id, "" when the SMSC gives none
	err    error                  // there was no response; then the rest is void
}

func (a answer) accepted() bool { return a.err == nil && a.status == data.ESME_ROK }

// refused reports that the SMSC says no, or what is no yes.
func (a answer) refused() bool { return a.err == nil && a.status != data.ESME_ROK }

// rulings are what the configuration says of the SMSC's command_status.
type rulings struct {
	outcomes map[data.CommandStatusType]provider.Outcome
	faults   map[data.CommandStatusType]provider.Fault
}

// settle is what the answers to all segments of a message, in their order, come to. See the package's comment for the rule. ids are the
// message_ids where err is nil.
func settle(answers []answer, own rulings) (ids []string, err error) {
	silent := error(nil)
	var no []*provider.Error
	for _, a := range answers {
		switch {
		case a.err != nil && silent == nil:
			silent = a.err
		case a.accepted():
			ids = append(ids, a.id)
		case a.refused():
			no = append(no, own.refusal(a.status))
		}
	}
	switch {
	case silent != nil:
		return nil, &provider.Error{Outcome: provider.Unknown, Code: provider.Cause(silent), Err: silent}
	case len(no) == 0:
		return ids, nil
	case len(ids) > 0:
		return nil, &provider.Error{Outcome: provider.Unknown, Code: "partial " + no[0].Code, Err: no[0].Err}
	}
	for _, o := range []provider.Outcome{provider.Unknown, provider.OptedOut} {
		for _, e := range no {
			if e.Outcome == o {
				return nil, e
			}
		}
	}
	return nil, no[0]
}

// StatusError is a command_status other than ESME_ROK (SMPP 3.4 §5.1.3).
type StatusError data.CommandStatusType

// Error names the status.
func (e StatusError) Error() string {
	return "smpp: the SMSC answers " + code(data.CommandStatusType(e))
}

// refusal is the error of a message that the SMSC took nothing of. No status by itself says that an address is wrong for good: one that
// has no route to a country calls every number of it an invalid destination (ESME_RINVDSTADR).
func (r rulings) refusal(status data.CommandStatusType) *provider.Error {
	e := &provider.Error{Outcome: provider.Unknown, Code: code(status), Err: StatusError(status)}
	if o, ok := r.outcomes[status]; ok {
		e.Outcome = o
	} else if o, ok := outcomes[status]; ok {
		e.Outcome = o
	}
	if e.Outcome == provider.Reject {
		e.Fault = r.faults[status]
	}
	return e
}

// outcomes says what the statuses of SMPP 3.4 §5.1.3 mean for a message. One that says neither "later" nor "never", ESME_RSUBMITFAIL
// and ESME_RUNKNOWNERR among them, and each of a vendor's own, is not in it: doubt.
var outcomes = map[data.CommandStatusType]provider.Outcome{
	data.ESME_RTHROTTLED:    provider.Retry,
	data.ESME_RMSGQFUL:      provider.Retry,
	data.ESME_RSYSERR:       provider.Retry,
	data.ESME_RX_T_APPN:     provider.Retry,
	data.ESME_RINVBNDSTS:    provider.Retry, // the session's fault, not the message's
	data.ESME_RINVMSGLEN:    provider.Reject,
	data.ESME_RINVCMDLEN:    provider.Reject,
	data.ESME_RINVCMDID:     provider.Reject,
	data.ESME_RINVPRTFLG:    provider.Reject,
	data.ESME_RINVREGDLVFLG: provider.Reject,
	data.ESME_RINVSRCADR:    provider.Reject,
	data.ESME_RINVDSTADR:    provider.Reject,
	data.ESME_RINVSERTYP:    provider.Reject,
	data.ESME_RINVNUMDESTS:  provider.Reject,
	data.ESME_RINVDESTFLAG:  provider.Reject,
	data.ESME_RINVSUBREP:    provider.Reject,
	data.ESME_RINVESMCLASS:  provider.Reject,
	data.ESME_RINVSRCTON:    provider.Reject,
	data.ESME_RINVSRCNPI:    provider.Reject,
	data.ESME_RINVDSTTON:    provider.Reject,
	data.ESME_RINVDSTNPI:    provider.Reject,
	data.ESME_RINVREPFLAG:   provider.Reject,
	data.ESME_RPROVNOTALLWD: provider.Reject,
	data.ESME_RINVSCHED:     provider.Reject,
	data.ESME_RINVEXPIRY:    provider.Reject,
	data.ESME_RINVDFTMSGID:  provider.Reject,
	data.ESME_RX_P_APPN:     provider.Reject,
	data.ESME_RX_R_APPN:     provider.Reject,
	0xC0:                    provider.Reject, // ESME_RINVOPTPARSTREAM
	0xC1:                    provider.Reject, // ESME_ROPTPARNOTALLWD
	0xC2:                    provider.Reject, // ESME_RINVPARLEN
	0xC3:                    provider.Reject, // ESME_RMISSINGOPTPARAM
	0xC4:                    provider.Reject, // ESME_RINVOPTPARAMVAL
}

// code is the word for a status: its name in the specification, or its number.
func code(status data.CommandStatusType) string {
	if name := status.String(); strings.HasPrefix(name, "ESME_") {
		return name
	}
	return fmt.Sprintf("0x%x", uint32(status))
}
