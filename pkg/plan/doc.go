// Package plan says which reminders an appointment should have, and when: Appointment + the unit's rules + the calendar
// → the whole wanted set. It is pure.
//
// How a rule becomes a time, all in the unit's zone:
//
//  1. The rule's time is so many calendar days before the start at the same local time (7d, 48h); what is left of a rule
//     after whole days is counted in elapsed hours.
//  2. A unit with a cancellation deadline is reminded of no later than one day before it (DeadlineLead), so that there
//     is a day to call.
//  3. Outside the unit's send window it moves earlier, never later: to the same time of day on the last open day
//     before, or, when the time of day itself is outside the window, to half an hour before the last closing.
//  4. Of two reminders less than MinGap apart only the one nearer to the start stays.
//  5. A reminder expires when the next one is due, the last one ExpireBefore the start. What is due at or before now, or not
//     before the last one's expiry, is left out. An
//     appointment booked too late for a rule so gets the next rule that still helps, and none if no rule does: who
//     has just booked knows the time.
//
// It guarantees: steps 1 to 4 depend on the appointment and the unit alone, so planning the same appointment again later
// gives the same ids with the same times, less those that have become due; every Due is inside the window, after now,
// before the deadline and before the expiry.
//
// It must never read a clock, know who may be reached, or put personal data into a Plan.
package plan
