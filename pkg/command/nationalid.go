package command

import (
	"errors"
	"regexp"
	"strings"
)

// errNationalID refuses a command line. It does not repeat what it found.
var errNationalID = errors.New("a national id does not belong on the command line, where every user of the machine can read it: " +
	"leave it out and write country and number on standard input, or name the person with --person and the person key")

// nationalIDRE finds what may be a national id of DK, SE, NO, FI or IS, however it is separated: six or eight digits of a
// date, perhaps one or two separators, and four or five characters of which the first is a digit (Denmark's eCPR: two
// letters between two digits).
var nationalIDRE = regexp.MustCompile(`(?i)(^|[^0-9a-z/])([0-9]{2}){3,4}[ \t.]?[-+.a-fu-y]?[ \t]?[0-9][0-9a-z][0-9a-z][0-9a-z]{1,2}($|[^0-9a-z/])`)

// refuseNationalIDs looks through a whole command line: arguments, and values of flags.
func refuseNationalIDs(args []string) error {
	if nationalIDRE.MatchString(strings.Join(args, "\n")) {
		return usageError{errNationalID}
	}
	for i := range args { // "010170 1234" may have come as two arguments
		if nationalIDRE.MatchString(strings.Join(args[i:min(i+2, len(args))], " ")) {
			return usageError{errNationalID}
		}
	}
	return nil
}
