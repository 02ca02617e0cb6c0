package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the consult example, built by TestMain.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "est-e2e")
		if err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "consult")
		build := exec.Command("go", "build", "-o", binary, "./examples/consult")
		build.Dir = ".." // the main module
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e: go build:", err)
			return 1
		}
		return m.Run()
	}())
}

// program is a running consult.
type program struct {
	addrs   []string    // of its instances
	effects chan string // the side effects that it performed, as it logs them
	gaps    chan string // the rooms of which it logs that messages may be missing
	mayLog  string      // a pattern of warnings and errors that its test provokes; "" matches nothing

	t      *testing.T
	cmd    *exec.Cmd
	log    chan string // all of its log, once it has ended
	once   sync.Once   // it ends by stop or kill
	killed bool
}

// start runs consult with n instances, the first one on addr. It is stopped at the
// end of the test, or ends earlier by stop or kill.
func start(t *testing.T, addr string, n int, args ...string) *program {
	t.Helper()
	cmd := exec.Command(binary, append(args, "-addr", addr, "-instances", fmt.Sprint(n))...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{effects: make(chan string, 1024), gaps: make(chan string, 1024), t: t, cmd: cmd, log: make(chan string, 1)}
	t.Cleanup(p.stop)
	go func() { p.log <- p.read(stderr) }()

	lines := bufio.NewScanner(stdout)
	for i := range n {
		if !lines.Scan() {
			t.Fatalf("consult does not say where instance %d is", i+1)
		}
		addr, ok := strings.CutPrefix(lines.Text(), fmt.Sprintf("consult: instance %d on http://", i+1))
		if !ok {
			t.Fatalf("consult says %q", lines.Text())
		}
		p.addrs = append(p.addrs, addr)
	}
	return p
}

// startOn runs consult with one instance on the Redis at addr.
func startOn(t *testing.T, addr string) *program {
	t.Helper()
	return start(t, "127.0.0.1:0", 1, "-redis", "redis://"+addr)
}

// stop asks it by signal to stop, which has to be clean.
func (p *program) stop() {
	p.once.Do(func() {
		hung := time.AfterFunc(30*time.Second, func() { p.cmd.Process.Kill() })
		defer hung.Stop()
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			p.t.Errorf("consult had ended before it was asked to: %v", err)
		}
		p.end(func(err error) bool { return err == nil })
	})
}

// kill ends it by SIGKILL, and returns when it is gone.
func (p *program) kill() {
	p.once.Do(func() {
		p.killed = true
		if err := p.cmd.Process.Kill(); err != nil {
			p.t.Errorf("consult had ended before it was killed: %v", err)
		}
		p.end(func(err error) bool {
			end, ok := errors.AsType[*exec.ExitError](err)
			return ok && end.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
		})
	})
}

// pause stops it by SIGSTOP: its sockets stay open, and nothing happens.
func (p *program) pause() { p.signal(syscall.SIGSTOP) }

// resume lets it go on.
func (p *program) resume() { p.signal(syscall.SIGCONT) }

func (p *program) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) end(asItShould func(error) bool) {
	log := <-p.log // all of it, which Wait would cut off
	if err := p.cmd.Wait(); !asItShould(err) {
		p.t.Errorf("consult ended otherwise than it should: %v", err)
	}
	for line := range strings.Lines(log) {
		bad := strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN")
		if bad && (p.mayLog == "" || !regexp.MustCompile(p.mayLog).MatchString(line)) {
			p.t.Errorf("consult complains: %s", line)
		}
	}
	if p.t.Failed() {
		p.t.Logf("consult on %s logged:\n%s", p.addrs, log)
	}
}

var (
	effectLine = regexp.MustCompile(`msg="side effect" effect="(.*?)" conn=`)
	gapLine    = regexp.MustCompile(`msg="est: messages may be missing" .* room=(\S+)`)
)

// read reads the program's log to its end, and picks out the side effects and the
// gaps.
func (p *program) read(stderr io.Reader) string {
	var text strings.Builder
	lines := bufio.NewScanner(io.TeeReader(stderr, &text))
	for lines.Scan() {
		if match := effectLine.FindStringSubmatch(lines.Text()); match != nil {
			p.effects <- match[1]
		}
		if match := gapLine.FindStringSubmatch(lines.Text()); match != nil {
			p.gaps <- match[1]
		}
	}
	return text.String()
}

// patience is how long one step of a test may take. Steps take milliseconds: the
// end is only there so that a broken test fails instead of hanging.
const patience = 20 * time.Second

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
