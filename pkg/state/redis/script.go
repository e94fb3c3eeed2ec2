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

// The projector's own scripts, the gates that ask for the certificate, and those that say yes to nothing and are sent
// as plain text.
var (
	offices = []string{"begin", "alive", "vouch", "fold", "side"}
	gates   = []string{"certified", "peek", "lease", "persons", "behind", "holders", "mark", "stopped", "confirm", "forsake"}
	retry   = goredis.NewScript(text("retry", ""))
	done    = goredis.NewScript(text("done", ""))
)

// text is a script with a nonce in its text. A nonce is hex, or empty.
func text(name, nonce string) string {
	return "local nonce = '" + nonce + "'\n" + source("prelude") + source(name)
}

func source(name string) string {
	b, err := fs.ReadFile(lua, "lua/"+name+".lua")
	if err != nil {
		panic(err) // it is in the program
	}
	return string(b)
}

// nonced are the digests of the scripts that bear a nonce. Who knows the nonce can name them; only who loads them can make
// them run.
type nonced struct {
	nonce   string
	digests map[string]string
}

func withNonce(nonce string) *nonced {
	n := &nonced{nonce, map[string]string{}}
	for _, names := range [][]string{offices, gates} {
		for _, name := range names {
			sum := sha1.Sum([]byte(text(name, nonce))) //nolint:gosec // as above
			n.digests[name] = hex.EncodeToString(sum[:])
		}
	}
	return n
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// load makes a nonce's scripts known to every master, and to no replica: a replica that is promoted must not know them.
func (s *State) load(ctx context.Context, n *nonced) error {
	return s.masters(ctx, func(ctx context.Context, c goredis.UniversalClient) error {
		if err := isMaster(ctx, c); err != nil {
			return err
		}
		p := c.Pipeline()
		for name := range n.digests {
			p.ScriptLoad(ctx, text(name, n.nonce))
		}
		_, err := p.Exec(ctx)
		return failure(err)
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

// run runs a nonced script in several shards in one round trip.
func (s *State) run(ctx context.Context, n *nonced, name string, asks []ask) []answer {
	p := s.client.Pipeline()
	cmds := make([]*goredis.Cmd, len(asks))
	for i, a := range asks {
		cmds[i] = p.EvalSha(ctx, n.digests[name], []string{s.bases[a.shard]}, a.args...)
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
