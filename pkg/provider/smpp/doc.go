// Package smpp is the carrier for SMS over SMPP 3.4 (Short Message Peer to Peer, 12-Oct-1999 Issue 1.2): one bound transceiver session,
// over TLS unless the SMSC is on this machine. It is kept up by enquire_link, and bound again with a back-off when it ends.
//
// The PDUs are encoded with github.com/linxGnu/gosmpp/pdu. Its session layer is not used: it queues what is submitted and writes it later,
// tells a failed write without saying which PDU had left, and answers deliver_sm before anybody has dealt with it. deliver_sm is
// decoded here, because that package drops the data_coding it doesn't know and the whole PDU with a user data header it doesn't like.
//
// What becomes of a message. A message is one submit_sm a segment, all written at once and each asked a receipt
// (registered_delivery 1), but for answers and trials, which nobody follows. It surely did not leave until the first octet of the
// first is handed to the connection: every fault before that is Retry. From there on the submit_sm_resp of every segment is awaited:
//
//   - every segment accepted: Accepted, with the message_id of the first as CarrierID and the others as Parts;
//   - no segment accepted and every one answered: where each answer says so, nothing is with the SMSC. One that says neither "later" nor
//     "never" makes it Unknown; else one that says the person opted out makes it that; else what the first segment was told decides:
//     Retry (throttled, queue full, system error, application error for now, not bound) or Reject (an error for good; with a Fault
//     where the setting faults has the code);
//   - anything else is Unknown: a segment without an answer because the connection broke or the time was up, or some segments accepted
//     and some refused.
//
// Partial acceptance is Unknown, and stays so, on purpose. The refused segments are never written again: the phone joins the segments
// of one submission by a reference that is now spent, so another attempt would bring the accepted ones twice, and nobody can see
// whether the SMSC takes what was refused a moment ago. cancel_sm is not tried: many SMSCs don't offer it, and one that says yes may
// have handed the segment on. A clerk is told. To make it rare, the window is counted in PDUs: a slot keeps room for all segments
// that a message may have, so the SMSC's own window, where it is no smaller, never cuts a message in two. Its rate still can: set
// rate_per_second below it.
//
// The link between a message and its receipts is the message_id: SMPP has no field for a reference of the sender's. So a message whose
// submit_sm_resp was lost can't be told from the receipt alone. With user_message_reference on, each submit_sm carries 16 bits made
// of the message's reference (SMPP 3.4 §5.3.2.17), which an SMSC returns in the receipt; a receipt with the same 16 bits, from the
// same recipient, then names the message in doubt, whether it has a message_id or not. These are remembered in this process alone. A
// submit_sm_resp that comes too late names it too; of several segments it is a yes to the message once each has been accepted, in time or
// late, and then without an id, so that a receipt of one segment is not taken for one of the whole.
//
// What people write is said when it came in first: where the SMSC delivers it again, because it was refused for now or the session ended
// before its answer, it has the time of the first delivery, as far as this process remembers that one.
//
// It guarantees that one Send writes each segment at most once; that no more than the window of submit_sm is unanswered while
// answers come in time; that a deliver_sm is answered with success only after its notice was handled, and refused for now
// (ESME_RX_T_APPN) when too many wait or when it is a receipt that could not be handled; that what a person writes waits for no
// receipt and for nobody else, while fewer than 16 others' replies are in hand; and that the receipt form is believed of the SMSC
// alone, never of a text that looks like one.
//
// It must never retry, never send in the clear over a network, and never put a number, a text or a password into an error or a log line.
package smpp
