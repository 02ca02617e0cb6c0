package redistest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// Options of [Start]. Nil means all defaults.
type Options struct {
	// Args are further arguments of the program: directives of redis.conf, with --
	// before their names. They win over ours. Default: none.
	Args []string
}

// Server is a running redis-server, or one that was killed. It listens on one
// address for all its life.
type Server struct {
	t       testing.TB
	program string
	args    []string
	dir     string // has the log, the data and the snapshots
	port    int    // fixed by start

	// mu protects the rest. It is held for as long as a server ends or starts.
	mu        sync.Mutex
	process   *process // nil after it was killed
	snapshots int
}

// durable lets the server write down each command before it answers. It need not
// wait for the disk, which takes a hundred times as long: what was written survives
// the process, and nobody kills the machine. Nothing else writes to the data, which
// makes it good to copy.
var durable = []string{
	"--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0", "--save", "",
}

// Start starts a server on a free port of 127.0.0.1 and returns when it answers.
// All that it has acknowledged survives a SIGKILL.
func Start(t testing.TB, o *Options) *Server {
	t.Helper()
	args := slices.Clone(durable)
	if o != nil {
		args = append(args, o.Args...)
	}
	return start(t, args)
}

func start(t testing.TB, args []string) *Server {
	t.Helper()
	s := &Server{t: t, program: find(t), args: args, dir: t.TempDir()}
	if err := os.Mkdir(s.data(), 0o700); err != nil {
		t.Fatalf("redistest: %v", err)
	}
	t.Cleanup(s.cleanup)
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for range 3 { // somebody else may take the port first, and keeps it then
		if s.port, err = freePort(); err != nil {
			break
		}
		if err = s.run(); err == nil || !errors.Is(err, errExited) {
			break
		}
	}
	if err != nil {
		t.Fatalf("redistest: %s does not start: %v\n%s", s.program, err, s.log())
	}
	return s
}

func (s *Server) data() string    { return filepath.Join(s.dir, "data") }
func (s *Server) logfile() string { return filepath.Join(s.dir, "log") }

// Addr is where the server listens, also while it doesn't: host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Kill ends the server by SIGKILL. It returns when the process is gone, and does
// nothing if it is.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kill()
}

// Restart ends the server by SIGKILL, if it runs, and starts it again at the same
// address: with all that it had acknowledged, or with nothing. It returns when the
// server answers.
func (s *Server) Restart(keep bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if keep {
		return s.again(func() error { return nil })
	}
	return s.again(func() error { return os.Mkdir(s.data(), 0o700) }, s.data())
}

// Snapshot remembers what the server holds. rollback ends the server by SIGKILL
// and starts it again with that: what came in between is lost. It may be called
// any number of times, also after a Restart without data.
//
// What is acknowledged while Snapshot runs may be remembered or not. A server that
// is about to become a replica must not be asked: it writes all its data anew then.
func (s *Server) Snapshot() (rollback func() error, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snapshots++
	snapshot := filepath.Join(s.dir, "snapshot"+strconv.Itoa(s.snapshots))
	// The server only ever appends, so a copy of its file is good at any moment: it
	// may end within a command, but within none that was acknowledged.
	if err := os.CopyFS(snapshot, os.DirFS(s.data())); err != nil {
		return nil, fmt.Errorf("redistest: %w", err)
	}
	return func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.again(func() error { return os.CopyFS(s.data(), os.DirFS(snapshot)) }, s.data())
	}, nil
}

// again ends the server, removes what is told, prepares, and starts it.
func (s *Server) again(prepare func() error, remove ...string) error {
	if err := s.kill(); err != nil {
		return err
	}
	for _, path := range remove {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("redistest: %w", err)
		}
	}
	if err := prepare(); err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	if err := s.run(); err != nil {
		return fmt.Errorf("redistest: %s does not start again: %w", s.Addr(), err)
	}
	return nil
}

// Pause stops the server by SIGSTOP: connections to it stay, new ones are taken by
// the system, nobody answers. Kill and Restart work nevertheless.
func (s *Server) Pause() error { return s.signal(pause) }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.signal(resume) }

func (s *Server) signal(how signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return fmt.Errorf("redistest: %s: %w", s.Addr(), os.ErrProcessDone)
	}
	if err := s.process.send(how); err != nil {
		return fmt.Errorf("redistest: %s: %w", s.Addr(), err)
	}
	return nil
}

// runs says whether the server was started and not killed.
func (s *Server) runs() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process != nil
}
