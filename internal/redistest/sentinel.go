package redistest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	masterName = "est"
	sentinels  = 3
	quorum     = 2
	downAfter  = time.Second
)

// Sentinel is a primary, a replica, and three sentinels that watch them.
type Sentinel struct {
	sentinels []*Server

	mu               sync.Mutex // protects the rest
	primary, replica *Server
}

// StartSentinel starts them all, and returns when a failover is possible. The
// sentinels take a server for dead after a second, and two of them decide it. If
// each votes for itself, which is rare, they try again after 6 seconds.
func StartSentinel(t testing.TB) *Sentinel {
	t.Helper()
	s := &Sentinel{primary: Start(t, fast), replica: Start(t, fast)}
	for range sentinels {
		s.sentinels = append(s.sentinels, startSentinel(t, s.primary))
	}
	_, err := s.replica.Command("REPLICAOF", "127.0.0.1", strconv.Itoa(s.primary.port))
	if err == nil {
		err = s.Settle()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fast lets replication begin when it is asked for.
var fast = &Options{Args: []string{"--repl-diskless-sync-delay", "0"}}

func startSentinel(t testing.TB, primary *Server) *Server {
	t.Helper()
	// Sentinels write to their file what they learn.
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	const directives = `sentinel monitor %[1]s 127.0.0.1 %[2]d %[3]d
sentinel down-after-milliseconds %[1]s %[4]d
sentinel failover-timeout %[1]s 3000
`
	text := fmt.Sprintf(directives, masterName, primary.port, quorum, downAfter.Milliseconds())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatalf("redistest: %v", err)
	}
	server := start(t, []string{file, "--sentinel"})
	// They look after the others every few seconds, which is long in a test. Servers
	// before Redis 7 can't be told, and take these seconds. A replica is good for a
	// failover if it was looked after within 5 ping periods; while the primary is
	// dead this is done once a second, so the period must stay well above 200 ms.
	_, _ = server.Command("SENTINEL", "DEBUG", "INFO-PERIOD", "100", "PING-PERIOD", "500",
		"PUBLISH-PERIOD", "100", "ASK-PERIOD", "100", "TILT-PERIOD", "1000")
	return server
}

// Addrs are where the sentinels listen. The slice is the caller's.
func (s *Sentinel) Addrs() []string {
	var addrs []string
	for _, sentinel := range s.sentinels {
		addrs = append(addrs, sentinel.Addr())
	}
	return addrs
}

// MasterName is what the sentinels call the primary.
func (s *Sentinel) MasterName() string { return masterName }

// Primary is the server that takes writes, as of the last [Sentinel.Failover]. It
// waits for one that is under way.
func (s *Sentinel) Primary() *Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.primary
}

// Replica is the other server: a copy of the primary, or after a failover a dead
// one, which is a copy again some time after its Restart.
func (s *Sentinel) Replica() *Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replica
}

// Failover kills the primary, if it runs, and returns when the replica has taken
// its place and all sentinels say so: after about two seconds.
//
// It loses what the replica has not got. To have the primary acknowledge what will
// be lost: Pause the replica, send CLIENT KILL TYPE replica to the primary, write,
// Kill the primary, Resume the replica, then Failover.
func (s *Sentinel) Failover() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.primary.Kill(); err != nil {
		return err
	}
	s.primary, s.replica = s.replica, s.primary
	if err := until(s.primary.leads); err != nil {
		return err
	}
	return s.agree()
}

// Restart ends the primary by SIGKILL and starts it again, with all that it had
// acknowledged or with nothing, while the sentinels look away: it stays the primary.
// It returns when the replica has followed, and a failover is possible.
func (s *Sentinel) Restart(keep bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.lookAway(time.Hour)
	if err == nil {
		err = s.primary.Restart(keep)
	}
	if err == nil {
		err = s.settle()
	}
	return errors.Join(err, s.lookAway(downAfter))
}

// lookAway tells the sentinels for how long a server may be silent.
func (s *Sentinel) lookAway(d time.Duration) error {
	for _, sentinel := range s.sentinels {
		_, err := sentinel.Command("SENTINEL", "SET", masterName, "down-after-milliseconds", strconv.FormatInt(d.Milliseconds(), 10))
		if err != nil {
			return err
		}
	}
	return nil
}

// Settle returns when the replica follows the primary and all sentinels know them
// and each other, so that a failover is possible.
func (s *Sentinel) Settle() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settle()
}

// settle is Settle with s.mu held.
func (s *Sentinel) settle() error {
	if err := until(s.replica.follows); err != nil {
		return err
	}
	if err := s.agree(); err != nil {
		return err
	}
	for _, sentinel := range s.sentinels {
		if err := until(func() error { return s.ready(sentinel) }); err != nil {
			return err
		}
	}
	return nil
}

// agree returns when all sentinels name the primary.
func (s *Sentinel) agree() error {
	for _, sentinel := range s.sentinels {
		err := until(func() error {
			answer, err := sentinel.Command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName)
			if err == nil && fmt.Sprint(answer) != fmt.Sprintf("[127.0.0.1 %d]", s.primary.port) {
				err = fmt.Errorf("redistest: for the sentinel at %s the primary is %v", sentinel.Addr(), answer)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ready returns nil if a sentinel could begin a failover.
func (s *Sentinel) ready(sentinel *Server) error {
	usable, err := sentinel.Command("SENTINEL", "CKQUORUM", masterName)
	if err != nil {
		return err
	}
	if !strings.Contains(fmt.Sprint(usable), fmt.Sprintf("OK %d usable", sentinels)) {
		return fmt.Errorf("redistest: the sentinel at %s says %v", sentinel.Addr(), usable)
	}
	answer, err := sentinel.Command("SENTINEL", "REPLICAS", masterName)
	if err != nil {
		return err
	}
	replicas, _ := answer.([]any)
	if len(replicas) != 1 || !strings.Contains(fmt.Sprint(replicas[0]), " flags slave ") ||
		!strings.Contains(fmt.Sprint(replicas[0]), " master-link-status ok ") {
		return fmt.Errorf("redistest: the sentinel at %s has the replicas %v", sentinel.Addr(), replicas)
	}
	return nil
}

// leads returns nil if the server is a primary.
func (s *Server) leads() error {
	info, err := s.info("replication")
	if err == nil && info["role"] != "master" {
		err = errors.New("redistest: " + s.Addr() + " is a replica")
	}
	return err
}

// follows returns nil if the server is a replica in sync with its primary.
func (s *Server) follows() error {
	info, err := s.info("replication")
	if err == nil && (info["role"] != "slave" || info["master_link_status"] != "up") {
		err = fmt.Errorf("redistest: %s is no replica in sync: %v", s.Addr(), info)
	}
	return err
}
