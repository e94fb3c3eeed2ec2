package config

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Controller is the organisation that answers for the installation's records (GDPR article 4(7)), as exports for patients name it.
type Controller struct {
	ID   string `key:"id"`   // organisation number or token; empty = the hospital's id where the unit directory has one alone
	Name string `key:"name"` // as patients know it
}

var controllerRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.:_-]{0,63}$`)

func (c Config) controller(k *checker) {
	x := c.Controller
	k.check("controller.id", x.ID == "" || controllerRE.MatchString(x.ID), "an organisation number or token: up to 64 letters, digits, . : _ and -, or empty")
	bad := func(r rune) bool { return !unicode.IsPrint(r) }
	k.check("controller.name", utf8.RuneCountInString(x.Name) <= 120 && utf8.ValidString(x.Name) && !strings.ContainsFunc(x.Name, bad), "the organisation's name, up to 120 printable characters, or empty")
}
