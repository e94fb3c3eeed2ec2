package redis

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // Redis names a script by its SHA-1
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/reminder"
)

//go:embed lua/*.lua
var lua embed.FS

// The projector's own scripts and the gates, which ask for the certificate, are one script with a nonce in its text: of each
// term that has ended one stays in Redis' memory until Redis ends. Those that say yes to nothing are sent as plain text.
var (
	nonces = []string{
		"begin", "alive", "vouch", "fold", "side",
		"certified", "expire", "peek", "lease", "persons", "behind", "whose", "holders", "claimants", "wires", "open", "mark", "stopped", "confirm", "forsake",
	}
	retry = goredis.NewScript(source("prelude") + source("retry"))
	done  = goredis.NewScript(source("prelude") + source("done"))
)

// text is the script with a nonce, which is hex. KEYS[2] names the part to run.
func text(nonce string) string {
	var b strings.Builder
	b.WriteString("local nonce = '" + nonce + "'\n" + source("prelude"))
	for _, name := range nonces {
		b.WriteString("if part == '" + name + "' then\n" + source(name) + "end\n")
	}
	return b.String()
}

// source is a file without its comments, which Redis would keep.
func source(name string) string {
	b, err := fs.ReadFile(lua, "lua/"+name+".lua")
	if err != nil {
		panic(err) // it is in the program
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		if text := strings.TrimLeft(line, " "); text != "\n" && !strings.HasPrefix(text, "--") {
			out.WriteString(text)
		}
	}
	return out.String()
}

// nonced is the digest of the script that bears a nonce. Who knows the nonce can name it; only who loads it can make it run.
type nonced struct {
	nonce  string
	digest string
}

func withNonce(nonce string) *nonced {
	sum := sha1.Sum([]byte(text(nonce))) //nolint:gosec // as above
	return &nonced{nonce, hex.EncodeToString(sum[:])}
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// load makes a nonce's script known to every master, and to no replica: a replica that is promoted must not know them.
func (s *State) load(ctx context.Context, n *nonced) error {
	return s.masters(ctx, func(ctx context.Context, c goredis.UniversalClient) error {
		if err := isMaster(ctx, c); err != nil {
			return err
		}
		return failure(c.ScriptLoad(ctx, text(n.nonce)).Err())
	})
}

// ask is one script to run in one shard.
type ask struct {
	shard int
	args  []any
}

// answer is what it said, and under which nonce.
type answer struct {
	value any
	err   error
	by    *nonced
}

// run runs a part of a nonced script in several shards in one round trip.
func (s *State) run(ctx context.Context, n *nonced, name string, asks []ask) []answer {
	p := s.client.Pipeline()
	cmds := make([]*goredis.Cmd, len(asks))
	for i, a := range asks {
		cmds[i] = p.EvalSha(ctx, n.digest, s.keys(a.shard, name), a.args...)
	}
	_, _ = p.Exec(ctx) // every command has its own error
	out := make([]answer, len(asks))
	for i, c := range cmds {
		out[i].value, out[i].err = c.Result()
		out[i].by = n
	}
	return out
}

// everywhere is the same question in every shard.
func everywhere(args ...any) []ask {
	out := make([]ask, reminder.Shards)
	for i := range out {
		out[i] = ask{i, args}
	}
	return out
}

// firstError is the first error among answers; a nil answer is none.
func firstError(as []answer) error {
	for _, a := range as {
		if a.err != nil && !errors.Is(a.err, goredis.Nil) {
			return a.err
		}
	}
	return nil
}

// says reports whether an error is one of those answers of Redis, by their first word.
func says(err error, words ...string) bool {
	var said goredis.Error
	if !errors.As(err, &said) {
		return false
	}
	first, _, _ := strings.Cut(said.Error(), " ")
	for _, w := range words {
		if first == w {
			return true
		}
	}
	return false
}
