// Package browser drives the clerks' pages of the built program in a real Chromium, as the people who work with them do: it follows links,
// presses buttons and fills in fields by the words that stand on the pages. The people sign in at a real OpenID provider, the
// bookings come over the broker's port, text messages go to the outbox, and the carrier of e-mail takes each message and cuts the line.
// A second installation, without a provider, is for one-time links.
//
// Everything stays on the loopback interface: the browser has one way out, a proxy of the tests, which lets nothing through to another
// machine and remembers who tried. axe-core looks at every page in every language.
//
// -shots DIR has pictures of every page written, on the screen and on paper; -steps has each step of the tests logged.
package browser
