package e2e

import (
	"bufio"
	"context"
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

	t    *testing.T
	cmd  *exec.Cmd
	log  chan string // all of its log, once it has ended
	stop func()      // asks it by signal to stop, which has to be clean
}

// start runs consult with n instances, the first one on addr. It is stopped at the
// end of the test, or earlier by stop.
func start(t *testing.T, addr string, n int) *program {
	t.Helper()
	cmd := exec.Command(binary, "-addr", addr, "-instances", fmt.Sprint(n))
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
	p := &program{effects: make(chan string, 1024), t: t, cmd: cmd, log: make(chan string, 1)}
	p.stop = sync.OnceFunc(p.end)
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

func (p *program) end() {
	hung := time.AfterFunc(30*time.Second, func() { p.cmd.Process.Kill() })
	defer hung.Stop()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Errorf("consult had ended before it was asked to: %v", err)
	}
	log := <-p.log // all of it, which Wait would cut off
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("consult did not stop cleanly: %v", err)
	}
	if strings.Contains(log, "level=ERROR") || strings.Contains(log, "level=WARN") || p.t.Failed() {
		p.t.Errorf("consult logged:\n%s", log)
	}
}

var effectLine = regexp.MustCompile(`msg="side effect" effect="(.*?)" conn=`)

// read reads the program's log to its end, and picks out the side effects.
func (p *program) read(stderr io.Reader) string {
	var text strings.Builder
	lines := bufio.NewScanner(io.TeeReader(stderr, &text))
	for lines.Scan() {
		if match := effectLine.FindStringSubmatch(lines.Text()); match != nil {
			p.effects <- match[1]
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
