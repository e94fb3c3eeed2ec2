package command

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// listenAdmin listens on the admin socket, for this user alone. The caller owns the data's lock, so a socket that is there is left
// over from a crash and is replaced.
//
// The socket is made in a directory of its own that nobody else can enter, and moved into place with its permissions set: at
// no moment can another user connect.
func listenAdmin(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("admin.socket: %w", err)
	}
	var b [3]byte
	_, _ = rand.Read(b[:])
	nest := filepath.Join(filepath.Dir(path), ".h"+hex.EncodeToString(b[:]))
	if err := os.Mkdir(nest, 0o700); err != nil {
		return nil, fmt.Errorf("admin.socket: %w", err)
	}
	defer func() { _ = os.Remove(nest) }()
	fresh := filepath.Join(nest, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("admin.socket: %w", err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(fresh, 0o600), notAFile(path), os.Rename(fresh, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("admin.socket: %w", err), l.Close(), os.Remove(fresh))
	}
	return l, nil
}

// notAFile refuses to replace what is no socket.
func notAFile(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && st.Mode()&fs.ModeSocket == 0 {
		err = fmt.Errorf("%s is there and is no socket: move it away", path)
	}
	return err
}

// answers reports whether somebody listens on the admin socket.
func answers(path string) bool {
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "unix", path)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
