package redact

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// signature finds, in the value of a DKIM-Signature (RFC 6376 section 3.5), what is its own: the hash of the body and the signature, of the
// lengths that such have, and its times. All other tags are looked at as any text; with a tag that is there twice nothing is explained.
func signature(value string, begins int) []cover {
	var out []cover
	seen := map[string]bool{}
	for at := 0; at <= len(value); {
		tag, _, _ := strings.Cut(value[at:], ";")
		name, v, ok := strings.Cut(tag, "=")
		if name = strings.Trim(name, " \t"); ok && seen[name] {
			return nil
		}
		seen[name] = true
		if from := at + len(tag) - len(v); ok && ofSignature(name, v) {
			out = append(out, cover{begins + from, begins + at + len(tag)})
		}
		at += len(tag) + 1
	}
	if !seen["bh"] || !seen["b"] || !seen["h"] {
		return nil
	}
	return out
}

// ofSignature reports whether the value of a tag is a hash, a signature or a time. One that can be read is none: it would be a text.
func ofSignature(name, value string) bool {
	value = strings.Join(strings.Fields(value), "")
	switch name {
	case "t", "x":
		n, err := strconv.ParseInt(value, 10, 64)
		return err == nil && n >= time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Unix() && n < time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	case "bh", "b":
		p, err := base64.StdEncoding.Strict().DecodeString(value)
		if err != nil || readable(p) {
			return false
		}
		switch len(p) {
		case 32: // SHA-256
			return name == "bh"
		case 64, 256, 384, 512: // ed25519; RSA of 2048, 3072 and 4096 bits
			return name == "b"
		}
	}
	return false
}
