package redistest

import "syscall"

// attributes let the process end when the thread that started it does, and have a
// group of its own, with the children that it forks to write files.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func (p *process) send(s signal) error {
	number := [...]syscall.Signal{kill: syscall.SIGKILL, pause: syscall.SIGSTOP, resume: syscall.SIGCONT}
	return syscall.Kill(-p.pid(), number[s])
}
