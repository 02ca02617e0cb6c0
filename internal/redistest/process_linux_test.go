package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The environment variable that makes this test the one that is killed.
const victim = "EST_REDISTEST_VICTIM"

func TestAServerEndsWithAProcessThatIsKilled(t *testing.T) {
	if os.Getenv(victim) != "" {
		s := Start(t, nil)
		fmt.Printf("server %d\n", s.process.pid())
		select {} // until we are killed
	}
	t.Parallel()
	find(t)
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), victim+"=1", "TMPDIR="+t.TempDir())
	out := must[interface{ Read([]byte) (int, error) }](t)(cmd.StdoutPipe())
	do(t, cmd.Start())
	pid := 0
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		if number, is := strings.CutPrefix(lines.Text(), "server "); is {
			pid = must[int](t)(strconv.Atoi(number))
		}
	}
	if pid == 0 {
		t.Fatal("it has started no server")
	}
	do(t, syscall.Kill(pid, 0))
	do(t, cmd.Process.Kill())
	_ = cmd.Wait() // that it was killed
	do(t, until(func() error {
		// Where nobody waits for orphans it stays as a zombie.
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(err, os.ErrNotExist) || strings.Contains(string(stat), ") Z ") {
			return nil
		}
		return fmt.Errorf("it runs: %s, %w", stat, err)
	}))
}
