// Package redis is the state in Redis (7 or later, also Cluster and behind Sentinel): shared by all processes, kept when
// they end, and thrown away without loss, because the journal is the truth.
//
// A shard's keys share the tag {00} to {3f}; one script folds a run of entries into them, if nobody else has folded since; a
// Cluster that moves a shard to another node answers nothing of it until all of it is there. What a
// fold says in other shards (who is behind an address, who holds an appointment) is written before, each word with the
// sequence it is as of, so that repeating it is harmless and an older word never wins. Leases, marks and caps stand beside
// the fold, by the store's own clock.
//
// It guarantees
//   - that a store which was restarted, emptied, restored, failed over or replaced says no, to everybody, until a projector
//     has read it again: the scripts that say yes bear a random nonce and are loaded by that projector alone, on masters
//     alone, into a cache that Redis neither persists nor replicates; and each looks first at its shard's certificate, which
//     lives a second by the store's clock and goes with the data;
//   - that nothing is folded into such a store before every attempt that was confirmed in the old one has been written or
//     given up (Options.Quiet), so that no STOP is acknowledged over a lost mark;
//   - that a projector whose own folds are missing stops with ErrRolledBack.
//
// It must never load a script with a certificate's nonce in a process that did not issue it, run a gate by anything but its
// digest, or read from a replica. Keys and values hold pseudonyms, times, statuses and the journal's sealed bytes, and no
// name, address or national id.
package redis
