// Package policies ships the policy packs inside the program: one dated YAML file a pack, each line with its source. They
// are a starting point and no legal advice: the controller's data protection officer signs the pack that is used.
//
// A pack in force is never edited: a changed rule is a new file with a later valid_from, and the old one gets its
// valid_until, so that old decisions can be made again.
package policies

import "embed"

// FS holds the *.yaml files.
//
//go:embed *.yaml
var FS embed.FS
