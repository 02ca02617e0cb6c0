package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is for how long we wait for servers to become what they should. They
// take far less; a machine that is busy with other tests may need it.
const patience = 30 * time.Second

// find returns the program, or ends the test.
func find(t testing.TB) string {
	t.Helper()
	if program := os.Getenv("EST_REDIS_SERVER"); program != "" {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatalf("redistest: EST_REDIS_SERVER: %v", err)
		}
		return path
	}
	for _, program := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(program); err == nil {
			return path
		}
	}
	const how = "no redis-server on the PATH: apt-get install redis-server, or let EST_REDIS_SERVER name one"
	if os.Getenv("CI") != "" {
		t.Fatal(how)
	}
	t.Skip(how)
	return ""
}

// errExited is why a server never answers.
var errExited = errors.New("it ended at once; see its log")

// run starts the process and returns when it answers. s.mu is held.
func (s *Server) run() error {
	log, err := os.OpenFile(s.logfile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	ours := []string{"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.data()}
	cmd := exec.Command(s.program, slices.Concat(s.args, ours)...)
	cmd.Stdout, cmd.Stderr = log, log
	if s.process, err = launch(cmd); err != nil {
		s.process = nil
		return err
	}
	err = until(func() error {
		if s.process.hasExited() {
			return nil
		}
		return s.answers()
	})
	if err == nil && s.process.hasExited() {
		err = errExited
	}
	if err != nil {
		return errors.Join(err, s.kill())
	}
	return nil
}

// answers returns nil if the server is ready, and itself: somebody else may have
// taken its port.
func (s *Server) answers() error {
	if _, err := s.Command("PING"); err != nil {
		return err
	}
	info, err := s.info("server")
	if err == nil && info["process_id"] != strconv.Itoa(s.process.pid()) {
		err = fmt.Errorf("redistest: %s is somebody else's", s.Addr())
	}
	return err
}

// kill is Kill with s.mu held.
func (s *Server) kill() error {
	if s.process == nil {
		return nil
	}
	if err := s.process.kill(); err != nil {
		return fmt.Errorf("redistest: %s: %w", s.Addr(), err)
	}
	s.process = nil
	return nil
}

func (s *Server) cleanup() {
	if err := s.Kill(); err != nil {
		s.t.Error(err)
	}
	release(s.port)
	if s.t.Failed() {
		s.t.Logf("the log of %s ends with:\n%s", s.Addr(), s.log())
	}
}

// log is the end of the server's log.
func (s *Server) log() string {
	const most = 50
	text, err := os.ReadFile(s.logfile())
	if err != nil {
		return err.Error()
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-most):], nil))
}

// info is a section of what INFO says, by field.
func (s *Server) info(section ...string) (map[string]string, error) {
	return s.fields(append([]string{"INFO"}, section...)...)
}

// fields is the answer of a command that has lines of "name:value".
func (s *Server) fields(command ...string) (map[string]string, error) {
	answer, err := s.Command(command...)
	if err != nil {
		return nil, err
	}
	text, _ := answer.(string)
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, nil
}

// until calls f every few milliseconds until it returns nil. When patience ends, it
// returns the last error.
func until(f func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("redistest: not within %v: %w", patience, err)
		}
	}
}
