package smpp

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"
)

// mostErrors is how many different errors are told of.
const mostErrors = 3

// failures are what could not be handled in one Poll. What stays here to be handled, of which there is no more than the queue has room for, is
// taken back once it was handled; of what the SMSC brings again another time there may be any number, so it is counted alone.
type failures struct {
	kept   map[*item]error
	gone   int
	first  []error // of those that are gone: the first few that differ
	logged int     // of those that are gone
}

// of takes down what became of an item; err may be nil.
func (f *failures) of(i *item, err error) {
	switch {
	case err == nil:
		delete(f.kept, i)
	case i.stays():
		if f.kept == nil {
			f.kept = map[*item]error{}
		}
		f.kept[i] = err
	default:
		f.gone++
		f.first = different(f.first, err)
	}
}

// different are no more than mostErrors errors that don't say the same.
func different(errs []error, more ...error) []error {
	for _, err := range more {
		if len(errs) < mostErrors && !slices.ContainsFunc(errs, func(e error) bool { return e.Error() == err.Error() }) {
			errs = append(errs, err)
		}
	}
	return errs
}

// err tells of all; nil when there are none.
func (f *failures) err() error {
	if len(f.kept)+f.gone == 0 {
		return nil
	}
	return fmt.Errorf("smpp: %d notices could not be handled: %w", len(f.kept)+f.gone,
		errors.Join(different(slices.Clone(f.first), slices.Collect(maps.Values(f.kept))...)...))
}

// log tells of them while Poll goes on, where there is news of what is gone or something still waits.
func (f *failures) log(log *zap.Logger) {
	if len(f.kept)+f.gone-f.logged > 0 {
		log.Warn("what the SMSC delivers can't be handled; it is tried again", zap.Error(f.err()))
		f.logged = f.gone
	}
}
