// Package native decodes booking events in Husk's own JSON: the closed schema config/events.schema.json.
//
// It guarantees: what it returns is whole and checked, an unknown field, a field given twice, a field of another spelling
// and anything after the event are refused, and no error tells a value. What a JSON Schema cannot say is checked too: that
// dates are real, that the zone is known, that the subject agrees with system and unit.
//
// This is the door at which the national id becomes a PersonKey. The id must come in its register's form (see Canonical);
// whether the register has issued it is not asked: check digits are no proof in Denmark and Iceland and soon not in
// Norway, and a wrong number meets no consent behind the door.
//
// Local times: one that the clocks show twice (autumn) is the first of the two, so that a patient comes early rather than
// late; one that they skip (spring) is refused.
package native
