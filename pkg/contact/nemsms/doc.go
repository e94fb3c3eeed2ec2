// Package nemsms asks Denmark's Digital Post, through KOMBIT's Serviceplatformen (integration SF1601, PostForespoerg),
// whether a person has NemSMS: yes, no, or a technical error. The protocol is read from several public clients in use
// (itk-dev/serviceplatformen and its docs/SF1601.md, itk-dev-rpa/python-serviceplatformen, and others that agree with
// them): three calls, each with the organisation's OCES3 certificate (mTLS): a SAML token from the Security Token Service,
// an access token for it, then the question.
//
// The register tells whether a person has NemSMS, never which number. So its yes is of the person; asked about a number it
// answers No, NotTold. That a number is the person's can't be taken from it, and Fitness says so.
//
// It guarantees that a malformed number is never sent (the service answers false to it, as to a person without NemSMS),
// that what is not a plain true or false is Unknown, and that a call which fails takes no other person's answer with it.
//
// It must never put a URL into an error or a log: the CPR number stands in its query, because the protocol has it there.
package nemsms
