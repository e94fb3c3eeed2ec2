//go:build race

package redact_test

const underRace = true // sync.Pool drops at random then
