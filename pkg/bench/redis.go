package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a Redis of our own, on a free port of the loopback interface.
type redisServer struct {
	url  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// errNoRedis means that redis-server is not installed.
var errNoRedis = errors.New("redis-server is not installed: install it, or name a Redis with --redis")

// startRedis starts one in dir, with an append-only file that is synced every second, as asynq's users have it and as the
// state wants it. Its configuration goes in by its standard input, for it holds a password.
func startRedis(ctx context.Context, dir string) (*redisServer, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errNoRedis
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret)
	for try := 0; ; try++ {
		s, err := tryRedis(ctx, path, dir, hex.EncodeToString(secret))
		if err == nil || try == 2 || ctx.Err() != nil { // another may have taken the port meanwhile
			return s, err
		}
	}
}

func tryRedis(ctx context.Context, path, dir, password string) (*redisServer, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &redisServer{url: fmt.Sprintf("redis://:%s@127.0.0.1:%d/0", password, port), done: make(chan struct{})}
	s.cmd = exec.Command(path, "-") //nolint:noctx // stop ends it, in good order
	s.cmd.Dir = dir
	s.cmd.Stdin = bytes.NewBufferString("bind 127.0.0.1\nport " + strconv.Itoa(port) + "\nrequirepass " + password +
		"\nappendonly yes\nappendfsync everysec\nsave \"\"\nmaxmemory-policy noeviction\n")
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait() // how it ended tells nothing that its not answering does not
	}()
	c, err := dialRedis(s.url, 1)
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	defer func() { _ = c.Close() }()
	for {
		if err = c.Ping(ctx).Err(); err == nil {
			return s, nil
		}
		select {
		case <-s.done:
			return nil, errors.New("redis: redis-server ended at once")
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), s.stop())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("redis: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// stop ends it, by force when it does not go.
func (s *redisServer) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("redis: %w", err)
	}
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	return nil
}

// dialRedis makes a client. Nothing is sent yet.
func dialRedis(url string, connections int) (redis.UniversalClient, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("redis: the URL can't be read: want redis://user:password@host:port/db") // its own text quotes the password
	}
	o.PoolSize = connections
	return redis.NewClient(o), nil
}
