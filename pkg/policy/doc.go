// Package policy holds the rules of each country as data: dated packs, one YAML file each, named by id and by the
// SHA-256 of the file's bytes. Every decision stores which pack it used, so an old decision can be made again with the
// rules of its day.
//
// It guarantees that a pack which loads is whole: an unknown key, a wrong value, two packs in force for one country on
// one day are refused, naming file, key, value and what is allowed. A day on which no pack is in force has no rules, and
// then nothing is sent.
//
// It must never decide anything itself, know a person, or fill in a rule the file does not state.
package policy
