package deploy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/intake"
	"github.com/husk-reminders/husk/pkg/state/redis"
)

// authority is a folder with ca.pem, and, as nats.pem, nats.key, redis.pem and redis.key, one certificate for this machine.
func authority(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Husk test authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	host := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	certificate := func(c *x509.Certificate) string {
		return block("CERTIFICATE", must(x509.CreateCertificate(rand.Reader, c, root, key.Public(), key))(t))
	}
	write(t, filepath.Join(dir, "ca.pem"), certificate(root))
	for _, name := range []string{"nats", "redis"} {
		write(t, filepath.Join(dir, name+".pem"), certificate(host))
		write(t, filepath.Join(dir, name+".key"), block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))(t)))
	}
	return dir
}

func trusting(t *testing.T, dir string) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(read(t, filepath.Join(dir, "ca.pem")))) {
		t.Fatal("no authority")
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// freePorts are ports that nobody listens on now.
func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	for range n {
		l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
		defer func() { _ = l.Close() }()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	return ports
}

// The options of config/nats.conf that are shown but not used, TLS and three servers: a client shows a certificate and a password, a
// stream is kept three times, and goes on when a server is killed.
func TestClusterOfNATS(t *testing.T) {
	t.Parallel() // mostly it waits for elections
	dir := authority(t)
	ports := freePorts(t, 4)
	text := replace(t, options(read(t, config(t, "nats.conf"))), "/etc/husk/tls", dir, "127.0.0.1:8222", "127.0.0.1:"+ports[3])
	for i, port := range ports[:3] {
		text = replace(t, text, fmt.Sprintf("tls://nats-%d.example.org:6222", i+1), "tls://127.0.0.1:"+port)
	}
	var peers []*peer
	for i, port := range ports[:3] {
		one := replace(t, text, "server_name: husk-1", fmt.Sprintf("server_name: husk-%d", i+1), "0.0.0.0:6222", "127.0.0.1:"+port)
		if i > 0 {
			one = replace(t, one, "http: 127.0.0.1:"+ports[3], "")
		}
		peers = append(peers, start(t, "nats", append(secrets, "HUSK_TEST_NATS_CONFIG="+write(t, filepath.Join(t.TempDir(), "nats.conf"), one))...))
	}

	trust := trusting(t, dir)
	if c, err := nats.Connect(peers[0].said["URL"], nats.UserInfo("husk", "husk-secret"), nats.Secure(trust)); err == nil {
		t.Error("connected without a certificate")
		c.Close()
	}
	urls := []string{}
	for _, p := range peers {
		urls = append(urls, strings.Replace(p.said["URL"], "nats://", "tls://", 1))
	}
	all := &peer{t: t, said: map[string]string{"URL": strings.Join(urls, ",")}}
	shown := []nats.Option{
		nats.Secure(trust), nats.ClientCert(filepath.Join(dir, "nats.pem"), filepath.Join(dir, "nats.key")), nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond),
		nats.DontRandomize(),
	}
	husk := connect(t, all, "husk", "husk-secret", shown...)
	js := must(jetstream.New(husk.Conn, jetstream.WithDefaultTimeout(2*time.Second)))(t) // nobody answers before they have agreed on a leader
	wait(t, "a stream on three servers", func() bool {
		_, err := js.CreateOrUpdateStream(t.Context(), intake.StreamConfig(intake.StreamOptions{Replicas: 3}))
		return err == nil
	})
	north := connect(t, all, "booking-north", "north-secret", shown...)
	publish := func() error {
		_, err := must(jetstream.New(north.Conn))(t).Publish(t.Context(), "husk.events.booking-north.unit-1", []byte(marker), jetstream.WithRetryAttempts(0))
		return err
	}
	if err := publish(); err != nil {
		t.Fatal(err)
	}
	peers[0].kill()
	wait(t, "an acknowledgement of two servers", func() bool { return publish() == nil })
	info := must(must(js.Stream(t.Context(), intake.StreamName))(t).Info(t.Context()))(t)
	if info.State.Msgs < 2 || info.Config.Replicas != 3 {
		t.Errorf("%d events on %d servers", info.State.Msgs, info.Config.Replicas)
	}
	north.denied("a booking system in a cluster", "husk.stop.00", func() error { return north.Publish("husk.stop.00", nil) })
}

// The options of config/redis.conf that are shown but not used: TLS, and users beside Husk.
func TestRedisWithTLS(t *testing.T) {
	dir := authority(t)
	text := options(read(t, config(t, "redis.conf")))
	for _, of := range []string{"THE-PASSWORD", "THE-OPERATORS-PASSWORD", "THE-REPLICAS-PASSWORD", "SENTINELS-PASSWORD"} {
		text = replace(t, text, "SHA256-OF-"+of, fmt.Sprintf("%x", sha256.Sum256([]byte(redisSecret))))
	}
	port := freePorts(t, 1)[0]
	text = replace(t, text, "/etc/husk/tls", dir, "tls-port 6379", "tls-port "+port)
	startRedis(t, write(t, filepath.Join(t.TempDir(), "redis.conf"), text))
	c := redisClient(t, &goredis.Options{Addr: "127.0.0.1:" + port, Username: "husk", Password: redisSecret, TLSConfig: trusting(t, dir)})
	if err := redis.Check(t.Context(), c); err != nil {
		t.Error(err)
	}
	if err := redisClient(t, &goredis.Options{Addr: "127.0.0.1:" + port, Username: "husk", Password: redisSecret}).Ping(t.Context()).Err(); err == nil {
		t.Error("connected without TLS")
	}
	operator := redisClient(t, &goredis.Options{Addr: "127.0.0.1:" + port, Username: "operator", Password: redisSecret, TLSConfig: trusting(t, dir)})
	if err := operator.Info(t.Context()).Err(); err != nil {
		t.Error(err)
	}
	for _, denied := range []*goredis.StatusCmd{operator.FlushAll(t.Context()), operator.Set(t.Context(), "husk:x", "1", 0)} {
		if err := denied.Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%s: %v", denied.Name(), err)
		}
	}
}
