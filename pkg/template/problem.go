package template

import (
	"errors"
	"fmt"
)

// ErrSyntax is what every Problem is, for errors.Is.
var ErrSyntax = errors.New("template: not a valid template")

// Problem is something wrong with a template file and where: line and column count from 1, the column in letters. A column of
// 0 means the whole line.
type Problem struct {
	File   string
	Line   int
	Column int
	Reason string
}

// Error is "template: da/reminder.sms.txt:1:17: reason".
func (p Problem) Error() string {
	if p.Column == 0 {
		return fmt.Sprintf("template: %s:%d: %s", p.File, p.Line, p.Reason)
	}
	return fmt.Sprintf("template: %s:%d:%d: %s", p.File, p.Line, p.Column, p.Reason)
}

// Is makes every Problem an ErrSyntax.
func (p Problem) Is(target error) bool { return target == ErrSyntax }

// Problems lists the Problems that an error of Parse, Load or Read joins.
func Problems(err error) []Problem {
	var p Problem
	switch e := err.(type) { //nolint:errorlint // it is taken apart, not looked into
	case nil:
		return nil
	case Problem:
		return []Problem{e}
	case interface{ Unwrap() []error }:
		var out []Problem
		for _, one := range e.Unwrap() {
			out = append(out, Problems(one)...)
		}
		return out
	}
	if errors.As(err, &p) {
		return []Problem{p}
	}
	return nil
}
