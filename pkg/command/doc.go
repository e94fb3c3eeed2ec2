// Package command is what the program's commands do.
//
// It guarantees that every command works while `husk serve` runs on the data (over its admin socket) and when none does (with
// the same handlers, in this process and under the data's lock), and that two processes never work on the same data.
//
// It must never take a national id, a phone number or a mail address from the command line, where every user of the machine
// can read it: those are read from standard input. It must never print one back.
package command
