// Package defaults carries the files of this folder that the program needs when it is given none: the example unit
// directory and the schema of booking events. It holds data only and must never import anything of Husk.
package defaults

import _ "embed"

// Units is config/units.yaml: the example hospitals of the demo.
//
//go:embed units.yaml
var Units []byte

// UnitsSchema is config/units.schema.json, for editors; reminder.ReadUnits is what counts.
//
//go:embed units.schema.json
var UnitsSchema []byte

// EventsSchema is config/events.schema.json: booking events in Husk's native JSON.
//
//go:embed events.schema.json
var EventsSchema []byte
