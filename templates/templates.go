// Package templates ships the default message texts inside the binary, one file a text: <language>/<set>.<channel>.txt.
// Package template says how they are written. It holds no code and must never hold a text that no clinic has approved
// for its country.
package templates

import "embed"

// FS holds the default texts.
//
//go:embed da/*.txt sv/*.txt nb/*.txt fi/*.txt de/*.txt en/*.txt
var FS embed.FS
