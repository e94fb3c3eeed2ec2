// Package deploy holds the files that an installation on its own NATS and Redis starts from (config/nats.conf, redis.conf,
// external.yaml, the systemd units and compose.yaml) to what they promise: its tests run the real servers with these very
// files. A booking system can do what it must and nothing else; Husk can do what it does, and its user in Redis nothing
// else; what was acknowledged is there after a kill.
//
// Everything stays on the loopback interface, and every server is stopped by its id.
package deploy
