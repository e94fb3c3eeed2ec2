// Package bench measures the line on the machine it runs on: it makes its own load, in a data directory of its own, and
// drives it through the real stations, with every journal write on disk before it counts.
//
// It is a room because it has to meet what it measures against: the bare loop of a broker and a store without anything of
// Husk in it, and asynq, a job queue that people know. So it speaks NATS and Redis itself, which no station but those of
// the journal and the state does, and may import every station. Nothing rests on it but the command.
//
// It guarantees that a figure is of work that was done whole: each reminder of a load was handed over exactly once, or was
// barred by one of the load's own STOPs before; anything else is an error and no figure. Rates come with the bare loop's of
// the same run, made before and after, because a rate alone says more about the machine than about Husk.
//
// It must never load a broker or store that holds anybody's data, reach a carrier, or write of a person who exists.
package bench
