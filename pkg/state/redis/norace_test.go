//go:build !race

package redis_test

// race says that the race detector is on: what counts operations counts fewer.
const race = false
