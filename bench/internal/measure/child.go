package measure

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spinneyio/est/bench/internal/server"
)

// child is a process that answers lines. This program is its own server and load
// generator.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func spawn(args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, args...)}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewScanner(out)
	return c, c.cmd.Start()
}

// say writes a line.
func (c *child) say(line string) error {
	_, err := io.WriteString(c.in, line+"\n")
	return err
}

// until reads up to a line that begins with word, and returns its rest.
func (c *child) until(word string) (string, error) {
	for c.out.Scan() {
		if rest, ok := strings.CutPrefix(c.out.Text(), word); ok {
			return strings.TrimSpace(rest), nil
		}
	}
	return "", fmt.Errorf("measure: %v ended before it said %s", c.cmd.Args[1:], word)
}

// ask says what, and reads the answer into v.
func (c *child) ask(what string, v any) error {
	if err := c.say(what); err != nil {
		return err
	}
	text, err := c.until("")
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), v)
}

func (c *child) stat(what string) (s server.Stat, err error) {
	err = c.ask(what, &s)
	return s, err
}

// end ends the process with its input, or by force.
func (c *child) end() {
	_ = c.in.Close()
	late := time.AfterFunc(2*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer late.Stop()
	_ = c.cmd.Wait() // how it ended doesn't matter any more
}
