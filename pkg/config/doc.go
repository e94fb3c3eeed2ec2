// Package config turns what an operator wrote (defaults, a YAML file, HUSK_… environment variables, command-line flags,
// in rising order of rank) into one typed Config.
//
// It guarantees that a Config which Load or Resolved returned is whole and valid: every key is known, every value has
// the right type and range, derived paths are filled in and absolute. What is wrong is refused at start, all of it at
// once, each with its key, its value, where it was written and what is allowed. Every key is described in
// config/husk.yaml, and a test holds that file and Config to each other.
//
// It never guesses: an unknown key is refused rather than ignored, and "yes" is not true. It never prints a secret:
// values of carrier settings, of URLs that may hold a password and of keys it does not know stay out of every error.
// It reads no file but the configuration file itself; whether the things named in it exist is for `husk doctor`.
package config
