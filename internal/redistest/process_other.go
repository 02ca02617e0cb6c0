//go:build !linux

package redistest

import (
	"os/exec"
	"strconv"
	"syscall"
)

// attributes are none: the process is in our group, so that what interrupts the
// tests ends it. It survives if only our own process is killed.
func attributes() *syscall.SysProcAttr { return nil }

// send asks the program kill, which spares us to know who has which signals.
func (p *process) send(s signal) error {
	if s == kill {
		return p.cmd.Process.Kill()
	}
	name := [...]string{pause: "-STOP", resume: "-CONT"}
	return exec.Command("kill", name[s], strconv.Itoa(p.pid())).Run()
}
