package reminder

// HusksOwn is the system of what is sent for no appointment of a booking system: a one-time code. Its id is the random reference
// of what is sent.
const HusksOwn = "husk"

// Challenge is a one-time code on its way to a number that is not yet proven to be the person's: what a message of the purpose
// Verify is about. Number and code print masked.
type Challenge struct {
	Address Address // a phone number
	Code    Masked  // six digits
}
