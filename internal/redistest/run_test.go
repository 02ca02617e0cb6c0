package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// watched is a test that tells how it ended.
type watched struct {
	testing.TB
	skipped, fatal string
	failed         bool
	logged         strings.Builder
}

func (w *watched) Skip(args ...any) {
	w.skipped = fmt.Sprint(args...)
	runtime.Goexit()
}

func (w *watched) Fatal(args ...any) {
	w.fatal = fmt.Sprint(args...)
	runtime.Goexit()
}

func (w *watched) Fatalf(format string, args ...any) { w.Fatal(fmt.Sprintf(format, args...)) }
func (w *watched) Failed() bool                      { return w.failed || w.TB.Failed() }
func (w *watched) Logf(format string, args ...any)   { fmt.Fprintf(&w.logged, format, args...) }

// start starts a server for w, and returns when that has succeeded or not.
func (w *watched) start(o *Options) (s *Server) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s = Start(w, o)
	}()
	<-ended
	return s
}

func TestWithoutRedis(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("EST_REDIS_SERVER", "")
	t.Setenv("CI", "")
	w := &watched{TB: t}
	w.start(nil)
	if !strings.Contains(w.skipped, "apt-get install redis-server") || strings.Contains(w.skipped, "\n") {
		t.Errorf("skipped with %q", w.skipped)
	}

	t.Setenv("CI", "true")
	w = &watched{TB: t}
	w.start(nil)
	if !strings.Contains(w.fatal, "apt-get install redis-server") || w.skipped != "" {
		t.Errorf("in CI: failed with %q, skipped with %q", w.fatal, w.skipped)
	}

	t.Setenv("CI", "") // who names one wants it
	t.Setenv("EST_REDIS_SERVER", "no-such-program")
	w = &watched{TB: t}
	w.start(nil)
	if !strings.Contains(w.fatal, "no-such-program") {
		t.Errorf("failed with %q, skipped with %q", w.fatal, w.skipped)
	}
}

func TestTheProgramIsTheOneNamed(t *testing.T) {
	program := find(t)
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	t.Setenv("EST_REDIS_SERVER", "")
	if err := os.Symlink(program, filepath.Join(dir, "valkey-server")); err != nil {
		t.Fatal(err)
	}
	if got := find(t); got != filepath.Join(dir, "valkey-server") {
		t.Errorf("from the PATH: %s", got)
	}
	t.Setenv("EST_REDIS_SERVER", program)
	if got := find(t); got != program {
		t.Errorf("from the environment: %s; want %s", got, program)
	}
}

func TestTheLogIsShownIfTheTestFails(t *testing.T) {
	t.Parallel()
	find(t) // or skip
	for _, failed := range []bool{false, true} {
		w := &watched{failed: failed}
		t.Run("", func(t *testing.T) {
			w.TB = t
			Start(w, nil)
		})
		if shown := strings.Contains(w.logged.String(), "Ready to accept connections"); shown != failed {
			t.Errorf("failed: %t, the log is shown: %t", failed, shown)
		}
	}
}

func TestAServerThatDoesNotStart(t *testing.T) {
	t.Parallel()
	find(t) // or skip
	w := &watched{TB: t}
	w.start(&Options{Args: []string{"--no-such-directive", "1"}})
	if !strings.Contains(w.fatal, errExited.Error()) || !strings.Contains(w.fatal, "no-such-directive") {
		t.Errorf("failed with %q", w.fatal)
	}
}

// A port that somebody has taken is noticed, whatever answers there.
func TestAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	first, second := Start(t, nil), Start(t, nil)
	do(t, second.Kill())
	second.port = first.port
	if err := second.Restart(true); err == nil {
		t.Fatal("two servers at one address")
	}
	want(t, first, "PONG", "PING")
}

func TestPortsAreBelowThoseOfOutgoingConnections(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, "127.0.0.1:1")
	a := must[*net.TCPAddr](t)(net.ResolveTCPAddr("tcp", p.Addr()))
	port := must[int](t)(freePort())
	for _, port := range []int{a.Port, port, port + busOffset} {
		if port < 10_000 || port >= 32_768 {
			t.Errorf("port %d", port)
		}
	}
	dial(t, p.Addr()).gone(t) // nobody is there
}

// Who dials a server or a proxy that is away must not find another, of this process
// or of one beside it.
func TestPortsAreKeptWhileNobodyListens(t *testing.T) { // not parallel: nobody else takes a port
	p, s := NewProxy(t, "127.0.0.1:1"), Start(t, nil)
	defer p.Hold()()
	do(t, s.Kill())
	for _, port := range []int{p.port, s.port} {
		if claim(port) {
			t.Errorf("port %d is given twice", port)
		}
	}
	port := must[int](t)(freePort())
	release(port)
	if !claim(port) {
		t.Errorf("port %d is not given again", port)
	}
	release(port)

	first := portOf(must[*net.TCPListener](t)(block()))
	for _, port := range []int{p.port, s.port, port} {
		if port <= first || port >= first+blockSize {
			t.Errorf("port %d is not in the block at %d", port, first)
		}
	}
	if isFree(first) {
		t.Error("another process may take the block")
	}
}

func TestNothingIsLeftOfAServer(t *testing.T) {
	t.Parallel()
	find(t) // or skip
	var p *process
	t.Run("", func(t *testing.T) {
		s := Start(t, nil)
		p = s.process
		do(t, s.Pause()) // it could not end on its own account
	})
	select {
	case <-p.exited:
	default:
		t.Error("it runs")
	}
}
