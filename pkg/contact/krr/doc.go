// Package krr asks Norway's Kontakt- og reservasjonsregisteret (KRR) for a person's mobile number, mail address and
// reservation. Sources: docs.digdir.no, "Oppslagstjenesten REST", "Attributter i KRR" and "18-månedersregel";
// eForvaltningsforskriften §§ 29 to 32.
//
// It guarantees that national ids go to the register in the body of a POST alone, 1,000 at most at once; that an id which
// can't be a Norwegian one is told apart from "not registered" and never sent; that a person whom the answer leaves out,
// describes twice or garbles is Unknown and the others are still answered; and that an address which the person has neither
// updated nor confirmed for 18 months is no Yes, whatever else the register says, each channel by its own dates.
//
// What the register says is for use at once: its terms ask for a look-up at each sending and forbid a local copy, so an
// answer is good for a day (Answer.Until).
//
// It must never put an id, an address or the text of an answer into an error or a log.
package krr
