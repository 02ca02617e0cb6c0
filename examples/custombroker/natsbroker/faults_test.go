package natsbroker_test

import (
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/examples/custombroker/natsbroker"
	"github.com/spinneyio/est/examples/custombroker/natsserver"
)

// store is a server that can be stopped and started again, with the ways that lead
// to it.
type store struct {
	folder string // for all that the servers store
	url    string

	mu     sync.Mutex // protects the rest
	server *server.Server
	dir    string // where the server keeps what it stores
	ways   map[broker.Broker]*way
}

func newStore(t *testing.T) *store {
	s := &store{folder: folder(t), ways: map[broker.Broker]*way{}}
	var err error
	if s.dir, err = os.MkdirTemp(s.folder, ""); err != nil {
		t.Fatal(err)
	}
	if s.server, err = natsserver.Start(s.dir, -1); err != nil {
		t.Fatal(err)
	}
	s.url = s.server.ClientURL()
	t.Cleanup(s.stop)
	return s
}

// folder returns a new folder, in memory where there is such a place: the server
// syncs each batch to the disk, which is nothing that we test.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "est-natsbroker-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// open returns another handle, with a way of its own.
func (s *store) open(o *natsbroker.Options) (broker.Broker, error) {
	w := &way{wires: map[*wire]bool{}}
	o.Connect = append(o.Connect, nats.SetCustomDialer(w))
	b, err := natsbroker.New(s.url, o)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ways[b] = w
	return b, nil
}

func (s *store) way(b broker.Broker) *way {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ways[b]
}

func (s *store) cut(b broker.Broker) error {
	s.way(b).cut()
	return nil
}

func (s *store) holdReconnect(b broker.Broker) (release func(), err error) {
	return s.way(b).hold(), nil
}

func (s *store) loseReply(b broker.Broker) error {
	s.way(b).loseReply()
	return nil
}

func (s *store) blackHole(b broker.Broker) (heal func(), err error) {
	return s.way(b).blackHole(), nil
}

// restartAsIs and restartEmpty are the two ways to come back.
func (s *store) restartAsIs() error {
	s.mu.Lock()
	dir := s.dir
	s.mu.Unlock()
	return s.restart(dir)
}

func (s *store) restartEmpty() error {
	dir, err := os.MkdirTemp(s.folder, "")
	if err != nil {
		return err
	}
	return s.restart(dir)
}

func (s *store) restart(dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
	return s.start(dir)
}

func (s *store) stop() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

// start starts the server at the address that it had.
func (s *store) start(dir string) error {
	at, err := url.Parse(s.url)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		return err
	}
	s.dir = dir
	s.server, err = natsserver.Start(dir, port)
	return err
}

// subscriptions is how many consumers the server has.
func (s *store) subscriptions() (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := s.server.Jsz(nil)
	return info.Consumers, err
}
