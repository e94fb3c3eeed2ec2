// Package httpsms is what the carriers have in common that take text messages over HTTP: a Sender that each of them completes
// with a Vendor, the settings and the files of secrets, and the proofs of callbacks.
//
// Where the doubt begins. A request is one write on a connection that was opened, encrypted and looked at before. A message surely
// did not leave until the first byte of its request has gone to the operating system: every fault before is Retry. From that byte
// on only a whole answer settles it; silence, a cut or endless answer, and an answer that the vendor's document does not explain are
// Unknown. A yes is one only with the vendor's own id in it: a proxy's page with status 200 is none.
//
// It speaks HTTP/1.1 on connections of its own and not through net/http's Transport, which sends a request again by itself when a
// kept connection breaks, and follows redirects. Nothing here does either.
//
// It guarantees TLS 1.2 or later with the certificate verified (http:// only to this machine), that one Send writes at most one
// request, and that neither a secret nor a vendor's words, which quote numbers and texts, are in an error.
package httpsms
